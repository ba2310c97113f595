//! Values in one piece: listpacks, and what was in their place in older servers, as listpacks.

use super::old;
use crate::dump::reader::Reader;
use crate::text::number::parse_i64;
use crate::types::{Item, Listpack, ListpackRef};

/// A larger one becomes a table, whatever the limits allow.
pub(super) const BYTES_MAX: usize = 1 << 30;

/// A listpack in which every text that is an integer stands as one, so that equal texts are equal elements.
pub(super) fn listpack(from: &mut Reader<'_>) -> Option<Listpack> {
    let bytes = from.text()?;
    let may_be_integer = |text: &[u8]| text.last().is_some_and(u8::is_ascii_digit);
    let is_disguised =
        |item| matches!(item, Item::Bytes(text) if may_be_integer(text) && parse_i64(text).is_some());
    let mut has_disguised = false;
    let view = ListpackRef::parse_each(&bytes, |item| has_disguised |= is_disguised(item))?;
    if has_disguised {
        return Some(of(view.iter().map(canonical)));
    }
    Some(Listpack::from_bytes(bytes.into_owned()))
}

fn canonical(item: Item<'_>) -> Item<'_> {
    if let Item::Bytes(text) = item { Item::of(text) } else { item }
}

fn of<'i>(items: impl Iterator<Item = Item<'i>>) -> Listpack {
    let mut pack = Listpack::new();
    pack.push_all(items);
    pack.shrink();
    pack
}

/// The elements of a ziplist.
pub(super) fn ziplist(from: &mut Reader<'_>) -> Option<Listpack> {
    let bytes = from.text()?;
    old::ziplist(&bytes).map(|items| of(items.into_iter().map(canonical)))
}

/// The names and values of a zipmap.
pub(super) fn zipmap(from: &mut Reader<'_>) -> Option<Listpack> {
    let bytes = from.text()?;
    old::zipmap(&bytes).map(|texts| of(texts.into_iter().map(Item::of)))
}

/// A text as it stands in a listpack: a number, or bytes. First what two of them mostly differ in: comparing it calls nothing.
type Key<'a> = (u64, Option<i64>, &'a [u8]);

fn key(item: Item<'_>) -> Key<'_> {
    match item {
        Item::Int(number) => (number as u64, Some(number), b""),
        Item::Bytes(text) => {
            let mut end = [0; 8];
            let tail = text.last_chunk::<8>().map_or(text, |chunk| chunk);
            end[..tail.len()].copy_from_slice(tail);
            (u64::from_le_bytes(end), None, text)
        }
    }
}

/// So many keys are compared pair by pair, which takes no memory.
const PAIRED_MAX: usize = 16;

/// Whether every `step`-th element of a listpack is there once only.
pub(super) fn is_distinct(pack: ListpackRef<'_>, step: usize) -> bool {
    let keys = pack.iter().step_by(step).map(key);
    if pack.len() <= PAIRED_MAX * step {
        let mut seen: [Key<'_>; PAIRED_MAX] = [(0, None, b""); PAIRED_MAX];
        return keys.enumerate().all(|(count, key)| {
            let is_new = !seen[..count].contains(&key);
            seen[count] = key;
            is_new
        });
    }
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys.windows(2).all(|pair| pair[0] != pair[1])
}
