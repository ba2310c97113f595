//! What passes between the machine's two stacks: orders and replies one way, requests and results the other.
//!
//! Each side leaves what the other needs here before it switches; nobody holds a borrow across a switch.

use std::cell::{Cell, RefCell};

use super::CodeId;
use crate::protocol::reply::Version;
use crate::protocol::request::OwnedRequest;

/// What the machine is to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// Compile [`Exchange::source`].
    Compile,
    /// Run [`Exchange::run`].
    Run,
    /// Run [`Exchange::source`] as a library.
    Load,
    /// Forget a script or function.
    Forget(CodeId),
    /// Forget all functions.
    Collect,
    /// Go on where the script was left.
    Go,
    /// Go on by raising an error in the script.
    Kill,
    /// Leave the loop.
    End,
}

/// Why the machine has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pause {
    /// Waits for an order.
    Idle,
    /// The script calls a command.
    Call,
    /// The script asks whether a command may be run.
    Ask,
    /// The script has run for a while.
    Slice,
}

/// A run of a script or function.
#[derive(Debug, Default)]
pub struct Run {
    /// What to run.
    pub code: CodeId,
    /// Whether it is a function: it is given its keys and arguments, where a script finds them in KEYS and ARGV.
    pub is_function: bool,
    /// Keys and arguments.
    pub words: OwnedRequest,
    /// How many of the words are keys.
    pub keys: usize,
    /// How the result is written.
    pub version: Version,
    /// The time that the script sees, in microseconds.
    pub time_us: i64,
}

/// What ended a script that did not return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thrown {
    /// The error, code included.
    pub text: Vec<u8>,
    /// Where it was raised: the chunk's name and the line.
    pub place: Option<(Vec<u8>, i64)>,
    /// Whether a command's failure is behind it, which was counted then.
    pub counted: bool,
}

/// A function that a library has registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LibraryFunction {
    /// Its name.
    pub name: Vec<u8>,
    /// Its description, if it has one.
    pub description: Option<Vec<u8>>,
    /// The names of its flags.
    pub flags: Vec<Vec<u8>>,
    /// What to run.
    pub code: CodeId,
}

/// How an order ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The script is compiled.
    Compiled(CodeId),
    /// The source is no Lua.
    NotCompiled(Vec<u8>),
    /// The script has returned; its result is a reply.
    Returned,
    /// The script has raised an error.
    Thrown(Thrown),
    /// The library has registered these.
    Loaded(Vec<LibraryFunction>),
}

/// The sizes that keep a script within bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Virtual memory of the machine's stack; pages that nobody touches cost nothing.
    pub stack_bytes: usize,
    /// Instructions between two looks at the world.
    pub slice_instructions: u32,
    /// Slices that loading a library may take.
    pub load_slices: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        // As much stack as a process's own has.
        Limits { stack_bytes: 8 << 20, slice_instructions: 100_000, load_slices: 300 }
    }
}

/// The table between the stacks.
pub(super) struct Exchange {
    pub limits: Limits,
    pub source: RefCell<Vec<u8>>,
    pub run: RefCell<Run>,
    /// The command that the script calls.
    pub request: RefCell<OwnedRequest>,
    /// The reply to it.
    pub reply: RefCell<Vec<u8>>,
    /// The answer to [`Pause::Ask`]: allowed, not allowed, no such command.
    pub answer: Cell<Option<bool>>,
    /// The protocol that the script has chosen for replies to it.
    pub version: Cell<Version>,
    /// What of its commands goes to append log and replicas, as in `redis.set_repl`.
    pub replication: Cell<u8>,
    /// The reply to the client.
    pub result: RefCell<Vec<u8>>,
    pub outcome: RefCell<Option<Outcome>>,
    pub memory_bytes: Cell<usize>,
    /// Whether a library is being loaded, or a script runs.
    pub loading: Cell<bool>,
    /// Slices of the running order.
    pub slices: Cell<u32>,
    pub killed: Cell<bool>,
    pub time_us: Cell<i64>,
}

/// `redis.REPL_ALL`.
pub(super) const REPLICATE_ALL: u8 = 3;

impl Exchange {
    pub fn new(limits: Limits) -> Exchange {
        Exchange {
            limits,
            source: RefCell::default(),
            run: RefCell::default(),
            request: RefCell::default(),
            reply: RefCell::default(),
            answer: Cell::default(),
            version: Cell::default(),
            replication: Cell::new(REPLICATE_ALL),
            result: RefCell::default(),
            outcome: RefCell::default(),
            memory_bytes: Cell::default(),
            loading: Cell::default(),
            slices: Cell::default(),
            killed: Cell::default(),
            time_us: Cell::default(),
        }
    }
}
