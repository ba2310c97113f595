//! Commands about the connection itself: who is there, what it speaks, what it wants.
//!
//! There is one user so far, `default`, whose password is `requirepass`.

mod auth;
mod basic;
mod client;

use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    auth::AUTH,
    client::CLIENT,
    basic::ECHO,
    auth::HELLO,
    basic::PING,
    basic::QUIT,
    basic::RESET,
    basic::SELECT,
];
