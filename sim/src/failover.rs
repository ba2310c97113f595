//! An operator who keeps a deployment with one primary: the failover that is there before Sentinel.
//!
//! He sits on a machine of his own and knows only what nodes answer him. When the primary has been silent for some time he asks all
//! others how far they are, promotes one of them by his rule, and tells everybody whom to follow; who comes back and follows
//! somebody else, or nobody, is told again. Where a replica refuses an empty primary (P15), he promotes a replica, or says
//! that the empty one is meant.
//!
//! What he does is noted in the ledger of the loss meter: a promotion before it is sent.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use seawall::protocol::client::Value;
use seawall::runtime::Runtime;
use seawall_checker::loss::Promotion;

use crate::client::Client;
use crate::deployment::{Number, address};
use crate::random::Random;
use crate::runtime::SimRuntime;
use crate::workload::replicated::Office;

/// Whom he promotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// The one that is furthest in the history of the last primary.
    Furthest,
    /// Any.
    Random,
    /// Who answers first.
    First,
}

/// Which node follows which, seen from the primary: `chain` has each follow the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// All follow the primary.
    Star,
    /// Each follows the one with the next lower number, and the first of them the primary.
    Chain,
}

/// See the module.
#[derive(Debug)]
pub struct Operator {
    /// What he shares with the clients.
    pub office: Office,
    /// His own random numbers.
    pub random: Random,
    /// How he chooses.
    pub rule: Rule,
    /// How the nodes are to follow each other.
    pub shape: Shape,
    /// He promotes at all.
    pub promotes: bool,
    /// How long a primary may be silent.
    pub down_after: Duration,
    /// Set while FAILOVER is under way: he keeps his hands off.
    pub busy: Rc<Cell<bool>>,
}

/// A silent node is given so long.
const PATIENCE: Duration = Duration::from_millis(400);
/// He looks around as often.
const PERIOD: Duration = Duration::from_millis(200);

/// What a node says of itself.
#[derive(Clone, Debug)]
struct Answer {
    node: Number,
    is_primary: bool,
    follows: Option<String>,
    id: String,
    offset: u64,
    is_syncing: bool,
    refuses: bool,
}

impl Operator {
    /// Keeps watch for ever.
    pub async fn keep_watch(mut self) {
        let (mut silent_since, mut history) = (None, String::new());
        loop {
            SimRuntime::sleep(PERIOD).await;
            if self.busy.get() {
                silent_since = None;
                continue;
            }
            let primary = self.office.primary.get();
            let answer = ask(primary).await;
            if self.office.primary.get() != primary || self.busy.get() {
                continue;
            }
            match answer {
                Ok(answer) => {
                    silent_since = None;
                    if !answer.is_primary {
                        self.confirm(primary).await;
                        continue;
                    }
                    history = answer.id;
                }
                Err(_) => {
                    let now = self.office.deployment.now();
                    let since = *silent_since.get_or_insert(now);
                    if now - since >= self.down_after && self.promotes {
                        self.promote(&history, "promotion after silence").await;
                        silent_since = None;
                        continue;
                    }
                }
            }
            self.tell_all(&history).await;
        }
    }

    /// The primary says that it is a replica: it did not hear, or came back with an older configuration.
    async fn confirm(&mut self, primary: Number) {
        let decided = self.office.deployment.now();
        self.note(primary, Vec::new(), false, decided);
        let _ = order(primary, &["REPLICAOF", "NO", "ONE"]).await;
        self.office.deployment.told(primary, None);
    }

    /// Tells everybody whom to follow.
    async fn tell_all(&mut self, history: &str) {
        for node in 0..self.office.deployment.len() {
            let primary = self.office.primary.get();
            if node == primary || self.busy.get() {
                continue;
            }
            let wanted = self.upstream_of(node, primary);
            let host = address(wanted).ip().to_string();
            let Ok(answer) = ask(node).await else { continue };
            if self.office.primary.get() != primary || self.busy.get() {
                return;
            }
            if answer.refuses && !answer.is_primary && wanted == primary {
                self.resolve(node, history).await;
            } else if answer.is_primary || answer.follows.as_ref() != Some(&host) {
                if answer.is_primary {
                    self.office.deployment.sim().count("primary made a replica");
                }
                if order(node, &["REPLICAOF", &host, "6379"]).await.is_ok() {
                    self.office.deployment.told(node, Some(wanted));
                }
            }
        }
    }

    fn upstream_of(&self, node: Number, primary: Number) -> Number {
        let before = (0..node).rev().find(|other| *other != primary);
        match self.shape {
            Shape::Chain => before.unwrap_or(primary),
            Shape::Star => primary,
        }
    }

    /// A replica refuses the primary's empty data.
    async fn resolve(&mut self, node: Number, history: &str) {
        if self.promotes && self.random.below(3) > 0 {
            self.promote(history, "promotion instead of an empty primary").await;
            return;
        }
        self.office.deployment.sim().count("empty primary accepted");
        if order(node, &["CONFIG", "SET", "replica-accept-empty-primary", "yes"]).await.is_ok() {
            SimRuntime::sleep(Duration::from_secs(3)).await;
            let _ = order(node, &["CONFIG", "SET", "replica-accept-empty-primary", "no"]).await;
        }
    }

    /// Promotes one of the others, if any answers.
    async fn promote(&mut self, history: &str, why: &str) {
        let old = self.office.primary.get();
        let decided = self.office.deployment.now();
        let mut answers: Vec<Answer> = Vec::new();
        for node in self.shuffled() {
            if let (true, Ok(answer)) = (node != old, ask(node).await) {
                answers.push(answer);
            }
        }
        if self.office.primary.get() != old || self.busy.get() {
            return;
        }
        // Who is in the middle of a snapshot has nothing yet.
        answers.retain(|answer| !answer.is_syncing);
        let compared: Vec<&Answer> = answers.iter().filter(|answer| answer.id == history).collect();
        let furthest = compared.iter().max_by_key(|answer| answer.offset).copied();
        let any = self.random.below(answers.len() as u64) as usize;
        let Some(chosen) = (match self.rule {
            Rule::Furthest => furthest.or(answers.first()),
            Rule::Random => answers.get(any),
            Rule::First => answers.first(),
        }) else {
            return;
        };
        // Between the answer and the order it may have begun anew.
        let steady: Vec<Number> = compared
            .iter()
            .map(|answer| answer.node)
            .filter(|node| self.office.onlooker.is_steady_since(*node, decided))
            .collect();
        let is_furthest = furthest
            .is_some_and(|furthest| furthest.offset <= chosen.offset && chosen.id == history)
            && steady.contains(&chosen.node)
            && steady.len() == compared.len();
        let sim = self.office.deployment.sim();
        sim.count(why);
        sim.count(if is_furthest { "promoted the furthest" } else { "promoted another" });
        let chosen = chosen.node;
        self.note(chosen, steady, is_furthest, decided);
        // Before it is sent: the node may obey without our ever hearing of it.
        self.office.primary.set(chosen);
        if order(chosen, &["REPLICAOF", "NO", "ONE"]).await.is_ok() {
            self.office.deployment.told(chosen, None);
        }
    }

    fn note(&self, node: Number, compared: Vec<Number>, is_furthest: bool, decided: Duration) {
        self.office.ledger.borrow_mut().promoted(Promotion {
            node: node as u32,
            compared: compared.into_iter().map(|node| node as u32).collect(),
            is_furthest,
            decided,
            done: self.office.deployment.now(),
            handed_over_by: None,
        });
    }

    fn shuffled(&mut self) -> Vec<Number> {
        let mut nodes: Vec<Number> = (0..self.office.deployment.len()).collect();
        for last in (1..nodes.len()).rev() {
            nodes.swap(last, self.random.below(last as u64 + 1) as usize);
        }
        nodes
    }
}

/// What a node says of itself.
async fn ask(node: Number) -> io::Result<Answer> {
    let mut client = Client::connect(address(node), PATIENCE).await?;
    let reply = client.call(&["INFO", "replication"]).await?;
    let (Value::Bulk(text) | Value::Simple(text) | Value::Verbatim { text, .. }) = reply else {
        return Err(io::Error::other(format!("{reply:?}")));
    };
    let text = String::from_utf8_lossy(&text);
    let fields: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.trim().split_once(':')).collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let is_primary = field("role") == "master";
    let offset = if is_primary { field("master_repl_offset") } else { field("slave_repl_offset") };
    Ok(Answer {
        node,
        is_primary,
        follows: fields.get("master_host").map(|host| (*host).to_owned()),
        id: field("master_replid").to_owned(),
        offset: offset.parse().unwrap_or_default(),
        is_syncing: field("master_sync_in_progress") == "1",
        refuses: fields.contains_key("master_sync_refused"),
    })
}

/// Has a node do something.
async fn order(node: Number, words: &[&str]) -> io::Result<()> {
    let mut client = Client::connect(address(node), PATIENCE).await?;
    match client.call(words).await? {
        Value::Error(text) => Err(io::Error::other(String::from_utf8_lossy(&text).into_owned())),
        _ => Ok(()),
    }
}
