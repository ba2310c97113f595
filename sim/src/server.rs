//! A server in the simulated world.

use seawall::config::Config;
use seawall::engine::Identity;
use seawall::node::{Node, Options};

use crate::plants::{self, Plant};
use crate::runtime::SimRuntime;

/// Starts a node, sound or with a mistake. Its clients come from other machines, and there is no password.
pub fn start(plant: Option<Plant>, mut config: Config) -> std::io::Result<Node<SimRuntime>> {
    config.protected_mode = false;
    let options = Options {
        config,
        table: plants::table(plant),
        host: Box::new(|_, _| ()),
        identity: Identity::default(),
        faults: plant.map(Plant::faults).unwrap_or_default(),
    };
    Node::start(options)
}
