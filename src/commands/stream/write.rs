//! What stream commands answer with: ids, entries, straight from where they stand.

use crate::protocol::reply::Reply;
use crate::types::listpack::Item;
use crate::types::stream::{Entry, IdText, Log, StreamId};

/// An id as a bulk string.
#[inline]
pub(super) fn id(reply: &mut Reply<'_>, id: StreamId) {
    reply.bulk(id.text(&mut IdText::default()));
}

/// An entry: its id, and its fields with their values.
#[inline]
pub(super) fn entry(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    reply.array(2);
    id(reply, entry.id);
    reply.array(entry.len() * 2);
    for word in entry.words() {
        match word {
            Item::Int(number) => reply.bulk_integer(number),
            Item::Bytes(bytes) => reply.bulk(bytes),
        }
    }
}

/// Up to so many entries as an array.
pub(super) fn entries<'a>(reply: &mut Reply<'_>, entries: impl Iterator<Item = Entry<'a>>, count: usize) {
    let mark = reply.deferred_array();
    let mut written = 0;
    for each in entries.take(count) {
        entry(reply, &each);
        written += 1;
    }
    reply.close(mark, written);
}

/// The first or last entry, or null.
pub(super) fn entry_or_null(reply: &mut Reply<'_>, found: Option<Entry<'_>>) {
    match found {
        Some(found) => entry(reply, &found),
        None => reply.null(),
    }
}

/// A number, or null where it is not known.
pub(super) fn integer_or_null(reply: &mut Reply<'_>, number: Option<i64>) {
    match number {
        Some(number) => reply.integer(number),
        None => reply.null(),
    }
}

/// Whether all entries of a log lie in a range, so that their number is known beforehand.
pub(super) fn covers(log: &Log, start: StreamId, end: StreamId) -> bool {
    start <= log.figures().first_id && log.figures().last_id <= end
}
