//! What must hold of a deployment at every moment, whatever breaks. One invariant a file.
//!
//! The [`Onlooker`] looks at all nodes every few milliseconds, and whenever a scenario asks him to. What he finds first is kept;
//! the scenario ends the run and reports it. Judging is apart from looking: an invariant is given looks, and no world.

mod data;
mod offsets;
mod prefix;
mod resync;
#[cfg(test)]
mod tests;
mod waited;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::Runtime;
use seawall_checker::durability::Effect;

use crate::deployment::{Deployment, Look, Number};
use crate::runtime::SimRuntime;

/// All nodes at one moment.
pub(crate) struct View<'a> {
    now: Duration,
    /// By number; `None` where no process runs.
    looks: &'a [Option<Look>],
}

impl View<'_> {
    /// The nodes that run.
    fn nodes(&self) -> impl Iterator<Item = (Number, &Look)> {
        self.looks.iter().enumerate().filter_map(|(number, look)| Some((number, look.as_ref()?)))
    }
}

/// How often he looks.
const PERIOD: Duration = Duration::from_millis(2);
/// How often he compares data although no offset has moved.
const DATA_PERIOD: Duration = Duration::from_millis(200);

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Onlooker {
    deployment: Deployment,
    state: Rc<RefCell<State>>,
}

impl std::fmt::Debug for Onlooker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Onlooker").finish_non_exhaustive()
    }
}

struct State {
    before: Vec<Option<Look>>,
    /// When each node was last seen down, beginning anew, or under another name than before.
    shaken: Vec<Duration>,
    data: data::Data,
    compared: Duration,
    resync: resync::Resync,
    broken: Option<String>,
}

impl Onlooker {
    /// Who has seen nothing yet.
    pub fn new(deployment: &Deployment) -> Onlooker {
        let nodes = deployment.len();
        let state = State {
            before: vec![None; nodes],
            shaken: vec![Duration::ZERO; nodes],
            data: data::Data::default(),
            compared: Duration::ZERO,
            resync: resync::Resync::new(nodes),
            broken: None,
        };
        Onlooker { deployment: deployment.clone(), state: Rc::new(RefCell::new(state)) }
    }

    /// Looks until something is broken.
    pub async fn watch(self) {
        while self.broken().is_none() {
            self.look();
            SimRuntime::sleep(PERIOD).await;
        }
    }

    /// What was found first.
    pub fn broken(&self) -> Option<String> {
        self.state.borrow().broken.clone()
    }

    /// Something that another has found.
    pub fn accuse(&self, what: String) {
        let (at, nodes, differences) =
            (self.deployment.now(), self.deployment.describe_all(), self.differences());
        self.state
            .borrow_mut()
            .broken
            .get_or_insert_with(|| format!("at {at:?}: {what}\n{nodes}{differences}"));
    }

    /// Where nodes differ that are at one offset of one history now.
    fn differences(&self) -> String {
        let deployment = &self.deployment;
        let place = |node| deployment.look(node).map(|look| (look.id(), look.offset));
        let mut text = String::new();
        for other in 1..deployment.len() {
            let same = (0..other).find(|one| place(*one).is_some() && place(*one) == place(other));
            if let Some(one) =
                same.filter(|one| deployment.fingerprint(*one) != deployment.fingerprint(other))
            {
                text += &format!("  nodes {one} and {other}: {}\n", deployment.difference(one, other));
            }
        }
        text
    }

    /// Looks at all nodes once.
    pub fn look(&self) {
        if let Err(what) = self.judge() {
            self.accuse(what);
        }
    }

    fn judge(&self) -> Result<(), String> {
        let deployment = &self.deployment;
        let looks: Vec<Option<Look>> = (0..deployment.len()).map(|node| deployment.look(node)).collect();
        let state = &mut *self.state.borrow_mut();
        if looks == state.before && deployment.now() - state.compared < DATA_PERIOD {
            return Ok(());
        }
        let view = View { now: deployment.now(), looks: &looks };
        self.note_changes(state, &view);
        let all = view.now - state.compared >= DATA_PERIOD;
        if all {
            state.compared = view.now;
        }
        let judged = state
            .data
            .check(&view, &state.before, all, |node| deployment.fingerprint(node))
            .and_then(|()| offsets::check(&view, &state.before))
            .and_then(|()| prefix::check(&view))
            .and_then(|()| state.resync.check(&view, &state.before));
        state.before = looks;
        judged
    }

    /// Counts what the nodes do, and notes who was shaken.
    fn note_changes(&self, state: &mut State, view: &View<'_>) {
        for (node, look) in view.looks.iter().enumerate() {
            let before = state.before[node].as_ref();
            let is_same = match (look, before) {
                (Some(look), Some(before)) => {
                    look.is_settled && look.life == before.life && look.id() == before.id()
                }
                _ => false,
            };
            if !is_same {
                state.shaken[node] = view.now;
            }
            if let Some(look) = look {
                self.count(before, look);
            }
        }
    }

    fn count(&self, before: Option<&Look>, look: &Look) {
        let sim = self.deployment.sim();
        let before = before.filter(|before| before.life == look.life);
        let earlier = before.map(|before| before.answered).unwrap_or_default();
        (earlier.full..look.answered.full).for_each(|_| sim.count("full syncs"));
        (earlier.partial..look.answered.partial).for_each(|_| sim.count("partial resyncs"));
        (earlier.refused..look.answered.refused).for_each(|_| sim.count("partial resyncs refused"));
        if look.is_refusing && !before.is_some_and(|before| before.is_refusing) {
            sim.count("refused an empty primary");
        }
    }

    /// WAIT has said that so many replicas of `primary` have a write that was sent at `invoked`.
    pub fn check_wait(
        &self,
        primary: Number,
        effects: &[Effect],
        db: usize,
        invoked: Duration,
        counted: i64,
    ) {
        self.look();
        let (deployment, shaken) = (&self.deployment, self.state.borrow().shaken.clone());
        let others = (0..deployment.len()).filter(|node| *node != primary);
        let found = others.map(|node| match shaken[node] >= invoked {
            true => waited::Found::Unknown,
            false => {
                let held = deployment.inspect(node, |engine| waited::holds(engine, db, effects));
                held.unwrap_or(waited::Found::Unknown)
            }
        });
        if let Err(what) = waited::check(&found.collect::<Vec<_>>(), counted) {
            self.accuse(format!("{what}: {effects:?}, sent to node {primary} at {invoked:?}"));
        }
    }

    /// Whether a node has been sound and of one name since then.
    pub fn is_steady_since(&self, node: Number, since: Duration) -> bool {
        self.look();
        self.state.borrow().shaken[node] < since
    }
}
