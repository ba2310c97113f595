//! Configuration: parameters with names, types and defaults; redis.conf; CONFIG GET, SET and REWRITE.
//!
//! Every parameter is declared once, in a row of [`rows`]. A value enters as words, becomes a canonical text (the one that
//! CONFIG GET shows) by its [`kinds::Kind`], and lives in a typed field of [`Settings`] or, where nothing acts on it yet, as
//! that text. Guarantees: every parameter always has a valid value; nothing here reads a file, a clock or the system.
//!
//! What it deliberately does not know: which commands exist, whether a port is free, where the server was started.
pub mod arguments;
mod checks;
pub mod error;
mod file;
pub mod kinds;
mod lists;
mod rewrite;
pub mod row;
pub mod rows;
pub mod settings;
pub mod slots;
mod store;
pub mod values;

pub use arguments::{Sources, Startup};
pub use error::{ConfigError, Place, SetError, Warning};
pub use file::Include;
pub use row::Apply;
pub use settings::Settings;
pub use store::{Changed, Config, Rename};
pub use values::{
    AppendFsync, ClientClass, DisklessLoad, FileMode, KeyspaceEvents, LogLevel, MaxmemoryPolicy, MemoryShare,
    OutputLimit, OutputLimits, Percentiles, Permission, SavePoint, SavePoints, Secret, Supervised,
};
