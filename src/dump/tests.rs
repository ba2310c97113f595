//! Values come back; other bytes are refused or give something whole. What real servers say is in `tests/dump`.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Form, Limits, Loaded, Parts, VERSION_MIN, Version, Writer, footer, payload, save, value};
use crate::types::list::{self, End};
use crate::types::stream::{Group, NodeLimits, Pending, Stream, StreamId};
use crate::types::{
    Expiry, Frozen, Growth, Hash, HashKey, List, Object, ObjectRef, Payload, Set, SortedSet, Value, View,
    set, sorted_set,
};

type Text = Vec<u8>;

pub(crate) fn limits() -> Limits {
    let hash_key = HashKey::new(1, 2);
    Limits {
        list: list::Limits::new(6, 1),
        set: set::Limits { ints: 6, small: 5, small_bytes: 30 },
        sorted_set: sorted_set::Limits { entries: 6, value_bytes: 30, hash_key },
        hash: Growth { fields_max: 6, text_bytes_max: 30, hash_key },
    }
}

/// Everything that a value says, in an order of its own.
pub(crate) fn told(value: Value<'_>) -> String {
    let Value::Object(object) = value else { return format!("{value:?}") };
    let mut rows = Vec::new();
    match object {
        ObjectRef::List(list) => list.take(End::Front, 0, usize::MAX, |item| rows.push(format!("{item:?}"))),
        ObjectRef::Set(set) => set.for_each(|member| rows.push(format!("{:?}", member.to_vec()))),
        ObjectRef::SortedSet(set) => rows.extend(
            set.elements(0..set.len(), false).map(|e| format!("{:?} {}", e.member.to_vec(), e.score + 0.0)),
        ),
        ObjectRef::Hash(hash) => hash.each(i64::MIN, |field| {
            rows.push(format!("{:?} {:?} {:?}", field.name.to_vec(), field.value.to_vec(), field.deadline));
        }),
        ObjectRef::Stream(stream) => return told_of_stream(stream),
    }
    // A small sorted set does not tell 0 from -0: adding 0 makes them one.
    if !matches!(object, ObjectRef::List(_) | ObjectRef::SortedSet(_)) {
        rows.sort();
    }
    format!("{} {rows:?}", object.type_name())
}

fn told_of_stream(stream: &Stream) -> String {
    let log = stream.log();
    let mut rows = vec![format!("{:?}", log.figures())];
    for entry in log.entries(StreamId::MIN, StreamId::MAX) {
        rows.push(format!("{:?} {:?}", entry.id, entry.words().collect::<Vec<_>>()));
    }
    for (name, group) in stream.groups().iter() {
        rows.push(format!("{name:?} {:?} {:?}", group.last_id, group.entries_read));
        rows.extend(group.consumers().map(|consumer| format!("{consumer:?}")));
        rows.extend(
            group
                .pending_from(StreamId::MIN)
                .map(|(id, pending)| format!("{id:?} {} {}", pending.delivered_ms, pending.deliveries)),
        );
    }
    format!("{rows:?}")
}

/// What a body says; it must be right, and must change and go as any value does.
fn read(body: &[u8]) -> Option<String> {
    Some(match value(body, &limits())? {
        Loaded::Int(number) => told(Value::Int(number)),
        Loaded::Text(text) => told(Value::Bytes(&text)),
        Loaded::Object(mut object) => {
            let said = told(Value::Object(object.view()));
            assert!(object.memory_bytes() > 0);
            change(&mut object);
            while !object.dismantle(3) {}
            said
        }
    })
}

/// Adds something and takes it away again, so that every invariant is felt.
fn change(object: &mut Object) {
    let limits = limits();
    match object {
        Object::List(list) => {
            list.push(End::Back, std::iter::once(&b"new"[..]), limits.list);
            list.insert(b"7", true, b"8", limits.list);
            assert!(list.remove_equal(b"new", -1, limits.list) == 1);
            list.pop(End::Front, 2, limits.list, |_| {});
        }
        Object::Set(set) => {
            let mut members = Vec::new();
            set.view().for_each(|member| members.push(member.to_vec()));
            assert_eq!(members.len(), set.view().len());
            assert!(members.iter().all(|member| set.remove(member)));
        }
        Object::SortedSet(set) => {
            let count = set.view().len();
            let members: Vec<_> = set.view().elements(0..count, true).map(|e| e.member.to_vec()).collect();
            assert!(members.iter().all(|member| set.remove(member).is_some()));
            assert!(set.view().is_empty());
        }
        Object::Hash(hash) => {
            hash.set(b"new", b"1", Expiry::At(5), limits.hash);
            hash.expire(i64::MAX, usize::MAX, |_| {});
            let mut names = Vec::new();
            hash.view().each(i64::MIN, |field| names.push(field.name.to_vec()));
            assert!(names.iter().all(|name| hash.remove(name)));
            assert!(hash.view().is_empty());
        }
        Object::Stream(stream) => {
            let ids: Vec<_> = stream.log().entries(StreamId::MIN, StreamId::MAX).map(|e| e.id).collect();
            assert!(ids.iter().all(|id| stream.log_mut().delete(*id)));
        }
    }
}

pub(crate) fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        4 => select(vec!["", "a", "b", "7", "-1", "007", "1e3", "255", "-32769", "2147483648"])
            .prop_map(|text| text.as_bytes().to_vec()),
        2 => (-40_000_i64..40_000).prop_map(|number| number.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..50),
        1 => (0..40_usize).prop_map(|times| b"again ".repeat(times)),
    ]
}

pub(crate) fn object() -> impl Strategy<Value = Object> {
    let limits = limits();
    let list = vec(text(), 1..40).prop_map(move |texts| {
        let mut list = List::default();
        list.push(End::Back, texts.iter().map(Vec::as_slice), limits.list);
        Object::List(list)
    });
    let set = vec(text(), 1..12).prop_map(move |texts| {
        let mut set = Set::default();
        texts.iter().for_each(|text| {
            set.add(text, &limits.set, limits.hash.hash_key);
        });
        Object::Set(set)
    });
    let score =
        prop_oneof![any::<f64>().prop_filter("a number", |x| !x.is_nan()), (-9..9_i32).prop_map(f64::from)];
    let sorted_set = vec((text(), score), 1..12).prop_map(move |elements| {
        let mut set = SortedSet::default();
        elements.iter().for_each(|(text, score)| {
            set.set(text, *score, &limits.sorted_set);
        });
        Object::SortedSet(set)
    });
    prop_oneof![list, set, sorted_set, hash().prop_map(Object::Hash), stream().prop_map(Object::Stream)]
}

fn hash() -> impl Strategy<Value = Hash> {
    let deadline = proptest::option::weighted(0.3, 1_i64..1 << 46);
    vec((text(), text(), deadline), 1..12).prop_map(|fields| {
        let mut hash = Hash::default();
        for (name, value, deadline) in &fields {
            hash.set(name, value, deadline.map_or(Expiry::Clear, Expiry::At), limits().hash);
        }
        hash
    })
}

fn stream() -> impl Strategy<Value = Stream> {
    let entries = vec((1_u64..5, vec(text(), 2..5), any::<bool>()), 0..30);
    let groups = vec((vec((0..3_u8, 0..30_usize), 0..10), any::<bool>()), 0..3);
    (entries, groups).prop_map(|(entries, groups)| {
        let (mut stream, mut ms, mut ids) = (Stream::default(), 0, Vec::new());
        for (step, words, deleted) in entries {
            ms += step;
            let id = StreamId { ms, seq: step };
            let words = words.iter().map(Vec::as_slice).take(words.len() / 2 * 2);
            stream.log_mut().append(id, words, NodeLimits { bytes_max: 0, entries_max: 4 });
            if deleted {
                stream.log_mut().delete(id);
            }
            ids.push(id);
        }
        for (number, (pending, active)) in groups.into_iter().enumerate() {
            stream.groups_mut().create(&[number as u8], group(&ids, &pending, active));
        }
        stream
    })
}

fn group(ids: &[StreamId], pending: &[(u8, usize)], active: bool) -> Group {
    let mut group = Group::new(StreamId { ms: 3, seq: 1 }, active.then_some(4));
    for (name, entry) in pending {
        let (consumer, _) = group.consumer_or_new(&[*name], 1_700_000_000_000);
        group.consumer_mut(consumer).active_ms = active.then_some(1_700_000_000_000);
        if let Some(id) = ids.get(*entry) {
            group.assign(*id, Pending { consumer, delivered_ms: 5, deliveries: 1 });
        }
    }
    group
}

fn versions() -> impl Strategy<Value = Version> {
    10_u16..=12
}

proptest! {
    #[test]
    fn objects_come_back(object in object(), version in versions(), compress: bool) {
        let whole = Value::Object(object.view());
        let form = Form::of(whole, version);
        let mut writer = Writer::new(std::vec![form.code()], compress);
        save(&mut writer, form, whole);
        prop_assert_eq!(read(&writer.out), Some(told(whole)));
        // Nothing is missing, and nothing too much.
        prop_assert_eq!(read(&writer.out[..writer.out.len() - 1]), None);
        writer.out.push(0);
        prop_assert_eq!(read(&writer.out), None);
    }

    #[test]
    fn strings_come_back(text in text(), compress: bool) {
        let whole = crate::text::number::parse_i64(&text).map_or(Value::Bytes(&text), Value::Int);
        let sealed = payload(whole, compress);
        let body = footer::open(&sealed).expect("a payload has a footer");
        prop_assert_eq!(read(body), Some(told(whole)));
    }

    #[test]
    fn spoilt_values_are_refused_or_whole(
        object in object(),
        version in versions(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        code in proptest::option::weighted(0.2, 0..26_u8),
    ) {
        let whole = Value::Object(object.view());
        let form = Form::of(whole, version);
        let mut writer = Writer::new(std::vec![code.unwrap_or(form.code())], false);
        save(&mut writer, form, whole);
        for (place, byte) in changes {
            let place = 1 + place.index(writer.out.len() - 1);
            writer.out[place] = byte;
        }
        read(&writer.out);
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_whole(code in 0..26_u8, rest in vec(any::<u8>(), 0..80)) {
        read(&[&[code], rest.as_slice()].concat());
    }
}

#[test]
fn what_every_server_can_say_is_said_in_the_oldest_form() {
    let mut stream = Stream::default();
    stream.groups_mut().create(b"group", Group::default());
    assert_eq!(Form::of(Value::Object(ObjectRef::Stream(&stream)), 10), Form::Stream);
    assert_eq!(Form::of(Value::Object(ObjectRef::Stream(&stream)), 11), Form::StreamActive);
    let mut group = stream.edit_group(b"group").expect("it was made above");
    group.consumer_or_new(b"idle", 5);
    drop(group);
    let form = Form::of(Value::Object(ObjectRef::Stream(&stream)), 10);
    assert_eq!((form, form.version()), (Form::StreamActive, 11));
}

#[test]
fn a_footer_admits_known_versions_and_right_checksums_only() {
    for (version, known) in [(6, true), (12, true), (13, false), (79, false), (80, true), (81, false)] {
        let mut sealed = b"body".to_vec();
        footer::seal(&mut sealed, version);
        assert_eq!(footer::open(&sealed), known.then_some(&b"body"[..]), "version {version}");
        *sealed.last_mut().expect("a footer") ^= 1;
        assert_eq!(footer::open(&sealed), None);
    }
    assert_eq!(footer::open(&[0; 9]), None);
    assert_eq!(footer::checksum(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
}

#[test]
fn a_length_without_bytes_takes_no_memory() {
    for code in 0..26 {
        for head in [&[0x81, 0x7F, 255, 255, 255, 255, 255, 255, 255][..], &[0x80, 255, 255, 255, 255]] {
            assert_eq!(read(&[&[code], head].concat()), None);
            let compressed = [&[code, 0xC3, 4], head, &[0, 0, 0, 0]].concat();
            assert_eq!(read(&compressed), None);
        }
    }
}

proptest! {
    #[test]
    fn parts_make_the_same_body(object in object(), elements in 1..20_usize) {
        let value = Value::Object(object.view());
        if let Some(mut frozen) = Frozen::of(value) {
            let form = Form::of(value, VERSION_MIN);
            let (mut whole, mut sliced) = (Writer::new(Vec::new(), true), Writer::new(Vec::new(), true));
            save(&mut whole, form, value);
            let parts = Parts::new(frozen.head());
            prop_assert_eq!(parts.form(), form);
            parts.head(&mut sliced, frozen.head());
            while !frozen.show(elements, |part| parts.part(&mut sliced, part)) {}
            prop_assert_eq!(whole.out, sliced.out);
        }
    }
}
