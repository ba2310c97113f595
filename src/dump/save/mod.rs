//! Writing values.

mod parts;
mod stream;

pub use parts::Parts;

use super::form::Form;
use super::writer::Writer;
use crate::types::list::{self, ListRef};
use crate::types::sorted_set::Element;
use crate::types::{Field, HashRef, Item, ObjectRef, SetRef, SortedSetRef, Value, View};

/// What kind of node follows, in a list of nodes.
pub(super) const NODE_PLAIN: u64 = 1;
pub(super) const NODE_PACKED: u64 = 2;

/// Adds a value in a form that [`Form::of`] gave for it, without the form's byte.
pub fn value(out: &mut Writer, form: Form, value: Value<'_>) {
    match value {
        Value::Int(number) => out.integer(number),
        Value::Bytes(text) => out.text(text),
        Value::Object(object) => match object {
            ObjectRef::List(list) => nodes(out, list),
            ObjectRef::Set(set) => members(out, form, set),
            ObjectRef::SortedSet(set) => elements(out, set),
            ObjectRef::Hash(hash) => fields(out, form, hash),
            ObjectRef::Stream(stream) => stream::write(out, form, stream),
        },
    }
}

fn nodes(out: &mut Writer, list: ListRef<'_>) {
    out.length(list.node_count() as u64);
    list.each_node(|content| node(out, content));
}

fn node(out: &mut Writer, content: list::Content<'_>) {
    match content {
        list::Content::Plain(text) => {
            out.length(NODE_PLAIN);
            out.text(text);
        }
        list::Content::Packed(pack) => {
            out.length(NODE_PACKED);
            out.packed(pack.bytes());
        }
    }
}

fn members(out: &mut Writer, form: Form, set: SetRef<'_>) {
    match (form, set) {
        (Form::SetIntset, SetRef::Ints(ints)) => out.packed(ints.bytes()),
        (Form::SetListpack, SetRef::Small(pack)) => out.packed(pack.bytes()),
        _ => {
            out.length(set.len() as u64);
            set.for_each(|member| out.item(member));
        }
    }
}

fn elements(out: &mut Writer, set: SortedSetRef<'_>) {
    let SortedSetRef::Large(_) = set else {
        if let SortedSetRef::Small(pack) = set {
            out.packed(pack.bytes());
        }
        return;
    };
    out.length(set.len() as u64);
    // From the greatest on, as Redis writes them: its skip lists are filled from the front.
    set.elements(0..set.len(), true).for_each(|one| element(out, one));
}

fn element(out: &mut Writer, element: Element<'_>) {
    out.item(element.member);
    out.raw(&element.score.to_bits().to_le_bytes());
}

fn fields(out: &mut Writer, form: Form, hash: HashRef<'_>) {
    match (form, hash) {
        (Form::HashListpack, HashRef::Small(pack)) => out.packed(pack.bytes()),
        (Form::HashListpack, _) => {
            let mut row = Vec::new();
            hash.each(i64::MIN, |field| row.extend([field.name.to_vec(), field.value.to_vec()]));
            let mut pack = crate::types::Listpack::new();
            pack.push_all(row.iter().map(|text| Item::of(text)));
            out.packed(pack.view().bytes());
        }
        (Form::HashTimedListpack, _) => timed_pack(out, hash),
        (Form::HashTimed, _) => timed(out, hash),
        (Form::HashValkey, _) => {
            out.length(hash.len() as u64);
            hash.each(i64::MIN, |one| valkey_field(out, one));
        }
        _ => {
            out.length(hash.len() as u64);
            hash.each(i64::MIN, |one| field(out, one));
        }
    }
}

fn field(out: &mut Writer, field: Field<'_>) {
    out.item(field.name);
    out.item(field.value);
}

/// A field of Valkey's, with its deadline behind it; -1 for none.
fn valkey_field(out: &mut Writer, one: Field<'_>) {
    field(out, one);
    out.raw(&one.deadline.unwrap_or(-1).to_le_bytes());
}

/// Fields with deadlines in a table: the soonest deadline, then each as the distance to it, plus one; 0 for none.
fn timed(out: &mut Writer, hash: HashRef<'_>) {
    let soonest_ms = hash.soonest().unwrap_or(0);
    out.raw(&soonest_ms.to_le_bytes());
    out.length(hash.len() as u64);
    hash.each(i64::MIN, |field| timed_field(out, field, soonest_ms));
}

fn timed_field(out: &mut Writer, one: Field<'_>, soonest_ms: i64) {
    out.length(one.deadline.map_or(0, |at_ms| at_ms.abs_diff(soonest_ms) + 1));
    field(out, one);
}

/// The same in a listpack: the soonest deadline, then triples in the order of their deadlines, those without at the end.
fn timed_pack(out: &mut Writer, hash: HashRef<'_>) {
    out.raw(&hash.soonest().unwrap_or(0).to_le_bytes());
    let mut row = Vec::new();
    hash.each(i64::MIN, |field| row.push((field.deadline, field.name.to_vec(), field.value.to_vec())));
    row.sort_by_key(|(deadline, ..)| deadline.unwrap_or(i64::MAX));
    let mut pack = crate::types::Listpack::new();
    pack.push_all(row.iter().flat_map(|(deadline, name, value)| {
        [Item::of(name), Item::of(value), Item::Int(deadline.unwrap_or(0))]
    }));
    out.packed(pack.view().bytes());
}
