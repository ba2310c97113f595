//! FUNCTION: libraries of functions.

use super::payload;
use crate::commands::help;
use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Existing, Failure, Kind, Libraries, Library};
use crate::protocol::reply::Reply;
use crate::text::{Case, matches};

const BASE: Command = Command {
    flags: &[Flag::NoScript],
    categories: &[Category::Scripting],
    group: Group::Scripting,
    since: "7.0.0",
    ..Command::DEFAULT
};

const ON_ALL: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

pub(super) const FUNCTION: Command = Command {
    name: "function",
    arity: -2,
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Holds commands about functions.",
    complexity: "Depends on subcommand.",
    subcommands: &[DELETE, DUMP, FLUSH, HELP, KILL, LIST, LOAD, RESTORE, STATS],
    ..Command::DEFAULT
};

const LOAD: Command = Command {
    name: "function|load",
    arity: -3,
    flags: &[Flag::NoScript, Flag::Write, Flag::DenyOom],
    summary: "Loads a library.",
    complexity: "O(1) (considering compilation time is redundant)",
    syntax: "[REPLACE] function-code",
    tips: ON_ALL,
    handler: load,
    ..BASE
};

fn load(call: &mut Call<'_>) -> Result<(), Failure> {
    let (mut existing, last) = (Existing::Stays, call.len() - 1);
    for at in 2..last {
        if !call.arg_is(at, "replace") {
            let word = String::from_utf8_lossy(call.arg(at)).into_owned();
            return Err(Failure::new(format!("ERR Unknown option given: {word}")));
        }
        existing = Existing::Goes;
    }
    if last < 2 {
        return Err(Failure::fixed("ERR Function code is missing"));
    }
    let name = call.engine.load_library(call.arg(last), existing)?;
    call.engine.changes += 1;
    call.reply.bulk(&name);
    Ok(())
}

const DELETE: Command = Command {
    name: "function|delete",
    arity: 3,
    flags: &[Flag::NoScript, Flag::Write],
    summary: "Deletes a library.",
    syntax: "library-name",
    tips: ON_ALL,
    handler: delete,
    ..BASE
};

fn delete(call: &mut Call<'_>) -> Result<(), Failure> {
    if !call.engine.delete_library(call.arg(2)) {
        return Err(Failure::fixed("ERR Library not found"));
    }
    call.engine.changes += 1;
    call.reply.ok();
    Ok(())
}

const FLUSH: Command = Command {
    name: "function|flush",
    arity: -2,
    flags: &[Flag::NoScript, Flag::Write],
    summary: "Deletes all libraries.",
    complexity: "O(N) where N is the number of functions deleted",
    syntax: "[ASYNC | SYNC]",
    tips: ON_ALL,
    handler: flush,
    ..BASE
};

fn flush(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() > 3 {
        return Err(Failure::subcommand("function", call.arg(1)));
    }
    let fits = call.len() == 2 || call.len() == 3 && (call.arg_is(2, "sync") || call.arg_is(2, "async"));
    if !fits {
        return Err(Failure::fixed("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    call.engine.flush_libraries();
    call.engine.changes += 1;
    call.reply.ok();
    Ok(())
}

const KILL: Command = Command {
    name: "function|kill",
    arity: 2,
    flags: &[Flag::NoScript, Flag::AllowBusy],
    summary: "Ends the running function, unless it has written.",
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    handler: kill,
    ..BASE
};

fn kill(call: &mut Call<'_>) -> Result<(), Failure> {
    call.engine.kill_script(true)?;
    call.reply.ok();
    Ok(())
}

const STATS: Command = Command {
    name: "function|stats",
    arity: 2,
    flags: &[Flag::NoScript, Flag::AllowBusy],
    summary: "Returns what runs, and how many functions there are.",
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    handler: stats,
    ..BASE
};

fn stats(call: &mut Call<'_>) -> Result<(), Failure> {
    let (engine, reply) = (&*call.engine, &mut call.reply);
    reply.map(2);
    reply.bulk(b"running_script");
    match engine.long_run() {
        None => reply.null(),
        Some(long) => {
            reply.map(3);
            reply.bulk(b"name");
            match long.kind {
                Kind::Function(name) => reply.bulk(name),
                Kind::Script(sha) => reply.bulk(sha.to_hex().as_bytes()),
            }
            reply.bulk(b"command");
            reply.array(long.request.len());
            long.request.words().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.integer((call.now.mono - long.since).as_millis() as i64);
        }
    }
    let libraries = engine.scripts.libraries();
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.integer(libraries.len() as i64);
    reply.bulk(b"functions_count");
    reply.integer(libraries.function_count() as i64);
    Ok(())
}

const LIST: Command = Command {
    name: "function|list",
    arity: -2,
    summary: "Lists libraries and their functions.",
    complexity: "O(N) where N is the number of functions",
    syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
    tips: &["nondeterministic_output_order"],
    handler: list,
    ..BASE
};

fn list(call: &mut Call<'_>) -> Result<(), Failure> {
    let (mut pattern, mut with_code, mut at) = (None, false, 2);
    while at < call.len() {
        if !with_code && call.arg_is(at, "withcode") {
            with_code = true;
        } else if pattern.is_none() && call.arg_is(at, "libraryname") {
            at += 1;
            if at == call.len() {
                return Err(Failure::fixed("ERR library name argument was not given"));
            }
            pattern = Some(call.arg(at));
        } else {
            let word = String::from_utf8_lossy(call.arg(at)).into_owned();
            return Err(Failure::new(format!("ERR Unknown argument {word}")));
        }
        at += 1;
    }
    let fits = |name: &[u8]| pattern.is_none_or(|pattern| matches(pattern, name, Case::Ignored));
    let libraries = call.engine.scripts.libraries();
    let mark = call.reply.deferred_array();
    let mut count = 0;
    for (name, library) in libraries.iter().filter(|(name, _)| fits(name)) {
        describe(&mut call.reply, name, library, with_code);
        count += 1;
    }
    call.reply.close(mark, count);
    Ok(())
}

fn describe(reply: &mut Reply<'_>, name: &[u8], library: &Library, with_code: bool) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(name);
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    for function in &library.functions {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(&function.name);
        reply.bulk(b"description");
        match &function.description {
            Some(description) => reply.bulk(description),
            None => reply.null(),
        }
        reply.bulk(b"flags");
        reply.set(function.flags.len());
        function.flags.iter().for_each(|flag| reply.simple_bytes(flag));
    }
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.text);
    }
}

const DUMP: Command = Command {
    name: "function|dump",
    arity: 2,
    summary: "Returns all libraries in one text that FUNCTION RESTORE reads.",
    complexity: "O(N) where N is the number of functions",
    handler: dump,
    ..BASE
};

fn dump(call: &mut Call<'_>) -> Result<(), Failure> {
    let texts = call.engine.scripts.libraries().iter().map(|(_, library)| &*library.text);
    let dumped = payload::write(texts, call.engine.config.rdbcompression);
    call.reply.bulk(&dumped);
    Ok(())
}

const RESTORE: Command = Command {
    name: "function|restore",
    arity: -3,
    flags: &[Flag::NoScript, Flag::Write, Flag::DenyOom],
    summary: "Loads all libraries of a text that FUNCTION DUMP wrote.",
    complexity: "O(N) where N is the number of functions on the payload",
    syntax: "serialized-value [FLUSH | APPEND | REPLACE]",
    tips: ON_ALL,
    handler: restore,
    ..BASE
};

/// What becomes of the libraries that are there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    Append,
    Flush,
    Replace,
}

fn restore(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() > 4 {
        return Err(Failure::subcommand("function", call.arg(1)));
    }
    let policy = match call.request.get(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"append") => Policy::Append,
        Some(b"flush") => Policy::Flush,
        Some(b"replace") => Policy::Replace,
        Some(_) => {
            return Err(Failure::fixed(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let texts = payload::read(call.arg(2))?;
    restore_all(call, &texts, policy)?;
    call.engine.changes += 1;
    call.reply.ok();
    Ok(())
}

/// All or none: what was there is put back if one of the libraries is refused.
fn restore_all(call: &mut Call<'_>, texts: &[Vec<u8>], policy: Policy) -> Result<(), Failure> {
    let before: Libraries = call.engine.scripts.libraries().clone();
    if policy == Policy::Flush {
        call.engine.flush_libraries();
    }
    if policy == Policy::Append {
        call.engine.refuse_known_libraries(texts)?;
    }
    let existing = if policy == Policy::Replace { Existing::Goes } else { Existing::Stays };
    for text in texts {
        if let Err(failure) = call.engine.load_library(text, existing) {
            call.engine.flush_libraries();
            for (_, library) in before.iter() {
                // It was in force a moment ago.
                let _ = call.engine.load_library(&library.text, Existing::Goes);
            }
            return Err(failure);
        }
    }
    Ok(())
}

const HELP: Command = Command {
    name: "function|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    summary: "Lists these sub-commands.",
    handler: help::of_container,
    ..BASE
};
