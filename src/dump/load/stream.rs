//! Reading streams: nodes, figures, groups.

use std::collections::BTreeMap;

use crate::dump::form::Form;
use crate::dump::reader::Reader;
use crate::types::stream::{ConsumerId, Group, Log, Pending, Stream, StreamId};

/// When an entry was delivered last (Unix milliseconds), and how often; to whom is told later.
type Delivered = (i64, i64);

/// Nodes, figures, groups.
#[derive(Debug)]
pub(super) struct Building {
    form: Form,
    stream: Stream,
    stage: Stage,
}

/// What is read next, and how many of it.
#[derive(Debug)]
enum Stage {
    Nodes(usize),
    Groups(usize),
    /// A group is being read; so many follow it.
    Group(Box<GroupBuilding>, usize),
}

impl Building {
    pub(super) fn begin(form: Form, from: &mut Reader<'_>) -> Option<Building> {
        Some(Building { form, stream: Stream::default(), stage: Stage::Nodes(from.count()?) })
    }

    pub(super) fn go_on(&mut self, from: &mut Reader<'_>) -> Option<Stream> {
        while !matches!(self.stage, Stage::Groups(0)) {
            from.whole(|from| self.step(from))?;
        }
        Some(std::mem::take(&mut self.stream))
    }

    fn step(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let (form, stream) = (self.form, &mut self.stream);
        match &mut self.stage {
            Stage::Nodes(0) => {
                figures(from, form, &mut stream.log_mut())?;
                self.stage = Stage::Groups(from.count()?);
            }
            Stage::Nodes(left) => {
                let base = id_of((*from.text()?).try_into().ok()?);
                if !stream.log_mut().add_node(base, from.text()?.into_owned()) {
                    return None;
                }
                *left -= 1;
            }
            Stage::Groups(left) => {
                let group = GroupBuilding::begin(from, form, stream.log())?;
                self.stage = Stage::Group(Box::new(group), *left - 1);
            }
            Stage::Group(building, left) => {
                if let Some(group) = building.step(from, form)? {
                    if !stream.groups_mut().create(&building.name, group) {
                        return None;
                    }
                    self.stage = Stage::Groups(*left);
                }
            }
        }
        Some(())
    }
}

fn figures(from: &mut Reader<'_>, form: Form, log: &mut Log) -> Option<()> {
    let len = usize::try_from(from.length()?).ok()?;
    let last_id = id(from)?;
    if len != log.len() || last_id < log.figures().last_id {
        return None;
    }
    if form == Form::StreamOld {
        log.set_figures(last_id, Some(len as u64), Some(StreamId::MIN));
        return Some(());
    }
    // The entries themselves tell which is the first.
    let (_first_id, max_deleted_id) = (id(from)?, id(from)?);
    log.set_figures(last_id, Some(from.length()?), Some(max_deleted_id));
    Some(())
}

/// An id as two numbers.
fn id(from: &mut Reader<'_>) -> Option<StreamId> {
    Some(StreamId { ms: from.length()?, seq: from.length()? })
}

/// An id from bytes that sort as ids do.
fn id_of(bytes: [u8; 16]) -> StreamId {
    let wide = u128::from_be_bytes(bytes);
    StreamId { ms: (wide >> 64) as u64, seq: wide as u64 }
}

/// A group: pending entries, then consumers, each with the pending entries that are its own.
#[derive(Debug)]
struct GroupBuilding {
    name: Vec<u8>,
    group: Group,
    /// Entries that belong to nobody yet.
    pending: BTreeMap<StreamId, Delivered>,
    pending_left: usize,
    /// `None` until their number was read.
    consumers_left: Option<usize>,
    /// Whose entries are read, and how many follow.
    consumer: Option<(ConsumerId, usize)>,
}

impl GroupBuilding {
    fn begin(from: &mut Reader<'_>, form: Form, log: &Log) -> Option<GroupBuilding> {
        let name = from.text()?.into_owned();
        let last_id = id(from)?;
        let entries_read = if form == Form::StreamOld {
            log.entries_until(last_id).map(|read| read as i64)
        } else {
            // -1 stands for "not known".
            Some(from.length()? as i64).filter(|read| *read != -1)
        };
        Some(GroupBuilding {
            name,
            group: Group::new(last_id, entries_read),
            pending: BTreeMap::new(),
            pending_left: from.count()?,
            consumers_left: None,
            consumer: None,
        })
    }

    /// Takes a step; the group, when that was the last one.
    fn step(&mut self, from: &mut Reader<'_>, form: Form) -> Option<Option<Group>> {
        if self.pending_left > 0 {
            return self.pending(from);
        }
        let Some(left) = self.consumers_left else {
            self.consumers_left = Some(from.count()?);
            return Some(None);
        };
        match &mut self.consumer {
            Some((consumer, entries_left)) if *entries_left > 0 => {
                let id = id_of(from.array()?);
                let (delivered_ms, deliveries) = self.pending.remove(&id)?;
                self.group.assign(id, Pending { consumer: *consumer, delivered_ms, deliveries });
                *entries_left -= 1;
            }
            _ if left > 0 => {
                self.consumer(from, form)?;
                self.consumers_left = Some(left - 1);
            }
            // Every entry belongs to somebody.
            _ => return self.pending.is_empty().then(|| Some(std::mem::take(&mut self.group))),
        }
        Some(None)
    }

    fn pending(&mut self, from: &mut Reader<'_>) -> Option<Option<Group>> {
        let id = id_of(from.array()?);
        let delivered: Delivered = (from.millis()?, from.length()? as i64);
        if self.pending.insert(id, delivered).is_some() {
            return None;
        }
        self.pending_left -= 1;
        Some(None)
    }

    fn consumer(&mut self, from: &mut Reader<'_>, form: Form) -> Option<()> {
        let (name, seen_ms) = (from.text()?, from.millis()?);
        let active_ms = if form == Form::StreamActive { from.millis()? } else { seen_ms };
        let entries = from.count()?;
        let (consumer, created) = self.group.consumer_or_new(&name, seen_ms);
        if !created {
            return None;
        }
        self.group.consumer_mut(consumer).active_ms = Some(active_ms).filter(|at_ms| *at_ms != -1);
        self.consumer = Some((consumer, entries));
        Some(())
    }
}
