//! How a reply is written in a transcript: its type is always to be seen.
//!
//! `+OK`, `-ERR text`, `:1`, `"bulk"`, `nil`, `nil-array`, `_`, `,1.5`, `#t`, `(123`, `="txt:verbatim"`, `[ array ]`,
//! `{ map }`, `~[ set ]`, `>[ push ]`. Texts of statuses and errors are quoted inside aggregates unless they are one word,
//! and elsewhere if they are not printable. A long aggregate has one element, or one pair, on each line.

use seawall::text::quote::write_quoted;

use super::wire::{Event, Value};

/// Longer replies are written on several lines.
const LINE_CHARACTERS_MAX: usize = 100;
/// Bulk strings of one repeated byte, and at least so long, are written as `repeat(x,N)`.
const REPEAT_MIN: usize = 64;

/// An event in the transcript's notation, perhaps on several lines.
pub fn show_event(event: &Event) -> String {
    match event {
        Event::Reply(value) => show(value, 0),
        Event::Closed => "closed".into(),
        Event::Silence => "none".into(),
    }
}

fn show(value: &Value, depth: usize) -> String {
    let line = show_on_line(value, depth);
    match value {
        Value::List(mark, items) if line.len() + 2 * depth > LINE_CHARACTERS_MAX => {
            show_on_lines(*mark, items, depth)
        }
        _ => line,
    }
}

fn show_on_line(value: &Value, depth: usize) -> String {
    match value {
        Value::Null(b'$') => "nil".into(),
        Value::Null(b'*') => "nil-array".into(),
        Value::Null(_) => "_".into(),
        Value::Text(b'$', bytes) => bulk(bytes),
        Value::Text(mark, bytes) => format!("{}{}", *mark as char, text(*mark, bytes, depth)),
        Value::List(mark, items) => {
            let (open, close) = brackets(*mark);
            let items: String = items.iter().map(|item| show_on_line(item, depth + 1) + " ").collect();
            format!("{open} {items}{close}")
        }
    }
}

fn show_on_lines(mark: u8, items: &[Value], depth: usize) -> String {
    let (open, close) = brackets(mark);
    let indent = "  ".repeat(depth);
    let lines = items.chunks(elements_per_line(mark)).map(|elements| {
        let shown: Vec<String> = elements.iter().map(|element| show(element, depth + 1)).collect();
        format!("{indent}  {}\n", shown.join(" "))
    });
    format!("{open}\n{}{indent}{close}", lines.collect::<String>())
}

/// A map's pairs stand together.
pub fn elements_per_line(mark: u8) -> usize {
    if mark == b'%' { 2 } else { 1 }
}

fn brackets(mark: u8) -> (&'static str, &'static str) {
    match mark {
        b'%' => ("{", "}"),
        b'~' => ("~[", "]"),
        b'>' => (">[", "]"),
        _ => ("[", "]"),
    }
}

fn bulk(bytes: &[u8]) -> String {
    match bytes {
        [byte @ (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'), rest @ ..]
            if rest.len() >= REPEAT_MIN && rest.iter().all(|other| other == byte) =>
        {
            format!("repeat({},{})", *byte as char, bytes.len())
        }
        _ => quoted(bytes),
    }
}

fn text(mark: u8, bytes: &[u8], depth: usize) -> String {
    let is_line = !bytes.is_empty() && bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let is_word = is_line && !bytes.iter().any(|byte| b" \"[]{}".contains(byte));
    let ends_clear = !matches!(bytes, [b'"', ..] | [b'~', b'/', ..] | [.., b' ']);
    match mark {
        b'=' | b'!' => quoted(bytes),
        _ if is_word && ends_clear || depth == 0 && is_line && ends_clear => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        _ => quoted(bytes),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    write_quoted(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
}
