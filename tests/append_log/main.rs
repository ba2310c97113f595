//! Append logs of real nodes: what was written is there after a kill, also in real servers, and theirs here; damaged ones are
//! judged as a real server judges them.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a client outside the server: it needs real sockets, processes and files"
)]

#[path = "../dump/cases.rs"]
#[allow(dead_code, reason = "its questions are for others")]
mod cases;
mod content;
mod damage;
mod data;
mod files;
mod full_disk;
mod million;
#[path = "../support/ports.rs"]
mod ports;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
#[path = "../support/sample.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod sample;
mod switching;
mod timestamps;
mod travel;
