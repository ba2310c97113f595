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

/// Reads a value in this form; `None` if the bytes are none. The limits decide how it is stored.
pub fn value<'a>(form: Form, from: &mut Reader<'a>, limits: &Limits) -> Option<Loaded<'a>> {
    Some(Loaded::Object(match form {
        Form::Text => return from.text().map(string),
        Form::List => Object::List(list::texts(from, limits)?),
        Form::ListZiplist => Object::List(list::ziplist(from, limits)?),
        Form::ListZiplists => Object::List(list::ziplists(from, limits)?),
        Form::ListNodes => Object::List(list::nodes(from, limits)?),
        Form::Set => Object::Set(set::members(from, limits)?),
        Form::SetIntset => Object::Set(set::intset(from, limits)?),
        Form::SetListpack => Object::Set(set::listpack(from, limits)?),
        Form::SortedSetDecimal => Object::SortedSet(sorted_set::elements(from, limits, sorted_set::decimal)?),
        Form::SortedSet => Object::SortedSet(sorted_set::elements(from, limits, sorted_set::binary)?),
        Form::SortedSetZiplist => Object::SortedSet(sorted_set::packed(pack::ziplist(from)?, limits)?),
        Form::SortedSetListpack => Object::SortedSet(sorted_set::packed(pack::listpack(from)?, limits)?),
        Form::Hash => Object::Hash(hash::fields(from, limits, hash::lasting)?),
        Form::HashValkey => Object::Hash(hash::fields(from, limits, hash::valkey)?),
        Form::HashTimed => Object::Hash(hash::timed(from, limits)?),
        Form::HashZipmap => Object::Hash(hash::packed(pack::zipmap(from)?, limits)?),
        Form::HashZiplist => Object::Hash(hash::packed(pack::ziplist(from)?, limits)?),
        Form::HashListpack => Object::Hash(hash::packed(pack::listpack(from)?, limits)?),
        Form::HashTimedListpack => Object::Hash(hash::timed_packed(from, limits)?),
        Form::StreamOld | Form::Stream | Form::StreamActive => Object::Stream(stream::read(from, form)?),
    }))
}

fn string(text: Cow<'_, [u8]>) -> Loaded<'_> {
    parse_i64(&text).map_or(Loaded::Text(text), Loaded::Int)
}
