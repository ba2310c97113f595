//! EVAL and its kin: a script by its text, or by its text's SHA-1.

use super::key_count;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure, Sha};

pub(super) const FLAGS: &[Flag] =
    &[Flag::NoScript, Flag::SkipMonitor, Flag::Stale, Flag::MovableKeys, Flag::NoMandatoryKeys];
pub(super) const FLAGS_RO: &[Flag] = &[
    Flag::NoScript,
    Flag::SkipMonitor,
    Flag::Stale,
    Flag::MovableKeys,
    Flag::NoMandatoryKeys,
    Flag::ReadOnly,
];
pub(super) const KEYS: &[KeySpec] = &[KeySpec::counted(2, 1, &["RW", "access", "update"])
    .noted("how a script uses a key is not known beforehand")];
pub(super) const KEYS_RO: &[KeySpec] = &[KeySpec::counted(2, 1, &["RO", "access"])];

const BASE: Command = Command {
    arity: -3,
    flags: FLAGS,
    keys: KEYS,
    categories: &[Category::Scripting],
    group: Group::Scripting,
    since: "2.6.0",
    complexity: "Depends on the script that is executed.",
    ..Command::DEFAULT
};

const NO_SCRIPT: Failure = Failure::fixed("NOSCRIPT No matching script. Please use EVAL.");

pub(super) const EVAL: Command = Command {
    name: "eval",
    summary: "Runs a Lua script.",
    syntax: "script numkeys [key [key ...]] [arg [arg ...]]",
    handler: |call| eval(call, false),
    ..BASE
};

pub(super) const EVAL_RO: Command = Command {
    name: "eval_ro",
    flags: FLAGS_RO,
    keys: KEYS_RO,
    since: "7.0.0",
    summary: "Runs a Lua script that does not write.",
    syntax: "script numkeys [key [key ...]] [arg [arg ...]]",
    handler: |call| eval(call, true),
    ..BASE
};

fn eval(call: &mut Call<'_>, read_only: bool) -> Result<(), Failure> {
    let keys = key_count(call)?;
    let sha = call.engine.hold_script(call.arg(1), false)?;
    run(call, sha, keys, read_only)
}

pub(super) const EVALSHA: Command = Command {
    name: "evalsha",
    summary: "Runs a Lua script that the server holds ready.",
    syntax: "sha1 numkeys [key [key ...]] [arg [arg ...]]",
    handler: |call| evalsha(call, false),
    ..BASE
};

pub(super) const EVALSHA_RO: Command = Command {
    name: "evalsha_ro",
    flags: FLAGS_RO,
    keys: KEYS_RO,
    since: "7.0.0",
    summary: "Runs a Lua script that the server holds ready and that does not write.",
    syntax: "sha1 numkeys [key [key ...]] [arg [arg ...]]",
    handler: |call| evalsha(call, true),
    ..BASE
};

fn evalsha(call: &mut Call<'_>, read_only: bool) -> Result<(), Failure> {
    let sha = Sha::parse(call.arg(1)).ok_or(NO_SCRIPT)?;
    let keys = key_count(call)?;
    run(call, sha, keys, read_only)
}

fn run(call: &mut Call<'_>, sha: Sha, keys: usize, read_only: bool) -> Result<(), Failure> {
    let script = call.engine.script_to_run(sha).ok_or(NO_SCRIPT)?;
    call.run_script(script, (3, keys), read_only)
}
