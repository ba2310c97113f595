//! One primary and two to four replicas, clients who write and read, an operator who promotes; the network, the nodes, their clocks
//! and disks fail.
//!
//! First everything comes together, then faults strike, then the network is whole and a core of nodes is sound for good while
//! one node goes on failing: the core has to converge within a bound, or the run says what it waits for. In the end all nodes
//! have to. Judged: the invariants of [`crate::invariant`] at every moment; by the loss meter what clients were told, P4 to P7,
//! P10, P12.

mod modes;
mod settle;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::Runtime;
use seawall_checker::History;
use seawall_checker::loss::{self, Ledger};

use super::stage::{self, Judged};
use super::{Judgement, Report, Scenario, Settings};
use crate::NodeId;
use crate::deployment::{Deployment, Number};
use crate::failover::{Operator, Rule};
use crate::havoc::{Breaker, Fault, Persistence};
use crate::invariant::Onlooker;
use crate::plants::Plant;
use crate::random::Random;
use crate::runtime::SimRuntime;
use crate::simulation::Simulation;
use crate::workload::replicated::{DATABASES, Office, Reader, Writer, glance, read_all};
use modes::Mode;

macro_rules! scenarios {
    ($($(#[$doc:meta])* $name:ident: $about:literal;)*) => {
        $($(#[$doc])* pub(super) const $name: Scenario = Scenario {
            name: modes::$name.name,
            about: $about,
            run: |settings| run(&modes::$name, settings, |sim, plant| play(sim, plant, &modes::$name)),
        };)*
    };
}

scenarios! {
    /// Replicas come and go.
    PLAIN: "a primary that stays, replicas that come and go; a replica is always a part of its primary's history";
    /// Failovers by any rule.
    ASYNC: "failovers by any rule; what asynchronous replication loses";
    /// WAIT and the furthest.
    WAIT: "failovers to the furthest, clients who WAIT; what must survive then";
    /// WAITAOF and power loss.
    PERSISTENT: "the append log on all nodes, clients who WAITAOF, power loss and failovers";
    /// Older data come back.
    DUMPS: "nodes that come back with an older dump; partial resyncs after restarts";
    /// FAILOVER.
    FAILOVER: "FAILOVER in all its forms at any moment; what it reports done loses nothing";
    /// Replicas of replicas.
    CHAIN: "replicas of replicas, and failovers among them";
    /// P5.
    BOUNDED: "min-replicas-to-write counts all replicas; how long the lost writes reach back";
}

const WRITERS: u8 = 4;
/// So long faults strike.
const FAULTS_LAST: Duration = Duration::from_secs(25);
/// A run in which fewer units were answered proves nothing.
const ANSWERED_MIN: usize = 100;

/// What a run leaves behind.
#[derive(Default)]
struct Seen {
    ledger: Ledger,
    window_max: Option<Duration>,
    /// Something that the mode is there for has happened.
    has_met: bool,
}

fn run<F>(mode: &Mode, settings: Settings, play: fn(Simulation, Option<Plant>) -> F) -> Report
where
    F: Future<Output = (Result<(), String>, Seen)> + 'static,
{
    stage::run(mode.name, settings, play, judge)
}

fn judge(seen: Seen) -> Judged {
    let report = loss::measure(&seen.ledger, &loss::Settings { window_max: seen.window_max });
    let total = report.total();
    let judgement = match report.broken.first() {
        Some(broken) => Judgement::Failed(format!("{broken}\n{} broken in all", report.broken.len())),
        None if total.acknowledged < ANSWERED_MIN => Judgement::Inconclusive(format!(
            "only {} units were answered: nothing was tried",
            total.acknowledged
        )),
        None if !seen.has_met => Judgement::Inconclusive("nothing happened that this is there for".into()),
        None => Judgement::Passed,
    };
    let summary = format!(
        "{} units acknowledged, {} lost ({:.2} %), the oldest {:.3} s before its failover",
        total.acknowledged,
        total.lost,
        total.lost_percent(),
        report.oldest().as_secs_f64()
    );
    Judged { judgement, summary, history: History::new(), loss: Some(report) }
}

/// A run under way.
struct Play {
    sim: Simulation,
    mode: &'static Mode,
    deployment: Deployment,
    office: Office,
    onlooker: Onlooker,
    /// Machines of clients and operator.
    others: Vec<NodeId>,
    rounds: Vec<Rc<Cell<u64>>>,
    busy: Rc<Cell<bool>>,
    persistence: Persistence,
}

/// The run. `Err` if an invariant is broken, or the nodes do not converge.
async fn play(sim: Simulation, plant: Option<Plant>, mode: &'static Mode) -> (Result<(), String>, Seen) {
    let mut random = sim.random("replication", 0);
    let (nodes, persistence) = nodes(mode, &sim, &mut random);
    let deployment = Deployment::start(&sim, plant, &nodes);
    let onlooker = Onlooker::new(&deployment);
    let office = Office::new(&deployment, &onlooker);
    let (others, rounds, busy) = Default::default();
    let mut play = Play { sim, mode, deployment, office, onlooker, others, rounds, busy, persistence };
    SimRuntime::spawn(play.onlooker.clone().watch());
    play.add_people(&mut random);
    let outcome = play.acts().await;
    play.office.stop.set(true);
    let counted = |name: &&str| play.sim.counted_by_name(name) > 0;
    let has_met = mode.meets.iter().any(counted);
    let ledger = play.office.ledger.borrow().clone();
    (outcome, Seen { ledger, window_max: mode.window_max, has_met })
}

/// Each node's configuration and whom it follows.
fn nodes(mode: &Mode, sim: &Simulation, random: &mut Random) -> (Vec<(String, Option<Number>)>, Persistence) {
    // Uncompressed, a snapshot takes several segments.
    let mut config = format!("save \"\"\nrdbcompression no\nrepl-ping-replica-period 1\n{}\n", mode.config);
    for among in mode.variants {
        let chosen = among[random.below(among.len() as u64) as usize];
        sim.count(&format!("with {chosen}"));
        config.push_str(&format!("{chosen}\n"));
    }
    let mut persistence = mode.persistence;
    if persistence != Persistence::None {
        let always = random.below(2) == 0;
        config.push_str(if always { "appendfsync always\n" } else { "appendfsync everysec\n" });
        persistence = if always { Persistence::Always } else { Persistence::Synced };
    }
    let (least, most) = mode.replicas;
    let replicas = least + random.below((most - least) as u64 + 1) as usize;
    let replica = format!("{config}{}\n", mode.replica_config);
    let upstream = |node: Number| match mode.shape {
        crate::failover::Shape::Star => 0,
        crate::failover::Shape::Chain => node - 1,
    };
    let all = (0..=replicas).map(|node| match node {
        0 => (config.clone(), None),
        node => (replica.clone(), Some(upstream(node))),
    });
    (all.collect(), persistence)
}

impl Play {
    /// Clients and the operator.
    fn add_people(&mut self, random: &mut Random) {
        for number in 0..WRITERS {
            let done = Rc::new(Cell::new(0));
            self.rounds.push(done.clone());
            let (world, office, mode) = (self.sim.clone(), self.office.clone(), self.mode);
            let writer = self.sim.add_node(&format!("writer {number}"), [10, 0, 1, number + 1], move || {
                let random = world.random("writer", number.into());
                let (asks, db) = (mode.asks[number as usize % mode.asks.len()], number as usize % DATABASES);
                Writer { office: office.clone(), random, asks, db, rounds: done.clone() }.work()
            });
            self.others.push(writer);
        }
        let (world, office) = (self.sim.clone(), self.office.clone());
        let reader = self.sim.add_node("reader", [10, 0, 2, 1], move || {
            Reader { office: office.clone(), random: world.random("reader", 0) }.work()
        });
        self.others.push(reader);
        self.add_operator(random);
    }

    fn add_operator(&mut self, random: &mut Random) {
        let rules = self.mode.rules;
        let rule = rules.get(random.below(rules.len() as u64) as usize).copied();
        if let Some(rule) = rule {
            self.sim.count(&format!("promotion by rule {rule:?}").to_lowercase());
        }
        let down_after = Duration::from_millis(500 + random.below(1500));
        let (world, office, busy, shape) =
            (self.sim.clone(), self.office.clone(), self.busy.clone(), self.mode.shape);
        let operator = self.sim.add_node("operator", [10, 0, 3, 1], move || {
            let operator = Operator {
                office: office.clone(),
                random: world.random("operator", 0),
                rule: rule.unwrap_or(Rule::Furthest),
                shape,
                promotes: rule.is_some(),
                down_after,
                busy: busy.clone(),
            };
            operator.keep_watch()
        });
        self.others.push(operator);
    }

    async fn acts(&self) -> Result<(), String> {
        self.come_together().await?;
        self.glance_at_primaries();
        let stop = Rc::new(Cell::new(false));
        let breakers: Vec<Breaker> = self
            .mode
            .breakers
            .iter()
            .enumerate()
            .map(|(i, faults)| {
                let spared = if self.mode.spares_primary && i > 0 { vec![0] } else { Vec::new() };
                self.breaker(i as u64, faults, spared, &stop)
            })
            .collect();
        let raging = self.rage(breakers);
        self.strike(&raging);
        self.pass(FAULTS_LAST).await?;
        stop.set(true);
        settle::ended(self, raging).await?;
        self.heal();
        self.become_sound().await
    }

    fn breaker(
        &self,
        number: u64,
        faults: &'static [Fault],
        spared: Vec<Number>,
        stop: &Rc<Cell<bool>>,
    ) -> Breaker {
        Breaker {
            office: self.office.clone(),
            others: self.others.clone(),
            faults,
            random: Rc::new(RefCell::new(self.sim.random("breaker", number))),
            spared,
            cuts_both_ways: self.mode.cuts_both_ways,
            persistence: self.persistence,
            busy: self.busy.clone(),
            stop: stop.clone(),
            pause_max: Duration::from_millis(1200),
        }
    }

    /// Lets breakers rage; the number of those that are at it.
    fn rage(&self, breakers: Vec<Breaker>) -> Rc<Cell<usize>> {
        let at_it = Rc::new(Cell::new(breakers.len()));
        for breaker in breakers {
            let at_it = at_it.clone();
            SimRuntime::spawn(async move {
                breaker.rage().await;
                at_it.set(at_it.get() - 1);
            });
        }
        at_it
    }

    /// Notes what the primary holds after each promotion and restart, so that the loss meter can tell which of them has cost what.
    fn glance_at_primaries(&self) {
        let office = self.office.clone();
        SimRuntime::spawn(async move {
            let mut events = 0;
            while !office.stop.get() {
                let primary = office.primary.get();
                let count = office.ledger.borrow().event_count();
                let look = office.deployment.look(primary);
                let reigns = look.is_some_and(|look| look.upstream.is_none() && look.is_settled);
                if count != events && reigns {
                    events = count;
                    let reading = office.deployment.inspect(primary, glance).unwrap_or_default();
                    office.ledger.borrow_mut().glance(office.deployment.now(), reading);
                }
                SimRuntime::sleep(Duration::from_millis(50)).await;
            }
        });
    }

    /// The primary is struck twice.
    fn strike(&self, raging: &Rc<Cell<usize>>) {
        let (mode, raging) = (self.mode, raging.clone());
        let breaker = self.breaker(40, &[], Vec::new(), &Rc::default());
        if mode.strikes.is_empty() {
            return;
        }
        raging.set(raging.get() + 1);
        SimRuntime::spawn(async move {
            for half in 0..2 {
                let wait = breaker.random.borrow_mut().below(8_000) + 1500 * half;
                SimRuntime::sleep(Duration::from_millis(wait)).await;
                breaker.strike_primary(mode.strikes).await;
            }
            raging.set(raging.get() - 1);
        });
    }

    /// Lets time pass; `Err` as soon as something is broken.
    async fn pass(&self, lasting: Duration) -> Result<(), String> {
        let until = self.deployment.now() + lasting;
        while self.deployment.now() < until {
            if let Some(broken) = self.onlooker.broken() {
                return Err(broken);
            }
            SimRuntime::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The network is whole, and whatever stands still or is down goes on.
    fn heal(&self) {
        self.sim.set_short_io(0.0);
        self.sim.heal();
        let breaker = self.breaker(99, &[], Vec::new(), &Rc::default());
        for node in 0..self.deployment.len() {
            self.sim.resume_if_paused(self.deployment.id(node));
            breaker.come_back(node, node == self.office.primary.get());
        }
    }

    /// A core is sound for good, later all are.
    async fn become_sound(&self) -> Result<(), String> {
        self.pass(Duration::from_secs(3)).await?;
        let outcast = self.outcast();
        let stop = Rc::new(Cell::new(false));
        let core: Vec<Number> = (0..self.deployment.len()).filter(|node| Some(*node) != outcast).collect();
        let raging = match outcast {
            Some(_) => {
                let faults: &[Fault] =
                    if self.mode.cuts_both_ways { Fault::BOUNDED } else { Fault::ALL_BUT_FAILOVER };
                let mut breaker = self.breaker(50, faults, core.clone(), &stop);
                breaker.pause_max = Duration::from_millis(500);
                self.rage(vec![breaker])
            }
            None => Rc::default(),
        };
        let converged = settle::converge(self, &core).await;
        stop.set(true);
        settle::ended(self, raging).await?;
        converged?;
        self.heal();
        settle::all_served(self).await?;
        self.office.stop.set(true);
        self.pass(Duration::from_secs(3)).await?;
        settle::all_equal(self).await?;
        self.read().await
    }

    /// A node that goes on failing, where three others are left.
    fn outcast(&self) -> Option<Number> {
        let primary = self.office.primary.get();
        let can_be = |node: &Number| {
            // What hangs on a failing node fails with it.
            *node != primary
                && (0..self.deployment.len()).all(|other| self.deployment.follows(other) != Some(*node))
        };
        (self.deployment.len() >= 4).then(|| (0..self.deployment.len()).rev().find(can_be)).flatten()
    }

    /// What is left, read from everybody, the primary last.
    async fn read(&self) -> Result<(), String> {
        let primary = self.office.primary.get();
        let others = (0..self.deployment.len()).filter(|node| *node != primary);
        for node in others.chain([primary]) {
            let began = self.deployment.now();
            let reading = read_all(&self.office, node).await;
            let reading = reading.map_err(|e| format!("node {node} cannot be read in the end: {e}"))?;
            self.office.ledger.borrow_mut().read(began, reading);
        }
        Ok(())
    }
}
