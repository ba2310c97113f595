//! Several servers that replicate: who is who, how each is started, and what an onlooker sees of them.
//!
//! The onlooker stands outside the world: he reads a node's engine at any moment, which no client can, and changes nothing.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::rc::{Rc, Weak};
use std::time::Duration;

use seawall::config::Config;
use seawall::engine::Engine;
use seawall::node::Node;
use seawall::replication::{History, Link, ReplicationId, Stage};

use crate::ground::{NodeId, Status};
use crate::plants::Plant;
use crate::runtime::SimRuntime;
use crate::server;
use crate::simulation::Simulation;

/// A node of a deployment, by its number.
pub type Number = usize;

/// What a node is made of.
struct Member {
    id: NodeId,
    /// Lines of redis.conf, but for `replicaof`.
    config: String,
    /// Whom it was told to follow last: what CONFIG REWRITE has left in its configuration.
    follows: Cell<Option<Number>>,
    /// The process, while it lives.
    process: RefCell<Weak<Node<SimRuntime>>>,
    /// How many processes there were.
    life: Cell<u32>,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Deployment {
    sim: Simulation,
    members: Rc<Vec<Member>>,
}

impl std::fmt::Debug for Deployment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deployment").field("nodes", &self.members.len()).finish_non_exhaustive()
    }
}

/// What is seen of a node at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Which process of the node it is.
    pub life: u32,
    /// The history that it writes or repeats.
    pub history: History,
    /// Its offset, with what was done and not handed over yet.
    pub offset: u64,
    /// What of the history it keeps for replicas.
    pub backlog: Option<Range<u64>>,
    /// Whom it follows, and how far that is; `None`: it is a primary.
    pub upstream: Option<(Number, Link)>,
    /// Whether its data are those of its history at its offset: not while a snapshot comes or before the first has come.
    pub is_settled: bool,
    /// It refuses an empty primary's snapshot (P15).
    pub is_refusing: bool,
    /// How many keys there are.
    pub keys: usize,
    /// Who reads from it, and how far it knows them to be.
    pub replicas: String,
    /// What replicas were answered.
    pub answered: Answered,
    /// The replicas that wait for a snapshot or are sent one.
    pub beginning: Vec<Number>,
    /// Those that are sent the stream.
    pub streaming: Vec<Number>,
}

/// How many replicas were answered what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// To begin anew.
    pub full: u64,
    /// To go on.
    pub partial: u64,
    /// To begin anew, although they wanted to go on.
    pub refused: u64,
}

impl Look {
    /// The name of its history.
    pub fn id(&self) -> ReplicationId {
        self.history.id()
    }

    /// Whether it follows the stream of its primary.
    pub fn is_connected(&self) -> bool {
        matches!(self.upstream, Some((_, Link::Connected)))
    }
}

/// The address of a node by its number.
pub fn address(number: Number) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1 + number as u8)), 6379)
}

/// The number of the node with this host name.
fn number_of(host: &str) -> Option<Number> {
    host.strip_prefix("10.0.0.")?.parse::<usize>().ok()?.checked_sub(1)
}

impl Deployment {
    /// Starts nodes with these lines of redis.conf, each following another or none.
    pub fn start(sim: &Simulation, plant: Option<Plant>, nodes: &[(String, Option<Number>)]) -> Deployment {
        let members = Rc::new_cyclic(|all: &Weak<Vec<Member>>| {
            let add = |(number, (config, follows)): (usize, &(String, Option<Number>))| {
                let all = all.clone();
                let id = sim.add_node(&format!("server {number}"), address(number).ip(), move || {
                    serve(all.clone(), number, plant)
                });
                // Logs have no checksum, and what is looked for here is not what holes in them do.
                sim.change_disk(id, |disk| disk.tails_in_order = true);
                Member {
                    id,
                    config: config.clone(),
                    follows: Cell::new(*follows),
                    process: RefCell::default(),
                    life: Cell::new(0),
                }
            };
            nodes.iter().enumerate().map(add).collect()
        });
        Deployment { sim: sim.clone(), members }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The node's place in the world.
    pub fn id(&self, node: Number) -> NodeId {
        self.members[node].id
    }

    /// All of them.
    pub fn ids(&self) -> Vec<NodeId> {
        self.members.iter().map(|member| member.id).collect()
    }

    /// Whether its process runs, or is only paused.
    pub fn is_up(&self, node: Number) -> bool {
        matches!(self.sim.status(self.id(node)), Status::Running | Status::Paused)
    }

    /// Whom the node's configuration names as its primary.
    pub fn follows(&self, node: Number) -> Option<Number> {
        self.members[node].follows.get()
    }

    /// The node was told whom to follow, and has noted it.
    pub fn told(&self, node: Number, follows: Option<Number>) {
        self.members[node].follows.set(follows);
    }

    /// Looks at a node's engine, if there is one.
    pub fn inspect<T>(&self, node: Number, look: impl FnOnce(&Engine) -> T) -> Option<T> {
        let process = self.members[node].process.borrow().upgrade()?;
        self.is_up(node).then(|| process.inspect(look))
    }

    /// What is seen of a node now; `None` if its process does not run.
    pub fn look(&self, node: Number) -> Option<Look> {
        let life = self.members[node].life.get();
        self.inspect(node, |engine| look_at(engine, life))
    }

    /// The sum over a node's data.
    pub fn fingerprint(&self, node: Number) -> Option<u64> {
        self.inspect(node, |engine| engine.keyspace.fingerprint())
    }

    /// Where the data of two nodes differ, for a reader.
    pub fn difference(&self, one: Number, other: Number) -> String {
        let of = |node| self.inspect(node, |engine| engine.keyspace.fingerprints()).unwrap_or_default();
        let (one, other) = (of(one), of(other));
        let mut differing: Vec<String> = Vec::new();
        for (place, print) in &one {
            match other.get(place) {
                None => differing.push(format!("only the first has {}", name(place))),
                Some(print_there) if print != print_there => {
                    differing.push(format!("{} differs", name(place)))
                }
                Some(_) => {}
            }
        }
        let missing = other.keys().filter(|place| !one.contains_key(*place));
        differing.extend(missing.map(|place| format!("only the second has {}", name(place))));
        differing.join(", ")
    }

    /// The world.
    pub fn sim(&self) -> &Simulation {
        &self.sim
    }

    /// True time.
    pub fn now(&self) -> Duration {
        self.sim.true_time()
    }

    /// A node's state in one line, for a reader.
    pub fn describe(&self, node: Number) -> String {
        let status = self.sim.status(self.id(node));
        let Some(look) = self.look(node) else { return format!("node {node}: {status:?}") };
        let role = match &look.upstream {
            None => "primary".to_owned(),
            Some((primary, link)) => format!("replica of node {primary}, {}", link.role_word()),
        };
        let refusing = if look.is_refusing { ", refuses an empty primary" } else { "" };
        let (id, second) = (look.id().to_string(), look.history.second());
        let second = second.map(|(id, end)| format!(" (before {}: {})", end, &id.to_string()[..6]));
        format!(
            "node {node}: {status:?}, {role}{refusing}; history {}{} at {}, backlog {:?}, {} keys, data {:016x}; replicas [{}]",
            &id[..6],
            second.unwrap_or_default(),
            look.offset,
            look.backlog,
            look.keys,
            self.fingerprint(node).unwrap_or_default(),
            look.replicas,
        )
    }

    /// All nodes' states.
    pub fn describe_all(&self) -> String {
        (0..self.len()).map(|node| format!("  {}\n", self.describe(node))).collect()
    }
}

/// A key with its database.
fn name((db, key): &(usize, Vec<u8>)) -> String {
    format!("{} of database {db}", String::from_utf8_lossy(key))
}

fn look_at(engine: &Engine, life: u32) -> Look {
    let replication = &engine.replication;
    let upstream = replication.upstream.as_ref();
    let is_taking = |link: &Link| matches!(link, Link::Transfer { .. });
    let is_loading = engine.persistence.loading().is_some();
    let replicas: Vec<String> = replication
        .replicas
        .values()
        .map(|replica| {
            format!("{} {:?} sent {} acked {}", replica.address(), replica.stage, replica.sent, replica.acked)
        })
        .collect();
    let at = |is_meant: fn(Stage) -> bool| -> Vec<Number> {
        let meant = replication.replicas.values().filter(|replica| is_meant(replica.stage));
        meant.filter_map(|replica| number_of(&replica.address())).collect()
    };
    Look {
        life,
        history: replication.history.clone(),
        offset: if upstream.is_some() { replication.history.offset() } else { engine.replication_offset() },
        backlog: replication.backlog.as_ref().map(|backlog| backlog.range()),
        upstream: upstream.map(|upstream| (number_of(&upstream.host).unwrap_or(usize::MAX), upstream.link)),
        is_settled: !is_loading
            && upstream.is_none_or(|upstream| upstream.has_history && !is_taking(&upstream.link)),
        is_refusing: upstream.is_some_and(|upstream| upstream.refused.is_some()),
        keys: engine.keyspace.len(),
        replicas: replicas.join(", "),
        answered: Answered {
            full: engine.stats.sync_full,
            partial: engine.stats.sync_partial_ok,
            refused: engine.stats.sync_partial_err,
        },
        beginning: at(|stage| matches!(stage, Stage::Waiting { .. } | Stage::Loading { .. })),
        streaming: at(|stage| stage == Stage::Streaming),
    }
}

/// A node's process. It may end before it serves, when its disk fails it.
async fn serve(all: Weak<Vec<Member>>, number: Number, plant: Option<Plant>) {
    let config = {
        let all = all.upgrade().expect("the deployment lives as long as the world");
        let member = &all[number];
        let follows = member.follows.get().filter(|primary| *primary != number);
        let follows = follows.map(|primary| format!("replicaof {} 6379\n", address(primary).ip()));
        member.life.set(member.life.get() + 1);
        config_of(&format!("{}\n{}", member.config, follows.unwrap_or_default()))
    };
    let Ok(node) = server::start(plant, config) else { return };
    let node = Rc::new(node);
    if let Some(all) = all.upgrade() {
        all[number].process.replace(Rc::downgrade(&node));
    }
    // The end is all that the world sees of it.
    let _ = node.stopped().await;
}

/// A configuration from its lines.
fn config_of(text: &str) -> Config {
    let mut config = Config::default();
    let loaded = config.load("a simulated node", text.as_bytes(), &mut |_| Ok(Vec::new()));
    loaded.unwrap_or_else(|e| panic!("the configuration is refused: {e:?}\n{text}"));
    config
}
