//! Reading streams: nodes, figures, groups.

use std::collections::BTreeMap;

use crate::dump::form::Form;
use crate::dump::reader::Reader;
use crate::types::stream::{Group, Log, Pending, Stream, StreamId};

/// When an entry was delivered last (Unix milliseconds), and how often; to whom is told later.
type Delivered = (i64, i64);

pub(super) fn read(from: &mut Reader<'_>, form: Form) -> Option<Stream> {
    let mut stream = Stream::default();
    for _ in 0..from.count()? {
        let base = id_of((*from.text()?).try_into().ok()?);
        if !stream.log_mut().add_node(base, from.text()?.into_owned()) {
            return None;
        }
    }
    figures(from, form, stream.log_mut())?;
    for _ in 0..from.count()? {
        let name = from.text()?;
        let group = group(from, form, stream.log())?;
        if !stream.groups_mut().create(&name, group) {
            return None;
        }
    }
    Some(stream)
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

fn group(from: &mut Reader<'_>, form: Form, log: &Log) -> Option<Group> {
    let last_id = id(from)?;
    let entries_read = if form == Form::StreamOld {
        log.entries_until(last_id).map(|read| read as i64)
    } else {
        // -1 stands for "not known".
        Some(from.length()? as i64).filter(|read| *read != -1)
    };
    let mut group = Group::new(last_id, entries_read);
    let mut pending = BTreeMap::new();
    for _ in 0..from.count()? {
        let id = id_of(from.array()?);
        let delivered: Delivered = (from.millis()?, from.length()? as i64);
        if pending.insert(id, delivered).is_some() {
            return None;
        }
    }
    for _ in 0..from.count()? {
        consumer(from, form, &mut group, &mut pending)?;
    }
    // Every entry belongs to somebody.
    pending.is_empty().then_some(group)
}

fn consumer(
    from: &mut Reader<'_>,
    form: Form,
    group: &mut Group,
    pending: &mut BTreeMap<StreamId, Delivered>,
) -> Option<()> {
    let (name, seen_ms) = (from.text()?, from.millis()?);
    let active_ms = if form == Form::StreamActive { from.millis()? } else { seen_ms };
    let (consumer, created) = group.consumer_or_new(&name, seen_ms);
    if !created {
        return None;
    }
    group.consumer_mut(consumer).active_ms = Some(active_ms).filter(|at_ms| *at_ms != -1);
    for _ in 0..from.count()? {
        let id = id_of(from.array()?);
        let (delivered_ms, deliveries) = pending.remove(&id)?;
        group.assign(id, Pending { consumer, delivered_ms, deliveries });
    }
    Some(())
}
