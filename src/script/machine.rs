//! The machine as its driver sees it.
//!
//! ```text
//! idle --order--> running --calls a command--> calling --reply--> running
//!                 running --has run for a while--> sliced --go on | kill--> running
//!                 running --> idle (an outcome)
//! ```

use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};

use super::exchange::{Exchange, Order, Pause};
use super::{CodeId, Limits, Outcome, Run, vm};
use crate::protocol::reply::Version;
use crate::protocol::request::OwnedRequest;

/// Why the machine has stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The script calls a command ([`Machine::with_call`]); go on when there is a reply.
    Call,
    /// The script asks whether its user may run a command; go on when that is answered ([`Machine::answer`]).
    Ask,
    /// The script has run for a while: go on, or kill it.
    Slice,
    /// The order is carried out.
    Done(Outcome),
}

/// A Lua state on a stack of its own.
pub struct Machine {
    coroutine: Coroutine<Order, Pause, ()>,
    exchange: Rc<Exchange>,
    pause: Pause,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").field("pause", &self.pause).finish_non_exhaustive()
    }
}

impl Machine {
    /// A machine without scripts. An error if there is no memory for its stack.
    pub fn new(limits: Limits) -> std::io::Result<Machine> {
        let exchange = Rc::new(Exchange::new(limits));
        let inside = exchange.clone();
        let coroutine =
            Coroutine::with_stack(DefaultStack::new(limits.stack_bytes)?, move |yielder, _: Order| {
                vm::live(yielder, &inside);
            });
        let mut machine = Machine { coroutine, exchange, pause: Pause::Idle };
        machine.resume(Order::Go);
        Ok(machine)
    }

    fn resume(&mut self, order: Order) {
        self.pause = match self.coroutine.resume(order) {
            CoroutineResult::Yield(pause) => pause,
            CoroutineResult::Return(()) => Pause::Idle,
        };
        if self.pause == Pause::Idle {
            self.exchange.loading.set(false);
        }
    }

    /// Compiles a script.
    pub fn compile(&mut self, source: &[u8]) -> Outcome {
        self.order_with(source, Order::Compile)
    }

    /// Runs a library, which registers its functions. Takes no longer than [`Limits::load_slices`].
    pub fn load(&mut self, source: &[u8]) -> Outcome {
        self.order_with(source, Order::Load)
    }

    fn order_with(&mut self, source: &[u8], order: Order) -> Outcome {
        let mut kept = self.exchange.source.borrow_mut();
        kept.clear();
        kept.extend_from_slice(source);
        drop(kept);
        self.resume(order);
        match self.step_reached() {
            Step::Done(outcome) => outcome,
            // Neither compiling nor loading calls commands or is left in its middle.
            _ => Outcome::NotCompiled(b"the script machine stopped".to_vec()),
        }
    }

    /// Forgets a script or function.
    pub fn forget(&mut self, code: CodeId) {
        self.resume(Order::Forget(code));
    }

    /// Has Lua free what nothing refers to any more.
    pub fn collect(&mut self) {
        self.resume(Order::Collect);
    }

    /// Begins to run a script; `prepare` says which, how and with what.
    pub fn start(&mut self, prepare: impl FnOnce(&mut Run)) -> Step {
        prepare(&mut self.exchange.run.borrow_mut());
        self.resume(Order::Run);
        self.step_reached()
    }

    /// Goes on.
    pub fn go_on(&mut self) -> Step {
        self.resume(Order::Go);
        self.step_reached()
    }

    /// Ends the script that was left after a slice, as soon as it can be.
    pub fn kill(&mut self) -> Step {
        self.resume(Order::Kill);
        self.step_reached()
    }

    fn step_reached(&mut self) -> Step {
        match self.pause {
            Pause::Call => Step::Call,
            Pause::Ask => Step::Ask,
            Pause::Slice => Step::Slice,
            Pause::Idle => {
                let outcome = self.exchange.outcome.borrow_mut().take();
                Step::Done(outcome.unwrap_or(Outcome::Returned))
            }
        }
    }

    /// The command that the script calls, and where its reply goes, in the script's version of the protocol.
    pub fn with_call<T>(&mut self, run: impl FnOnce(&OwnedRequest, &mut Vec<u8>, Version) -> T) -> T {
        let mut reply = self.exchange.reply.borrow_mut();
        reply.clear();
        run(&self.exchange.request.borrow(), &mut reply, self.exchange.version.get())
    }

    /// Answers [`Step::Ask`]; `None`: there is no such command.
    pub fn answer(&mut self, allowed: Option<bool>) {
        self.exchange.answer.set(allowed);
    }

    /// The result of the script that has returned.
    pub fn with_result<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> T {
        take(&self.exchange.result.borrow())
    }

    /// Whether what the script's commands do goes to append log and to replicas.
    pub fn replicates(&self) -> (bool, bool) {
        let chosen = self.exchange.replication.get();
        (chosen & 1 != 0, chosen & 2 != 0)
    }

    /// Bytes that Lua holds.
    pub fn memory_bytes(&self) -> usize {
        self.exchange.memory_bytes.get()
    }
}

impl Drop for Machine {
    /// Lua's own frames cannot be unwound, so a script that was left in its middle is ended first.
    fn drop(&mut self) {
        while self.pause != Pause::Idle && !self.coroutine.done() {
            self.resume(Order::Kill);
        }
        if !self.coroutine.done() {
            self.coroutine.resume(Order::End);
        }
    }
}
