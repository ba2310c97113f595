//! Cells: where a large sorted set keeps member and score.
//!
//! Cells stand in pages of 64 KiB and are named by a [`CellId`] of 32 bits: the place of their first unit of 8 bytes. A freed
//! cell waits for the next of the same size in a list that runs through the free cells themselves; pages are given back when
//! the set is. So a cell costs its content, rounded up to 8 bytes, and no call of the allocator.
//!
//! | part | bytes |
//! |---|---|
//! | score | 8 |
//! | length of the member | 1; 255: the member stands elsewhere, and 4 bytes say where |
//! | member | its length |

use crate::types::size_class;

const UNIT_BYTES: usize = 8;
const PAGE_UNITS: usize = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 13;
const PAGE_BYTES: usize = PAGE_UNITS * UNIT_BYTES;
const HEAD_BYTES: usize = 9;
/// The longest member that stands in its cell.
const INLINE_BYTES_MAX: usize = 254;
const ELSEWHERE: u8 = 255;
/// Sizes of cells, in units, the longest included.
const SIZES: usize = (HEAD_BYTES + INLINE_BYTES_MAX).div_ceil(UNIT_BYTES) + 1;

/// The name of a cell; never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct CellId(u32);

impl CellId {
    /// No cell: what empty places of nodes and buckets hold.
    pub(super) const NONE: CellId = CellId(0);

    fn page(self) -> usize {
        (self.0 >> PAGE_BITS) as usize
    }

    fn offset(self) -> usize {
        (self.0 as usize & (PAGE_UNITS - 1)) * UNIT_BYTES
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Arena {
    pages: Vec<Vec<u8>>,
    /// The first free cell of each size.
    free: [CellId; SIZES],
    /// Members too long for a cell.
    long: Vec<Box<[u8]>>,
    /// Places in `long` that are free.
    long_free: Vec<u32>,
    /// Bytes of long members, by size class.
    long_bytes: usize,
    /// Bytes of pages, by size class.
    page_bytes: usize,
}

impl Arena {
    pub(super) fn new() -> Arena {
        Arena {
            pages: Vec::new(),
            free: [CellId::NONE; SIZES],
            long: Vec::new(),
            long_free: Vec::new(),
            long_bytes: 0,
            page_bytes: 0,
        }
    }

    /// Bytes allocated, by size class.
    pub(super) fn memory_bytes(&self) -> usize {
        self.page_bytes
            + self.long_bytes
            + size_class(self.pages.capacity() * size_of::<Vec<u8>>())
            + size_class(self.long.capacity() * size_of::<Box<[u8]>>())
            + size_class(self.long_free.capacity() * size_of::<u32>())
    }

    /// Makes a cell.
    pub(super) fn create(&mut self, member: &[u8], score: f64) -> CellId {
        if member.len() > INLINE_BYTES_MAX {
            let place = self.put_long(member).to_le_bytes();
            return self.write(score, ELSEWHERE, &place);
        }
        self.write(score, member.len() as u8, member)
    }

    fn write(&mut self, score: f64, len: u8, body: &[u8]) -> CellId {
        let id = self.allocate((HEAD_BYTES + body.len()).div_ceil(UNIT_BYTES));
        let cell = &mut self.pages[id.page()][id.offset()..];
        cell[..8].copy_from_slice(&score.to_le_bytes());
        cell[8] = len;
        cell[HEAD_BYTES..HEAD_BYTES + body.len()].copy_from_slice(body);
        id
    }

    /// The score of a cell.
    #[inline]
    pub(super) fn score(&self, id: CellId) -> f64 {
        let cell = &self.pages[id.page()][id.offset()..];
        // Eight bytes of the score begin every cell.
        f64::from_le_bytes(cell[..8].try_into().expect("eight bytes"))
    }

    /// Changes the score of a cell.
    #[inline]
    pub(super) fn set_score(&mut self, id: CellId, score: f64) {
        self.pages[id.page()][id.offset()..][..8].copy_from_slice(&score.to_le_bytes());
    }

    /// The member of a cell.
    #[inline]
    pub(super) fn member(&self, id: CellId) -> &[u8] {
        let cell = &self.pages[id.page()][id.offset() + 8..];
        match cell[0] {
            ELSEWHERE => &self.long[long_place(cell)],
            len => &cell[1..=usize::from(len)],
        }
    }

    /// Frees a cell.
    pub(super) fn free(&mut self, id: CellId) {
        let cell = &self.pages[id.page()][id.offset() + 8..];
        let units = match cell[0] {
            ELSEWHERE => {
                let place = long_place(cell);
                self.free_long(place);
                (HEAD_BYTES + 4).div_ceil(UNIT_BYTES)
            }
            len => (HEAD_BYTES + usize::from(len)).div_ceil(UNIT_BYTES),
        };
        self.chain(id, units);
    }

    /// Puts a free cell before the others of its size.
    fn chain(&mut self, id: CellId, units: usize) {
        let next = self.free[units].0.to_le_bytes();
        self.pages[id.page()][id.offset()..][..4].copy_from_slice(&next);
        self.free[units] = id;
    }

    fn allocate(&mut self, units: usize) -> CellId {
        let first = self.free[units];
        if first == CellId::NONE {
            return self.extend(units);
        }
        let next = &self.pages[first.page()][first.offset()..][..4];
        self.free[units] = CellId(u32::from_le_bytes(next.try_into().expect("four bytes")));
        first
    }

    /// Takes a cell from the end of the last page, or from a new one.
    fn extend(&mut self, units: usize) -> CellId {
        let used = self.pages.last().map_or(PAGE_BYTES, Vec::len);
        if used + units * UNIT_BYTES > PAGE_BYTES {
            self.leave_page();
            self.new_page();
        }
        let number = self.pages.len() - 1;
        let page = &mut self.pages[number];
        let (start, end) = (page.len(), page.len() + units * UNIT_BYTES);
        if end > page.capacity() {
            let old = size_class(page.capacity());
            // An eighth more than is there, and what the allocator gives anyway.
            page.reserve_exact(size_class(end + end / 8).min(PAGE_BYTES) - start);
            self.page_bytes = self.page_bytes + size_class(page.capacity()) - old;
        }
        page.resize(end, 0);
        let unit = (number << PAGE_BITS) | (start / UNIT_BYTES);
        // 32 GiB of cells; whoever has so much in one set has left Redis behind long ago.
        CellId(u32::try_from(unit).expect("the cells of a sorted set take less than 32 GiB"))
    }

    /// Makes the room at the end of the last page a free cell, if it is large enough for any.
    fn leave_page(&mut self) {
        let Some(page) = self.pages.last_mut() else { return };
        let (start, number) = (page.len(), self.pages.len() - 1);
        let units = (PAGE_BYTES - start) / UNIT_BYTES;
        if (2..SIZES).contains(&units) {
            self.pages[number].resize(PAGE_BYTES, 0);
            self.chain(CellId(((number << PAGE_BITS) | (start / UNIT_BYTES)) as u32), units);
        }
    }

    fn new_page(&mut self) {
        let mut page = match self.pages.is_empty() {
            true => Vec::new(),
            false => Vec::with_capacity(PAGE_BYTES),
        };
        if self.pages.is_empty() {
            // The first unit names no cell.
            page.extend_from_slice(&[0; UNIT_BYTES]);
        }
        self.page_bytes += size_class(page.capacity());
        self.pages.push(page);
    }

    fn put_long(&mut self, member: &[u8]) -> u32 {
        self.long_bytes += size_class(member.len());
        if let Some(place) = self.long_free.pop() {
            self.long[place as usize] = member.into();
            return place;
        }
        self.long.push(member.into());
        // Members of more than 254 bytes: a terabyte of them before this is reached.
        u32::try_from(self.long.len() - 1).expect("fewer than 2^32 long members")
    }

    fn free_long(&mut self, place: usize) {
        self.long_bytes -= size_class(self.long[place].len());
        self.long[place] = Box::default();
        self.long_free.push(place as u32);
    }

    /// Gives up to `pages` pages back with everything in them; true when none is left. Nothing can be read any more.
    pub(super) fn dismantle(&mut self, pages: usize) -> bool {
        for _ in 0..pages {
            let page = self.pages.pop();
            self.page_bytes -= page.map_or(0, |page| size_class(page.capacity()));
        }
        let kept = self.long.len().saturating_sub(pages * 16);
        self.long_bytes -= self.long[kept..].iter().map(|member| size_class(member.len())).sum::<usize>();
        self.long.truncate(kept);
        self.pages.is_empty() && self.long.is_empty()
    }
}

/// The place of a long member, from a cell without its score.
fn long_place(cell: &[u8]) -> usize {
    u32::from_le_bytes(cell[1..5].try_into().expect("four bytes")) as usize
}
