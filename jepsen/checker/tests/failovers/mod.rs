//! Random deployments of one primary and some replicas that fail over honestly: the ledgers that the loss meter must accept.
//!
//! A node is a list of writes. Replicas copy first parts of their primary's list; WAIT says how many have a write; somebody
//! promotes by what he finds; a deposed primary goes on answering until it is told.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use seawall_checker::durability::{Content, Effect, Found, Reading};
use seawall_checker::loss::{Durability, Kept, Ledger, Promotion, WriteId};
use std::time::Duration;

/// What a deployment is made of.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub nodes: u32,
    pub steps: u32,
    /// Failovers and restarts among a hundred steps.
    pub trouble_percent: u64,
}

/// A node.
#[derive(Clone, Debug, Default)]
struct Machine {
    /// Writes in their order.
    log: Vec<usize>,
    /// How many of them are synced.
    synced: usize,
    /// Which history it follows: the number of promotions when it last heard from a primary.
    term: u32,
}

/// A deployment.
pub struct World {
    random: ChaCha8Rng,
    ledger: Ledger,
    machines: Vec<Machine>,
    primary: usize,
    /// The primary before, which does not know.
    deposed: Option<usize>,
    term: u32,
    now: Duration,
    writes: Vec<(WriteId, bool)>,
    /// How much trouble there was so far.
    epoch: usize,
    epochs: Vec<usize>,
}

/// A deployment at its end.
pub struct Ended {
    pub ledger: Ledger,
    /// What the last primary holds.
    pub reading: Reading,
    pub now: Duration,
    /// Of each write: how much trouble there had been before.
    pub epochs: Vec<usize>,
}

/// The keys: a list, and a register that each write of a second kind overwrites.
const LIST: &[u8] = b"list";
const REGISTER: &[u8] = b"register";

/// Runs a deployment to its end, and reads what is left.
pub fn run(shape: Shape, seed: u64) -> Ended {
    let mut world = World {
        random: ChaCha8Rng::seed_from_u64(seed),
        ledger: Ledger::new(shape.nodes, 0),
        machines: vec![Machine::default(); shape.nodes as usize],
        primary: 0,
        deposed: None,
        term: 0,
        now: Duration::from_millis(1),
        writes: Vec::new(),
        epoch: 0,
        epochs: Vec::new(),
    };
    for _ in 0..shape.steps {
        if world.below(100) < shape.trouble_percent { world.trouble() } else { world.work() }
    }
    let reading = world.reading();
    Ended { ledger: world.ledger, reading, now: world.now, epochs: world.epochs }
}

impl World {
    fn below(&mut self, end: u64) -> u64 {
        self.random.next_u64() % end
    }

    fn tick(&mut self) -> Duration {
        self.now += Duration::from_millis(1);
        self.now
    }

    fn work(&mut self) {
        match self.below(6) {
            0..3 => self.replicate(),
            3 => {
                let node = self.below(self.machines.len() as u64) as usize;
                self.machines[node].synced = self.machines[node].log.len();
            }
            _ => self.write(),
        }
    }

    /// A replica copies some more of the primary, from where they part.
    fn replicate(&mut self) {
        let node = self.below(self.machines.len() as u64) as usize;
        // Only what is told to follow the primary does.
        if node == self.primary || self.deposed == Some(node) {
            return;
        }
        let source = self.machines[self.primary].log.clone();
        let shared =
            source.iter().zip(&self.machines[node].log).take_while(|(one, other)| one == other).count();
        // What follows another history has first to be brought to the end of this one, which it once was at.
        let least = if self.machines[node].term == self.term { shared } else { source.len() };
        let end = least + self.below((source.len() - least) as u64 + 1) as usize;
        let machine = &mut self.machines[node];
        machine.log = source[..end].to_vec();
        machine.synced = machine.synced.min(shared);
        machine.term = self.term;
    }

    fn write(&mut self) {
        let deposed = self.deposed.filter(|_| self.random.next_u64().is_multiple_of(3));
        let node = deposed.unwrap_or(self.primary);
        let number = self.writes.len();
        let value = format!("v{number}").into_bytes();
        let is_register = self.below(3) == 0;
        let effect = match is_register {
            true => Effect::Write { key: REGISTER.to_vec(), value, deadline_ms: None },
            false => Effect::Append { key: LIST.to_vec(), element: value },
        };
        let at = self.tick();
        let id = self.ledger.begin(1, node as u32, vec![effect], at);
        self.writes.push((id, is_register));
        self.epochs.push(self.epoch);
        self.machines[node].log.push(number);
        if self.below(10) == 0 {
            return;
        }
        let at = self.tick();
        self.ledger.acknowledge(id, &[], at);
        if deposed.is_none() && self.below(2) == 0 {
            (0..3).for_each(|_| self.replicate());
            self.wait(id, number);
        }
    }

    fn wait(&mut self, id: WriteId, number: usize) {
        let others = (0..self.machines.len()).filter(|node| *node != self.primary);
        let with_it = others.filter(|node| self.machines[*node].log.contains(&number)).collect::<Vec<_>>();
        let synced = |node: usize| {
            let machine = &self.machines[node];
            machine.log[..machine.synced].contains(&number)
        };
        let durability = match self.ledger.writes().len() % 2 {
            0 => Durability::Wait(with_it.len() as u32),
            _ => Durability::WaitAof {
                local: u32::from(synced(self.primary)),
                replicas: with_it.iter().filter(|node| synced(**node)).count() as u32,
            },
        };
        let at = self.tick();
        self.ledger.assure(id, durability, at);
    }

    fn trouble(&mut self) {
        self.epoch += 1;
        match self.below(3) {
            0 => self.restart(),
            1 => self.deposed = None,
            _ => self.promote(),
        }
    }

    fn restart(&mut self) {
        let node = self.below(self.machines.len() as u64) as usize;
        let kept = [Kept::Nothing, Kept::Synced, Kept::All][self.below(3) as usize];
        let machine = &mut self.machines[node];
        let length = match kept {
            Kept::Nothing => 0,
            Kept::Synced => machine.synced,
            Kept::All => machine.log.len(),
        };
        machine.log.truncate(length);
        machine.synced = length;
        let at = self.tick();
        self.ledger.restarted(node as u32, kept, at);
        if node == self.primary {
            // Its replicas follow what is left.
            self.term += 1;
            self.machines[node].term = self.term;
        }
    }

    fn promote(&mut self) {
        let decided = self.tick();
        let fresh: Vec<usize> = (0..self.machines.len())
            .filter(|node| *node != self.primary && self.machines[*node].term == self.term)
            .collect();
        let compared: Vec<usize> = fresh.into_iter().filter(|_| self.below(4) > 0).collect();
        let Some(furthest) = compared.iter().max_by_key(|node| self.machines[**node].log.len()) else {
            return;
        };
        let random = compared[self.below(compared.len() as u64) as usize];
        let chosen = if self.below(2) == 0 { *furthest } else { random };
        let most = self.machines[*furthest].log.len();
        let done = self.tick();
        self.ledger.promoted(Promotion {
            node: chosen as u32,
            compared: compared.iter().map(|node| *node as u32).collect(),
            is_furthest: self.machines[chosen].log.len() == most,
            decided,
            done,
            handed_over_by: None,
        });
        self.deposed = Some(self.primary);
        self.primary = chosen;
        self.term += 1;
        self.machines[chosen].term = self.term;
    }

    /// What the primary holds.
    fn reading(&self) -> Reading {
        let mut reading = Reading::default();
        let mut list = Vec::new();
        for number in &self.machines[self.primary].log {
            let value = format!("v{number}").into_bytes();
            if self.writes[*number].1 {
                let found = Found { content: Content::Text(value), deadline_ms: None };
                reading.keys.insert(REGISTER.to_vec(), found);
            } else {
                list.push(value);
            }
        }
        if !list.is_empty() {
            reading.keys.insert(LIST.to_vec(), Found { content: Content::List(list), deadline_ms: None });
        }
        reading
    }
}
