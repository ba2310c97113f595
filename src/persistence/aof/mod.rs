//! The append log: a base (the data set at some moment, in either form) and increments (what was done since), held together
//! by a manifest.
//!
//! | file | what it knows |
//! |---|---|
//! | [`manifest`] | which files make up the log, and in which order: the manifest's text, both ways |
//! | [`change`] | how one manifest becomes the next, in steps that a crash may cut anywhere |
//! | [`log`] | units of commands out of a log's bytes; where a torn one is to be cut |
//! | [`base`] | a base in log form: the commands that make what there is |
//! | [`policy`] | when to write, sync, answer, refuse and rewrite |
//! | [`check`] | what an operator is told of files, and what can be repaired |

pub mod base;
pub mod change;
pub mod check;
pub mod log;
#[cfg(test)]
mod log_tests;
pub mod manifest;
#[cfg(test)]
mod manifest_tests;
pub mod policy;
#[cfg(test)]
mod policy_tests;

pub use base::LogBase;
pub use change::{Change, Step};
pub use check::{DumpCheck, FileCheck, FileReport, Repair, Verdict, Wish};
pub use log::{Annotator, Corrupt, Next, Reader, Torn, TornIn, Unit, annotate_place};
pub use manifest::{BaseForm, Entry, Manifest, ManifestError, Names};
pub use policy::{Action, AppendLog, Fsync, Rewrite, Settings, Written};
