//! Scripts and functions.

mod eval;
mod fcall;
mod function;
mod payload;
mod script;

use crate::engine::Failure;
use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    eval::EVAL,
    eval::EVALSHA,
    eval::EVALSHA_RO,
    eval::EVAL_RO,
    fcall::FCALL,
    fcall::FCALL_RO,
    function::FUNCTION,
    script::SCRIPT,
];

/// The number of keys at argument 2, if there are so many arguments behind it.
fn key_count(call: &crate::engine::Call<'_>) -> Result<usize, Failure> {
    let keys = call.integer(2)?;
    if keys > call.len() as i64 - 3 {
        return Err(Failure::fixed("ERR Number of keys can't be greater than number of args"));
    }
    usize::try_from(keys).map_err(|_| Failure::fixed("ERR Number of keys can't be negative"))
}
