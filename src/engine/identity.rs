//! Who this node is, and how addresses are written.

use crate::runtime::{Address, Now};

/// The version of Redis whose behaviour clients may expect: what HELLO and INFO's `redis_version` say.
pub const REDIS_VERSION: &str = "7.2.4";
/// Our own version.
pub const SEAWALL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What does not change while the process lives, for INFO and the log.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// 40 hexadecimal digits, new at each start.
    pub run_id: String,
    /// The process's number.
    pub process_id: u32,
    /// The program's path.
    pub executable: String,
    /// The configuration file's absolute path; empty for none.
    pub config_file: String,
    /// The operating system, as `uname` tells it.
    pub os: String,
    /// When the node started.
    pub started: Now,
    /// Memory in use before the first key came, in bytes.
    pub startup_memory_bytes: usize,
    /// Physical memory of the machine, in bytes.
    pub system_memory_bytes: u64,
}

/// An address as CLIENT LIST writes it: `ip:port`, `[ip]:port` for IPv6 without brackets as in Redis, `path:0` for Unix.
pub fn address_text(address: &Address) -> String {
    match address {
        Address::Ip(address) => format!("{}:{}", address.ip(), address.port()),
        Address::Unix(path) => format!("{}:0", path.display()),
    }
}

/// Whether a client sits on this machine.
pub fn is_local(address: &Address) -> bool {
    match address {
        Address::Ip(address) => address.ip().to_canonical().is_loopback(),
        Address::Unix(_) => true,
    }
}
