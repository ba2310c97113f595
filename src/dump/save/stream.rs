//! Writing streams: nodes as they are, figures, groups.

use crate::dump::form::Form;
use crate::dump::writer::Writer;
use crate::types::stream::{Consumer, Figures, Group, Stream, StreamId, StreamPart};

pub(super) fn write(out: &mut Writer, form: Form, stream: &Stream) {
    let log = stream.log();
    out.length(log.node_count() as u64);
    for node in log.nodes() {
        part(out, form, StreamPart::Node(node));
    }
    part(out, form, StreamPart::Figures(log.figures(), stream.groups().len()));
    for (name, group) in stream.groups().iter() {
        part(out, form, StreamPart::Group(name, group));
    }
}

/// Adds a part behind the number of nodes.
pub(super) fn part(out: &mut Writer, form: Form, part: StreamPart<'_>) {
    match part {
        StreamPart::Node(node) => {
            out.packed(&id_bytes(node.base));
            out.packed(node.bytes());
        }
        StreamPart::Figures(figures, groups) => write_figures(out, figures, groups),
        StreamPart::Group(name, group) => {
            out.text(name);
            write_group(out, form, group);
        }
    }
}

fn write_figures(out: &mut Writer, figures: &Figures, groups: usize) {
    out.length(figures.len as u64);
    for known in [figures.last_id, figures.first_id, figures.max_deleted_id] {
        id(out, known);
    }
    out.length(figures.entries_added);
    out.length(groups as u64);
}

/// An id as two numbers.
fn id(out: &mut Writer, id: StreamId) {
    out.length(id.ms);
    out.length(id.seq);
}

/// An id as bytes that sort as ids do.
fn id_bytes(id: StreamId) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

fn write_group(out: &mut Writer, form: Form, group: &Group) {
    id(out, group.last_id);
    // -1 stands for "not known".
    out.length(group.entries_read.unwrap_or(-1) as u64);
    out.length(group.pending_len() as u64);
    for (id, pending) in group.pending_from(StreamId::MIN) {
        out.raw(&id_bytes(id));
        out.raw(&pending.delivered_ms.to_le_bytes());
        out.length(pending.deliveries as u64);
    }
    out.length(group.consumers().len() as u64);
    for consumer in group.consumers() {
        write_consumer(out, form, consumer);
    }
}

fn write_consumer(out: &mut Writer, form: Form, consumer: &Consumer) {
    out.text(consumer.name());
    out.raw(&consumer.seen_ms.to_le_bytes());
    if form == Form::StreamActive {
        out.raw(&consumer.active_ms.unwrap_or(-1).to_le_bytes());
    }
    out.length(consumer.pending_len() as u64);
    for id in consumer.pending_from(StreamId::MIN) {
        out.raw(&id_bytes(id));
    }
}
