//! Streams against a plain row of entries, groups against a plain list of who has what.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::types::Item;
use crate::types::size_class;

type Words = Vec<Vec<u8>>;

const LIMITS: NodeLimits = NodeLimits { bytes_max: 300, entries_max: 7 };

#[derive(Clone, Debug)]
enum Step {
    Add(WantedId, Words),
    Delete(usize),
    Trim(Result<usize, u64>, bool, u64),
}

/// A field's name or a value; names are few, so that entries often have the same ones.
fn words() -> impl Strategy<Value = Words> {
    let name = prop_oneof![3 => Just(b"a".to_vec()), 2 => Just(b"12".to_vec()), 1 => vec(any::<u8>(), 0..5)];
    let value = prop_oneof![
        vec(any::<u8>(), 0..40),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        Just(vec![b'x'; 320]),
    ];
    vec((name, value), 1..4)
        .prop_map(|pairs| pairs.into_iter().flat_map(|(name, value)| [name, value]).collect())
}

fn step() -> impl Strategy<Value = Step> {
    let wanted = prop_oneof![
        Just(WantedId::Any),
        (0..40u64).prop_map(WantedId::At),
        (0..40u64, any::<u64>()).prop_map(|(ms, seq)| WantedId::Exactly(StreamId { ms, seq })),
    ];
    prop_oneof![
        12 => (wanted, words()).prop_map(|(wanted, words)| Step::Add(wanted, words)),
        6 => any::<usize>().prop_map(Step::Delete),
        1 => (prop_oneof![(0..30usize).prop_map(Ok), (0..40u64).prop_map(Err)], any::<bool>(), 0..12u64)
            .prop_map(|(keep, whole_nodes, limit)| Step::Trim(keep, whole_nodes, limit)),
    ]
}

/// What a stream should hold.
#[derive(Debug, Default)]
struct Model {
    entries: Vec<(StreamId, Words)>,
    figures: Figures,
}

fn read<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<(StreamId, Words)> {
    entries.map(|entry| (entry.id, entry.words().map(Item::to_vec).collect())).collect()
}

fn apply(step: Step, now_ms: i64, log: &mut Log, model: &mut Model) {
    match step {
        Step::Add(wanted, words) => {
            if let Ok(id) = log.next_id(wanted, now_ms) {
                assert!(id > model.figures.last_id);
                log.append(id, words.iter().map(Vec::as_slice), LIMITS);
                model.entries.push((id, words));
                model.figures.last_id = id;
                model.figures.entries_added += 1;
            }
        }
        Step::Delete(index) if !model.entries.is_empty() => {
            let (id, _) = model.entries.remove(index % model.entries.len());
            assert!(log.delete(id) && !log.delete(id));
            model.figures.max_deleted_id = model.figures.max_deleted_id.max(id);
        }
        Step::Delete(_) => assert!(!log.delete(StreamId { ms: 1, seq: 1 })),
        Step::Trim(keep, whole_nodes, limit) => trim(keep, whole_nodes, limit, log, model),
    }
    model.figures.len = model.entries.len();
    model.figures.first_id = model.entries.first().map_or(StreamId::MIN, |entry| entry.0);
}

fn trim(keep: Result<usize, u64>, whole_nodes: bool, limit: u64, log: &mut Log, model: &mut Model) {
    let (keep, excess) = match keep {
        Ok(count) => (Keep::Newest(count as u64), model.entries.len().saturating_sub(count)),
        Err(ms) => {
            let first = StreamId { ms, seq: 0 };
            (Keep::From(first), model.entries.iter().take_while(|entry| entry.0 < first).count())
        }
    };
    let limit = if whole_nodes { limit } else { 0 };
    let trimmed = log.trim(keep, whole_nodes, limit);
    assert!(trimmed <= excess, "no more goes than may");
    assert!(limit == 0 || trimmed as u64 <= limit);
    if !whole_nodes {
        assert_eq!(trimmed, excess);
    } else if limit == 0 {
        assert!(excess - trimmed <= LIMITS.entries_max as usize, "less than a node is left");
    }
    model.entries.drain(..trimmed);
}

/// The account of memory, computed anew.
fn honest_bytes(log: &Log) -> usize {
    let copy = log.clone();
    copy.nodes().map(|node| size_class(node.bytes().len())).sum()
}

fn check(log: &Log, model: &Model) {
    assert_eq!(*log.figures(), model.figures);
    assert_eq!(read(log.entries(StreamId::MIN, StreamId::MAX)), model.entries);
    let mut back = read(log.entries_back(StreamId::MIN, StreamId::MAX));
    back.reverse();
    assert_eq!(back, model.entries);
    assert_eq!(log.last_live_id(), model.entries.last().map_or(StreamId::MIN, |entry| entry.0));
    assert_eq!(log.nodes().count(), log.node_count());
    for node in log.nodes() {
        let parsed = NodeRef::parse(node.base, node.bytes()).expect("nodes are well formed");
        assert!(parsed.master().live > 0);
    }
    let (counted, least) = (log.memory_bytes(), honest_bytes(log));
    assert!(counted >= least && counted <= 2 * least + 2000, "{counted} for {least}");
}

fn check_range(log: &Log, model: &Model, start: StreamId, end: StreamId) {
    let inside = |entry: &&(StreamId, Words)| (start..=end).contains(&entry.0);
    let expected: Vec<_> = model.entries.iter().filter(inside).cloned().collect();
    assert_eq!(read(log.entries(start, end)), expected);
    let mut back = read(log.entries_back(start, end));
    back.reverse();
    assert_eq!(back, expected);
    assert_eq!(log.get(start).is_some(), model.entries.iter().any(|entry| entry.0 == start));
}

/// The same stream, made from its nodes as a dump file would hold them.
fn reload(log: &Log) -> Log {
    let mut again = Log::default();
    for node in log.nodes() {
        assert!(again.add_node(node.base, node.bytes().to_vec()));
        assert!(!again.add_node(node.base, node.bytes().to_vec()), "nodes ascend");
    }
    let figures = log.figures();
    again.set_figures(figures.last_id, Some(figures.entries_added), Some(figures.max_deleted_id));
    again
}

proptest! {
    #[test]
    fn a_log_agrees_with_a_row_of_entries(steps in vec(step(), 0..80), from in 0..40u64, to in 0..40u64) {
        let (mut log, mut model) = (Log::default(), Model::default());
        for (i, step) in steps.into_iter().enumerate() {
            apply(step, i as i64 / 3, &mut log, &mut model);
            check(&log, &model);
        }
        check_range(&log, &model, StreamId { ms: from, seq: 0 }, StreamId { ms: to, seq: 1 });
        check(&reload(&log), &model);
        for (id, _) in std::mem::take(&mut model.entries) {
            prop_assert!(log.get(id).is_some());
            prop_assert!(log.delete(id));
        }
        prop_assert_eq!((log.len(), log.node_count(), log.memory_bytes()), (0, 0, 0));
    }

    #[test]
    fn bytes_that_are_no_node_are_refused_or_can_be_walked(
        words in vec(words(), 1..6),
        places in vec((any::<usize>(), any::<u8>()), 0..4),
    ) {
        let mut log = Log::default();
        for (ms, words) in (1..).zip(&words) {
            log.append(StreamId { ms, seq: 0 }, words.iter().map(Vec::as_slice), NodeLimits { bytes_max: 0, entries_max: 0 });
        }
        let node = log.nodes().next().expect("there is a node");
        let (base, mut bytes) = (node.base, node.bytes().to_vec());
        for (place, byte) in places {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        let mut again = Log::default();
        if again.add_node(base, bytes) {
            let forward = read(again.entries(StreamId::MIN, StreamId::MAX));
            let mut back = read(again.entries_back(StreamId::MIN, StreamId::MAX));
            back.reverse();
            prop_assert_eq!(forward.len(), again.len());
            prop_assert_eq!(forward, back);
        }
    }

    #[test]
    fn a_group_agrees_with_a_list_of_who_has_what(
        steps in vec((0..5u8, 0..30u64, 0..4u8), 0..120),
    ) {
        let mut groups = Groups::default();
        groups.create(b"g", Group::default());
        let empty = groups.memory_bytes();
        let mut model: BTreeMap<u64, u8> = BTreeMap::new();
        for (what, entry, name) in steps {
            let mut group = groups.edit(b"g", None).expect("it is there");
            let id = StreamId { ms: entry, seq: 0 };
            match what {
                0..=2 => {
                    let (consumer, _) = group.consumer_or_new(&[name], 0);
                    group.assign(id, Pending { consumer, delivered_ms: 1, deliveries: 2 });
                    model.insert(entry, name);
                }
                3 => prop_assert_eq!(group.acknowledge(id), model.remove(&entry).is_some()),
                _ => {
                    let before = model.len();
                    model.retain(|_, owner| *owner != name);
                    let removed = group.remove_consumer(&[name]);
                    prop_assert_eq!(removed.unwrap_or(0), before - model.len());
                }
            }
            drop(group);
            let group = groups.get(b"g").expect("it is there");
            let owner = |pending: &Pending| group.consumer(pending.consumer).name()[0];
            let held: BTreeMap<u64, u8> =
                group.pending_from(StreamId::MIN).map(|(id, pending)| (id.ms, owner(pending))).collect();
            prop_assert_eq!(&held, &model);
            for consumer in group.consumers() {
                let own: Vec<u64> = consumer.pending_from(StreamId::MIN).map(|id| id.ms).collect();
                let expected: Vec<u64> =
                    model.iter().filter(|(_, owner)| [**owner] == *consumer.name()).map(|(entry, _)| *entry).collect();
                prop_assert_eq!(own, expected);
            }
            prop_assert_eq!(groups.pending_len(), model.len());
            prop_assert!(groups.memory_bytes() >= empty + model.len() * 56);
        }
        groups.remove(b"g");
        prop_assert_eq!((groups.memory_bytes(), groups.pending_len()), (0, 0));
    }
}

#[test]
fn a_stream_is_freed_in_slices() {
    let mut stream = Stream::default();
    for ms in 1..=1000 {
        stream.log_mut().append(StreamId { ms, seq: 0 }, [&b"a"[..], b"b"].into_iter(), LIMITS);
    }
    stream.groups_mut().create(b"g", Group::default());
    let mut group = stream.edit_group(b"g").expect("it was made");
    let (consumer, _) = group.consumer_or_new(b"c", 0);
    for ms in 1..=1000 {
        group.assign(StreamId { ms, seq: 0 }, Pending { consumer, delivered_ms: 0, deliveries: 1 });
    }
    drop(group);
    assert_eq!(stream.len(), 2000);
    let slices = (1..).find(|_| stream.dismantle(100)).expect("it ends");
    assert!((15..=30).contains(&slices), "{slices}");
}

/// The node of `XADD s 1-1 a 1 b 2`, `XADD s 1-2 a x b -5`, `XADD s 3-0 c zz`, `XDEL s 1-2`, as DUMP of redis-server 7.0.15
/// shows it.
#[test]
fn is_byte_for_byte_what_redis_writes() {
    let mut log = Log::default();
    let limits = NodeLimits { bytes_max: 4096, entries_max: 100 };
    let entries: [(u64, u64, &[&[u8]]); 3] =
        [(1, 1, &[b"a", b"1", b"b", b"2"]), (1, 2, &[b"a", b"x", b"b", b"-5"]), (3, 0, &[b"c", b"zz"])];
    for (ms, seq, words) in entries {
        log.append(StreamId { ms, seq }, words.iter().copied(), limits);
    }
    log.delete(StreamId { ms: 1, seq: 2 });
    let node = log.nodes().next().expect("there is a node");
    assert_eq!(node.bytes(), REDIS_NODE);
}

const REDIS_NODE: &[u8] = &[
    0x41, 0x00, 0x00, 0x00, 0x19, 0x00, 0x02, 0x01, 0x01, 0x01, 0x02, 0x01, 0x81, 0x61, 0x02, 0x81, 0x62,
    0x02, 0x00, 0x01, 0x02, 0x01, 0x00, 0x01, 0x00, 0x01, 0x01, 0x01, 0x02, 0x01, 0x05, 0x01, 0x03, 0x01,
    0x00, 0x01, 0x01, 0x01, 0x81, 0x78, 0x02, 0xDF, 0xFB, 0x02, 0x05, 0x01, 0x00, 0x01, 0x02, 0x01, 0xDF,
    0xFF, 0x02, 0x01, 0x01, 0x81, 0x63, 0x02, 0x82, 0x7A, 0x7A, 0x03, 0x06, 0x01, 0xFF,
];
