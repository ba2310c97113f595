//! One file's bytes, live and durable.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;

/// Bytes in a sector: the unit in which power loss tears.
pub const SECTOR_BYTES: u64 = 512;

/// A sync under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncTicket(u64);

#[derive(Debug)]
struct Sync {
    sectors: BTreeSet<u64>,
    length: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since a sync last took them. Every sector in which `live` and `durable` differ is here, in a sync
    /// under way, beyond the durable length, or given up by a failed sync.
    dirty: BTreeSet<u64>,
    syncs: BTreeMap<SyncTicket, Sync>,
    tickets: u64,
}

impl Content {
    pub fn length(&self) -> u64 {
        self.live.len() as u64
    }

    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> usize {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.live.len());
        let length = buffer.len().min(self.live.len() - start);
        buffer[..length].copy_from_slice(&self.live[start..start + length]);
        length
    }

    pub fn write_at(&mut self, bytes: &[u8], offset: u64) {
        let start = offset as usize;
        let end = start + bytes.len();
        let gap = self.live.len().min(start) as u64;
        if self.live.len() < end {
            self.live.resize(end, 0);
        }
        self.live[start..end].copy_from_slice(bytes);
        self.mark(gap.min(offset), end as u64);
    }

    pub fn set_length(&mut self, length: u64) {
        let old = self.length();
        self.live.resize(length as usize, 0);
        self.mark(old.min(length), length);
    }

    pub fn begin_sync(&mut self) -> SyncTicket {
        self.tickets += 1;
        let ticket = SyncTicket(self.tickets);
        let sync = Sync { sectors: std::mem::take(&mut self.dirty), length: self.length() };
        self.syncs.insert(ticket, sync);
        ticket
    }

    /// The sectors that the sync took become durable as they are now. What an earlier sync that is still under way took is
    /// not: it has to end by itself, so this sync takes it over.
    pub fn finish_sync(&mut self, ticket: SyncTicket) {
        let Some(mut sync) = self.syncs.remove(&ticket) else { return };
        for (_, earlier) in self.syncs.range_mut(..ticket) {
            sync.sectors.append(&mut earlier.sectors);
            earlier.length = sync.length;
        }
        self.durable.resize(sync.length.min(self.length()) as usize, 0);
        for sector in sync.sectors {
            self.keep(sector);
        }
    }

    /// The sectors are clean and not durable.
    pub fn fail_sync(&mut self, ticket: SyncTicket) {
        self.syncs.remove(&ticket);
    }

    pub fn abandon_sync(&mut self, ticket: SyncTicket) {
        if let Some(mut sync) = self.syncs.remove(&ticket) {
            self.dirty.append(&mut sync.sectors);
        }
    }

    pub fn abandon_syncs(&mut self) {
        let syncs = std::mem::take(&mut self.syncs);
        syncs.into_values().for_each(|mut sync| self.dirty.append(&mut sync.sectors));
    }

    /// Decides each unsynced sector on its own, and the length between the durable and the live one; or keeps, of what is
    /// behind the durable length, all up to the new one. Returns how many sectors were kept and lost.
    pub fn lose_power(&mut self, random: &mut Random, kept: f64, tail_in_order: bool) -> (u64, u64) {
        self.abandon_syncs();
        let tail = if tail_in_order { self.durable.len() as u64 / SECTOR_BYTES } else { u64::MAX };
        let length = self.length_left(random);
        self.durable.resize(length as usize, 0);
        let (mut kept_count, mut lost_count) = (0, 0);
        for sector in std::mem::take(&mut self.dirty) {
            let is_tail = sector >= tail;
            if is_tail && sector * SECTOR_BYTES < length || !is_tail && random.chance(kept) {
                kept_count += 1;
                self.keep(sector);
            } else {
                lost_count += 1;
            }
        }
        self.live.clone_from(&self.durable);
        (kept_count, lost_count)
    }

    pub fn flip(&mut self, position: u64, mask: u8) {
        for image in [&mut self.live, &mut self.durable] {
            if let Some(byte) = image.get_mut(position as usize) {
                *byte ^= mask;
            }
        }
    }

    fn length_left(&self, random: &mut Random) -> u64 {
        let (durable, live) = (self.durable.len() as u64, self.length());
        match random.below(3) {
            0 => durable,
            1 => live,
            _ => durable.min(live) + random.below(durable.abs_diff(live) + 1),
        }
    }

    /// Copies a live sector into the durable image, as far as that is long enough.
    fn keep(&mut self, sector: u64) {
        let start = (sector * SECTOR_BYTES) as usize;
        let end = (start + SECTOR_BYTES as usize).min(self.live.len()).min(self.durable.len());
        if start < end {
            self.durable[start..end].copy_from_slice(&self.live[start..end]);
        }
    }

    fn mark(&mut self, start: u64, end: u64) {
        if start < end {
            self.dirty.extend(start / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES);
        }
    }
}
