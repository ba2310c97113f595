//! A simulated world in which Seawall's nodes run unchanged, and every run can be repeated from its seed.
//!
//! [`Simulation::run`] starts a world; nodes in it are generic over [`seawall::runtime::Runtime`] and are given
//! [`SimRuntime`]. Rooms, from the ground: `random`, `trace`, `coverage`, `clock`, `queue`, `options`; `ground`, on which
//! all parts stand; `network`, `disk`, `tasks`, `timers`, which know nothing of each other; `world`, which ties them
//! together; `runtime`, which a node sees; `host`, the executor underneath; `simulation`, which a scenario sees; `client`,
//! `workload`, `nemesis`, `wrecker`, `plants`, of which scenarios are made; for several nodes `deployment`, `invariant`,
//! `failover`, `havoc`; `scenario`, the list of them.
//!
//! What holds: all choices come from the seed, each consumer's from a stream of its own; nothing that a process did not sync
//! surely survives power loss, and nothing that it synced is lost; nothing passes a cut link; a process that has ended has
//! no further effect.

#[cfg(not(madsim))]
compile_error!(
    "seawall-sim needs --cfg madsim from .cargo/config.toml; an environment RUSTFLAGS overrides it"
);

pub mod client;
pub mod clock;
pub mod coverage;
#[cfg(madsim)]
pub mod deployment;
pub mod disk;
#[cfg(madsim)]
pub mod failover;
pub mod ground;
#[cfg(madsim)]
pub mod havoc;
#[cfg(madsim)]
mod host;
#[cfg(madsim)]
pub mod invariant;
#[cfg(madsim)]
pub mod nemesis;
pub mod network;
#[cfg(madsim)]
pub mod operator;
pub mod options;
pub mod plants;
pub mod queue;
pub mod random;
pub mod runtime;
#[cfg(madsim)]
pub mod scenario;
#[cfg(madsim)]
pub mod server;
#[cfg(madsim)]
mod simulation;
pub mod tasks;
pub mod timers;
pub mod trace;
#[cfg(madsim)]
pub mod workload;
pub mod world;
#[cfg(madsim)]
pub mod wrecker;

pub use disk::{Effect, Operation, Trap, Trouble, When};
pub use ground::{NodeId, Status};
pub use options::{DiskSettings, Lies, LinkSettings, NetworkOptions, Options};
pub use random::Random;
pub use runtime::SimRuntime;
#[cfg(madsim)]
pub use simulation::{Outcome, RunReport, Simulation};
