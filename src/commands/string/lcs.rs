//! LCS: the longest common subsequence of two strings, by the textbook's table (Wagner and Fischer 1974).
//!
//! Cell (i, j) holds the length for the first i bytes of one string and the first j of the other. The way back from the last
//! cell gives the subsequence, as runs of bytes that stand together in both strings. Where several subsequences are
//! longest, the way back decides as in Redis: the second string is shortened first, unless that loses a byte.

use super::value::text;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::protocol::reply::Reply;

pub(super) const LCS: Command = Command {
    name: "lcs",
    arity: -3,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::range(1, 1, 1, &["RO", "access"])],
    categories: &[Category::String],
    group: Group::String,
    since: "7.0.0",
    summary: "Finds the longest common subsequence of two strings.",
    complexity: "O(N*M) with the lengths of the strings",
    syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    handler: lcs,
    ..Command::DEFAULT
};

/// What is asked for.
#[derive(Clone, Copy, Default)]
struct Options {
    length: bool,
    runs: bool,
    run_length_min: u64,
    run_lengths: bool,
}

fn lcs(call: &mut Call<'_>) -> Result<(), Failure> {
    let (a, b) = (operand(call, 1)?, operand(call, 2)?);
    let options = parse(call)?;
    if options.runs && options.length {
        return Err(Failure::fixed("ERR If you want both the length and indexes, please just use IDX."));
    }
    check_size(a.len(), b.len(), call.engine.config.proto_max_bulk_len_bytes)?;
    let table = Table::new(&a, &b);
    if options.length {
        call.reply.integer(i64::from(table.length()));
    } else if options.runs {
        write_runs(&mut call.reply, &table, options);
    } else {
        call.reply.bulk(&table.subsequence());
    }
    Ok(())
}

/// A copy of the string at the key; no key is an empty string.
fn operand(call: &mut Call<'_>, i: usize) -> Result<Vec<u8>, Failure> {
    let key = call.key(i);
    let (entry, _) = call.read(&key);
    let Some(entry) = entry else { return Ok(Vec::new()) };
    match text(entry.value(), &mut itoa::Buffer::new()) {
        Ok(text) => Ok(text.to_vec()),
        Err(_) => Err(Failure::fixed("ERR The specified keys must contain string values")),
    }
}

fn parse(call: &Call<'_>) -> Result<Options, Failure> {
    let mut options = Options::default();
    let mut i = 3;
    while i < call.len() {
        if call.arg_is(i, "len") {
            options.length = true;
        } else if call.arg_is(i, "idx") {
            options.runs = true;
        } else if call.arg_is(i, "withmatchlen") {
            options.run_lengths = true;
        } else if call.arg_is(i, "minmatchlen") && i + 1 < call.len() {
            i += 1;
            options.run_length_min = call.integer(i)?.max(0) as u64;
        } else {
            return Err(Failure::SYNTAX);
        }
        i += 1;
    }
    Ok(options)
}

/// Refuses strings whose table would take more memory than the longest string may.
fn check_size(a: usize, b: usize, limit_bytes: u64) -> Result<(), Failure> {
    if a.max(b) >= u32::MAX as usize - 1 {
        return Err(Failure::fixed("ERR String too long for LCS"));
    }
    // Below 2^66.
    let bytes = (a as u128 + 1) * (b as u128 + 1) * size_of::<u32>() as u128;
    if bytes > u128::from(limit_bytes) {
        return Err(Failure::fixed(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    Ok(())
}

fn write_runs(reply: &mut Reply<'_>, table: &Table<'_>, options: Options) {
    reply.map(2);
    reply.bulk(b"matches");
    let runs: Vec<Run> =
        table.runs().into_iter().filter(|run| run.length as u64 >= options.run_length_min).collect();
    reply.array(runs.len());
    for run in runs {
        reply.array(if options.run_lengths { 3 } else { 2 });
        for start in [run.a, run.b] {
            reply.array(2);
            reply.integer(start as i64);
            reply.integer((start + run.length - 1) as i64);
        }
        if options.run_lengths {
            reply.integer(run.length as i64);
        }
    }
    reply.bulk(b"len");
    reply.integer(i64::from(table.length()));
}

/// Bytes that stand together in both strings: where they begin, and how many there are (at least one).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    a: usize,
    b: usize,
    length: usize,
}

/// The lengths for all prefixes.
struct Table<'a> {
    a: &'a [u8],
    b: &'a [u8],
    /// Row by row, one row for each prefix of `a`.
    cells: Vec<u32>,
}

impl<'a> Table<'a> {
    fn new(a: &'a [u8], b: &'a [u8]) -> Table<'a> {
        let width = b.len() + 1;
        let mut cells = vec![0u32; (a.len() + 1) * width];
        for (i, byte) in a.iter().enumerate() {
            let (above, row) = cells[i * width..(i + 2) * width].split_at_mut(width);
            for (j, other) in b.iter().enumerate() {
                row[j + 1] = if byte == other { above[j] + 1 } else { above[j + 1].max(row[j]) };
            }
        }
        Table { a, b, cells }
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * (self.b.len() + 1) + j]
    }

    fn length(&self) -> u32 {
        self.at(self.a.len(), self.b.len())
    }

    /// The runs of the longest common subsequence, the last one first.
    fn runs(&self) -> Vec<Run> {
        let (mut i, mut j) = (self.a.len(), self.b.len());
        let mut runs: Vec<Run> = Vec::new();
        while i > 0 && j > 0 {
            if self.a[i - 1] == self.b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match runs.last_mut() {
                    Some(run) if run.a == i + 1 && run.b == j + 1 => {
                        *run = Run { a: i, b: j, length: run.length + 1 };
                    }
                    _ => runs.push(Run { a: i, b: j, length: 1 }),
                }
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        runs
    }

    fn subsequence(&self) -> Vec<u8> {
        self.runs().iter().rev().flat_map(|run| &self.a[run.a..run.a + run.length]).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_come_from_the_end() {
        let table = Table::new(b"ohmytext", b"mynewtext");
        assert_eq!(table.subsequence(), b"mytext");
        assert_eq!(table.runs(), [Run { a: 4, b: 5, length: 4 }, Run { a: 2, b: 0, length: 2 }]);
    }

    fn is_subsequence(part: &[u8], whole: &[u8]) -> bool {
        let mut whole = whole.iter();
        part.iter().all(|byte| whole.any(|other| other == byte))
    }

    fn subsets(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        (0u32..1 << text.len())
            .map(|set| (0..text.len()).filter(|i| set >> i & 1 == 1).map(|i| text[i]).collect())
    }

    proptest! {
        #[test]
        fn no_common_subsequence_is_longer(a in "[abc]{0,8}", b in "[abc]{0,8}") {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            let found = Table::new(a, b).subsequence();
            prop_assert!(is_subsequence(&found, a) && is_subsequence(&found, b));
            let longest = subsets(a).filter(|part| is_subsequence(part, b)).map(|part| part.len()).max();
            prop_assert_eq!(Some(found.len()), longest);
        }
    }
}
