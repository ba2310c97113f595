//! What a SORT asks for.

use crate::engine::{Call, Failure};

/// The options, as they came.
pub(super) struct Options<'a> {
    /// BY a pattern with a star: other keys decide the order.
    pub by: Option<&'a [u8]>,
    /// BY anything else: the elements stay in the order in which they are.
    pub unsorted: bool,
    /// LIMIT: how many to leave out, and how many to take at most (negative: all).
    pub limit: (i64, i64),
    /// GET patterns.
    pub get: Vec<&'a [u8]>,
    /// From the greatest down.
    pub descending: bool,
    /// As texts, not as numbers.
    pub alpha: bool,
    /// The argument that names the key to store the result at.
    pub store: Option<usize>,
}

impl<'a> Options<'a> {
    pub(super) fn parse(call: &Call<'a>, may_store: bool) -> Result<Options<'a>, Failure> {
        let mut options = Options {
            by: None,
            unsorted: false,
            limit: (0, -1),
            get: Vec::new(),
            descending: false,
            alpha: false,
            store: None,
        };
        let mut at = 2;
        while at < call.len() {
            at += options.take(call, at, may_store)?;
        }
        Ok(options)
    }

    /// Takes the option at an argument; how many arguments it has.
    fn take(&mut self, call: &Call<'a>, at: usize, may_store: bool) -> Result<usize, Failure> {
        let left = call.len() - at - 1;
        match call.arg(at).to_ascii_lowercase().as_slice() {
            b"asc" => self.descending = false,
            b"desc" => self.descending = true,
            b"alpha" => self.alpha = true,
            b"limit" if left >= 2 => {
                self.limit = (call.integer(at + 1)?, call.integer(at + 2)?);
                return Ok(3);
            }
            b"store" if left >= 1 && may_store => {
                self.store = Some(at + 1);
                return Ok(2);
            }
            b"by" if left >= 1 => {
                self.by = Some(call.arg(at + 1));
                // As in Redis, once it was said it stays said, whatever BY follows.
                self.unsorted |= !call.arg(at + 1).contains(&b'*');
                return Ok(2);
            }
            b"get" if left >= 1 => {
                self.get.push(call.arg(at + 1));
                return Ok(2);
            }
            _ => return Err(Failure::SYNTAX),
        }
        Ok(1)
    }

    /// The part of so many elements that LIMIT asks for.
    pub(super) fn window(&self, len: usize) -> std::ops::Range<usize> {
        let len = len as i64;
        let start = self.limit.0.clamp(0, len);
        let count = if self.limit.1 < 0 { len } else { self.limit.1.min(len) };
        start as usize..(start + count).min(len) as usize
    }
}
