//! A primary as its replicas see it: raw sockets that say what replicas say, and look at every byte that comes.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a client outside the server: it needs real sockets, processes and files"
)]

mod copies;
mod fake;
mod full_sync;
mod partial;
mod slow;

#[path = "../support/ports.rs"]
mod ports;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
#[path = "../support/sample.rs"]
mod sample;
