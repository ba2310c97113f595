//! A node: some entries that follow each other, in one listpack, in the form in which dump files hold them.
//!
//! The first entry's fields become the *master's*; entries with the same fields hold only values. Elements of the listpack
//! (Redis, `t_stream.c`):
//!
//! | part | elements |
//! |---|---|
//! | master | entries there, entries deleted, number of fields, names of fields, 0 |
//! | each entry | flags, id as difference to the node's (two), with fields of its own their number, then names and values in turn, else the values; number of elements before this one |
//!
//! The last element of each part lets a reader go backwards. Deleted entries stay, marked, until no other is left.
//!
//! Guarantee: a [`NodeRef`] made by [`NodeRef::parse`], and every node of a stream, is well formed, so walking it never
//! leaves it.

use super::id::StreamId;
use crate::types::listpack::{Item, Iter, Listpack, ListpackRef};

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;
/// Flags and the two parts of the id.
const ENTRY_HEAD: usize = 3;

/// A view of a node.
#[derive(Clone, Copy, Debug)]
pub struct NodeRef<'a> {
    /// The id of the first entry that it ever had; those of the others are told by the difference.
    pub base: StreamId,
    pub(super) pack: ListpackRef<'a>,
}

/// What stands before the entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Master {
    /// Entries that are there.
    pub(super) live: usize,
    /// Entries that are marked as deleted.
    pub(super) deleted: usize,
    fields: usize,
    /// The place of the first name.
    names: usize,
    /// The place of the first entry.
    pub(super) entries: usize,
}

/// An entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    pack: ListpackRef<'a>,
    /// Where the entry begins.
    pub(super) place: usize,
    flags: i64,
    fields: usize,
    names: usize,
    /// Where names with values, or values alone, begin.
    body: usize,
}

impl<'a> Entry<'a> {
    /// How many fields it has, each with a value.
    #[allow(clippy::len_without_is_empty, reason = "an entry has a field")]
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Fields and values in turn, twice [`Entry::len`].
    pub fn words(&self) -> Words<'a> {
        let names = (self.flags & SAME_FIELDS != 0).then(|| self.pack.iter_from(self.names));
        let words = self.pack.iter_from(self.body);
        Words { names, words, left: self.fields * 2 }
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// Elements behind the head, the last not counted.
    fn body_len(&self) -> usize {
        if self.flags & SAME_FIELDS != 0 { self.fields } else { self.fields * 2 }
    }

    /// The place behind it.
    pub(super) fn end(&self) -> usize {
        (0..=self.body_len()).fold(self.body, |place, _| self.pack.next(place))
    }
}

/// Fields and values of an entry in turn.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    /// Where the names are, if not among the values.
    names: Option<Iter<'a>>,
    words: Iter<'a>,
    left: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.names {
            Some(names) if self.left % 2 == 1 => names.next(),
            _ => self.words.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// An integer where the format has one.
#[inline]
fn integer(item: Item<'_>) -> i64 {
    match item {
        Item::Int(number) => number,
        // Not in a well-formed node.
        Item::Bytes(_) => 0,
    }
}

impl<'a> NodeRef<'a> {
    /// The bytes of a node from elsewhere, if they are well formed and ids ascend.
    pub fn parse(base: StreamId, bytes: &'a [u8]) -> Option<NodeRef<'a>> {
        let pack = ListpackRef::parse(bytes)?;
        let mut reader = Reader { items: pack.iter() };
        let (live, deleted) = (reader.count()?, reader.count()?);
        let fields = reader.count()?;
        reader.skip(fields)?;
        if fields == 0 || reader.integer()? != 0 {
            return None;
        }
        let (mut found, mut last) = ([0, 0], None);
        while !reader.is_at_end() {
            let (id, flags) = reader.entry(base, fields)?;
            if last.is_some_and(|last| last >= id) || id < base {
                return None;
            }
            found[(flags & DELETED) as usize] += 1;
            last = Some(id);
        }
        (found == [live, deleted]).then_some(NodeRef { base, pack })
    }

    /// The bytes of the format.
    pub fn bytes(self) -> &'a [u8] {
        self.pack.bytes()
    }

    /// Entries, deleted ones included.
    #[inline]
    pub(super) fn entry_count(self) -> usize {
        let mut items = self.pack.iter();
        let mut next = || items.next().map_or(0, integer) as usize;
        next() + next()
    }

    #[inline]
    pub(super) fn master(self) -> Master {
        let mut place = self.pack.start();
        let mut next = || {
            let item = self.pack.get(place);
            place = self.pack.next(place);
            integer(item) as usize
        };
        let (live, deleted, fields) = (next(), next(), next());
        let names = place;
        let entries = (0..=fields).fold(names, |place, _| self.pack.next(place));
        Master { live, deleted, fields, names, entries }
    }

    /// Whether an entry begins at a place, which is where the one before ends.
    pub(super) fn has_entry(self, place: usize) -> bool {
        place < self.pack.end()
    }

    /// The entry that begins at a place.
    #[inline]
    pub(super) fn entry(self, master: &Master, place: usize) -> Entry<'a> {
        let pack = self.pack;
        let flags = integer(pack.get(place));
        let ms_at = pack.next(place);
        let seq_at = pack.next(ms_at);
        let id = StreamId::from_delta(self.base, (integer(pack.get(ms_at)), integer(pack.get(seq_at))));
        let after = pack.next(seq_at);
        let (fields, body) = match flags & SAME_FIELDS {
            0 => (integer(pack.get(after)) as usize, pack.next(after)),
            _ => (master.fields, after),
        };
        Entry { id, pack, place, flags, fields, names: master.names, body }
    }

    /// The place of the first entry from an id on, deleted ones included, or the end. Looks from both ends at once, since readers
    /// mostly want what is near one of them.
    pub(super) fn seek(self, master: &Master, id: StreamId) -> usize {
        let (mut front, mut back) = (master.entries, self.pack.end());
        if id <= self.base {
            return front;
        }
        while front < back {
            let first = self.entry(master, front);
            if first.id >= id {
                return front;
            }
            front = first.end();
            match self.entry_before(back) {
                Some(before) if self.entry(master, before).id >= id => back = before,
                _ => return back,
            }
        }
        back
    }

    /// Where the entry begins that ends at a place; `None` if that is the master's end.
    #[inline]
    pub(super) fn entry_before(self, place: usize) -> Option<usize> {
        let last = self.pack.prev(place)?;
        let elements = integer(self.pack.get(last));
        if elements == 0 {
            return None;
        }
        (0..elements).try_fold(last, |place, _| self.pack.prev(place))
    }

    /// The id of the first entry, deleted ones included.
    pub(super) fn first_id(self) -> StreamId {
        let master = self.master();
        self.entry(&master, master.entries).id
    }

    /// The id of the last entry, deleted ones included.
    pub(super) fn last_id(self) -> StreamId {
        let place = self.entry_before(self.pack.end());
        place.map_or(self.base, |place| self.entry(&self.master(), place).id)
    }
}

/// A new node with its first entry.
pub(super) fn create<'w>(id: StreamId, words: impl Iterator<Item = &'w [u8]> + Clone) -> Listpack {
    let fields = words.clone().count() / 2;
    let names = words.clone().step_by(2).map(Item::of);
    let head = [Item::Int(1), Item::Int(0), Item::Int(fields as i64)];
    let mut pack = Listpack::new();
    pack.push_all(head.into_iter().chain(names).chain([Item::Int(0)]));
    push_entry(&mut pack, id.delta(id), true, fields, words);
    pack
}

/// Adds an entry behind all others.
pub(super) fn append<'w>(
    base: StreamId,
    pack: &mut Listpack,
    id: StreamId,
    words: impl Iterator<Item = &'w [u8]> + Clone,
) {
    let fields = words.clone().count() / 2;
    let node = NodeRef { base, pack: pack.view() };
    let (start, live) = (pack.view().start(), integer(pack.view().get(pack.view().start())));
    let same = has_fields(node.pack, fields, words.clone().step_by(2));
    pack.replace(start, Item::Int(live + 1));
    push_entry(pack, id.delta(base), same, fields, words);
}

/// Whether the master's fields are these.
fn has_fields<'w>(pack: ListpackRef<'_>, fields: usize, mut names: impl Iterator<Item = &'w [u8]>) -> bool {
    let mut theirs = pack.iter_from(pack.next(pack.next(pack.start())));
    theirs.next() == Some(Item::Int(fields as i64)) && names.all(|name| theirs.next() == Some(Item::of(name)))
}

fn push_entry<'w>(
    pack: &mut Listpack,
    (ms, seq): (i64, i64),
    same: bool,
    fields: usize,
    words: impl Iterator<Item = &'w [u8]>,
) {
    let flags = if same { SAME_FIELDS } else { 0 };
    let elements = ENTRY_HEAD + if same { fields } else { 1 + 2 * fields };
    let head = [flags, ms, seq].into_iter().chain((!same).then_some(fields as i64)).map(Item::Int);
    // With the master's fields only each second word is wanted.
    let body = words.skip(usize::from(same)).step_by(1 + usize::from(same)).map(Item::of);
    pack.push_all(head.chain(body).chain([Item::Int(elements as i64)]));
}

/// Marks the entry that begins at a place as deleted; the master has to be told by [`count_deleted`]. No place moves.
pub(super) fn mark_deleted(pack: &mut Listpack, place: usize) {
    let flags = integer(pack.view().get(place)) | DELETED;
    pack.replace(place, Item::Int(flags));
}

/// Tells the master that so many entries have been marked.
pub(super) fn count_deleted(pack: &mut Listpack, master: &Master, marked: usize) {
    let start = pack.view().start();
    pack.replace(start, Item::Int((master.live - marked) as i64));
    let second = pack.view().next(start);
    pack.replace(second, Item::Int((master.deleted + marked) as i64));
}

/// Reads elements that may be anything.
struct Reader<'a> {
    items: Iter<'a>,
}

impl Reader<'_> {
    fn integer(&mut self) -> Option<i64> {
        match self.items.next()? {
            Item::Int(number) => Some(number),
            Item::Bytes(_) => None,
        }
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.integer()?).ok()
    }

    fn skip(&mut self, elements: usize) -> Option<()> {
        for _ in 0..elements {
            self.items.next()?;
        }
        Some(())
    }

    fn is_at_end(&self) -> bool {
        self.items.clone().next().is_none()
    }

    /// Id and flags.
    fn entry(&mut self, base: StreamId, master_fields: usize) -> Option<(StreamId, i64)> {
        let flags = self.integer().filter(|flags| *flags & !(DELETED | SAME_FIELDS) == 0)?;
        let id = StreamId::from_delta(base, (self.integer()?, self.integer()?));
        let elements = if flags & SAME_FIELDS != 0 {
            self.skip(master_fields)?;
            ENTRY_HEAD + master_fields
        } else {
            let fields = self.count().filter(|fields| *fields > 0)?;
            let words = fields.checked_mul(2)?;
            self.skip(words)?;
            ENTRY_HEAD + 1 + words
        };
        (self.count()? == elements).then_some((id, flags))
    }
}
