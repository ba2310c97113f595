//! A real node as a replica: of a primary that the test plays on a socket, byte for byte, and of a real server.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a primary and clients outside the server: they need real sockets, processes and files"
)]

mod empty;
mod following;
#[path = "../support/ports.rs"]
mod ports;
mod primary;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
mod real;
mod restart;
mod snapshot;
