//! FCALL: a function of a library.

use super::eval::{FLAGS, FLAGS_RO, KEYS, KEYS_RO};
use super::key_count;
use crate::engine::command::{Category, Command, Group};
use crate::engine::{Call, Failure};

pub(super) const FCALL: Command = Command {
    name: "fcall",
    arity: -3,
    flags: FLAGS,
    keys: KEYS,
    categories: &[Category::Scripting],
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Runs a function.",
    complexity: "Depends on the function that is executed.",
    syntax: "function numkeys [key [key ...]] [arg [arg ...]]",
    handler: |call| fcall(call, false),
    ..Command::DEFAULT
};

pub(super) const FCALL_RO: Command = Command {
    name: "fcall_ro",
    flags: FLAGS_RO,
    keys: KEYS_RO,
    summary: "Runs a function that does not write.",
    handler: |call| fcall(call, true),
    ..FCALL
};

fn fcall(call: &mut Call<'_>, read_only: bool) -> Result<(), Failure> {
    let found = call.engine.function_to_run(call.arg(1));
    let function = found.ok_or(Failure::fixed("ERR Function not found"))?;
    let keys = match call.integer(2) {
        Ok(_) => key_count(call)?,
        Err(_) => return Err(Failure::fixed("ERR Bad number of keys provided")),
    };
    call.run_script(function, (3, keys), read_only)
}
