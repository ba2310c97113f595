//! A large value as it was at some moment, shown in slices.
//!
//! [`Frozen::of`] copies nothing: the value itself notes from then on what it was wherever it changes, until that has been
//! shown. It may be changed, moved or dropped meanwhile; one that was dropped is freed in slices when it has been shown. Only
//! of a long string a copy is made: it is changed through all its bytes, so it could not tell which.
//!
//! What is shown: a [`Head`], and as many [`Part`]s as it says, in the order of dump files where the order matters (lists,
//! streams), else in any.

use std::cell::Cell;

use super::hash::Field;
use super::list::Content;
use super::listpack::Item;
use super::object::ObjectRef;
use super::shared::{Shared, Watcher};
use super::sorted_set::Element;
use super::stream::{self, Stream, StreamPart};
use super::value::Value;
use super::{HashRef, ListRef, SetRef, SortedSetRef, size_class};

/// Shorter strings are shown at once.
const TEXT_BYTES_MIN: usize = 1 << 20;
/// So many bytes of a string are as much work as an element.
const BYTES_PER_ELEMENT: usize = 256;

/// What stands before the parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Head {
    /// Of a string.
    Text {
        /// Bytes, which come in any number of parts.
        len: usize,
    },
    /// Of a hash.
    Hash {
        /// Fields, due ones included.
        len: usize,
        /// The soonest deadline of all.
        soonest: Option<i64>,
    },
    /// Of a set.
    Set {
        /// Members.
        len: usize,
    },
    /// Of a sorted set.
    SortedSet {
        /// Elements.
        len: usize,
    },
    /// Of a list.
    List {
        /// Nodes.
        nodes: usize,
    },
    /// Of a stream.
    Stream {
        /// Nodes.
        nodes: usize,
        /// Groups. There are as many parts as both together, and one.
        groups: usize,
        /// Whether every consumer was active when it was last seen.
        active_when_seen: bool,
    },
}

/// A part of a value.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// Of a string.
    Text(&'a [u8]),
    /// Of a hash.
    Field(Field<'a>),
    /// Of a set.
    Member(Item<'a>),
    /// Of a sorted set.
    Element(Element<'a>),
    /// Of a list.
    Node(Content<'a>),
    /// Of a stream.
    Stream(StreamPart<'a>),
}

/// A large value that can be shown as it was.
pub(super) trait Walkable {
    /// Begins a walk; `None` if another one is under way.
    fn begin_walk(&self) -> Option<Head>;
    /// Shows parts of about so many elements; true when all have been shown.
    fn walk(&self, elements: usize, each: &mut dyn FnMut(Part<'_>)) -> bool;
    /// Gives a walk up.
    fn end_walk(&self);
    /// Bytes that are there for the walk only.
    fn walk_bytes(&self) -> usize;
    /// All other bytes.
    fn memory_bytes(&self) -> usize;
    /// See [`Payload::dismantle`](super::Payload::dismantle).
    fn dismantle(&mut self, elements: usize) -> bool;
}

/// A watcher, whatever it watches.
trait Watching {
    fn walk(&self, elements: usize, each: &mut dyn FnMut(Part<'_>)) -> bool;
    fn end_walk(&self);
    fn held_bytes(&self) -> usize;
    fn free(&mut self, elements: usize) -> bool;
}

impl<T: Walkable> Watching for Watcher<T> {
    fn walk(&self, elements: usize, each: &mut dyn FnMut(Part<'_>)) -> bool {
        self.look(|value| value.walk(elements, each))
    }

    fn end_walk(&self) {
        // It is not while a panic goes through a change.
        if self.is_free() {
            self.look(T::end_walk);
        }
    }

    fn held_bytes(&self) -> usize {
        let alone = self.is_alone();
        self.look(|value| value.walk_bytes() + if alone { value.memory_bytes() } else { 0 })
    }

    fn free(&mut self, elements: usize) -> bool {
        self.own().is_none_or(|value| value.dismantle(elements))
    }
}

/// See the module.
pub struct Frozen {
    value: Box<dyn Watching>,
    head: Head,
    shown: bool,
}

impl Frozen {
    /// A value as it is now; `None` if it is small, or frozen already.
    pub fn of(value: Value<'_>) -> Option<Frozen> {
        match value {
            Value::Bytes(text) if text.len() >= TEXT_BYTES_MIN => Some(freeze_text(text)),
            Value::Object(ObjectRef::Hash(HashRef::Large(large))) => freeze(large),
            Value::Object(ObjectRef::Set(SetRef::Large(table))) => freeze(table),
            Value::Object(ObjectRef::SortedSet(SortedSetRef::Large(large))) => freeze(large),
            Value::Object(ObjectRef::List(ListRef::Large(list))) => freeze(list),
            Value::Object(ObjectRef::Stream(stream)) => freeze_stream(stream),
            _ => None,
        }
    }

    /// What stands before the parts.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Shows parts of about so many elements more; true when all have been shown.
    pub fn show(&mut self, elements: usize, mut each: impl FnMut(Part<'_>)) -> bool {
        self.shown = self.shown || self.value.walk(elements, &mut each);
        self.shown
    }

    /// Whether all has been shown.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// After all has been shown: frees about so many elements, if nobody else has the value; true when what is left can be
    /// dropped at once.
    pub fn free(&mut self, elements: usize) -> bool {
        self.value.free(elements)
    }

    /// Bytes that nobody else accounts for: parts that have changed since, or the whole value if its owner has let go of it.
    pub fn held_bytes(&self) -> usize {
        self.value.held_bytes()
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if !self.shown {
            self.value.end_walk();
        }
    }
}

fn freeze<T: Walkable + 'static>(value: &Shared<T>) -> Option<Frozen> {
    let head = value.begin_walk()?;
    Some(Frozen { value: Box::new(value.watch()), head, shown: false })
}

fn freeze_text(text: &[u8]) -> Frozen {
    let value = Text { bytes: text.to_vec(), shown: Cell::new(0) };
    Frozen { value: Box::new(value), head: Head::Text { len: text.len() }, shown: false }
}

/// A copy of a string.
struct Text {
    bytes: Vec<u8>,
    shown: Cell<usize>,
}

impl Watching for Text {
    fn walk(&self, elements: usize, each: &mut dyn FnMut(Part<'_>)) -> bool {
        let start = self.shown.get();
        let end = self.bytes.len().min(start + elements.max(1) * BYTES_PER_ELEMENT);
        each(Part::Text(&self.bytes[start..end]));
        self.shown.set(end);
        end == self.bytes.len()
    }

    fn end_walk(&self) {}

    fn held_bytes(&self) -> usize {
        size_class(self.bytes.capacity())
    }

    fn free(&mut self, _elements: usize) -> bool {
        true
    }
}

fn freeze_stream(stream: &Stream) -> Option<Frozen> {
    let mut frozen = freeze(stream.shared())?;
    if let Head::Stream { active_when_seen, .. } = &mut frozen.head {
        *active_when_seen = stream.groups().iter().all(|(_, group)| group.active_when_seen());
    }
    Some(frozen)
}

impl Walkable for stream::Parts {
    fn begin_walk(&self) -> Option<Head> {
        self.begin_walk().map(|(nodes, groups)| Head::Stream { nodes, groups, active_when_seen: true })
    }

    fn walk(&self, elements: usize, each: &mut dyn FnMut(Part<'_>)) -> bool {
        self.walk(elements, &mut |part| each(Part::Stream(part)))
    }

    fn end_walk(&self) {
        self.end_walk();
    }

    fn walk_bytes(&self) -> usize {
        self.walk_bytes()
    }

    fn memory_bytes(&self) -> usize {
        self.memory_bytes()
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        self.dismantle(elements)
    }
}

impl Walkable for super::hash::Large {
    fn begin_walk(&self) -> Option<Head> {
        self.begin_walk().then(|| Head::Hash { len: self.len(), soonest: self.soonest() })
    }

    fn walk(&self, elements: usize, each: &mut dyn FnMut(Part<'_>)) -> bool {
        self.walk(elements, |field| each(Part::Field(field)))
    }

    fn end_walk(&self) {
        self.end_walk();
    }

    fn walk_bytes(&self) -> usize {
        self.walk_bytes()
    }

    fn memory_bytes(&self) -> usize {
        Shared::<Self>::BYTES + self.memory_bytes()
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        self.dismantle(elements)
    }
}

impl Walkable for super::table::Walked {
    fn begin_walk(&self) -> Option<Head> {
        self.begin_walk().then(|| Head::Set { len: self.len() })
    }

    fn walk(&self, elements: usize, each: &mut dyn FnMut(Part<'_>)) -> bool {
        self.walk(elements, |entry| each(Part::Member(Item::Bytes(entry.key()))))
    }

    fn end_walk(&self) {
        self.end_walk();
    }

    fn walk_bytes(&self) -> usize {
        self.walk_bytes()
    }

    fn memory_bytes(&self) -> usize {
        Shared::<Self>::BYTES + (**self).memory_bytes()
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        self.dismantle(elements)
    }
}

impl Walkable for super::sorted_set::Large {
    fn begin_walk(&self) -> Option<Head> {
        self.begin_walk().then(|| Head::SortedSet { len: self.len() })
    }

    fn walk(&self, elements: usize, each: &mut dyn FnMut(Part<'_>)) -> bool {
        self.walk(elements, |element| each(Part::Element(element)))
    }

    fn end_walk(&self) {
        self.end_walk();
    }

    fn walk_bytes(&self) -> usize {
        self.walk_bytes()
    }

    fn memory_bytes(&self) -> usize {
        self.memory_bytes()
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        self.dismantle(elements)
    }
}

impl Walkable for super::list::Quicklist {
    fn begin_walk(&self) -> Option<Head> {
        self.begin_walk().map(|nodes| Head::List { nodes })
    }

    fn walk(&self, elements: usize, each: &mut dyn FnMut(Part<'_>)) -> bool {
        self.show(elements, &mut |node| each(Part::Node(node)))
    }

    fn end_walk(&self) {
        self.end_walk();
    }

    fn walk_bytes(&self) -> usize {
        self.walk_bytes()
    }

    fn memory_bytes(&self) -> usize {
        self.memory_bytes()
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        self.dismantle(elements)
    }
}
