//! Histories of concurrent operations, and the checkers that judge them.
//!
//! A harness (the simulator, or one that drives real processes) records what its clients called and what they were told
//! in a [`History`]. The checkers decide afterwards whether any correct server could have answered like that:
//!
//! - [`linearizability`]: every key behaved like one copy that takes one operation at a time.
//! - [`totals`]: cheap checks of what is left at the end.
//! - [`streams`]: what consumers of a stream were given, against what was added.
//! - [`durability`]: what is left after crashes, against what was acknowledged and which promise held.
//! - [`loss`]: what failovers lose of what was acknowledged, how much, why, and whether it may be.
//!
//! [`timeline`] prints a violation for a reader, [`notation`] saves and loads histories as text.
//!
//! The crate is pure: no clocks, files, sockets, threads or randomness. The same history gives the same verdict, in the
//! same number of steps, on every machine.
//!
//! ```
//! use seawall_checker::{Call, History, Reply, StringKey, Verdict, linearizability};
//! use std::time::Duration;
//!
//! let at = Duration::from_millis;
//! let mut history = History::new();
//! let set = history.invoke(1, "x", Call::set("new"), at(0));
//! history.ok(set, Reply::Ok, at(5));
//! let get = history.invoke(2, "x", Call::Get, at(6));
//! history.ok(get, Reply::Nil, at(9));
//!
//! let verdict = linearizability::check(&history, &StringKey, linearizability::STEPS_MAX).unwrap();
//! assert!(matches!(verdict, Verdict::Violation(_)));
//! ```

mod board;
pub mod call;
pub mod durability;
pub mod history;
pub mod linearizability;
pub mod loss;
pub mod model;
pub mod notation;
mod quote;
mod search;
mod seen;
pub mod store;
pub mod streams;
pub mod timeline;
pub mod totals;

pub use call::{Call, Condition, Reply, Request};
pub use history::{History, Malformed, Moment, OpId, Operation, Outcome, WipeId};
pub use linearizability::{Verdict, Violation};
pub use model::{Model, Need, StringKey};
pub use store::Store;
