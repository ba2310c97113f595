//! Ids of entries: a time in milliseconds and a number within it.

use crate::text::number::{parse_i64, parse_u64};

/// The longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 127;

/// An entry's id; ids are in the order in which entries were added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct StreamId {
    /// Unix time in milliseconds, as a rule.
    pub ms: u64,
    /// Tells those of one millisecond apart.
    pub seq: u64,
}

/// Room for the text of an id.
pub struct IdText([u8; 41]);

impl Default for IdText {
    fn default() -> Self {
        IdText([0; 41])
    }
}

impl StreamId {
    /// The smallest one, which no entry has.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The greatest one.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// The id that follows; `None` behind the greatest.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| StreamId { ms, seq: 0 }),
        }
    }

    /// The id that precedes; `None` before the smallest.
    pub fn prev(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => self.ms.checked_sub(1).map(|ms| StreamId { ms, seq: u64::MAX }),
        }
    }

    /// Whether it is the smallest, which stands for "none".
    pub fn is_zero(self) -> bool {
        self == StreamId::MIN
    }

    /// Reads `ms-seq`, or `ms` with a number of its own.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<StreamId> {
        let (ms, seq) = split(text)?;
        Some(StreamId { ms: part(ms)?, seq: seq.map_or(Some(missing_seq), part)? })
    }

    /// Its text.
    pub fn text(self, room: &mut IdText) -> &[u8] {
        let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (ms, seq) = (ms.format(self.ms).as_bytes(), seq.format(self.seq).as_bytes());
        let len = ms.len() + 1 + seq.len();
        room.0[..ms.len()].copy_from_slice(ms);
        room.0[ms.len()] = b'-';
        room.0[ms.len() + 1..len].copy_from_slice(seq);
        &room.0[..len]
    }

    /// The id as it stands in a node of which `base` is the first.
    pub(super) fn delta(self, base: StreamId) -> (i64, i64) {
        (self.ms.wrapping_sub(base.ms) as i64, self.seq.wrapping_sub(base.seq) as i64)
    }

    /// The reverse of [`StreamId::delta`].
    pub(super) fn from_delta(base: StreamId, (ms, seq): (i64, i64)) -> StreamId {
        StreamId { ms: base.ms.wrapping_add(ms as u64), seq: base.seq.wrapping_add(seq as u64) }
    }
}

/// The id that an entry is to be added with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WantedId {
    /// `*`: the time, or what follows the last one.
    Any,
    /// `ms-*`: the next one of this millisecond.
    At(u64),
    /// This one.
    Exactly(StreamId),
}

impl WantedId {
    /// Reads `*`, `ms-*` or an id.
    pub fn parse(text: &[u8]) -> Option<WantedId> {
        match split(text)? {
            (b"*", None) => Some(WantedId::Any),
            (ms, Some(b"*")) => part(ms).map(WantedId::At),
            _ => StreamId::parse(text, 0).map(WantedId::Exactly),
        }
    }
}

/// What stands before the first dash and behind it.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    match text.iter().position(|byte| *byte == b'-') {
        Some(dash) => Some((&text[..dash], Some(&text[dash + 1..]))),
        None => Some((text, None)),
    }
}

fn part(text: &[u8]) -> Option<u64> {
    match parse_u64(text) {
        Some(number) => Some(number),
        None => lenient(text),
    }
}

/// What is no number in canonical form, as C's `strtoull` reads it: blanks before it, a sign, zeros, an end at a zero byte.
#[cold]
fn lenient(text: &[u8]) -> Option<u64> {
    if parse_i64(text).is_some_and(|number| number < 0) {
        return None;
    }
    let text = text.split(|byte| *byte == 0).next()?;
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let (negative, digits) = match &text[blanks..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let add = |sum: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    };
    let number = digits.iter().try_fold(0, add)?;
    Some(if negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_redis_reads_them() {
        let id = |ms, seq| Some(StreamId { ms, seq });
        for (text, expected) in [
            ("5", id(5, 9)),
            ("5-3", id(5, 3)),
            ("18446744073709551615-18446744073709551615", Some(StreamId::MAX)),
            ("18446744073709551616", None),
            ("007-+3", id(7, 3)),
            (" 1- 2", id(1, 2)),
            ("1--3", None),
            ("1--03", id(1, u64::MAX - 2)),
            ("-", None),
            ("-5", None),
            ("", None),
            ("1-", None),
            ("1-2-3", None),
            ("1-*", None),
            ("x", None),
        ] {
            assert_eq!(StreamId::parse(text.as_bytes(), 9), expected, "{text}");
        }
        assert_eq!(StreamId::parse("0".repeat(128).as_bytes(), 0), None);
        assert_eq!(WantedId::parse(b"7-*"), Some(WantedId::At(7)));
        assert_eq!(WantedId::parse(b"*-*"), None);
    }
}
