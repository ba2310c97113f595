//! Bytes that claim to be nodes of a stream, as dump files bring them: refused, or all that is done with streams can be done
//! with them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::types::stream::{Entry, Keep, Log, NodeLimits, StreamId};

const LIMITS: NodeLimits = NodeLimits { bytes_max: 4096, entries_max: 100 };

fn ids<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<StreamId> {
    let seen = entries.map(|entry| {
        assert_eq!(entry.words().count(), entry.len() * 2);
        entry.id
    });
    seen.collect()
}

/// Bytes in the form of a listpack: the length that they have, and an end.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut all = ((bytes.len() + 5) as u32).to_le_bytes().to_vec();
    all.extend_from_slice(bytes);
    all.push(0xFF);
    all
}

fuzz_target!(|data: &[u8]| {
    let [choice, base, first_len, rest @ ..] = data else { return };
    let (first, second) = rest.split_at(rest.len().min(usize::from(*first_len)));
    let mut log = Log::default();
    for (ms, bytes) in [(u64::from(*base), first), (u64::from(*base) + 1000, second)] {
        log.add_node(StreamId { ms, seq: 0 }, framed(bytes));
    }
    let forward = ids(log.entries(StreamId::MIN, StreamId::MAX));
    let mut back = ids(log.entries_back(StreamId::MIN, StreamId::MAX));
    back.reverse();
    assert_eq!(forward, back);
    assert_eq!(forward.len(), log.len());
    let Some(last) = forward.last() else { return };
    if let Some(next) = log.figures().last_id.next() {
        log.append(next, [&b"a"[..], b"1"].into_iter(), LIMITS);
    }
    match choice % 3 {
        0 => forward.iter().for_each(|id| assert!(log.delete(*id))),
        1 => assert!(log.trim(Keep::Newest(u64::from(choice / 3)), choice % 2 == 0, 0) <= forward.len() + 1),
        _ => assert!(log.trim(Keep::From(*last), choice % 2 == 0, 0) < forward.len()),
    }
    assert_eq!(ids(log.entries(StreamId::MIN, StreamId::MAX)).len(), log.len());
});
