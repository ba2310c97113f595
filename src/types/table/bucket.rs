//! A bucket: one cache line with seven slots and eight bytes about them.
//!
//! A slot holds an entry's address in its low 48 bits and bits 8..24 of the hash above them (the tag). The eight bytes are
//! one word: byte `i` below 7 is slot `i`'s fingerprint (bits 56..64 of the hash, 0 turned into 1; 0 means that the slot is
//! empty); of byte 7, bit `i` below 7 says that slot `i`'s entry has an expiry, and bit 7 that slot 6 holds no entry but
//! the address of an overflow bucket (its fingerprint is then 0, and it does not count as free).
//!
//! All zeros is an empty bucket.

/// Slots of a bucket.
pub(super) const SLOTS: usize = 7;
/// The slot that becomes the link to an overflow bucket.
pub(super) const LINK: usize = SLOTS - 1;

const LINKED: u64 = 1 << 63;
const LOW_SEVEN_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const PRINT_HIGH_BITS: u64 = 0x0080_8080_8080_8080;
const TAG: usize = 0xffff << 48;

/// The fingerprint of a hash, never 0.
#[inline]
pub(super) fn print_of(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

/// The tag of a hash, where it stands in a slot.
#[inline]
pub(super) fn tag_of(hash: u64) -> usize {
    (hash << 40) as usize & TAG
}

/// A tagged pointer without its tag.
#[inline]
pub(super) fn untagged(slot: *mut u8) -> *mut u8 {
    slot.map_addr(|address| address & !TAG)
}

/// What a slot holds, with what the bucket knows of it.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    /// The entry's pointer, tagged.
    pub slot: *mut u8,
    pub print: u8,
    pub volatile: bool,
}

impl Cell {
    #[inline]
    pub(super) fn new(entry: *mut u8, hash: u64, volatile: bool) -> Self {
        Self { slot: entry.map_addr(|address| address | tag_of(hash)), print: print_of(hash), volatile }
    }

    /// The pointer of the entry.
    #[inline]
    pub(super) fn entry(self) -> *mut u8 {
        untagged(self.slot)
    }

    /// Bit `level` of the hash, if the tag holds it.
    #[inline]
    pub(super) fn hash_bit(self, level: u32) -> Option<bool> {
        (8..24).contains(&level).then(|| self.slot.addr() >> (level + 40) & 1 == 1)
    }
}

/// See the module.
#[repr(C, align(64))]
pub(super) struct Bucket {
    about: u64,
    slots: [*mut u8; SLOTS],
}

/// The numbers of slots, lowest first, from a word with the high bit of their bytes set.
#[derive(Clone, Copy)]
pub(super) struct SlotSet(u64);

impl SlotSet {
    #[inline]
    pub(super) fn len(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl Iterator for SlotSet {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let index = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(index)
    }
}

/// The high bit of each of the seven low bytes that is zero, exactly.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    !(((word & LOW_SEVEN_BITS) + LOW_SEVEN_BITS) | word | LOW_SEVEN_BITS) & PRINT_HIGH_BITS
}

impl Bucket {
    /// The slots whose fingerprint is `print`.
    #[inline]
    pub(super) fn matching(&self, print: u8) -> SlotSet {
        SlotSet(zero_bytes(self.about ^ (u64::from(print) * 0x0001_0101_0101_0101)))
    }

    /// The slots that hold entries.
    #[inline]
    pub(super) fn occupied(&self) -> SlotSet {
        SlotSet(!zero_bytes(self.about) & PRINT_HIGH_BITS)
    }

    /// The lowest free slot.
    #[inline]
    pub(super) fn free_slot(&self) -> Option<usize> {
        SlotSet(zero_bytes(self.about)).next().filter(|index| *index != LINK || self.link().is_none())
    }

    /// The overflow bucket.
    #[inline]
    pub(super) fn link(&self) -> Option<*mut Bucket> {
        (self.about & LINKED != 0).then(|| self.slots[LINK].cast())
    }

    /// Makes slot 6 the link to `next`; its entry must have been taken.
    pub(super) fn set_link(&mut self, next: *mut Bucket) {
        debug_assert!(self.slots[LINK].is_null());
        self.about |= LINKED;
        self.slots[LINK] = next.cast();
    }

    /// Turns the link into an empty slot again.
    pub(super) fn clear_link(&mut self) {
        self.about &= !LINKED;
        self.slots[LINK] = std::ptr::null_mut();
    }

    /// Whether slot `index` holds an entry whose tag is that of `hash`.
    #[inline]
    pub(super) fn tag_matches(&self, index: usize, hash: u64) -> bool {
        self.slots[index].addr() & TAG == tag_of(hash)
    }

    /// The pointer to the entry in an occupied slot.
    #[inline]
    pub(super) fn entry(&self, index: usize) -> *mut u8 {
        untagged(self.slots[index])
    }

    /// What an occupied slot holds.
    #[inline]
    pub(super) fn cell(&self, index: usize) -> Cell {
        Cell {
            slot: self.slots[index],
            print: (self.about >> (8 * index)) as u8,
            volatile: self.is_volatile(index),
        }
    }

    /// Fills an empty slot.
    #[inline]
    pub(super) fn put(&mut self, index: usize, cell: Cell) {
        debug_assert!(self.slots[index].is_null());
        self.slots[index] = cell.slot;
        self.about |= u64::from(cell.print) << (8 * index) | u64::from(cell.volatile) << (56 + index);
    }

    /// Empties an occupied slot.
    #[inline]
    pub(super) fn take(&mut self, index: usize) -> Cell {
        let cell = self.cell(index);
        self.about &= !(0xff << (8 * index) | 1 << (56 + index));
        self.slots[index] = std::ptr::null_mut();
        cell
    }

    /// Replaces the entry's address in an occupied slot; tag and fingerprint stay.
    #[inline]
    pub(super) fn readdress(&mut self, index: usize, entry: *mut u8) {
        let tag = self.slots[index].addr() & TAG;
        self.slots[index] = entry.map_addr(|address| address | tag);
    }

    /// Whether an occupied slot's entry has an expiry.
    #[inline]
    pub(super) fn is_volatile(&self, index: usize) -> bool {
        self.about >> (56 + index) & 1 == 1
    }

    /// Notes whether an occupied slot's entry has an expiry.
    #[inline]
    pub(super) fn set_volatile(&mut self, index: usize, volatile: bool) {
        self.about = self.about & !(1 << (56 + index)) | u64::from(volatile) << (56 + index);
    }

    /// How many entries with an expiry it holds.
    #[inline]
    pub(super) fn volatile_len(&self) -> usize {
        (self.about >> 56 & 0x7f).count_ones() as usize
    }
}
