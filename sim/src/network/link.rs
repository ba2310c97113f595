//! Links: for each ordered pair of nodes, what a segment meets on its way. All settings can change at any time; segments
//! that are on their way are tested against the settings at their arrival. A node's link to itself is never cut.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Nanos;
use crate::ground::{Ground, NodeId};
use crate::options::LinkSettings;
use crate::random::{Random, Seeds};

/// Loopback's latency.
const LOOPBACK: std::ops::Range<Duration> = Duration::from_micros(5)..Duration::from_micros(25);

/// What becomes of a segment at the moment of its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It does not.
    Lost,
    /// Something on the way answers with a reset.
    Reset,
}

#[derive(Debug)]
struct Link {
    /// `None`: as every other link.
    settings: Option<LinkSettings>,
    random: Random,
    /// When the last byte handed to a throttled link has left.
    busy_until: Nanos,
}

/// All links of a world.
#[derive(Debug)]
pub struct Links {
    common: LinkSettings,
    links: BTreeMap<(NodeId, NodeId), Link>,
    seeds: Seeds,
}

impl Links {
    /// Every link alike.
    pub fn new(seeds: Seeds, common: LinkSettings) -> Links {
        Links { common, links: BTreeMap::new(), seeds }
    }

    /// The settings of one direction.
    pub fn settings(&self, from: NodeId, to: NodeId) -> &LinkSettings {
        self.links.get(&(from, to)).and_then(|link| link.settings.as_ref()).unwrap_or(&self.common)
    }

    /// Changes one direction; from then on it is independent of the common settings.
    pub fn change(&mut self, from: NodeId, to: NodeId, change: impl FnOnce(&mut LinkSettings)) {
        let mut settings = self.settings(from, to).clone();
        change(&mut settings);
        self.link(from, to).settings = Some(settings);
    }

    /// Changes every link that was not changed on its own.
    pub fn change_common(&mut self, change: impl FnOnce(&mut LinkSettings)) {
        change(&mut self.common);
    }

    /// Gives every link the common settings again.
    pub fn forget_changes(&mut self) {
        self.links.values_mut().for_each(|link| link.settings = None);
    }

    /// Whether nothing can pass: a cut, or no machine to receive it.
    pub fn is_cut(&self, ground: &Ground, from: NodeId, to: NodeId) -> bool {
        from != to && (self.settings(from, to).down || !ground.has_power(to))
    }

    /// Hands bytes to the link at this moment: when they have left, and when they would arrive.
    pub fn transmit(&mut self, now: Nanos, from: NodeId, to: NodeId, bytes: usize) -> (Nanos, Nanos) {
        if from == to {
            return (now, now + self.link(from, to).random.nanos(&LOOPBACK));
        }
        let (latency, rate) = {
            let settings = self.settings(from, to);
            (settings.latency.clone(), settings.rate)
        };
        let link = self.link(from, to);
        let leaves = match rate {
            None => now,
            Some(rate) => link.busy_until.max(now) + bytes as u64 * 1_000_000_000 / rate.max(1),
        };
        link.busy_until = leaves;
        (leaves, leaves + link.random.nanos(&latency))
    }

    /// What becomes of a segment that is due now.
    pub fn fate(&mut self, ground: &Ground, from: NodeId, to: NodeId) -> Fate {
        if from == to {
            return Fate::Arrives;
        }
        if self.is_cut(ground, from, to) {
            return Fate::Lost;
        }
        let (loss, reset) = {
            let settings = self.settings(from, to);
            (settings.loss, settings.reset)
        };
        if loss <= 0.0 && reset <= 0.0 {
            return Fate::Arrives;
        }
        let random = &mut self.link(from, to).random;
        match (random.chance(loss), random.chance(reset)) {
            (true, _) => Fate::Lost,
            (_, true) => Fate::Reset,
            _ => Fate::Arrives,
        }
    }

    /// A random part of a retransmission time-out, so that retransmissions do not march in step.
    pub fn jitter(&mut self, from: NodeId, to: NodeId, limit: Nanos) -> Nanos {
        self.link(from, to).random.below(limit)
    }

    fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        let seeds = self.seeds;
        self.links.entry((from, to)).or_insert_with(|| Link {
            settings: None,
            random: seeds.stream("link", u64::from(from.0) << 32 | u64::from(to.0)),
            busy_until: 0,
        })
    }
}
