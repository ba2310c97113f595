//! The elements of what is sorted.

use super::options::Options;
use crate::engine::{Call, Failure};
use crate::keyspace::{Item, ListRef, ObjectRef, SetRef, SortedSetRef, Value, View};
use crate::types::list::End;

/// Elements as texts.
pub(super) struct Loaded {
    /// In the order in which they stand.
    pub texts: Vec<Vec<u8>>,
    /// LIMIT has been heeded.
    pub cut: bool,
}

/// Takes the elements; of what is not sorted only those that are wanted.
pub(super) fn load(call: &mut Call<'_>, options: &mut Options<'_>) -> Result<Loaded, Failure> {
    // In transactions and scripts as well: what they do must not depend on it either.
    let (key, repeatable) = (call.key(1), options.store.is_some() || !call.may_block());
    let entry = call.read(&key).0;
    match entry.map(|entry| entry.value()) {
        None => Ok(Loaded { texts: Vec::new(), cut: true }),
        Some(Value::Object(ObjectRef::List(list))) => Ok(elements(list, options)),
        Some(Value::Object(ObjectRef::Set(set))) => {
            if options.unsorted && repeatable {
                // A set has no order of its own; what is stored must not depend on how it lies in memory.
                (options.unsorted, options.alpha, options.by) = (false, true, None);
            }
            Ok(members(set))
        }
        Some(Value::Object(ObjectRef::SortedSet(set))) => Ok(ranked(set, options)),
        Some(_) => Err(Failure::WRONG_TYPE),
    }
}

fn elements(list: ListRef<'_>, options: &Options<'_>) -> Loaded {
    let window = if options.unsorted { options.window(list.len()) } else { 0..list.len() };
    // What is not sorted can still be wanted from the end.
    let end = if options.unsorted && options.descending { End::Back } else { End::Front };
    let mut texts = Vec::with_capacity(window.len());
    list.take(end, window.start, window.len(), |item| texts.push(item.to_vec()));
    Loaded { texts, cut: options.unsorted }
}

fn members(set: SetRef<'_>) -> Loaded {
    let mut texts = Vec::with_capacity(set.len());
    set.for_each(|item: Item<'_>| texts.push(item.to_vec()));
    Loaded { texts, cut: false }
}

/// By score, if it is not sorted otherwise.
fn ranked(set: SortedSetRef<'_>, options: &Options<'_>) -> Loaded {
    let len = set.len();
    let window = if options.unsorted { options.window(len) } else { 0..len };
    let reverse = options.unsorted && options.descending;
    let ranks = if reverse { len - window.end..len - window.start } else { window };
    let texts = set.elements(ranks, reverse).map(|element| element.member.to_vec()).collect();
    Loaded { texts, cut: options.unsorted }
}
