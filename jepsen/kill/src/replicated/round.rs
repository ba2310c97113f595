//! One round after the other: load, a fault, what the operator does, more load; then all come in step, and are read and judged.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::thread::Scope;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use seawall_checker::durability::{Content, Found, Reading};
use seawall_checker::loss::{Promotion, Report};

use super::clients::{Asks, Shift};
use super::cluster::{Cluster, NODES};
use super::fault::Fault;
use super::plant::{Act, Plant};
use super::records::Records;
use crate::ballast::Ballast;
use crate::random::Random;
use crate::reader;
use crate::run::{Failure, broken, trouble};

/// How often each fault came, and what went on.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    faults: BTreeMap<Fault, u64>,
    promotions: u64,
    answered: u64,
    looks: u64,
    slowest: Duration,
}

impl Figures {
    /// All.
    pub fn rounds(&self) -> u64 {
        self.faults.values().sum()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> =
            self.faults.iter().map(|(fault, count)| format!("{count} {}", fault.name())).collect();
        write!(
            f,
            "{} rounds: {}; {} promotions; {} units answered; {} looks at replicas for half a transfer; in step again after {} ms at most",
            self.rounds(),
            faults.join(", "),
            self.promotions,
            self.answered,
            self.looks,
            self.slowest.as_millis()
        )
    }
}

/// One run.
pub struct Runner<'a> {
    cluster: Cluster,
    random: Random,
    records: Records,
    ballast: Ballast,
    plant: Option<&'a Plant>,
    clients: u32,
}

type Crew<'scope, 'env> = &'scope Scope<'scope, 'env>;

impl<'a> Runner<'a> {
    /// With the ballast at all nodes.
    pub fn new(
        cluster: Cluster,
        random: Random,
        ballast: Ballast,
        plant: Option<&'a Plant>,
    ) -> Result<Runner<'a>, Failure> {
        ballast.load(cluster.port(cluster.primary)).map_err(trouble)?;
        cluster.settle()?;
        let records = Records::new(NODES, cluster.primary);
        Ok(Runner { cluster, random, records, ballast, plant, clients: 0 })
    }

    /// So many rounds; the last verdict holds for all.
    pub fn play(mut self, rounds: u64, figures: &mut Figures) -> Result<Report, Failure> {
        let mut report = Report::default();
        for _ in 0..rounds {
            let fault = self.plant.map_or_else(|| Fault::choose(&mut self.random), |plant| plant.fault);
            self.under_load(fault, figures).map_err(|failure| during(fault, failure))?;
            self.spoil()?;
            let healing = Instant::now();
            self.cluster.settle().map_err(|failure| during(fault, failure))?;
            figures.slowest = figures.slowest.max(healing.elapsed());
            report = self.judge().map_err(|failure| during(fault, failure))?;
            *figures.faults.entry(fault).or_default() += 1;
        }
        Ok(report)
    }

    fn act(&self) -> Option<Act> {
        self.plant.map(|plant| plant.act)
    }

    fn under_load(&mut self, fault: Fault, figures: &mut Figures) -> Result<(), Failure> {
        let id = self.cluster.state(self.cluster.primary).map(|state| state.id).unwrap_or_default();
        let records = std::mem::replace(&mut self.records, Records::new(0, 0));
        let shift = Shift::new(&records, (self.act() == Some(Act::BelieveWait)).then_some(2));
        let outcome = std::thread::scope(|scope| {
            self.send_writers(scope, &shift);
            for node in self.cluster.replicas() {
                let (port, shift) = (self.cluster.port(node), &shift);
                scope.spawn(move || shift.watch(port));
            }
            self.rest(30, 400);
            let window = records.fault_begins(fault.name());
            let outcome = self.strike(fault, &id, &records, scope, &shift, figures);
            // Nobody may be left waiting for a node that stands still.
            let _ = (0..NODES).try_for_each(|node| self.cluster.signal(node, Signal::SIGCONT));
            shift.over.store(true, Ordering::SeqCst);
            records.fault_ends(window);
            outcome
        });
        figures.answered += shift.answered.load(Ordering::Relaxed);
        figures.looks += shift.looks.load(Ordering::Relaxed);
        let strange = shift.strange.into_inner().map_err(trouble)?;
        self.records = records;
        outcome?;
        strange
            .first()
            .map_or(Ok(()), |first| Err(Failure::Broken(format!("{first}, and {} more", strange.len() - 1))))
    }

    fn send_writers<'scope, 'env>(&mut self, scope: Crew<'scope, 'env>, shift: &'env Shift<'env>) {
        let (node, port) = (self.cluster.primary, self.cluster.port(self.cluster.primary));
        let synced = if self.cluster.storage.is_log { Asks::WaitAof(1, 1) } else { Asks::Wait(1) };
        for asks in [Asks::Nothing, Asks::Nothing, Asks::Wait(1), Asks::Wait(2), synced, synced] {
            self.clients += 1;
            let (client, random) = (self.clients, Random::new(self.random.below(u64::MAX), 1));
            scope.spawn(move || shift.write(node, port, client, asks, random));
        }
    }

    /// Some time passes, in milliseconds.
    fn rest(&mut self, least: u64, most: u64) {
        std::thread::sleep(Duration::from_millis(least + self.random.below(most - least)));
    }

    fn strike<'scope, 'env>(
        &mut self,
        fault: Fault,
        id: &str,
        records: &'env Records,
        scope: Crew<'scope, 'env>,
        shift: &'env Shift<'env>,
        figures: &mut Figures,
    ) -> Result<(), Failure> {
        let old = self.cluster.primary;
        let replicas = self.cluster.replicas();
        let replica = replicas[self.random.below(replicas.len() as u64) as usize];
        match fault {
            Fault::KillPrimary => self.cluster.kill(old)?,
            Fault::KillTwo => {
                self.cluster.kill(old)?;
                self.cluster.kill(replica)?;
            }
            Fault::KillPrimaryBehind => {
                self.cluster.signal(replica, Signal::SIGSTOP)?;
                self.rest(5, 300);
                self.cluster.kill(old)?;
                if self.random.percent(70) || self.plant.is_some() {
                    self.cluster.signal(replica, Signal::SIGCONT)?;
                }
            }
            Fault::StopPrimary => self.cluster.signal(old, Signal::SIGSTOP)?,
            Fault::PausePrimary | Fault::PauseReplica => {
                let node = if fault == Fault::PausePrimary { old } else { replica };
                self.cluster.signal(node, Signal::SIGSTOP)?;
                self.rest(20, 800);
                self.cluster.signal(node, Signal::SIGCONT)?;
                self.rest(20, 200);
                return Ok(());
            }
            Fault::KillReplica => {
                self.cluster.kill(replica)?;
                self.rest(1, 300);
                self.bring_back(replica, records)?;
                self.rest(1, 300);
                return Ok(());
            }
            Fault::HandOver => return self.hand_over(replica, records, scope, shift, figures),
        }
        self.succeed(old, replica, id, records, scope, shift, figures)
    }

    /// Another becomes the primary, and the old one its replica.
    #[expect(clippy::too_many_arguments, reason = "what a round is made of")]
    fn succeed<'scope, 'env>(
        &mut self,
        old: usize,
        replica: usize,
        id: &str,
        records: &'env Records,
        scope: Crew<'scope, 'env>,
        shift: &'env Shift<'env>,
        figures: &mut Figures,
    ) -> Result<(), Failure> {
        let is_wrong = self.act() == Some(Act::PromoteBehind);
        match self.cluster.promote(id, records, is_wrong)? {
            Some(promotion) => records.promoted(promotion),
            None => return self.nobody_promoted(old, replica, records),
        }
        figures.promotions += 1;
        self.send_writers(scope, shift);
        self.cluster.signal(replica, Signal::SIGCONT)?;
        for node in self.cluster.replicas() {
            if node != old && self.cluster.alive().contains(&node) {
                self.cluster.follow(node)?;
            }
        }
        self.rest(10, 300);
        // Until it is told, an old primary that goes on believes that it is one.
        self.cluster.signal(old, Signal::SIGCONT)?;
        self.rest(1, 60);
        for node in [old, replica] {
            if !self.cluster.alive().contains(&node) {
                self.bring_back(node, records)?;
            } else if node != self.cluster.primary {
                self.cluster.follow(node)?;
            }
        }
        self.rest(10, 300);
        Ok(())
    }

    /// No replica can be: the old primary comes back as such, with what it has.
    fn nobody_promoted(&mut self, old: usize, replica: usize, records: &Records) -> Result<(), Failure> {
        for node in [old, replica] {
            self.cluster.signal(node, Signal::SIGCONT)?;
            if !self.cluster.alive().contains(&node) {
                self.bring_back(node, records)?;
            }
        }
        Ok(())
    }

    fn bring_back(&mut self, node: usize, records: &Records) -> Result<(), Failure> {
        self.cluster.bring_back(node)?;
        records.restarted(node, self.cluster.storage.kept);
        Ok(())
    }

    /// FAILOVER to a replica, which reports success or leaves things as they are.
    fn hand_over<'scope, 'env>(
        &mut self,
        replica: usize,
        records: &'env Records,
        scope: Crew<'scope, 'env>,
        shift: &'env Shift<'env>,
        figures: &mut Figures,
    ) -> Result<(), Failure> {
        let old = self.cluster.primary;
        let decided = records.now();
        let port = self.cluster.port(replica).to_string();
        self.cluster.ask(old, &["FAILOVER", "TO", "127.0.0.1", &port, "TIMEOUT", "5000"])?;
        let deadline = Instant::now() + Duration::from_secs(20);
        let is_over = |cluster: &Cluster| cluster.state(replica).is_some_and(|state| state.is_primary);
        while !is_over(&self.cluster) {
            if Instant::now() > deadline {
                return Err(broken("FAILOVER TO a sound replica has not come about within 20 s"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.cluster.primary = replica;
        let (node, done) = (replica as u32, records.now());
        let handed_over_by = Some(old as u32);
        records.promoted(Promotion {
            node,
            compared: vec![node],
            is_furthest: true,
            decided,
            done,
            handed_over_by,
        });
        figures.promotions += 1;
        self.send_writers(scope, shift);
        for other in self.cluster.replicas().into_iter().filter(|other| *other != old) {
            self.cluster.follow(other)?;
        }
        self.rest(30, 300);
        Ok(())
    }

    /// The plant's work at a replica.
    fn spoil(&self) -> Result<(), Failure> {
        let Some(request) = self.act().and_then(Act::behind_its_back) else { return Ok(()) };
        self.cluster.settle()?;
        let replica = self.cluster.replicas()[0];
        self.cluster.ask(replica, &["CONFIG", "SET", "replica-read-only", "no"])?;
        self.cluster.ask(replica, request)
    }

    /// Everything is read from everybody.
    fn judge(&mut self) -> Result<Report, Failure> {
        let began = self.records.now();
        let mut readings = Vec::new();
        for node in 0..NODES {
            let seen = reader::read(self.cluster.port(node), &self.ballast)
                .map_err(|e| Failure::Broken(format!("node {node}: {e}")))?;
            for (database, books) in &seen.books {
                books
                    .check()
                    .map_err(|e| Failure::Broken(format!("at node {node}, in database {database}: {e}")))?;
            }
            readings.push(seen.reading);
        }
        for (node, reading) in readings.iter().enumerate() {
            same(&readings[self.cluster.primary], reading).map_err(|e| {
                Failure::Broken(format!(
                    "node {} (primary) and node {node} differ: {e}",
                    self.cluster.primary
                ))
            })?;
        }
        self.records.read(began, readings.swap_remove(self.cluster.primary));
        let report = self.records.measure();
        match report.broken.first() {
            None => Ok(report),
            Some(_) => Err(Failure::Broken(report.to_string())),
        }
    }
}

/// Whether two readings show the same, apart from what has expired in between.
fn same(one: &Reading, other: &Reading) -> Result<(), String> {
    let latest = one.ended_ms.max(other.ended_ms);
    let lives = |reading: &Reading, key: &Vec<u8>| {
        reading
            .keys
            .get(key)
            .filter(|found| found.deadline_ms.is_none_or(|deadline| deadline > latest))
            .cloned()
    };
    let keys = one.keys.keys().chain(other.keys.keys());
    for key in keys {
        let (left, right) = (lives(one, key), lives(other, key));
        if left != right {
            let (left, right) = (left.map(|found| shown(&found)), right.map(|found| shown(&found)));
            return Err(format!("{}: {left:?} and {right:?}", String::from_utf8_lossy(key)));
        }
    }
    Ok(())
}

/// For a reader: of something long how much, and its end.
fn shown(found: &Found) -> String {
    let text = |bytes: &Vec<u8>| format!("{:.40}", String::from_utf8_lossy(bytes));
    let last = |elements: Vec<&Vec<u8>>| {
        let tail: Vec<String> = elements.iter().rev().take(3).map(|element| text(element)).collect();
        format!("{} elements, from the end: {}", elements.len(), tail.join(" "))
    };
    let content = match &found.content {
        Content::Text(bytes) => text(bytes),
        Content::List(elements) => last(elements.iter().collect()),
        Content::Set(elements) => last(elements.iter().collect()),
    };
    found.deadline_ms.map_or(content.clone(), |deadline| format!("{content}, until {deadline}"))
}

fn during(fault: Fault, failure: Failure) -> Failure {
    match failure {
        Failure::Broken(found) => Failure::Broken(format!("{found}\nin a round of: {}", fault.name())),
        trouble @ Failure::Trouble(_) => trouble,
    }
}
