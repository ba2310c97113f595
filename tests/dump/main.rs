//! Values go from server to server: what DUMP of one returns, RESTORE of another takes, and both then answer alike
//! (`payloads.rs`). So do files: what one saves, another loads (`files.rs`), and a base of an append log in log form (`log_base.rs`).
//!
//! Every kind of value is made by commands, with limits so low that each comes in its small and in its large form. What real
//! servers dumped stands in `tests/data/payloads.txt` (also payloads in the forms of old servers, made by hand and checked
//! against Redis 7.0) and is always restored. Real servers are asked as well where they are on the PATH:
//!
//! ```text
//! SEAWALL_RECORD_PAYLOADS=1 cargo test --test dump      writes down what the servers on the PATH dump
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a client outside the server: it needs real sockets, processes and files"
)]

mod cases;
mod files;
mod folder;
mod log_base;
mod payloads;
mod peers;
#[path = "../support/ports.rs"]
mod ports;
mod values;
