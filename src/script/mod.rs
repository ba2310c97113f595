//! The script machine: Lua 5.1, on a stack of its own.
//!
//! [`Machine`] owns the Lua state and runs one order at a time. When a script calls a command, the machine stops and says so
//! ([`Step::Call`]); whoever drives it runs the command and lets it go on with the reply. When a script has run for a while, it
//! stops too ([`Step::Slice`]), so that others can be heard; it then goes on, or is killed. So nothing of the engine is ever
//! reachable from Lua, and the machine knows neither commands nor keys.
//!
//! What must hold: a script has no way out (no files, processes, clocks, bytecode, or state that outlives it: what scripts
//! share cannot be written); the same scripts with the same replies give the same results, but for addresses, which Lua shows
//! in `tostring` of tables and lets decide the order of tables that have tables as keys.

mod bit;
mod bridge;
mod call;
mod cjson;
mod cmsgpack;
mod convert;
mod exchange;
mod globals;
mod machine;
mod raise;
mod random;
mod redis;
mod register;
mod structs;
mod vm;

pub use exchange::{LibraryFunction, Limits, Outcome, Run, Thrown};
pub use machine::{Machine, Step};

/// A script or function that the machine holds ready, by the number that it has given it.
pub type CodeId = usize;
