//! What a handful of keys of any type may do together: a small Redis as a specification.
//!
//! A history's key stands here for all keys that requests name together: transactions and scripts take effect on them as
//! one. What is lost, doubled or seen half shows as a reply that no order of the calls explains.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::call::{Call, Reply, Request};
use crate::model::Model;
use crate::quote::quoted;

/// See the module. Knows the requests that [`apply`] lists; any other answers an error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Store;

/// All keys, by name. Empty values are not kept.
pub type Keys = BTreeMap<Vec<u8>, Data>;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // their names say all
pub enum Data {
    Text(Vec<u8>),
    List(VecDeque<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    /// Members with whole scores.
    SortedSet(BTreeMap<Vec<u8>, i64>),
}

impl Model for Store {
    type State = Keys;

    fn initial(&self) -> Keys {
        Keys::new()
    }

    fn step(&self, state: &Keys, call: &Call, reply: Option<&Reply>) -> impl Iterator<Item = Keys> {
        let mut next = state.clone();
        let given = match call {
            Call::Wipe => {
                next.clear();
                Reply::Ok
            }
            Call::Run(requests) => run(&mut next, requests),
            _ => Reply::Error("ERR".into()),
        };
        reply.is_none_or(|reply| agree(&given, reply)).then_some(next).into_iter()
    }

    fn show(&self, state: &Keys) -> String {
        if state.is_empty() {
            return "nothing".into();
        }
        let one = |(key, data): (&Vec<u8>, &Data)| format!("{}: {}", quoted(key), data.show());
        state.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn is_read(&self, call: &Call, _reply: Option<&Reply>) -> bool {
        let reads = |request: &Request| {
            let name = request.first().map(Vec::as_slice).unwrap_or_default();
            READS.contains(&name)
        };
        matches!(call, Call::Run(requests) if requests.iter().all(reads))
    }

    fn leaves(&self, call: &Call) -> Option<Keys> {
        (*call == Call::Wipe).then(Keys::new)
    }
}

const READS: &[&[u8]] = &[
    b"GET",
    b"LRANGE",
    b"LLEN",
    b"SMEMBERS",
    b"SCARD",
    b"SISMEMBER",
    b"HGET",
    b"HGETALL",
    b"HLEN",
    b"ZSCORE",
    b"ZCARD",
    b"ZRANGE",
];

/// Any error agrees with any other.
fn agree(given: &Reply, told: &Reply) -> bool {
    match (given, told) {
        (Reply::Error(_), Reply::Error(_)) => true,
        (Reply::Array(a), Reply::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agree(a, b)),
        _ => given == told,
    }
}

/// Runs requests as one: a single one's reply, or all replies.
pub fn run(keys: &mut Keys, requests: &[Request]) -> Reply {
    if let [request] = requests {
        return apply(keys, request);
    }
    Reply::Array(requests.iter().map(|request| apply(keys, request)).collect())
}

/// Runs one request. The one definition of what is right.
pub fn apply(keys: &mut Keys, request: &Request) -> Reply {
    let words: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
    let reply = match words.as_slice() {
        [b"GET" | b"SET" | b"INCRBY", ..] => text(keys, &words),
        [b"DEL", key] => Some(Reply::Int(i64::from(keys.remove(*key).is_some()))),
        [b"LMOVE", from, to, side, other] => lmove(keys, from, to, *side == b"LEFT", *other == b"LEFT"),
        [b"SMOVE", from, to, member] => smove(keys, from, to, member),
        [name, key, arguments @ ..] => match name[0] {
            b'L' | b'R' => list(keys, name, key, arguments),
            b'S' => set(keys, name, key, arguments),
            b'H' => hash(keys, name, key, arguments),
            _ => sorted_set(keys, name, key, arguments),
        },
        _ => None,
    };
    keys.retain(|_, data| !data.is_empty());
    reply.unwrap_or(Reply::Error("ERR".into()))
}

impl Data {
    fn is_empty(&self) -> bool {
        match self {
            Data::Text(_) => false,
            Data::List(list) => list.is_empty(),
            Data::Set(set) => set.is_empty(),
            Data::Hash(hash) => hash.is_empty(),
            Data::SortedSet(sorted_set) => sorted_set.is_empty(),
        }
    }

    fn show(&self) -> String {
        let row = |texts: Vec<String>| format!("[{}]", texts.join(" "));
        match self {
            Data::Text(text) => quoted(text),
            Data::List(list) => row(list.iter().map(|element| quoted(element)).collect()),
            Data::Set(set) => row(set.iter().map(|member| quoted(member)).collect()),
            Data::Hash(hash) => {
                row(hash.iter().map(|(f, v)| format!("{}={}", quoted(f), quoted(v))).collect())
            }
            Data::SortedSet(set) => {
                row(set.iter().map(|(m, score)| format!("{}={score}", quoted(m))).collect())
            }
        }
    }
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn int(count: usize) -> Option<Reply> {
    Some(Reply::Int(count as i64))
}

fn bulk(found: Option<Vec<u8>>) -> Option<Reply> {
    Some(found.map_or(Reply::Nil, Reply::Bytes))
}

fn array(texts: impl IntoIterator<Item = Vec<u8>>) -> Option<Reply> {
    Some(Reply::Array(texts.into_iter().map(Reply::Bytes).collect()))
}

fn text(keys: &mut Keys, words: &[&[u8]]) -> Option<Reply> {
    let held = match keys.get(words[1]) {
        Some(Data::Text(text)) => Some(text.clone()),
        Some(_) => return None,
        None => None,
    };
    match words {
        [b"GET", _] => bulk(held),
        [b"SET", key, value] => {
            keys.insert(key.to_vec(), Data::Text(value.to_vec()));
            Some(Reply::Ok)
        }
        [b"INCRBY", key, by] => {
            let sum = held.map_or(Some(0), |text| number(&text))?.checked_add(number(by)?)?;
            keys.insert(key.to_vec(), Data::Text(sum.to_string().into_bytes()));
            Some(Reply::Int(sum))
        }
        _ => None,
    }
}

/// The value of one type at a key, made if it is not there; `None` if there is another.
macro_rules! held {
    ($keys:expr, $key:expr, $kind:ident) => {
        match $keys.entry($key.to_vec()).or_insert_with(|| Data::$kind(Default::default())) {
            Data::$kind(held) => held,
            _ => return None,
        }
    };
}

fn list(keys: &mut Keys, name: &[u8], key: &[u8], arguments: &[&[u8]]) -> Option<Reply> {
    let list = held!(keys, key, List);
    match (name, arguments) {
        (b"LPUSH", elements) => {
            elements.iter().for_each(|element| list.push_front(element.to_vec()));
            int(list.len())
        }
        (b"RPUSH", elements) => {
            elements.iter().for_each(|element| list.push_back(element.to_vec()));
            int(list.len())
        }
        (b"LPOP", []) => bulk(list.pop_front()),
        (b"RPOP", []) => bulk(list.pop_back()),
        (b"LLEN", []) => int(list.len()),
        (b"LRANGE", [b"0", b"-1"]) => array(list.iter().cloned()),
        (b"LREM", [b"0", element]) => {
            let before = list.len();
            list.retain(|held| held != element);
            int(before - list.len())
        }
        _ => None,
    }
}

fn lmove(keys: &mut Keys, from: &[u8], to: &[u8], from_left: bool, to_left: bool) -> Option<Reply> {
    let source = held!(keys, from, List);
    let taken = if from_left { source.pop_front() } else { source.pop_back() };
    let Some(element) = taken else { return Some(Reply::Nil) };
    let target = held!(keys, to, List);
    if to_left {
        target.push_front(element.clone())
    } else {
        target.push_back(element.clone())
    }
    Some(Reply::Bytes(element))
}

fn set(keys: &mut Keys, name: &[u8], key: &[u8], arguments: &[&[u8]]) -> Option<Reply> {
    let set = held!(keys, key, Set);
    match (name, arguments) {
        (b"SADD", members) => int(members.iter().filter(|member| set.insert(member.to_vec())).count()),
        (b"SREM", members) => int(members.iter().filter(|member| set.remove(**member)).count()),
        (b"SISMEMBER", [member]) => int(usize::from(set.contains(*member))),
        (b"SCARD", []) => int(set.len()),
        (b"SMEMBERS", []) => array(set.iter().cloned()),
        _ => None,
    }
}

fn smove(keys: &mut Keys, from: &[u8], to: &[u8], member: &[u8]) -> Option<Reply> {
    if !held!(keys, from, Set).remove(member) {
        return int(0);
    }
    held!(keys, to, Set).insert(member.to_vec());
    int(1)
}

fn hash(keys: &mut Keys, name: &[u8], key: &[u8], arguments: &[&[u8]]) -> Option<Reply> {
    let hash = held!(keys, key, Hash);
    match (name, arguments) {
        (b"HSET", [field, value]) => int(usize::from(hash.insert(field.to_vec(), value.to_vec()).is_none())),
        (b"HGET", [field]) => bulk(hash.get(*field).cloned()),
        (b"HDEL", [field]) => int(usize::from(hash.remove(*field).is_some())),
        (b"HLEN", []) => int(hash.len()),
        (b"HGETALL", []) => array(hash.iter().flat_map(|(field, value)| [field.clone(), value.clone()])),
        (b"HINCRBY", [field, by]) => {
            let held = hash.get(*field).map_or(Some(0), |text| number(text))?;
            let sum = held.checked_add(number(by)?)?;
            hash.insert(field.to_vec(), sum.to_string().into_bytes());
            Some(Reply::Int(sum))
        }
        _ => None,
    }
}

fn sorted_set(keys: &mut Keys, name: &[u8], key: &[u8], arguments: &[&[u8]]) -> Option<Reply> {
    let set = held!(keys, key, SortedSet);
    let text = |score: i64| score.to_string().into_bytes();
    match (name, arguments) {
        (b"ZADD", [score, member]) => {
            let score = number(score)?;
            int(usize::from(set.insert(member.to_vec(), score).is_none()))
        }
        (b"ZINCRBY", [by, member]) => {
            let score = set.get(*member).copied().unwrap_or(0).checked_add(number(by)?)?;
            set.insert(member.to_vec(), score);
            Some(Reply::Bytes(text(score)))
        }
        (b"ZREM", [member]) => int(usize::from(set.remove(*member).is_some())),
        (b"ZSCORE", [member]) => bulk(set.get(*member).map(|score| text(*score))),
        (b"ZCARD", []) => int(set.len()),
        (b"ZRANGE", [b"0", b"-1", b"WITHSCORES"]) => {
            array(in_order(set).into_iter().flat_map(|(score, member)| [member, text(score)]))
        }
        (b"ZPOPMIN", []) => {
            let Some((score, member)) = in_order(set).into_iter().next() else { return array([]) };
            set.remove(&member);
            array([member, text(score)])
        }
        _ => None,
    }
}

/// By score, then member.
fn in_order(set: &BTreeMap<Vec<u8>, i64>) -> BTreeSet<(i64, Vec<u8>)> {
    set.iter().map(|(member, score)| (*score, member.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation;
    use crate::{Verdict, linearizability};

    fn verdict(text: &str) -> Verdict {
        let history = notation::read(text).expect("it is in the notation");
        assert_eq!(notation::read(&notation::write(&history)).as_ref(), Ok(&history));
        linearizability::check(&history, &Store, 100_000).expect("it is well formed")
    }

    #[test]
    fn an_element_that_is_given_twice_is_found() {
        let text = "0 1 c1 q RUN RPUSH q a -> 1\n2 5 c2 q RUN LPOP q -> \"a\"\n3 6 c3 q RUN LPOP q -> ";
        assert!(matches!(verdict(&format!("{text}nil")), Verdict::Linearizable { .. }));
        assert!(matches!(verdict(&format!("{text}\"a\"")), Verdict::Violation(_)));
    }

    #[test]
    fn half_a_transaction_is_found() {
        let text = "0 1 c1 bank RUN INCRBY a 5 ; INCRBY b -5 -> [ 5 -5 ]\n\
                    2 9 c1 bank RUN INCRBY a 1 ; INCRBY b -1 -> unknown\n3 4 c2 bank RUN GET a ; GET b -> [ ";
        assert!(matches!(verdict(&format!("{text}\"6\" \"-6\" ]")), Verdict::Linearizable { .. }));
        assert!(matches!(verdict(&format!("{text}\"6\" \"-5\" ]")), Verdict::Violation(_)));
    }
}
