//! COMMAND and COMMAND INFO: ten facts about each command.

use super::{SUBCOMMAND, find};
use crate::engine::command::{Begin, Command, Find, Flag, KeySpec};
use crate::engine::{Call, Failure, KeyRange};
use crate::protocol::reply::Reply;

pub(super) const INFO: Command = Command {
    name: "command|info",
    arity: -2,
    summary: "Describes some commands, or all.",
    complexity: "O(N) where N is the number of commands to look up",
    syntax: "[command-name [command-name ...]]",
    tips: &["nondeterministic_output_order"],
    handler: info,
    ..SUBCOMMAND
};

fn info(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() == 2 {
        return all(call);
    }
    let table = call.engine.table();
    call.reply.array(call.request.len() - 2);
    for name in call.request.iter_from(2) {
        match find(table, name) {
            Some(id) => describe(&mut call.reply, table.row(id).command),
            None => call.reply.null(),
        }
    }
    Ok(())
}

/// The bare COMMAND.
pub(super) fn all(call: &mut Call<'_>) -> Result<(), Failure> {
    let table = call.engine.table();
    call.reply.array(table.len());
    table.names().for_each(|(_, id)| describe(&mut call.reply, table.row(id).command));
    Ok(())
}

fn describe(reply: &mut Reply<'_>, command: &Command) {
    let range = KeyRange::of(command);
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.integer(i64::from(command.arity));
    let flags = Flag::SHOWN.iter().filter(|(flag, _)| command.has(*flag));
    write_set(reply, &flags.map(|(_, name)| *name).collect::<Vec<_>>());
    for number in [range.first, range.last, range.step] {
        reply.integer(i64::from(number));
    }
    let categories = command.category_names();
    reply.set(categories.len());
    categories.into_iter().for_each(|category| reply.simple(&format!("@{category}")));
    reply.set(command.tips.len());
    command.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(command.keys.len());
    command.keys.iter().for_each(|spec| write_key_spec(reply, spec));
    match command.subcommands {
        [] => reply.set(0),
        subcommands => reply.array(subcommands.len()),
    }
    command.subcommands.iter().for_each(|sub| describe(reply, sub));
}

fn write_set(reply: &mut Reply<'_>, words: &[&str]) {
    reply.set(words.len());
    words.iter().for_each(|word| reply.simple(word));
}

fn write_key_spec(reply: &mut Reply<'_>, spec: &KeySpec) {
    reply.map(if spec.notes.is_empty() { 3 } else { 4 });
    if !spec.notes.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(spec.notes.as_bytes());
    }
    reply.bulk(b"flags");
    write_set(reply, spec.flags);
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => write_search(reply, "index", &[("index", Fact::Number(index))]),
        Begin::Keyword(keyword, from) => {
            write_search(
                reply,
                "keyword",
                &[("keyword", Fact::Word(keyword)), ("startfrom", Fact::Number(from))],
            );
        }
        Begin::Unknown => write_search(reply, "unknown", &[]),
    }
    reply.bulk(b"find_keys");
    let numbers =
        |names: [&'static str; 3], values: [i32; 3]| [0, 1, 2].map(|i| (names[i], Fact::Number(values[i])));
    match spec.find {
        Find::Range { last, step, limit } => {
            write_search(reply, "range", &numbers(["lastkey", "keystep", "limit"], [last, step, limit]));
        }
        Find::KeyNum { index, first, step } => {
            write_search(
                reply,
                "keynum",
                &numbers(["keynumidx", "firstkey", "keystep"], [index, first, step]),
            );
        }
        Find::Unknown => write_search(reply, "unknown", &[]),
    }
}

enum Fact {
    Number(i32),
    Word(&'static str),
}

fn write_search(reply: &mut Reply<'_>, kind: &str, facts: &[(&'static str, Fact)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(facts.len());
    for (name, fact) in facts {
        reply.bulk(name.as_bytes());
        match fact {
            Fact::Number(number) => reply.integer(i64::from(*number)),
            Fact::Word(word) => reply.bulk(word.as_bytes()),
        }
    }
}
