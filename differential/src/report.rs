//! What was tried and what was found.

use seawall::protocol::client::Value;

use crate::case::{Case, Difference};
use crate::generate::Generator;
use crate::grammar::{Argument, Grammar};
use crate::server::Words;

/// A difference as a transcript, in the notation of `tests/transcripts`.
pub fn transcript(case: &Case, difference: &Difference) -> String {
    let mut lines = Vec::new();
    if case.protocol == 3 {
        lines.push("> HELLO 3".to_owned());
    }
    for step in &case.steps {
        lines.push(format!("> {}", quoted(&step.words)));
    }
    if case.steps.last().is_none_or(|step| step.words != difference.asked) {
        lines.push(format!("> {}", quoted(&difference.asked)));
    }
    lines.push(format!("# theirs: {}", shown(&difference.theirs)));
    lines.push(format!("# ours:   {}", shown(&difference.ours)));
    lines.join("\n")
}

/// Words as redis-cli would take them.
pub fn quoted(words: &Words) -> String {
    let plain = |word: &[u8]| {
        !word.is_empty() && word.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte))
    };
    let one = |word: &Vec<u8>| match plain(word) {
        true => String::from_utf8_lossy(word).into_owned(),
        false => format!("\"{}\"", word.escape_ascii()),
    };
    words.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn shown(value: &Value) -> String {
    let text = format!("{value:?}");
    if text.len() > 600 { format!("{}…", text.chars().take(600).collect::<String>()) } else { text }
}

/// What the generator has not tried, of what it may: commands, and words and choices of them.
pub fn untried(generator: &Generator, grammar: &Grammar) -> Vec<String> {
    let mut untried = Vec::new();
    for (form, made) in generator.forms.iter().zip(&generator.made) {
        if *made == 0 {
            untried.push(form.name.join(" "));
            continue;
        }
        arguments(&form.arguments, &mut |argument| {
            if generator.given[argument.id] == 0 {
                untried.push(grammar.paths[argument.id].clone());
            }
        });
    }
    untried
}

/// How many arguments and choices of arguments the forms have.
pub fn choices(generator: &Generator) -> usize {
    let mut count = 0;
    generator.forms.iter().for_each(|form| arguments(&form.arguments, &mut |_| count += 1));
    count
}

fn arguments(of: &[Argument], each: &mut impl FnMut(&Argument)) {
    for argument in of {
        each(argument);
        // Numbers and keys of a block of streams are made by another way, but counted all the same.
        arguments(&argument.parts, each);
    }
}
