//! Listpack: a row of strings and integers in one run of bytes, which can be walked in both directions.
//!
//! It is the small form of lists, sets, hashes and sorted sets, and the node of lists and streams. The bytes are those of
//! Redis's own format, as dump files hold them (Sanfilippo, <https://github.com/antirez/listpack/blob/master/listpack.md>):
//!
//! | part | bytes |
//! |---|---|
//! | total length | 4, little endian |
//! | number of elements | 2, little endian; 65535 says: count them |
//! | elements: encoding with length or value, bytes of a string, length of all that written backwards | |
//! | end | 1: `0xFF` |
//!
//! A *place* is the offset of an element from the beginning. Guarantee: a [`ListpackRef`] made by [`ListpackRef::parse`], and
//! every [`Listpack`], is well formed, so that walking it never leaves it.

use crate::text::number::parse_i64;
use crate::types::size_class;

/// Where the first element stands.
const HEADER_BYTES: usize = 6;
const END: u8 = 0xFF;
/// The number of elements does not fit the header.
const UNCOUNTED: u16 = u16::MAX;
/// An encoding byte and the largest length or integer behind it.
const HEAD_BYTES_MAX: usize = 9;
const BACK_BYTES_MAX: usize = 5;
/// The longest that a listpack may become: what its header can say.
pub const BYTES_MAX: usize = u32::MAX as usize;

/// An element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item<'a> {
    /// A text that is an integer in canonical form.
    Int(i64),
    /// Any other.
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The element that a text becomes.
    #[inline]
    pub fn of(text: &'a [u8]) -> Item<'a> {
        parse_i64(text).map_or(Item::Bytes(text), Item::Int)
    }

    /// The text of the element; digits are written into the buffer.
    #[inline]
    pub fn text<'b>(self, digits: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Item::Int(number) => digits.format(number).as_bytes(),
            Item::Bytes(bytes) => bytes,
        }
    }

    /// The text of the element, as a copy.
    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut itoa::Buffer::new()).to_vec()
    }

    /// Length of the text in bytes.
    pub fn text_len(self) -> usize {
        self.text(&mut itoa::Buffer::new()).len()
    }

    /// The bytes that the element takes in a listpack.
    pub fn packed_bytes(self) -> usize {
        let body = match self {
            Item::Int(number) => int_bytes(number),
            Item::Bytes(bytes) => string_head_bytes(bytes.len()) + bytes.len(),
        };
        body + back_bytes(body)
    }
}

/// A listpack that can be changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listpack(Vec<u8>);

/// A view of a listpack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListpackRef<'a>(&'a [u8]);

impl Default for Listpack {
    fn default() -> Self {
        Listpack::new()
    }
}

impl Listpack {
    /// One without elements.
    pub fn new() -> Listpack {
        Listpack::with_capacity(0)
    }

    /// One without elements, with room for elements of so many bytes.
    pub fn with_capacity(bytes: usize) -> Listpack {
        let mut all = Vec::with_capacity(size_class(HEADER_BYTES + 1 + bytes));
        all.extend_from_slice(&[HEADER_BYTES as u8 + 1, 0, 0, 0, 0, 0, END]);
        Listpack(all)
    }

    /// Takes bytes that are a listpack, as [`Listpack::into_bytes`] gave them away. Bytes from elsewhere go through
    /// [`ListpackRef::parse`].
    #[inline]
    pub fn from_bytes(bytes: Vec<u8>) -> Listpack {
        debug_assert!(ListpackRef::parse(&bytes).is_some());
        Listpack(bytes)
    }

    /// The bytes of the format.
    #[inline]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A view of it.
    #[inline]
    pub fn view(&self) -> ListpackRef<'_> {
        ListpackRef(&self.0)
    }

    /// Bytes allocated, by size class.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        size_class(self.0.capacity())
    }

    /// Adds an element at the end.
    #[inline]
    pub fn push_back(&mut self, item: Item<'_>) {
        self.insert(self.0.len() - 1, item);
    }

    /// Adds an element at the beginning.
    #[inline]
    pub fn push_front(&mut self, item: Item<'_>) {
        self.insert(HEADER_BYTES, item);
    }

    /// Adds an element before the one at a place, or at the end if that is [`ListpackRef::end`]. The new one stands at
    /// that place then.
    pub fn insert(&mut self, place: usize, item: Item<'_>) {
        self.splice(place, 0, Some(item));
        self.count(1);
    }

    /// Puts an element in place of the one at a place.
    pub fn replace(&mut self, place: usize, item: Item<'_>) {
        let old = self.view().size(place);
        self.splice(place, old, Some(item));
    }

    /// Takes the element at a place out; the next one stands there then.
    pub fn remove(&mut self, place: usize) {
        let old = self.view().size(place);
        self.splice(place, old, None);
        self.count(-1);
    }

    /// Takes out up to `count` elements from a place on.
    pub fn remove_many(&mut self, place: usize, count: usize) {
        let (mut end, mut removed) = (place, 0);
        while removed < count && self.0[end] != END {
            end += self.view().size(end);
            removed += 1;
        }
        self.0.drain(place..end);
        self.set_total();
        self.count(-(removed as isize));
    }

    /// Keeps only the elements that the caller wants, in one pass.
    pub fn retain(&mut self, mut keep: impl FnMut(Item<'_>) -> bool) {
        let (mut from, mut to, mut removed) = (HEADER_BYTES, HEADER_BYTES, 0);
        while self.0[from] != END {
            let size = self.view().size(from);
            if keep(self.view().get(from)) {
                if to < from {
                    self.0.copy_within(from..from + size, to);
                }
                to += size;
            } else {
                removed += 1;
            }
            from += size;
        }
        self.0.drain(to..from);
        self.set_total();
        self.count(-removed);
    }

    /// Adds all elements of another at the end.
    pub fn append(&mut self, other: ListpackRef<'_>) {
        let count = other.len();
        self.reserve(other.0.len() - HEADER_BYTES - 1);
        self.0.pop();
        self.0.extend_from_slice(&other.0[HEADER_BYTES..]);
        self.set_total();
        self.count(count as isize);
    }

    /// Adds elements at the end, with one look at the header for all.
    pub fn push_all<'i>(&mut self, items: impl Iterator<Item = Item<'i>>) {
        self.0.pop();
        let mut added = 0;
        for item in items {
            self.push_raw(item);
            added += 1;
        }
        self.reserve(1);
        self.0.push(END);
        self.set_total();
        self.count(added);
    }

    /// Adds an element's bytes where the end would stand.
    #[inline]
    fn push_raw(&mut self, item: Item<'_>) {
        let mut head = [0; HEAD_BYTES_MAX];
        let (head_len, body): (usize, &[u8]) = match item {
            Item::Int(number) => (write_int(number, &mut head), &[]),
            Item::Bytes(bytes) => (write_string_head(bytes.len(), &mut head), bytes),
        };
        let mut back = [0; BACK_BYTES_MAX];
        let back_len = write_back(head_len + body.len(), &mut back);
        // With the end's byte, so that this is the only growth.
        self.reserve(head_len + body.len() + back_len + 1);
        self.0.extend_from_slice(&head[..head_len]);
        self.0.extend_from_slice(body);
        self.0.extend_from_slice(&back[..back_len]);
    }

    /// Gives back room that is not used, if that is more than half.
    #[inline]
    pub fn shrink_sparse(&mut self) {
        if self.0.len() < self.0.capacity() / 2 {
            self.shrink();
        }
    }

    /// Gives back room that is not used.
    pub fn shrink(&mut self) {
        if size_class(self.0.len()) < self.0.capacity() {
            self.0.shrink_to(size_class(self.0.len()));
        }
    }

    /// Puts an element's bytes in place of `old` bytes at a place.
    fn splice(&mut self, place: usize, old: usize, item: Option<Item<'_>>) {
        let Some(item) = item else {
            self.0.drain(place..place + old);
            self.set_total();
            return;
        };
        let mut head = [0; HEAD_BYTES_MAX];
        let (head_len, body): (usize, &[u8]) = match item {
            Item::Int(number) => (write_int(number, &mut head), &[]),
            Item::Bytes(bytes) => (write_string_head(bytes.len(), &mut head), bytes),
        };
        let size = head_len + body.len();
        let mut back = [0; BACK_BYTES_MAX];
        let back_len = write_back(size, &mut back);
        let new = size + back_len;
        let before = self.0.len();
        if new > old {
            self.reserve(new - old);
            self.0.resize(before + new - old, 0);
        }
        if new != old {
            self.0.copy_within(place + old..before, place + new);
        }
        self.0.truncate(before - old + new);
        let room = &mut self.0[place..place + new];
        room[..head_len].copy_from_slice(&head[..head_len]);
        room[head_len..size].copy_from_slice(body);
        room[size..].copy_from_slice(&back[..back_len]);
        self.set_total();
    }

    /// Makes room for `extra` bytes, and no more than the allocator gives anyway.
    pub fn reserve(&mut self, extra: usize) {
        let wanted = self.0.len() + extra;
        if wanted > self.0.capacity() {
            self.0.reserve_exact(size_class(wanted) - self.0.len());
        }
    }

    fn set_total(&mut self) {
        // Callers keep a listpack far below 4 GiB (`BYTES_MAX`).
        let total = u32::try_from(self.0.len()).expect("a listpack stays below 4 GiB");
        self.0[..4].copy_from_slice(&total.to_le_bytes());
    }

    fn count(&mut self, change: isize) {
        let view = self.view();
        let known = view.counted();
        // The elements are already there, so counting them is counting the new state.
        let count = known.map_or_else(|| view.iter().count(), |count| count.saturating_add_signed(change));
        let count = u16::try_from(count).unwrap_or(UNCOUNTED);
        self.0[4..6].copy_from_slice(&count.to_le_bytes());
    }
}

impl<'a> ListpackRef<'a> {
    /// The bytes of a listpack from elsewhere, if they are well formed to the last element.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Option<ListpackRef<'a>> {
        ListpackRef::parse_each(bytes, |_| ())
    }

    /// The same, and shows the elements on the way.
    #[inline]
    pub fn parse_each(bytes: &'a [u8], mut each: impl FnMut(Item<'a>)) -> Option<ListpackRef<'a>> {
        let (header, last) = (bytes.get(..HEADER_BYTES)?, bytes.last()?);
        let total = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
        if total != bytes.len() || bytes.len() <= HEADER_BYTES || *last != END {
            return None;
        }
        let (mut place, mut count) = (HEADER_BYTES, 0);
        while place < bytes.len() - 1 {
            let rest = &bytes[place..bytes.len() - 1];
            place += checked_size(rest)?;
            each(read(rest));
            count += 1;
        }
        let view = ListpackRef(bytes);
        (view.counted().is_none_or(|counted| counted == count)).then_some(view)
    }

    /// A view of bytes that are known to be a listpack.
    #[inline]
    pub fn trusted(bytes: &'a [u8]) -> ListpackRef<'a> {
        ListpackRef(bytes)
    }

    /// The bytes of the format.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    fn counted(self) -> Option<usize> {
        let count = u16::from_le_bytes([self.0[4], self.0[5]]);
        (count != UNCOUNTED).then_some(usize::from(count))
    }

    /// How many elements there are; from 65535 on they have to be counted.
    #[inline]
    pub fn len(self) -> usize {
        self.counted().unwrap_or_else(|| self.iter().count())
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0[HEADER_BYTES] == END
    }

    /// The place of the first element, which is [`ListpackRef::end`] if there is none.
    #[inline]
    pub fn start(self) -> usize {
        HEADER_BYTES
    }

    /// The place behind the last element.
    #[inline]
    pub fn end(self) -> usize {
        self.0.len() - 1
    }

    /// The element at a place, which must not be the end.
    #[inline]
    pub fn get(self, place: usize) -> Item<'a> {
        read(&self.0[place..])
    }

    /// Bytes that the element at a place takes.
    #[inline]
    fn size(self, place: usize) -> usize {
        let body = body_bytes(&self.0[place..]);
        body + back_bytes(body)
    }

    /// The place behind an element.
    #[inline]
    pub fn next(self, place: usize) -> usize {
        place + self.size(place)
    }

    /// The place before an element or the end; `None` before the first.
    #[inline]
    pub fn prev(self, place: usize) -> Option<usize> {
        if place == HEADER_BYTES {
            return None;
        }
        let body = read_back(&self.0[..place]);
        Some(place - body - back_bytes(body))
    }

    /// The place of the `index`-th element, negative from the end; `None` beyond either.
    pub fn seek(self, index: i64) -> Option<usize> {
        let counted = self.counted().map(|count| count as i64);
        let beyond = |count: i64| index >= count || index < -count;
        if counted.is_some_and(beyond) {
            return None;
        }
        match counted {
            Some(count) if index >= 0 && index > count / 2 => self.seek_back(count - index),
            Some(count) if index < 0 && -index > count / 2 => self.seek_forward(count + index),
            _ if index >= 0 => self.seek_forward(index),
            _ => self.seek_back(-index),
        }
    }

    fn seek_forward(self, index: i64) -> Option<usize> {
        let mut place = self.start();
        for _ in 0..index {
            if place == self.end() {
                return None;
            }
            place = self.next(place);
        }
        (place < self.end()).then_some(place)
    }

    fn seek_back(self, index: i64) -> Option<usize> {
        (0..index).try_fold(self.end(), |place, _| self.prev(place))
    }

    /// The place of the first element with this text, from a place on, looking at one and skipping `skip` in turn (1 looks
    /// at the names of pairs only).
    pub fn find(self, from: usize, text: &[u8], skip: usize) -> Option<usize> {
        let wanted = Item::of(text);
        let mut place = from;
        while place < self.end() {
            if self.get(place) == wanted {
                return Some(place);
            }
            place = self.next(place);
            for _ in 0..skip {
                place = self.next(place);
            }
        }
        None
    }

    /// The elements in order.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter { pack: self, front: self.start(), back: self.end() }
    }

    /// The elements from a place on.
    #[inline]
    pub fn iter_from(self, place: usize) -> Iter<'a> {
        Iter { pack: self, front: place, back: self.end() }
    }
}

/// The elements of a listpack.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    pack: ListpackRef<'a>,
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        let bytes = &self.pack.0[self.front..];
        let head = bytes[0];
        // Short texts are what most listpacks hold: one look at their head tells all.
        if head & 0xC0 == 0x80 {
            let behind = 1 + usize::from(head & 0x3F);
            self.front += behind + 1;
            return Some(Item::Bytes(&bytes[1..behind]));
        }
        if head < 0x80 {
            self.front += 2;
            return Some(Item::Int(i64::from(head)));
        }
        let body = body_bytes(bytes);
        self.front += body + back_bytes(body);
        Some(read(bytes))
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.pack.prev(self.back)?;
        Some(self.pack.get(self.back))
    }
}

/// The element whose encoding begins here.
#[inline]
fn read(bytes: &[u8]) -> Item<'_> {
    let int = |n: usize| {
        let mut wide = [0; 8];
        wide[8 - n..].copy_from_slice(&bytes[1..=n]);
        i64::from_le_bytes(wide) >> (64 - 8 * n)
    };
    match bytes[0] {
        small @ 0..=0x7F => Item::Int(i64::from(small)),
        head @ 0x80..=0xBF => Item::Bytes(&bytes[1..1 + usize::from(head & 0x3F)]),
        head @ 0xC0..=0xDF => {
            let raw = i64::from(head & 0x1F) << 8 | i64::from(bytes[1]);
            Item::Int(raw << 51 >> 51)
        }
        head @ 0xE0..=0xEF => {
            let len = usize::from(head & 0x0F) << 8 | usize::from(bytes[1]);
            Item::Bytes(&bytes[2..2 + len])
        }
        0xF0 => {
            let len = u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize;
            Item::Bytes(&bytes[5..5 + len])
        }
        0xF1 => Item::Int(int(2)),
        0xF2 => Item::Int(int(3)),
        0xF3 => Item::Int(int(4)),
        _ => Item::Int(int(8)),
    }
}

/// Bytes of the element that begins here, its length written backwards not included.
#[inline]
fn body_bytes(bytes: &[u8]) -> usize {
    match bytes[0] {
        0..=0x7F => 1,
        head @ 0x80..=0xBF => 1 + usize::from(head & 0x3F),
        0xC0..=0xDF => 2,
        head @ 0xE0..=0xEF => 2 + (usize::from(head & 0x0F) << 8 | usize::from(bytes[1])),
        0xF0 => 5 + u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize,
        0xF1 => 3,
        0xF2 => 4,
        0xF3 => 5,
        _ => 9,
    }
}

/// Bytes of the whole element that begins here, if it is well formed and ends within `bytes`.
#[inline]
fn checked_size(bytes: &[u8]) -> Option<usize> {
    let head = *bytes.first()?;
    if !matches!(head, 0xE0..=0xF0 | 0xF5..) {
        // Nearly all are short: the length written backwards is a byte, and is that of the rest.
        let body = body_bytes(bytes);
        return (usize::from(*bytes.get(body)?) == body).then_some(body + 1);
    }
    checked_long_size(bytes)
}

#[inline(never)]
fn checked_long_size(bytes: &[u8]) -> Option<usize> {
    let head = match *bytes.first()? {
        0xE0..=0xEF => 2,
        0xF0 => 5,
        0xF5.. => return None,
        _ => 1,
    };
    bytes.get(..head)?;
    let body = body_bytes(bytes);
    let all = body.checked_add(back_bytes(body))?;
    let whole = bytes.get(..all)?;
    let mut back = [0; BACK_BYTES_MAX];
    let written = write_back(body, &mut back);
    whole.ends_with(&back[..written]).then_some(all)
}

/// Bytes of an integer's encoding.
fn int_bytes(number: i64) -> usize {
    match number {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32768..=32767 => 3,
        -8388608..=8388607 => 4,
        -2147483648..=2147483647 => 5,
        _ => 9,
    }
}

fn write_int(number: i64, head: &mut [u8; HEAD_BYTES_MAX]) -> usize {
    let size = int_bytes(number);
    match size {
        1 => head[0] = number as u8,
        2 => {
            let raw = (number & 0x1FFF) as u16;
            head[..2].copy_from_slice(&(0xC000 | raw).to_be_bytes());
        }
        _ => {
            head[0] = match size {
                3 => 0xF1,
                4 => 0xF2,
                5 => 0xF3,
                _ => 0xF4,
            };
            head[1..size].copy_from_slice(&number.to_le_bytes()[..size - 1]);
        }
    }
    size
}

fn string_head_bytes(len: usize) -> usize {
    match len {
        0..=63 => 1,
        64..=4095 => 2,
        _ => 5,
    }
}

fn write_string_head(len: usize, head: &mut [u8; HEAD_BYTES_MAX]) -> usize {
    let size = string_head_bytes(len);
    match size {
        1 => head[0] = 0x80 | len as u8,
        2 => head[..2].copy_from_slice(&(0xE000 | len as u16).to_be_bytes()),
        _ => {
            head[0] = 0xF0;
            head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
        }
    }
    size
}

/// Bytes of a length that is written backwards. The boundaries are those of the format's first program, which leaves the
/// greatest number of each width to the next one.
#[inline]
fn back_bytes(body: usize) -> usize {
    match body {
        0..=127 => 1,
        128..=16382 => 2,
        16383..=2097150 => 3,
        2097151..=268435454 => 4,
        _ => 5,
    }
}

/// Seven bits to a byte, the highest first; every byte but the first says that there are more before it.
fn write_back(body: usize, back: &mut [u8; BACK_BYTES_MAX]) -> usize {
    let size = back_bytes(body);
    for (i, byte) in back[..size].iter_mut().enumerate() {
        let bits = (body >> (7 * (size - 1 - i)) & 0x7F) as u8;
        *byte = if i == 0 { bits } else { bits | 0x80 };
    }
    size
}

/// Reads such a length that ends where `bytes` end.
#[inline]
fn read_back(bytes: &[u8]) -> usize {
    let (mut body, mut shift) = (0, 0);
    for byte in bytes.iter().rev().take(BACK_BYTES_MAX) {
        body |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    body
}

#[cfg(test)]
mod tests;
