//! The rules of the house, checked on the sources: what may be named where, and which room may import which.
//!
//! Sources are read as tokens, so comments, documentation and texts count for nothing. The order of the rooms stands in one
//! place, the table at the top of `src/lib.rs`. Clippy forbids some of the same things; this test knows the rooms.
#![allow(clippy::disallowed_methods, reason = "a test reads the sources")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Where tokio and the operating system may be named.
const DOORS: &[&str] = &["src/runtime/", "src/main.rs"];
/// Where something may be waited for.
const WAITING: &[&str] = &["src/node/", "src/runtime/", "src/main.rs"];

/// Paths that only the [`DOORS`] may name, with all that is below them. `*` stands for any path before.
const OUTSIDE: &[&str] = &[
    "tokio::net",
    "tokio::time",
    "tokio::fs",
    "tokio::process",
    "tokio::signal",
    "tokio::runtime",
    "tokio::task",
    "tokio::spawn",
    "std::thread",
    "std::fs",
    "std::process",
    "std::env",
    "std::os",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "*::Instant::now",
    "*::SystemTime::now",
    "*::RandomState",
    "*::thread_rng",
    "getrandom",
];

/// Rooms that know nothing of requests and replies.
const SILENT: &[&str] = &["types", "keyspace", "dump"];
/// What those rooms must not import.
const SPEECH: &[&str] = &["protocol", "engine", "commands"];

/// A file as a flat row of tokens; brackets are tokens of their own.
struct Source {
    /// Relative to the package.
    file: String,
    tokens: Vec<Token>,
}

struct Token {
    text: String,
    line: usize,
}

/// A path of a source, with groups in braces spelt out.
struct Named {
    path: Vec<String>,
    line: usize,
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = rust_files(&root.join(folder));
    assert!(!files.is_empty(), "{folder} holds sources");
    let read = |path: PathBuf| {
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        Source::new(file, &text)
    };
    files.into_iter().map(read).collect()
}

/// All `.rs` files below a folder, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

impl Source {
    fn new(file: String, text: &str) -> Self {
        let stream = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        Source { file, tokens }
    }

    /// Whether the file is one of these, or below one of these folders.
    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.file == *place || place.ends_with('/') && self.file.starts_with(place))
    }

    /// The room that the file belongs to; none for the files beside them.
    fn room(&self) -> Option<&str> {
        let inside = self.file.strip_prefix("src/")?;
        inside.split_once('/').map(|(room, _)| room)
    }

    /// Lines where these tokens stand one after the other.
    fn lines_with(&self, row: &[&str]) -> impl Iterator<Item = usize> {
        let matches = move |window: &&[Token]| window.iter().map(|token| &token.text).eq(row);
        self.tokens.windows(row.len()).filter(matches).map(|window| window[0].line)
    }

    fn paths(&self) -> Vec<Named> {
        let mut paths = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            at = if is_word(&self.tokens[at].text) { self.path(at, &[], &mut paths) } else { at + 1 };
        }
        paths
    }

    /// Reads the path that begins at a token, below a prefix; where it ends.
    fn path(&self, mut at: usize, prefix: &[String], paths: &mut Vec<Named>) -> usize {
        let (mut path, line) = (prefix.to_vec(), self.tokens[at].line);
        while let Some(token) = self.tokens.get(at) {
            match token.text.as_str() {
                "{" => return self.group(at + 1, &path, paths),
                word if is_word(word) => path.push(word.to_owned()),
                _ => break,
            }
            at += 1;
            if self.text(at) != "::" {
                break;
            }
            at += 1;
        }
        paths.push(Named { path, line });
        at
    }

    /// Reads `a, b::c, d as e}`.
    fn group(&self, mut at: usize, prefix: &[String], paths: &mut Vec<Named>) -> usize {
        loop {
            at = match self.text(at) {
                "}" | "" => return at + 1,
                "as" => at + 2,
                word if is_word(word) => self.path(at, prefix, paths),
                _ => at + 1,
            };
        }
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Ident(word) => push(tokens, word.to_string(), line),
            TokenTree::Literal(_) => push(tokens, "\"\"", line),
            TokenTree::Punct(mark) => push_mark(tokens, mark.as_char(), line),
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                push(tokens, open, line);
                flatten(group.stream(), tokens);
                push(tokens, close, group.span_close().end().line);
            }
        }
    }
}

fn push(tokens: &mut Vec<Token>, text: impl Into<String>, line: usize) {
    tokens.push(Token { text: text.into(), line });
}

/// `::` comes as two marks.
fn push_mark(tokens: &mut Vec<Token>, mark: char, line: usize) {
    match tokens.last_mut() {
        Some(last) if mark == ':' && last.text == ":" => last.text.push(':'),
        _ => push(tokens, mark, line),
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Brace => ("{", "}"),
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Whether a path is this one or below it.
fn is_below(path: &[String], place: &str) -> bool {
    let wanted: Vec<&str> = place.split("::").collect();
    match wanted.split_first() {
        Some((&"*", end)) => path.windows(end.len()).any(|part| part == end),
        _ => path.len() >= wanted.len() && path[..wanted.len()] == wanted,
    }
}

/// Height of each room above the ground, by the table in `src/lib.rs`. Rooms in one row of it are equally high.
fn heights() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    let text = text.expect("the library has a root");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("//! | [`")).collect();
    let mut heights = BTreeMap::new();
    for (row, height) in rows.iter().rev().zip(1..) {
        let cell = row.trim_start_matches("//! |").split('|').next().unwrap_or_default();
        let names = cell.split('`').skip(1).step_by(2);
        heights.extend(names.map(|name| (name.to_owned(), height)));
    }
    heights
}

/// Fails with all breaches, each with its file and line.
fn require_none(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

fn breach(source: &Source, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", source.file)
}

#[test]
fn only_the_doors_name_time_threads_files_and_sockets() {
    let mut breaches = Vec::new();
    for source in sources("src").iter().filter(|source| !source.is_in(DOORS)) {
        for Named { path, line } in source.paths() {
            if OUTSIDE.iter().any(|place| is_below(&path, place)) {
                breaches.push(breach(source, line, &format!("{} belongs into src/runtime", path.join("::"))));
            }
        }
    }
    require_none(breaches);
}

#[test]
fn only_the_node_waits() {
    let mut breaches = Vec::new();
    for source in sources("src").iter().filter(|source| !source.is_in(WAITING)) {
        let waits = source.lines_with(&[".", "await"]).chain(source.lines_with(&["async"]));
        breaches.extend(waits.map(|line| breach(source, line, "only src/node waits")));
    }
    require_none(breaches);
}

#[test]
fn every_select_says_its_order() {
    let mut breaches = Vec::new();
    for source in sources("src").iter().chain(&sources("sim/src")) {
        for at in 0..source.tokens.len() {
            let is_select = source.text(at) == "select" && source.text(at + 1) == "!";
            if is_select && source.text(at + 3) != "biased" {
                let line = source.tokens[at].line;
                breaches.push(breach(source, line, "`select!` without `biased;` lets chance decide"));
            }
        }
    }
    require_none(breaches);
}

#[test]
fn every_room_has_its_place() {
    let root = sources("src").into_iter().find(|source| source.file == "src/lib.rs").expect("the root");
    let heights = heights();
    let rooms = root.tokens.windows(2).filter(|pair| pair[0].text == "mod").map(|pair| &pair[1]);
    let missing = rooms.filter(|room| !heights.contains_key(&room.text));
    require_none(missing.map(|room| breach(&root, room.line, "not in the table of rooms")).collect());
}

#[test]
fn no_room_imports_one_above_it() {
    let heights = heights();
    let mut breaches = Vec::new();
    for source in sources("src") {
        let Some(room) = source.room() else { continue };
        for Named { path, line } in source.paths() {
            let imported = path.get(1).filter(|name| path[0] == "crate" && *name != room);
            if let Some(name) = imported.filter(|name| heights.get(*name) >= heights.get(room)) {
                breaches.push(breach(&source, line, &format!("{room} does not stand above {name}")));
            }
        }
    }
    require_none(breaches);
}

#[test]
fn data_knows_nothing_of_the_protocol() {
    let mut breaches = Vec::new();
    for source in
        sources("src").iter().filter(|source| source.room().is_some_and(|room| SILENT.contains(&room)))
    {
        for Named { path, line } in source.paths() {
            if path[0] == "crate" && path.get(1).is_some_and(|name| SPEECH.contains(&name.as_str())) {
                breaches.push(breach(source, line, &format!("data knows nothing of {}", path.join("::"))));
            }
        }
    }
    require_none(breaches);
}

/// The reader of sources itself: a rule that sees nothing proves nothing.
mod reading {
    use super::{Source, is_below};

    fn read(text: &str) -> Source {
        Source::new("src/engine/x.rs".into(), text)
    }

    fn paths(text: &str) -> Vec<String> {
        let named = read(text).paths().into_iter();
        named.filter(|named| named.path.len() > 1).map(|named| named.path.join("::")).collect()
    }

    #[test]
    fn groups_are_spelt_out() {
        let found =
            paths("use std::{fs, net::{TcpStream as T, IpAddr}, thread::{self}}; use a::b::*; use crate::c;");
        let wanted =
            ["std::fs", "std::net::TcpStream", "std::net::IpAddr", "std::thread::self", "a::b", "crate::c"];
        assert_eq!(found, wanted);
    }

    #[test]
    fn bodies_and_leading_colons_are_read() {
        let found = paths("fn f() { if x == Y { ::tokio::spawn(g::<A::B>()) } else { Instant::now() } }");
        assert_eq!(found, ["tokio::spawn", "A::B", "Instant::now"]);
    }

    #[test]
    fn comments_and_texts_do_not_count() {
        let source =
            read("//! std::fs\n/* x.await */ /// `async`\nconst A: &str = \"std::thread\"; // async fn");
        assert!(source.paths().iter().all(|named| named.path.len() == 1));
        assert_eq!(source.lines_with(&["async"]).count() + source.lines_with(&[".", "await"]).count(), 0);
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let source = read("fn f() {\n    g()\n        .await;\n}\nasync fn g() {}");
        assert_eq!(source.lines_with(&[".", "await"]).collect::<Vec<_>>(), [3]);
        assert_eq!(source.lines_with(&["async"]).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn places_cover_what_is_below_them() {
        let path = |text: &str| text.split("::").map(String::from).collect::<Vec<_>>();
        assert!(is_below(&path("std::fs::read"), "std::fs"));
        assert!(!is_below(&path("std::fs"), "std::fs::read"));
        assert!(is_below(&path("a::time::Instant::now"), "*::Instant::now"));
        assert!(!is_below(&path("Instant::elapsed"), "*::Instant::now"));
    }
}
