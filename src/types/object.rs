//! Values that are not strings.
//!
//! Every type comes as a pair, like `String` and `str`: the owned value, which can be changed ([`Object`], [`Hash`], ...), and
//! a view that can be copied ([`ObjectRef`], [`HashRef`], ...), by which it is read. Small values consist of nothing but
//! bytes, so that a view of one can be made wherever these bytes stand.

use super::hash::{Hash, HashRef};
use super::list::{List, ListRef};
use super::payload::{Payload, View};
use super::set::{Set, SetRef};
use super::sorted_set::{SortedSet, SortedSetRef};
use super::stream::Stream;

/// A list, set, sorted set, hash or stream.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // their names say all
pub enum Object {
    List(List),
    Set(Set),
    SortedSet(SortedSet),
    Hash(Hash),
    Stream(Stream),
}

/// A view of an [`Object`].
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // their names say all
pub enum ObjectRef<'a> {
    List(ListRef<'a>),
    Set(SetRef<'a>),
    SortedSet(SortedSetRef<'a>),
    Hash(HashRef<'a>),
    Stream(&'a Stream),
}

/// Does the same with whatever an object or a view of one holds.
macro_rules! each {
    ($of:expr, $type:ident, $held:ident => $does:expr) => {
        match $of {
            $type::List($held) => $does,
            $type::Set($held) => $does,
            $type::SortedSet($held) => $does,
            $type::Hash($held) => $does,
            $type::Stream($held) => $does,
        }
    };
}

impl Payload for Object {
    type Ref<'a> = ObjectRef<'a>;

    fn view(&self) -> ObjectRef<'_> {
        match self {
            Object::List(list) => ObjectRef::List(list.view()),
            Object::Set(set) => ObjectRef::Set(set.view()),
            Object::SortedSet(sorted_set) => ObjectRef::SortedSet(sorted_set.view()),
            Object::Hash(hash) => ObjectRef::Hash(hash.view()),
            Object::Stream(stream) => ObjectRef::Stream(stream),
        }
    }

    fn memory_bytes(&self) -> usize {
        each!(self, Object, held => held.memory_bytes())
    }

    fn pack(self) -> Result<(u8, Vec<u8>), Object> {
        match self {
            Object::List(list) => packed(list, LIST, Object::List),
            Object::Set(set) => packed(set, SET, Object::Set),
            Object::SortedSet(sorted_set) => packed(sorted_set, SORTED_SET, Object::SortedSet),
            Object::Hash(hash) => packed(hash, HASH, Object::Hash),
            Object::Stream(stream) => Err(Object::Stream(stream)),
        }
    }

    fn unpack(tag: u8, bytes: Vec<u8>) -> Object {
        match tag {
            HASH.. => Object::Hash(Hash::unpack(tag - HASH, bytes)),
            SORTED_SET.. => Object::SortedSet(SortedSet::unpack(tag - SORTED_SET, bytes)),
            SET.. => Object::Set(Set::unpack(tag - SET, bytes)),
            _ => Object::List(List::unpack(tag - LIST, bytes)),
        }
    }

    fn view_packed(tag: u8, bytes: &[u8]) -> ObjectRef<'_> {
        match tag {
            HASH.. => ObjectRef::Hash(Hash::view_packed(tag - HASH, bytes)),
            SORTED_SET.. => ObjectRef::SortedSet(SortedSet::view_packed(tag - SORTED_SET, bytes)),
            SET.. => ObjectRef::Set(Set::view_packed(tag - SET, bytes)),
            _ => ObjectRef::List(List::view_packed(tag - LIST, bytes)),
        }
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        each!(self, Object, held => held.dismantle(elements))
    }
}

/// The first tag of each type: a list has one small form, a set two (integers, others), a sorted set one, a hash two
/// (without deadlines and with). Each type counts its own from 0.
const LIST: u8 = 1;
const SET: u8 = 2;
const SORTED_SET: u8 = 4;
const HASH: u8 = 5;

fn packed<T: Payload>(held: T, first: u8, object: fn(T) -> Object) -> Result<(u8, Vec<u8>), Object> {
    held.pack().map(|(tag, bytes)| (first + tag, bytes)).map_err(object)
}

impl View for ObjectRef<'_> {
    fn encoding(&self) -> &'static str {
        each!(self, ObjectRef, held => held.encoding())
    }

    fn len(&self) -> usize {
        each!(self, ObjectRef, held => held.len())
    }
}

impl ObjectRef<'_> {
    /// The name of its type, as TYPE prints it.
    pub fn type_name(&self) -> &'static str {
        match self {
            ObjectRef::List(_) => "list",
            ObjectRef::Set(_) => "set",
            ObjectRef::SortedSet(_) => "zset",
            ObjectRef::Hash(_) => "hash",
            ObjectRef::Stream(_) => "stream",
        }
    }
}

/// One of the types that an [`Object`] may be.
pub trait Kind: Sized {
    /// How it is read.
    type Ref<'a>: Copy;
    /// The view, if it is one of this type.
    fn of(view: ObjectRef<'_>) -> Option<Self::Ref<'_>>;
    /// The object's content, if it is of this type.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    /// An object of it.
    fn into_object(self) -> Object;
    /// Whether it has no element, so that its key has to go (a stream's stays).
    fn is_gone(&self) -> bool;
}

macro_rules! kind {
    ($type:ident, $view:ty, $held:ident => $gone:expr) => {
        impl Kind for $type {
            type Ref<'a> = $view;

            #[inline]
            fn of(view: ObjectRef<'_>) -> Option<Self::Ref<'_>> {
                if let ObjectRef::$type(held) = view { Some(held) } else { None }
            }

            #[inline]
            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                if let Object::$type(held) = object { Some(held) } else { None }
            }

            fn into_object(self) -> Object {
                Object::$type(self)
            }

            #[inline]
            fn is_gone(&self) -> bool {
                let $held = self;
                $gone
            }
        }
    };
}

kind!(List, ListRef<'a>, list => list.view().is_empty());
kind!(Set, SetRef<'a>, set => set.view().is_empty());
kind!(SortedSet, SortedSetRef<'a>, sorted_set => sorted_set.view().is_empty());
kind!(Hash, HashRef<'a>, hash => hash.view().is_empty());
kind!(Stream, &'a Stream, _stream => false);
