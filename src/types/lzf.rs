//! LZF: quick compression of inner nodes of lists, and of long strings in dump files.
//!
//! A compressed text is a row of steps. A first byte below 32 says how many bytes, less one, follow as they are. Any other
//! says to repeat earlier bytes: its upper three bits hold the length less two (7: the next byte is to be added), its lower
//! five with the byte behind them the distance less one. So a repetition is 3 to 264 bytes long and begins at most 8192 bytes
//! back. Source of the format: Marc Lehmann, liblzf 3.6.

const LITERALS_MAX: usize = 32;
const REPEAT_MIN: usize = 3;
const REPEAT_MAX: usize = 264;
const DISTANCE_MAX: usize = 1 << 13;
const HASH_BITS: u32 = 13;
/// No text becomes longer than this for each byte of its compressed form.
const GROWTH_MAX: usize = REPEAT_MAX / 3 + 1;

/// The compressed form of a text, if it takes no more than so many bytes.
pub fn compress(text: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes_max.min(text.len()));
    Compressor::default().append(text, bytes_max, &mut out).then_some(out)
}

/// Compresses text after text; what it needs for that is made once.
pub struct Compressor {
    /// Where three bytes of each hash were last seen: the place behind them in all texts so far, one after the other.
    seen: Box<[u32; 1 << HASH_BITS]>,
    /// Bytes of the texts before this one; what was seen there is forgotten.
    before: u32,
}

impl Default for Compressor {
    fn default() -> Compressor {
        Compressor { seen: Box::new([0; 1 << HASH_BITS]), before: 0 }
    }
}

impl Compressor {
    /// Appends the compressed form of a text if it takes no more than so many bytes; otherwise nothing, and false.
    pub fn append(&mut self, text: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> bool {
        // A text of 4 GiB has no place in the table; nothing that is compressed comes near.
        let Ok(length) = u32::try_from(text.len()) else { return false };
        if self.before.checked_add(length).is_none() {
            self.seen.fill(0);
            self.before = 0;
        }
        let start = out.len();
        let fits = self.steps(text, start.saturating_add(bytes_max), out);
        self.before += length;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    /// Appends the steps of a text; false, and perhaps only some of them, if that would end behind `end_max`.
    fn steps(&mut self, text: &[u8], end_max: usize, out: &mut Vec<u8>) -> bool {
        let (mut at, mut plain_from) = (0, 0);
        while at + REPEAT_MIN <= text.len() {
            match self.repeat_at(text, at) {
                Some((distance, length)) => {
                    write_plain(out, &text[plain_from..at]);
                    write_repeat(out, distance, length);
                    // The bytes at the end of a repetition often begin the next one.
                    let next = at + length;
                    (at + 1..next).rev().take(2).for_each(|inner| self.note(text, inner));
                    (at, plain_from) = (next, next);
                }
                None => at += 1,
            }
            if out.len() + (at - plain_from) > end_max {
                return false;
            }
        }
        write_plain(out, &text[plain_from..]);
        out.len() <= end_max
    }

    /// Remembers where three bytes stand.
    #[inline]
    fn note(&mut self, text: &[u8], at: usize) {
        if at + REPEAT_MIN <= text.len() {
            self.seen[slot(text, at)] = self.before + at as u32 + 1;
        }
    }

    /// Distance and length of the repetition that begins here, if there is one.
    #[inline]
    fn repeat_at(&mut self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let seen = &mut self.seen[slot(text, at)];
        let place = std::mem::replace(seen, self.before + at as u32 + 1);
        // What is of an earlier text, or nowhere, is not behind the beginning of this one.
        let earlier = place.checked_sub(self.before + 1)? as usize;
        let distance = at - earlier;
        if distance > DISTANCE_MAX || text[earlier..earlier + REPEAT_MIN] != text[at..at + REPEAT_MIN] {
            return None;
        }
        let pairs = text[earlier..].iter().zip(&text[at..]).take(REPEAT_MAX);
        Some((distance, pairs.take_while(|(one, other)| one == other).count()))
    }
}

#[inline]
fn slot(text: &[u8], at: usize) -> usize {
    let three = u32::from_le_bytes([text[at], text[at + 1], text[at + 2], 0]);
    (three.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

fn write_plain(out: &mut Vec<u8>, plain: &[u8]) {
    for part in plain.chunks(LITERALS_MAX) {
        out.push(part.len() as u8 - 1);
        out.extend_from_slice(part);
    }
}

fn write_repeat(out: &mut Vec<u8>, distance: usize, length: usize) {
    let (length, distance) = (length - 2, distance - 1);
    out.push((length.min(7) << 5 | distance >> 8) as u8);
    if length >= 7 {
        out.push((length - 7) as u8);
    }
    out.push(distance as u8);
}

/// The text of this length whose compressed form this is; `None` if it is not.
pub fn decompress(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    decompress_into(packed, length, &mut text).then_some(text)
}

/// The same into a buffer, in place of what it holds. False if that is not the compressed form of such a text.
pub fn decompress_into(packed: &[u8], length: usize, text: &mut Vec<u8>) -> bool {
    text.clear();
    if length > packed.len().saturating_mul(GROWTH_MAX) {
        return false;
    }
    text.resize(length, 0);
    let (mut rest, mut filled) = (packed, 0);
    while let Some((after, end)) = step(rest, text, filled) {
        (rest, filled) = (after, end);
    }
    rest.is_empty() && filled == length
}

/// Takes one step in filling `text`: what follows it, and up to where the text is filled then. `None` if there is none or it is
/// none.
#[inline]
fn step<'a>(packed: &'a [u8], text: &mut [u8], filled: usize) -> Option<(&'a [u8], usize)> {
    let (&head, rest) = packed.split_first()?;
    let head = usize::from(head);
    if head < LITERALS_MAX {
        let end = filled + head + 1;
        // Copied with what happens to stand behind it, where there is room for that: so many bytes take no call.
        match (rest.first_chunk::<LITERALS_MAX>(), text[filled..].first_chunk_mut::<LITERALS_MAX>()) {
            (Some(from), Some(to)) => *to = *from,
            _ => text.get_mut(filled..end)?.copy_from_slice(rest.get(..head + 1)?),
        }
        return Some((&rest[head + 1..], end));
    }
    let (more, rest) = if head >> 5 == 7 { rest.split_first()? } else { (&0, rest) };
    let (&low, rest) = rest.split_first()?;
    let length = (head >> 5) + usize::from(*more) + 2;
    let from = filled.checked_sub(((head & 0x1F) << 8 | usize::from(low)) + 1)?;
    if length > text.len() - filled {
        return None;
    }
    repeat(text, filled, from, length);
    Some((rest, filled + length))
}

/// Bytes of a repetition that are copied at once.
const PIECE: usize = 16;

/// Copies bytes that begin earlier, and may reach into what is being filled, to where nothing is filled yet.
#[inline]
fn repeat(text: &mut [u8], filled: usize, from: usize, length: usize) {
    let (end, distance) = (filled + length, filled - from);
    let mut at = filled;
    if distance >= PIECE && end + PIECE <= text.len() {
        // What is copied too much will be filled by what follows.
        while at < end {
            text.copy_within(at - distance..at - distance + PIECE, at);
            at += PIECE;
        }
        return;
    }
    while at < end {
        // Each round doubles what can be copied at once.
        let part = (at - from).min(end - at);
        text.copy_within(from..from + part, at);
        at += part;
    }
}

#[cfg(test)]
mod tests {
    use super::{Compressor, compress, decompress};
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_come_back(parts in vec((vec(any::<u8>(), 0..12), 0..50_usize), 0..40)) {
            let text: Vec<u8> = parts.iter().flat_map(|(part, times)| part.repeat(*times)).collect();
            let packed = compress(&text, usize::MAX).expect("no limit");
            prop_assert_eq!(decompress(&packed, text.len()), Some(text.clone()));
            prop_assert_eq!(decompress(&packed, text.len() + 1), None);
            prop_assert_eq!(compress(&text, packed.len()), Some(packed.clone()));
            if let Some(less) = packed.len().checked_sub(1) {
                prop_assert_eq!(compress(&text, less), None);
            }
        }

        #[test]
        fn texts_before_do_not_matter(texts in vec(vec(0..3_u8, 0..200), 1..6), before in prop_oneof![Just(0), (u32::MAX - 500)..=u32::MAX], room in 0..100_usize) {
            let mut compressor = Compressor { before, ..Compressor::default() };
            let mut out = Vec::new();
            for text in texts {
                let start = out.len();
                let fits = compressor.append(&text, room, &mut out);
                prop_assert_eq!(fits.then(|| out[start..].to_vec()), compress(&text, room));
                prop_assert!(fits || out.len() == start);
            }
        }

        #[test]
        fn any_bytes_are_refused_or_give_the_length(packed in vec(any::<u8>(), 0..60), length in 0..400_usize) {
            prop_assert!(decompress(&packed, length).is_none_or(|text| text.len() == length));
        }
    }

    #[test]
    fn the_longest_repetition_and_distance_are_used() {
        let mut text = b"abcdefgh".to_vec();
        text.extend((0..8184_u32).flat_map(|n| n.wrapping_mul(2654435761).to_be_bytes()).take(8184));
        text.extend_from_slice(b"abcdefgh");
        let packed = compress(&text, usize::MAX).expect("no limit");
        assert!(packed.ends_with(&[6 << 5 | 0x1F, 0xFF]), "a distance of 8192");
        let packed = compress(&[b'x'; 265], 5).expect("one byte and one repetition");
        assert_eq!(packed, [0, b'x', 0xE0, 255, 0]);
    }

    /// From the `DUMP` of such a string, made by redis-server 7.0.15.
    #[test]
    fn what_redis_has_compressed_is_read() {
        let text =
            ["abc".repeat(40).as_str(), "hello world, hello world; ", &"z".repeat(300), "tail"].concat();
        let packed = [
            b"\x03abca\xE0\x6B\x02\x0Chello world, \xE0\x02\x0C".as_slice(),
            b"\x02; z\xE0\xFF\x00\xE0\x1A\x00\x03tail",
        ];
        assert_eq!(decompress(&packed.concat(), 450), Some(text.into_bytes()));
    }

    #[test]
    fn a_length_beyond_all_growth_takes_no_memory() {
        assert_eq!(decompress(&[0xFF; 10], usize::MAX), None);
    }
}
