//! The reader of logs at its boundary: bytes in, units and the end out.

use proptest::prelude::*;

use super::{Annotator, Next, Reader, TornIn};
use crate::protocol::encode;

/// What a log came to: its units, each a list of commands, and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Outcome {
    units: Vec<Vec<Vec<String>>>,
    /// Where each unit ends.
    ends: Vec<u64>,
    end: String,
}

fn read_with(mut reader: Reader, bytes: &[u8], chunk: usize) -> Outcome {
    let (mut chunks, mut units, mut ends) = (bytes.chunks(chunk), Vec::new(), Vec::new());
    let end = loop {
        match reader.next() {
            Ok(Next::Unit(unit)) => {
                let words = |word: &[u8]| word.escape_ascii().to_string();
                units.push(unit.commands().map(|command| command.iter().map(words).collect()).collect());
                ends.push(unit.end());
            }
            Ok(Next::More) => match chunks.next() {
                Some(chunk) => reader.feed(chunk),
                None => reader.end(),
            },
            Ok(Next::End) => break "end".to_owned(),
            Ok(Next::Torn(torn)) => {
                assert_eq!((torn.cut_at + torn.bytes, torn.cut_at), (bytes.len() as u64, reader.position()));
                break format!("torn at {} in {:?}, {} commands", torn.cut_at, torn.within, torn.commands);
            }
            Ok(Next::Later { cut_at }) => break format!("later at {cut_at}"),
            Err(corrupt) => {
                assert!(corrupt.whole <= corrupt.at && corrupt.at <= bytes.len() as u64);
                break format!("corrupt at {}, whole to {}: {}", corrupt.at, corrupt.whole, corrupt.what);
            }
        }
    };
    Outcome { units, ends, end }
}

fn read(bytes: &[u8]) -> Outcome {
    let reader = || Reader::new(0, bytes.len() as u64);
    let whole = read_with(reader(), bytes, bytes.len().max(1));
    for chunk in [1, 7, 64] {
        assert_eq!(read_with(reader(), bytes, chunk), whole, "in pieces of {chunk}");
    }
    whole
}

fn log(commands: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for command in commands {
        match command.strip_prefix('#') {
            Some(_) => out.extend_from_slice(format!("{command}\r\n").as_bytes()),
            None => encode(&mut out, &command.split(' ').collect::<Vec<_>>()),
        }
    }
    out
}

#[test]
fn units_are_commands_and_transactions() {
    let outcome =
        read(&log(&["SELECT 0", "#TS:5", "MULTI", "SET a 1", "#TS:6", "DEL b", "exec", "multi", "EXEC"]));
    let texts: Vec<String> = outcome.units.iter().map(|unit| format!("{unit:?}")).collect();
    assert_eq!(texts, [r#"[["SELECT", "0"]]"#, r#"[["SET", "a", "1"], ["DEL", "b"]]"#, "[]"]);
    assert_eq!(outcome.end, "end");
    assert_eq!(read(b"").end, "end");
}

#[test]
fn a_torn_end_is_cut_behind_the_last_unit() {
    let whole = log(&["SELECT 0", "SET a 1"]);
    let length = whole.len();
    let end = |more: &[u8]| read(&[&whole, more].concat()).end;
    let torn = |within: TornIn, commands: u32| format!("torn at {length} in {within:?}, {commands} commands");
    assert_eq!(end(b"*"), torn(TornIn::Request, 0));
    assert_eq!(end(b"*2\r\n$3\r\nDEL\r\n$10\r\nabc"), torn(TornIn::Request, 0));
    assert_eq!(end(b"*1\r\n$90\r\n\r\n*1\r\n$3\r\nab"), torn(TornIn::Request, 0));
    assert_eq!(end(b"#TS:17"), torn(TornIn::Request, 0));
    assert_eq!(end(&log(&["MULTI", "SET b 2"])), torn(TornIn::Transaction, 2));
    assert_eq!(
        end(&[&log(&["MULTI", "SET b 2"])[..], b"*1\r\n$4\r\nEX"].concat()),
        torn(TornIn::Transaction, 2)
    );
    for zeros in [
        &b""[..],
        b"*2\r\n$3\r\nDEL\r\n$10\r\nab",
        b"*2\r\n$3\r\nD",
        b"*",
        b"*2\r\n$3",
        b"#TS",
        b"*1\r\n$1\r\nx\r",
    ] {
        assert_eq!(end(&[zeros, &[0; 70]].concat()), torn(TornIn::Zeros, 0), "{}", zeros.escape_ascii());
    }
    assert_eq!(end(b"*1\r\n$100\r\n\0\0\0"), torn(TornIn::Request, 0));
}

#[test]
fn what_no_crash_leaves_is_refused() {
    let whole = log(&["SELECT 0"]);
    let length = whole.len();
    let end = |more: &[u8]| read(&[&whole, more, &log(&["SET a 1", "SET b 2"])].concat()).end;
    let corrupt = |at: usize, what: &str| format!("corrupt at {}, whole to {length}: {what}", length + at);
    assert_eq!(end(b"\0\0"), corrupt(0, "expected '*', got '\\x00'"));
    assert_eq!(end(b"PING\r\n"), corrupt(0, "expected '*', got 'P'"));
    assert_eq!(end(b"*1\r\n$4\r\nPINGER\r\n"), corrupt(12, "expected '\\r', got 'E'"));
    assert_eq!(end(b"*2\r\n$4\r\nPING\r\n"), corrupt(14, "expected '$', got '*'"));
    assert_eq!(end(b"*0\r\n"), corrupt(1, "a command without a name"));
    assert_eq!(end(b"*-1\r\n"), corrupt(1, "expected a length"));
    assert_eq!(end(b"*1\n"), corrupt(2, "expected '\\r', got '\\n'"));
    assert_eq!(end(b"*99999999999999999999\r\n"), corrupt(19, "a length that is none"));
    assert_eq!(end(&log(&["EXEC"])), corrupt(0, "EXEC without MULTI"));
    assert_eq!(end(&log(&["MULTI", "MULTI"])), corrupt(15, "MULTI within MULTI"));
    let swallowing = "an argument's length is wrong: commands stand where it would be";
    assert_eq!(end(b"*1\r\n$4000\r\nPING\r\n"), corrupt(11, swallowing));
    assert_eq!(end(b"*1\r\n$999999999999999999\r\nPING\r\n"), corrupt(25, swallowing));
    let long = [b"#", &[b'x'; 2000][..], b"\r\n"].concat();
    assert_eq!(end(&long), corrupt(1023, "a too long annotation"));
}

#[test]
fn a_log_can_be_read_up_to_a_time() {
    let bytes =
        log(&["#TS:5", "SET a 1", "#TS:7", "SET a 2", "MULTI", "SET a 3", "#TS:9", "SET a 4", "EXEC"]);
    let until = |seconds| read_with(Reader::new(0, bytes.len() as u64).until(seconds), &bytes, 16);
    let ends = until(100).ends;
    assert_eq!(until(4).end, "later at 0");
    assert_eq!(until(6).end, format!("later at {}", ends[0]));
    assert_eq!(until(8).end, format!("later at {}", ends[1]));
    assert_eq!((until(9).end, ends.len()), ("end".to_owned(), 3));
}

#[test]
fn a_second_is_noted_once() {
    let (mut annotator, mut out) = (Annotator::default(), Vec::new());
    for seconds in [5, 5, 4, 6] {
        annotator.annotate(seconds, &mut out);
    }
    assert_eq!(out, b"#TS:5\r\n#TS:6\r\n");
}

#[test]
fn positions_count_from_the_files_beginning() {
    let bytes = log(&["SET a 1"]);
    let mut reader = Reader::new(100, 100 + bytes.len() as u64);
    reader.feed(&bytes);
    let Ok(Next::Unit(unit)) = reader.next() else { panic!("a unit") };
    assert_eq!((unit.start, unit.end()), (100, 100 + bytes.len() as u64));
}

fn a_unit() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let argument = prop::collection::vec(any::<u8>(), 0..20);
    let command = prop::collection::vec(argument, 1..5);
    let plain = |commands: &Vec<Vec<Vec<u8>>>| {
        commands.iter().all(|command| !matches!(&command[0].to_ascii_uppercase()[..], b"MULTI" | b"EXEC"))
    };
    prop::collection::vec(command, 1..4).prop_filter("names", plain)
}

fn write(units: &[Vec<Vec<Vec<u8>>>]) -> (Vec<u8>, Vec<u64>) {
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    let mut annotator = Annotator::default();
    for (index, unit) in units.iter().enumerate() {
        annotator.annotate(index as i64 / 2, &mut out);
        let wrapped = unit.len() > 1;
        wrapped.then(|| encode(&mut out, &["MULTI"]));
        unit.iter().for_each(|command| encode(&mut out, command));
        wrapped.then(|| encode(&mut out, &["EXEC"]));
        ends.push(out.len() as u64);
    }
    (out, ends)
}

proptest! {
    #[test]
    fn what_is_written_reads_back(units in prop::collection::vec(a_unit(), 0..8)) {
        let (bytes, ends) = write(&units);
        let outcome = read(&bytes);
        let words = |word: &Vec<u8>| word.escape_ascii().to_string();
        let unit = |unit: &Vec<Vec<Vec<u8>>>| -> Vec<Vec<String>> {
            unit.iter().map(|command| command.iter().map(words).collect()).collect()
        };
        prop_assert_eq!(outcome.end, "end");
        prop_assert_eq!(outcome.units, units.iter().map(unit).collect::<Vec<_>>());
        prop_assert_eq!(outcome.ends, ends);
    }

    /// Whole units before the cut are all there, and nothing else is.
    #[test]
    fn a_crash_anywhere_costs_the_last_unit_only(
        units in prop::collection::vec(a_unit(), 1..6), at: prop::sample::Index, zeros in 0..40usize,
    ) {
        let (mut bytes, ends) = write(&units);
        bytes.truncate(at.index(bytes.len()));
        let length = bytes.len() as u64;
        let whole: Vec<u64> = ends.into_iter().filter(|end| *end <= length).collect();
        prop_assert_eq!(&read(&bytes).ends, &whole);
        // Zeros may be taken for the rest of an argument that holds zeros, if its length is that.
        bytes.extend(std::iter::repeat_n(0, zeros));
        let outcome = read(&bytes);
        prop_assert_eq!(outcome.ends, whole);
        prop_assert!(!outcome.end.starts_with("corrupt"), "{}", outcome.end);
    }

    #[test]
    fn no_bytes_are_too_odd(bytes: Vec<u8>) {
        read(&bytes);
    }
}
