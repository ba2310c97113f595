//! What tests share that talk to a server from outside.

pub mod notation;
pub mod pattern;
pub mod play;
pub mod ports;
pub mod record;
pub mod script;
pub mod server;
pub mod versions;
pub mod wire;
