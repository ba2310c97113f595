//! Streams as commands.

use super::commands::Commands;
use crate::dump::{self, Form, Writer};
use crate::types::stream::{Group, Log, Stream, StreamId};
use crate::types::{ObjectRef, Value};

pub(super) fn write(commands: &mut Commands, key: &[u8], stream: &Stream) {
    if !can_be_told(stream) {
        return commands.whole(&[b"RESTORE", key, b"0", &payload(stream)]);
    }
    entries(commands, key, stream.log());
    for (name, group) in stream.groups().iter() {
        commands.begin(b"XGROUP", 6).word(b"CREATE").word(key).word(name).id(group.last_id);
        commands.word(b"ENTRIESREAD").number(group.entries_read.unwrap_or(-1));
        consumers(commands, key, name, group);
    }
}

/// The form that all servers read, though it does not say when a consumer was last given something: nor do the commands.
pub(super) const STREAM: Form = Form::Stream;

pub(super) fn payload(stream: &Stream) -> Vec<u8> {
    let mut writer = Writer::new(vec![STREAM.code()], false);
    dump::save(&mut writer, STREAM, Value::Object(ObjectRef::Stream(stream)));
    dump::sealed(writer, STREAM)
}

/// Whether there are commands that make the stream. XCLAIM forgets an entry that is not there any more, though it was delivered and
/// not acknowledged; and dump files from elsewhere hold figures that cannot be.
fn can_be_told(stream: &Stream) -> bool {
    let (log, figures) = (stream.log(), stream.log().figures());
    let added = figures.len as u64..=i64::MAX as u64;
    figures.last_id >= figures.max_deleted_id
        && figures.last_id >= log.last_live_id()
        && added.contains(&figures.entries_added)
        && (log.is_empty() || !figures.first_id.is_zero())
        && stream.groups().iter().all(|(_, group)| group_can_be_told(group, log))
}

fn group_can_be_told(group: &Group, log: &Log) -> bool {
    let is_usual = group.entries_read.is_none_or(|read| read >= 0)
        && group.pending_from(StreamId::MIN).all(|(_, p)| p.delivered_ms >= 0 && p.deliveries >= 0);
    let Some((first, last)) = group.pending_ends() else { return is_usual };
    // Both are in order.
    let mut entries = log.entries(first, last);
    is_usual && group.pending_from(first).all(|(id, _)| entries.any(|entry| entry.id == id))
}

/// The entries, and the figures that they do not tell of.
fn entries(commands: &mut Commands, key: &[u8], log: &Log) {
    for entry in log.entries(StreamId::MIN, StreamId::MAX) {
        commands.begin(b"XADD", 2 + 2 * entry.len()).word(key).id(entry.id);
        entry.words().for_each(|word| _ = commands.item(word));
    }
    if log.is_empty() {
        // It is there nevertheless.
        commands.whole(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
    }
    let figures = log.figures();
    commands.begin(b"XSETID", 6).word(key).id(figures.last_id);
    commands.word(b"ENTRIESADDED").number(figures.entries_added);
    commands.word(b"MAXDELETEDID").id(figures.max_deleted_id);
}

fn consumers(commands: &mut Commands, key: &[u8], name: &[u8], group: &Group) {
    for consumer in group.consumers() {
        if consumer.pending_len() == 0 {
            commands.whole(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer.name()]);
        }
        for id in consumer.pending_from(StreamId::MIN) {
            let Some(pending) = group.pending(id) else { continue };
            commands.begin(b"XCLAIM", 11).word(key).word(name).word(consumer.name()).word(b"0").id(id);
            commands.word(b"TIME").number(pending.delivered_ms);
            commands.word(b"RETRYCOUNT").number(pending.deliveries).word(b"JUSTID").word(b"FORCE");
        }
    }
}
