//! Three processes, and what an operator does with them.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use seawall_checker::loss::{Kept, Promotion};

use super::records::Records;
use super::state::{State, state};
use crate::link::{Link, refuse};
use crate::node::{Node, Program};
use crate::random::Random;
use crate::run::{Failure, broken, free_port, trouble};

/// How many hold data.
pub const NODES: usize = 3;
/// What has not come about by then will not.
const PATIENCE: Duration = Duration::from_secs(60);

/// What nodes keep over a kill.
#[derive(Debug)]
pub struct Storage {
    /// As it is reported.
    pub name: &'static str,
    options: &'static [&'static str],
    /// What a killed process has when it is back.
    pub kept: Kept,
    /// Whether WAITAOF can be asked for.
    pub is_log: bool,
}

const STORAGES: [Storage; 4] = [
    Storage {
        name: "everysec",
        options: &["--appendonly", "yes", "--appendfsync", "everysec"],
        kept: Kept::Synced,
        is_log: true,
    },
    Storage { name: "nothing", options: &["--appendonly", "no"], kept: Kept::Nothing, is_log: false },
    Storage {
        name: "always",
        options: &["--appendonly", "yes", "--appendfsync", "always"],
        kept: Kept::All,
        is_log: true,
    },
    Storage {
        name: "diskless",
        options: &["--appendonly", "no", "--repl-diskless-load", "swapdb"],
        kept: Kept::Nothing,
        is_log: false,
    },
];

impl Storage {
    /// Each run has another.
    pub fn of_run(number: u64) -> &'static Storage {
        &STORAGES[(number % STORAGES.len() as u64) as usize]
    }
}

struct Member {
    program: Program,
    node: Option<Node>,
}

/// See the module. A node's number is its position.
pub struct Cluster {
    members: Vec<Member>,
    /// The one that is written to.
    pub primary: usize,
    /// Of all of them.
    pub storage: &'static Storage,
}

impl Cluster {
    /// Starts all, the first as the primary.
    pub fn start(
        server: &str,
        room: &Path,
        storage: &'static Storage,
        random: &mut Random,
    ) -> Result<Cluster, Failure> {
        let mut options =
            vec!["--save", "", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
        options.extend(storage.options);
        options.extend(["--repl-diskless-sync", random.pick(&["yes", "yes", "no"])]);
        options.extend(["--repl-backlog-size", random.pick(&["1mb", "10mb", "16kb"])]);
        let mut cluster = Cluster { members: Vec::new(), primary: 0, storage };
        for number in 0..NODES {
            let home = room.join(format!("node-{number}"));
            std::fs::create_dir_all(&home).map_err(trouble)?;
            let options = options.iter().map(|word| (*word).to_owned()).collect();
            let program =
                Program { path: server.to_owned(), port: free_port().map_err(trouble)?, home, options };
            cluster.members.push(Member { program, node: None });
            cluster.bring_back(number)?;
        }
        Ok(cluster)
    }

    /// Where a node listens.
    pub fn port(&self, node: usize) -> u16 {
        self.members[node].program.port
    }

    /// All but the primary.
    pub fn replicas(&self) -> Vec<usize> {
        (0..NODES).filter(|node| *node != self.primary).collect()
    }

    /// Nodes whose process is there.
    pub fn alive(&self) -> Vec<usize> {
        (0..NODES).filter(|node| self.members[*node].node.is_some()).collect()
    }

    /// SIGKILL.
    pub fn kill(&mut self, node: usize) -> Result<(), Failure> {
        self.members[node].node.take().map_or(Ok(()), |node| node.kill().map_err(Failure::Broken))
    }

    /// SIGSTOP or SIGCONT.
    pub fn signal(&self, node: usize, signal: Signal) -> Result<(), Failure> {
        self.members[node].node.as_ref().map_or(Ok(()), |node| node.signal(signal).map_err(trouble))
    }

    /// Starts a process that is not there: as the primary's replica, unless it is the primary.
    pub fn bring_back(&mut self, node: usize) -> Result<(), Failure> {
        let mut program = self.members[node].program.clone();
        if node != self.primary {
            program.options.extend(["--replicaof", "127.0.0.1"].map(str::to_owned));
            program.options.push(self.port(self.primary).to_string());
        }
        self.members[node].node = Some(program.start().map_err(Failure::Broken)?);
        Ok(())
    }

    /// One request that must not be refused.
    pub fn ask(&self, node: usize, request: &[&str]) -> Result<(), Failure> {
        let asked = Link::open(self.port(node)).and_then(|mut link| link.ask(request)).and_then(refuse);
        asked.map(drop).map_err(|e| Failure::Broken(format!("node {node}, {request:?}: {e}")))
    }

    /// What a node says, if it answers.
    pub fn state(&self, node: usize) -> Option<State> {
        self.members[node].node.as_ref()?;
        state(self.port(node)).ok()
    }

    /// The operator asks all nodes but the primary how far they are in its history, and promotes the one that is furthest, or, if
    /// that is the plant, the one that is least far. `None`: there is none.
    pub fn promote(
        &mut self,
        id: &str,
        records: &Records,
        is_wrong: bool,
    ) -> Result<Option<Promotion>, Failure> {
        let decided = records.now();
        let mut compared: Vec<(u64, usize)> = Vec::new();
        for node in self.replicas() {
            let found = self.state(node).filter(|state| state.id == id && !state.is_syncing);
            compared.extend(found.map(|state| (state.offset, node)));
        }
        let chosen = if is_wrong { compared.iter().min() } else { compared.iter().max() };
        let Some(&(_, node)) = chosen else { return Ok(None) };
        self.ask(node, &["REPLICAOF", "NO", "ONE"])?;
        self.primary = node;
        let compared = compared.iter().map(|(_, node)| *node as u32).collect();
        let done = records.now();
        Ok(Some(Promotion {
            node: node as u32,
            compared,
            is_furthest: true,
            decided,
            done,
            handed_over_by: None,
        }))
    }

    /// All that live follow the primary.
    pub fn follow(&self, node: usize) -> Result<(), Failure> {
        self.ask(node, &["REPLICAOF", "127.0.0.1", &self.port(self.primary).to_string()])
    }

    /// Until all are there and at one offset of one history; nobody writes.
    pub fn settle(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let states: Vec<Option<State>> = (0..NODES).map(|node| self.state(node)).collect();
            if self.is_settled(&states) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(broken(format!(
                    "the nodes do not come in step within {PATIENCE:?}: {states:#?}, primary {}",
                    self.primary
                )));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_settled(&self, states: &[Option<State>]) -> bool {
        let Some(Some(primary)) = states.get(self.primary) else { return false };
        states.iter().enumerate().all(|(node, state)| {
            let is_follower = |state: &State| !state.is_primary && state.is_up;
            let is_right =
                |state: &State| if node == self.primary { state.is_primary } else { is_follower(state) };
            state.as_ref().is_some_and(|state| {
                is_right(state) && (&state.id, state.offset) == (&primary.id, primary.offset)
            })
        })
    }
}
