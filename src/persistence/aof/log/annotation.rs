//! Lines that say when what follows was written.

use crate::text::number::write_i64;

/// How they begin.
pub(super) const TIME: &[u8] = b"#TS:";

/// How the line begins that says at which place of a history the log ends; it holds if nothing stands behind it.
pub(super) const PLACE: &[u8] = b"#REPL:";

/// Appends that line. `words` have no line ends in them.
pub fn annotate_place(words: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(PLACE);
    out.extend_from_slice(words.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Notes times in a log that is being written (`aof-timestamp-enabled`).
#[derive(Clone, Copy, Default, Debug)]
pub struct Annotator {
    last: i64,
}

impl Annotator {
    /// Appends a line if a new second has begun since the last one. Before a unit, never within one.
    pub fn annotate(&mut self, seconds: i64, out: &mut Vec<u8>) {
        if seconds > self.last {
            self.last = seconds;
            out.extend_from_slice(TIME);
            write_i64(out, seconds);
            out.extend_from_slice(b"\r\n");
        }
    }
}
