//! Sums over all data, by which data sets are compared: neither the order of keys nor encodings nor a table's secret matter.
//!
//! [`Keyspace::fingerprint`] covers everything that replication has to carry, deadlines and consumer groups included; only nodes
//! of one version can be compared by it. [`Keyspace::digest`] is the sum that Redis's DEBUG DIGEST answers (debug.c,
//! `computeDatasetDigest`), which leaves deadlines' moments and groups out.

use std::collections::BTreeMap;

use sha1_smol::Sha1;

use super::{EntryRef, Keyspace, ObjectRef, Value};
use crate::types::list::End;
use crate::types::stream::StreamId;
use crate::types::{HashKey, Stream, View};

/// A sum of Redis's kind.
type Digest = [u8; 20];

impl Keyspace {
    /// A sum over all keys, their values and deadlines. Equal data have equal sums; unequal ones, as good as never.
    pub fn fingerprint(&self) -> u64 {
        let mut sum = 0_u64;
        for (number, database) in self.databases.iter().enumerate() {
            each(database, |entry| sum = sum.wrapping_add(print_of(number, entry)));
        }
        sum
    }

    /// The parts of [`Keyspace::fingerprint`]: of each database and key. For who wants to know where two data sets differ.
    pub fn fingerprints(&self) -> BTreeMap<(usize, Vec<u8>), u64> {
        let mut all = BTreeMap::new();
        for (number, database) in self.databases.iter().enumerate() {
            each(database, |entry| {
                all.insert((number, entry.key().to_vec()), print_of(number, entry));
            });
        }
        all
    }

    /// What DEBUG DIGEST answers.
    pub fn digest(&self) -> Digest {
        let mut sum = [0; 20];
        for (number, database) in
            self.databases.iter().enumerate().filter(|(_, database)| !database.is_empty())
        {
            mix(&mut sum, &(number as u32).to_be_bytes());
            each(database, |entry| {
                let mut key = [0; 20];
                mix(&mut key, entry.key());
                xor(&mut sum, &sha1(&digest_of(key, entry)));
            });
        }
        sum
    }
}

/// What DEBUG DIGEST-VALUE answers.
pub fn value_digest(entry: EntryRef<'_>) -> Digest {
    digest_of([0; 20], entry)
}

fn each(database: &super::Database, mut each: impl FnMut(EntryRef<'_>)) {
    let mut cursor = 0;
    loop {
        cursor = database.scan(cursor, &mut each);
        if cursor == 0 {
            return;
        }
    }
}

/// Takes the parts of a value.
trait Sum {
    /// The next of parts that have an order.
    fn next(&mut self, text: &[u8]);
    /// One of parts that have none; its own words have one.
    fn member(&mut self, words: &[&[u8]]);
    /// What Redis leaves out.
    fn extra(&mut self, _text: &[u8]) {}
}

/// 128 bits that everybody knows: data are compared, nobody is kept out.
const PRINT_KEY: (u64, u64) = (0x5ea_3a11, 0xf1_9e4);

struct Print {
    ordered: Vec<u8>,
    unordered: u64,
}

impl Print {
    fn hash(text: &[u8]) -> u64 {
        HashKey::new(PRINT_KEY.0, PRINT_KEY.1).hash(text)
    }

    fn append(out: &mut Vec<u8>, text: &[u8]) {
        out.extend_from_slice(&(text.len() as u64).to_le_bytes());
        out.extend_from_slice(text);
    }
}

impl Sum for Print {
    fn next(&mut self, text: &[u8]) {
        Print::append(&mut self.ordered, text);
    }

    fn member(&mut self, words: &[&[u8]]) {
        let mut all = Vec::new();
        words.iter().for_each(|word| Print::append(&mut all, word));
        self.unordered = self.unordered.wrapping_add(Print::hash(&all));
    }

    fn extra(&mut self, text: &[u8]) {
        self.next(text);
    }
}

fn print_of(database: usize, entry: EntryRef<'_>) -> u64 {
    let mut print = Print { ordered: Vec::new(), unordered: 0 };
    print.next(&database.to_le_bytes());
    print.next(entry.key());
    print.next(&entry.expiry().unwrap_or(-1).to_le_bytes());
    print.next(&type_number(entry.value()).to_le_bytes());
    visit(entry.value(), &mut print);
    if let Value::Object(ObjectRef::Hash(hash)) = entry.value() {
        hash.each(i64::MIN, |field| {
            if let Some(deadline) = field.deadline {
                print.member(&[b"deadline", &field.name.to_vec(), &deadline.to_le_bytes()]);
            }
        });
    }
    let unordered = print.unordered.to_le_bytes();
    print.next(&unordered);
    Print::hash(&print.ordered)
}

impl Sum for Digest {
    fn next(&mut self, text: &[u8]) {
        mix(self, text);
    }

    fn member(&mut self, words: &[&[u8]]) {
        let mut own = [0; 20];
        match words {
            [word] => own = sha1(word),
            words => {
                words.iter().for_each(|word| mix(&mut own, word));
                own = sha1(&own);
            }
        }
        xor(self, &own);
    }
}

fn digest_of(mut sum: Digest, entry: EntryRef<'_>) -> Digest {
    mix(&mut sum, &type_number(entry.value()).to_be_bytes());
    visit(entry.value(), &mut sum);
    if entry.expiry().is_some() {
        xor(&mut sum, &sha1(b"!!expire!!"));
    }
    sum
}

fn sha1(text: &[u8]) -> Digest {
    Sha1::from(text).digest().bytes()
}

fn xor(sum: &mut Digest, other: &Digest) {
    sum.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
}

fn mix(sum: &mut Digest, text: &[u8]) {
    xor(sum, &sha1(text));
    *sum = sha1(sum);
}

/// Redis's numbers of types.
fn type_number(value: Value<'_>) -> u32 {
    match value {
        Value::Int(_) | Value::Bytes(_) => 0,
        Value::Object(ObjectRef::List(_)) => 1,
        Value::Object(ObjectRef::Set(_)) => 2,
        Value::Object(ObjectRef::SortedSet(_)) => 3,
        Value::Object(ObjectRef::Hash(_)) => 4,
        Value::Object(ObjectRef::Stream(_)) => 6,
    }
}

fn visit(value: Value<'_>, sum: &mut impl Sum) {
    let (mut one, mut two) = (itoa::Buffer::new(), itoa::Buffer::new());
    match value {
        Value::Int(number) => sum.next(one.format(number).as_bytes()),
        Value::Bytes(bytes) => sum.next(bytes),
        Value::Object(ObjectRef::List(list)) => {
            list.take(End::Front, 0, list.len(), |element| sum.next(element.text(&mut one)));
        }
        Value::Object(ObjectRef::Set(set)) => set.for_each(|member| sum.member(&[member.text(&mut one)])),
        Value::Object(ObjectRef::SortedSet(set)) => {
            for element in set.elements(0..set.len(), false) {
                let mut score = Vec::new();
                write_score(&mut score, element.score);
                sum.member(&[element.member.text(&mut one), &score]);
            }
        }
        Value::Object(ObjectRef::Hash(hash)) => hash.each(i64::MIN, |field| {
            sum.member(&[field.name.text(&mut one), field.value.text(&mut two)]);
        }),
        Value::Object(ObjectRef::Stream(stream)) => visit_stream(stream, sum),
    }
}

fn visit_stream(stream: &Stream, sum: &mut impl Sum) {
    let mut digits = itoa::Buffer::new();
    for entry in stream.log().entries(StreamId::MIN, StreamId::MAX) {
        sum.next(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
        entry.words().for_each(|word| sum.next(word.text(&mut digits)));
    }
    sum.extra(format!("{:?}", stream.log().figures()).as_bytes());
    for (name, group) in stream.groups().iter() {
        sum.extra(name);
        sum.extra(format!("{:?} {:?}", group.last_id, group.entries_read).as_bytes());
        for consumer in group.consumers() {
            sum.extra(consumer.name());
            let pending: Vec<StreamId> = consumer.pending_from(StreamId::MIN).collect();
            sum.extra(format!("{pending:?}").as_bytes());
        }
        for (id, pending) in group.pending_from(StreamId::MIN) {
            sum.extra(format!("{id:?} {} {}", pending.deliveries, pending.delivered_ms).as_bytes());
        }
    }
}

/// As C's `%.17g` writes it.
fn write_score(out: &mut Vec<u8>, score: f64) {
    let text = format!("{score:.16e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !score.is_finite() {
        out.extend_from_slice(if score.is_nan() {
            b"nan"
        } else if score > 0.0 {
            b"inf"
        } else {
            b"-inf"
        });
    } else if (-4..17).contains(&exponent) {
        let text = format!("{score:.*}", (16 - exponent) as usize);
        out.extend_from_slice(trimmed(&text).as_bytes());
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("{}e{sign}{:02}", trimmed(digits), exponent.abs()).as_bytes());
    }
}

/// Without zeros behind the point.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}
