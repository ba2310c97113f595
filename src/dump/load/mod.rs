//! Reading values. Nothing is taken on trust: what is not well formed to the last byte is refused.

mod hash;
mod list;
mod old;
mod pack;
mod set;
mod sorted_set;
mod stream;

use std::borrow::Cow;

use super::form::Form;
use super::limits::Limits;
use super::reader::Reader;
use crate::text::number::parse_i64;
use crate::types::Object;

/// A value that was read.
#[derive(Debug)]
pub enum Loaded<'a> {
    /// A string that is an integer in canonical form.
    Int(i64),
    /// Any other string.
    Text(Cow<'a, [u8]>),
    /// Anything else; it has an element, unless it is a stream.
    Object(Object),
}

/// A value of which the beginning was read.
#[derive(Debug)]
pub enum Begun<'a> {
    /// It is all there.
    Whole(Loaded<'a>),
    /// Its elements follow.
    Partly(Building),
}

/// A value whose elements are being read, so that it need not be all there at once.
#[derive(Debug)]
pub struct Building(Kind);

#[derive(Debug)]
enum Kind {
    List(list::Building),
    Set(set::Building),
    SortedSet(sorted_set::Building),
    Hash(hash::Building),
    Stream(Box<stream::Building>),
}

/// Reads a value in this form; `None` if the bytes are none. The limits decide how it is stored.
pub fn value<'a>(form: Form, from: &mut Reader<'a>, limits: &Limits) -> Option<Loaded<'a>> {
    match begin(form, from, limits)? {
        Begun::Whole(loaded) => Some(loaded),
        Begun::Partly(mut building) => building.go_on(from, limits).map(Loaded::Object),
    }
}

/// Reads the beginning of a value in this form: all of it, if it is one text.
pub fn begin<'a>(form: Form, from: &mut Reader<'a>, limits: &Limits) -> Option<Begun<'a>> {
    let whole = match form {
        Form::Text => return from.text().map(string).map(Begun::Whole),
        Form::ListZiplist => Object::List(list::ziplist(from, limits)?),
        Form::SetIntset => Object::Set(set::intset(from, limits)?),
        Form::SetListpack => Object::Set(set::listpack(from, limits)?),
        Form::SortedSetZiplist => Object::SortedSet(sorted_set::ziplist(from, limits)?),
        Form::SortedSetListpack => Object::SortedSet(sorted_set::listpack(from, limits)?),
        Form::HashZipmap => Object::Hash(hash::zipmap(from, limits)?),
        Form::HashZiplist => Object::Hash(hash::ziplist(from, limits)?),
        Form::HashListpack => Object::Hash(hash::listpack(from, limits)?),
        Form::HashTimedListpack => Object::Hash(hash::timed_listpack(from, limits)?),
        _ => return kind(form, from, limits).map(Building).map(Begun::Partly),
    };
    Some(Begun::Whole(Loaded::Object(whole)))
}

fn kind(form: Form, from: &mut Reader<'_>, limits: &Limits) -> Option<Kind> {
    Some(match form {
        Form::Set => Kind::Set(set::Building::begin(from)?),
        Form::SortedSetDecimal | Form::SortedSet => {
            Kind::SortedSet(sorted_set::Building::begin(form, from, limits)?)
        }
        Form::Hash | Form::HashValkey | Form::HashTimed => {
            Kind::Hash(hash::Building::begin(form, from, limits)?)
        }
        Form::StreamOld | Form::Stream | Form::StreamActive => {
            Kind::Stream(Box::new(stream::Building::begin(form, from)?))
        }
        _ => Kind::List(list::Building::begin(form, from)?),
    })
}

impl Building {
    /// Reads as many elements as are there. The value once it is whole; after that this is of no use any more.
    pub fn go_on(&mut self, from: &mut Reader<'_>, limits: &Limits) -> Option<Object> {
        match &mut self.0 {
            Kind::List(list) => list.go_on(from, limits).map(Object::List),
            Kind::Set(set) => set.go_on(from, limits).map(Object::Set),
            Kind::SortedSet(set) => set.go_on(from, limits).map(Object::SortedSet),
            Kind::Hash(hash) => hash.go_on(from, limits).map(Object::Hash),
            Kind::Stream(stream) => stream.go_on(from).map(Object::Stream),
        }
    }
}

fn string(text: Cow<'_, [u8]>) -> Loaded<'_> {
    parse_i64(&text).map_or(Loaded::Text(text), Loaded::Int)
}
