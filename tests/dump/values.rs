//! Values as they come out of payloads.

use seawall::config::Config;
use seawall::dump::{self, Limits, Loaded};
use seawall::types::list::End;
use seawall::types::stream::{Group, Stream, StreamId};
use seawall::types::{HashKey, ObjectRef, Payload, Value, View};

/// Limits like those of [`Ours`](crate::peers::Ours).
pub fn limits() -> Limits {
    let mut config = Config::default();
    (config.list_max_listpack_size, config.hash_max_listpack_entries) = (4, 4);
    (config.set_max_listpack_entries, config.set_max_intset_entries) = (4, 4);
    config.zset_max_listpack_entries = 4;
    Limits::of(&config, HashKey::new(1, 2))
}

pub fn view<'v>(loaded: &'v Loaded<'_>) -> Value<'v> {
    match loaded {
        Loaded::Int(number) => Value::Int(*number),
        Loaded::Text(text) => Value::Bytes(text),
        Loaded::Object(object) => Value::Object(object.view()),
    }
}

/// The value of a payload that we made.
pub fn of_payload(payload: &[u8]) -> Loaded<'_> {
    let body = dump::footer::open(payload).expect("a payload has a footer");
    dump::value(body, &limits()).expect("we read what we write")
}

/// All that commands can say of a value, in lines; what has no order is sorted.
pub fn tell(value: Value<'_>) -> Vec<String> {
    let Value::Object(object) = value else {
        let mut text = Vec::new();
        value.write_to(&mut text);
        return vec![text.escape_ascii().to_string()];
    };
    let mut lines = Vec::new();
    match object {
        ObjectRef::List(list) => list.take(End::Front, 0, list.len(), |item| {
            lines.push(format!("{item:?}"));
        }),
        ObjectRef::Set(set) => set.for_each(|member| lines.push(format!("{member:?}"))),
        ObjectRef::Hash(hash) => hash.each(i64::MIN, |field| lines.push(format!("{field:?}"))),
        ObjectRef::SortedSet(set) => {
            lines.extend(set.elements(0..set.len(), false).map(|element| format!("{element:?}")));
        }
        ObjectRef::Stream(stream) => tell_stream(stream, &mut lines),
    }
    if matches!(object, ObjectRef::Set(_) | ObjectRef::Hash(_)) {
        lines.sort();
    }
    lines
}

fn tell_stream(stream: &Stream, lines: &mut Vec<String>) {
    let log = stream.log();
    lines.push(format!("{:?}", log.figures()));
    for entry in log.entries(StreamId::MIN, StreamId::MAX) {
        lines.push(format!("{:?} {:?}", entry.id, entry.words().collect::<Vec<_>>()));
    }
    for (name, group) in stream.groups().iter() {
        lines.push(format!("{name:?} {:?} {:?}", group.last_id, group.entries_read));
        tell_group(group, lines);
    }
}

fn tell_group(group: &Group, lines: &mut Vec<String>) {
    lines.extend(group.consumers().map(|consumer| format!("{:?}", consumer.name())));
    for (id, pending) in group.pending_from(StreamId::MIN) {
        let consumer = group.consumer(pending.consumer).name();
        lines.push(format!("{id:?} {consumer:?} {} {}", pending.delivered_ms, pending.deliveries));
    }
}
