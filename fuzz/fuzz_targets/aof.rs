//! Whatever an append log or a manifest holds: no panic; the same units and the same end wherever the bytes are cut; memory by what
//! is there, not by what a length says; a torn log, cut where it says, is whole; a manifest that reads writes the same.
//!
//! Input: the size of the pieces, a time to read up to (0: all), and a log, which is read as a manifest as well.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::persistence::aof::{Manifest, Names, Next, Reader};

#[derive(PartialEq, Debug)]
enum End {
    Whole,
    Torn(u64),
    Later(u64),
    Corrupt(u64, u64),
}

/// Where each unit ends and how many commands it has, and the end.
type Outcome = (Vec<(u64, usize)>, End);

fn read(log: &[u8], piece_bytes: usize, until: i64) -> Outcome {
    let mut reader = Reader::new(0, log.len() as u64);
    if until > 0 {
        reader = reader.until(until);
    }
    let (mut pieces, mut units) = (log.chunks(piece_bytes), Vec::new());
    let end = loop {
        match reader.next() {
            Ok(Next::Unit(unit)) => units.push((unit.end(), unit.commands().count())),
            Ok(Next::More) => match pieces.next() {
                Some(piece) => reader.feed(piece),
                None => reader.end(),
            },
            Ok(Next::End) => break End::Whole,
            Ok(Next::Torn(torn)) => break End::Torn(torn.cut_at),
            Ok(Next::Later { cut_at }) => break End::Later(cut_at),
            Err(corrupt) => break End::Corrupt(corrupt.at, corrupt.whole),
        }
    };
    assert!(units.iter().all(|(end, _)| *end <= log.len() as u64));
    (units, end)
}

fn check_log(log: &[u8], piece_bytes: usize, until: i64) {
    let whole = read(log, log.len().max(1), until);
    assert_eq!(read(log, piece_bytes, until), whole);
    if let End::Torn(cut_at) | End::Later(cut_at) | End::Corrupt(_, cut_at) = whole.1 {
        let cut = read(&log[..cut_at as usize], piece_bytes, until);
        assert_eq!(cut, (whole.0, End::Whole));
    }
}

fn check_manifest(text: &[u8]) {
    let names = || Names { file: "appendonly.aof".into() };
    let Ok(manifest) = Manifest::parse(names(), text) else { return };
    if manifest.is_empty() && manifest.history.is_empty() {
        return;
    }
    assert_eq!(Manifest::parse(names(), &manifest.text()).as_ref(), Ok(&manifest));
    let next = manifest.begin_rewrite().after;
    let opened = next.last_increment().expect("a rewrite opens one");
    assert!(!manifest.is_live(&opened.name));
}

fuzz_target!(|data: &[u8]| {
    let [piece_bytes, until, log @ ..] = data else { return };
    check_log(log, usize::from(*piece_bytes) + 1, i64::from(*until));
    check_manifest(log);
});
