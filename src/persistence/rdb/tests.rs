//! Files come back however they are cut; files that are not whole, or were changed, are refused; files of old servers are read.
//! What real servers say is in `tests/dump`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Broken, Check, Loader, Options, Part, Saver, Used};
use crate::dump::tests::{limits, object, text, told};
use crate::dump::{Loaded, footer};
use crate::text::number::parse_i64;
use crate::types::list::End;
use crate::types::stream::{Group, Stream};
use crate::types::{Object, ObjectRef, Payload, Set, SortedSet, Value};

/// What a file holds, in words.
type Facts = Vec<String>;

fn told_of(value: &Loaded<'_>) -> String {
    match value {
        Loaded::Int(number) => told(Value::Int(*number)),
        Loaded::Text(text) => told(Value::Bytes(text)),
        Loaded::Object(object) => told(Value::Object(object.view())),
    }
}

fn fact(part: Part<'_>) -> String {
    match part {
        Part::Aux { name, value } => format!("aux {name:?} {value:?}"),
        Part::Database(database) => format!("database {database}"),
        Part::Sizes { keys, volatile } => format!("sizes {keys} {volatile}"),
        Part::Library(code) => format!("library {code:?}"),
        Part::Entry { key, value, expiry_ms, used } => entry(&key, &told_of(&value), expiry_ms, used),
        Part::End => "end".into(),
    }
}

fn entry(key: &[u8], value: &str, expiry_ms: Option<i64>, used: Used) -> String {
    format!("{key:?} {value} {expiry_ms:?} {used:?}")
}

/// All that there is to read now.
fn read(loader: &mut Loader, facts: &mut Facts) -> Result<(), Broken> {
    while let Some(part) = loader.next()? {
        facts.push(fact(part));
    }
    Ok(())
}

/// What is in a file, fed in chunks of such lengths, in turn; whatever was read until something was wrong is lost.
fn facts(file: &[u8], lengths: &[usize]) -> Result<Facts, Broken> {
    let mut loader = Loader::new(limits(), file.len() as u64, true);
    let (mut facts, mut rest) = (Vec::new(), file);
    for length in lengths.iter().cycle() {
        let (chunk, after) = rest.split_at((*length).clamp(1, rest.len().max(1)).min(rest.len()));
        loader.feed(chunk);
        read(&mut loader, &mut facts)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    loader.finish();
    read(&mut loader, &mut facts)?;
    Ok(facts)
}

/// A value of any type.
#[derive(Debug)]
enum Any {
    Text(Vec<u8>),
    Object(Object),
}

impl Any {
    fn value(&self) -> Value<'_> {
        match self {
            Any::Text(text) => parse_i64(text).map_or(Value::Bytes(text), Value::Int),
            Any::Object(object) => Value::Object(object.view()),
        }
    }
}

#[derive(Debug)]
struct Entry {
    database: usize,
    key: Vec<u8>,
    value: Any,
    expiry_ms: Option<i64>,
    used: Used,
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let value = prop_oneof![text().prop_map(Any::Text), object().prop_map(Any::Object)];
    let used = prop_oneof![
        Just(Used::Unknown),
        (0_u64..1 << 33).prop_map(Used::IdleSeconds),
        any::<u8>().prop_map(Used::Frequency)
    ];
    let expiry = proptest::option::of(0_i64..1 << 46);
    let entry = (0_usize..3, text(), value, expiry, used)
        .prop_map(|(database, key, value, expiry_ms, used)| Entry { database, key, value, expiry_ms, used });
    vec(entry, 0..12)
}

/// The file of these entries, taken from the saver in between, and what it says.
fn saved(entries: &[Entry], options: Options) -> (Vec<u8>, Facts) {
    let mut saver = Saver::new(options);
    let (mut file, mut facts, mut database, mut sized) = (Vec::new(), Vec::new(), None, Vec::new());
    saver.aux("redis-ver", b"7.2.0");
    facts.push(format!("aux {:?} {:?}", b"redis-ver", b"7.2.0"));
    saver.library(b"#!lua name=l\n");
    facts.push(format!("library {:?}", b"#!lua name=l\n"));
    for e in entries {
        saver.database(e.database, 1000, 7);
        if database.replace(e.database) != Some(e.database) {
            facts.push(format!("database {}", e.database));
            if !sized.contains(&e.database) {
                sized.push(e.database);
                facts.push("sizes 1000 7".into());
            }
        }
        saver.entry(&e.key, e.value.value(), e.expiry_ms, e.used);
        facts.push(entry(&e.key, &told(e.value.value()), e.expiry_ms, e.used));
        if e.key.len().is_multiple_of(3) {
            assert_eq!(saver.buffered(), saver.buffered());
            file.extend(saver.take());
        }
    }
    saver.end();
    file.extend(saver.take());
    if let Some(header) = saver.final_header() {
        file[..header.len()].copy_from_slice(&header);
    }
    facts.push("end".into());
    (file, facts)
}

const PLAIN: Options = Options { compress: false, checksum: true, plain_streams: false, for_valkey: false };

proptest! {
    #[test]
    fn files_come_back_however_they_are_cut(
        entries in entries(),
        compress: bool,
        checksum: bool,
        lengths in vec(1_usize..60, 1..6),
    ) {
        let (file, said) = saved(&entries, Options { compress, checksum, ..PLAIN });
        let sum = u64::from_le_bytes(*file.last_chunk().expect("a checksum"));
        prop_assert_eq!(sum, if checksum { footer::checksum(&file[..file.len() - 8]) } else { 0 });
        for lengths in [&lengths, &std::vec![1], &std::vec![usize::MAX]] {
            prop_assert_eq!(facts(&file, lengths), Ok(said.clone()));
        }
    }

    #[test]
    fn a_flipped_bit_is_found(entries in entries(), bit in any::<prop::sample::Index>()) {
        let (mut file, _) = saved(&entries, PLAIN);
        let bit = bit.index(file.len() * 8);
        file[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(facts(&file, &[100]).is_err());
    }

    #[test]
    fn without_a_checksum_changed_files_are_refused_or_whole(
        entries in entries(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (mut file, _) = saved(&entries, Options { compress: true, checksum: false, ..PLAIN });
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        // Where it is cut does not matter to what is said.
        prop_assert_eq!(facts(&file, &[1]), facts(&file, &[usize::MAX]));
        let mut check = Check::new(limits(), file.len() as u64, 0);
        check.feed(&file);
        let report = check.finish();
        prop_assert!(report.bytes <= file.len() as u64);
        prop_assert!(!report.to_string().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_file_that_is_cut_is_never_whole(entries in entries(), checksum: bool) {
        let (file, said) = saved(&entries, Options { compress: true, checksum, ..PLAIN });
        for length in 0..file.len() {
            let cut = &file[..length];
            prop_assert!(facts(cut, &[usize::MAX]).is_err());
            // The same when it was said to be longer: parts before the cut are told, and nothing else.
            let mut loader = Loader::new(limits(), file.len() as u64, true);
            let mut told = Vec::new();
            loader.feed(cut);
            prop_assert_eq!(read(&mut loader, &mut told), Ok(()));
            prop_assert_eq!(&told[..], &said[..told.len()]);
            prop_assert!(told.len() < said.len());
            loader.finish();
            let broken = read(&mut loader, &mut told).expect_err("it is not whole");
            prop_assert!(broken.at <= length as u64);
            prop_assert_eq!(read(&mut loader, &mut told), Err(broken));
        }
    }
}

/// A file of this version with these bytes behind its header, and a right checksum if such a file has one.
fn file(version: u16, body: &[u8]) -> Vec<u8> {
    let magic = if version >= 80 { format!("VALKEY{version:03}") } else { format!("REDIS{version:04}") };
    let mut file = [magic.as_bytes(), body, b"\xFF"].concat();
    if version >= 5 {
        let checksum = footer::checksum(&file);
        file.extend(checksum.to_le_bytes());
    }
    file
}

/// What a file says, without the end.
fn facts_of(version: u16, body: &[u8]) -> Facts {
    let file = file(version, body);
    let mut said = facts(&file, &[usize::MAX]).expect("a whole file");
    assert_eq!(facts(&file, &[1]).as_ref(), Ok(&said));
    assert_eq!(said.pop().as_deref(), Some("end"));
    said
}

fn refusal(version: u16, body: &[u8]) -> String {
    facts(&file(version, body), &[1]).expect_err("it cannot be read").what
}

fn list(texts: &[&[u8]]) -> String {
    let mut list = crate::types::List::default();
    list.push(End::Back, texts.iter().copied(), limits().list);
    told(Value::Object(Object::List(list).view()))
}

fn hash(fields: &[(&[u8], &[u8])]) -> String {
    let mut hash = crate::types::Hash::default();
    for (name, value) in fields {
        hash.set(name, value, crate::types::Expiry::Clear, limits().hash);
    }
    told(Value::Object(Object::Hash(hash).view()))
}

fn sorted_set(elements: &[(&[u8], f64)]) -> String {
    let mut set = SortedSet::default();
    for (member, score) in elements {
        set.set(member, *score, &limits().sorted_set);
    }
    told(Value::Object(Object::SortedSet(set).view()))
}

fn set(members: &[&[u8]]) -> String {
    let mut set = Set::default();
    for member in members {
        set.add(member, &limits().set, limits().hash.hash_key);
    }
    told(Value::Object(Object::Set(set).view()))
}

fn plain(key: &[u8], value: &str) -> String {
    entry(key, value, None, Used::Unknown)
}

#[test]
fn the_first_servers_files_are_read() {
    // Texts, a list, a set, a sorted set with decimal scores, a hash, each element by element; an expiry in seconds.
    let body = [
        &b"\xFE\x00\x00\x01s\x05hello\x00\x01i\xC1\x2C\x01\x00\x01z\xC3\x05\x41\x09\x00x\xE0\xFF\x00"[..],
        b"\xFD\x40\xE2\x01\x00\x01\x01l\x02\x01a\xC0\xFB\x02\x01t\x02\x01a\x01b",
        b"\x03\x01o\x03\x01a\x031.5\x01b\xFE\x01c\xFF\x04\x01h\x01\x01f\x01v\xFE\x09\x00\x01n\x00",
    ];
    let said = [
        "database 0".to_owned(),
        plain(b"s", &told(Value::Bytes(b"hello"))),
        plain(b"i", &told(Value::Int(300))),
        plain(b"z", &told(Value::Bytes(&[b'x'; 265]))),
    ];
    let said = [
        &said[..],
        &[
            entry(b"l", &list(&[b"a", b"-5"]), Some(123_456_000), Used::Unknown),
            plain(b"t", &set(&[b"a", b"b"])),
            plain(b"o", &sorted_set(&[(b"a", 1.5), (b"b", f64::INFINITY), (b"c", f64::NEG_INFINITY)])),
            plain(b"h", &hash(&[(b"f", b"v")])),
            "database 9".to_owned(),
            plain(b"n", &told(Value::Bytes(b""))),
        ],
    ]
    .concat();
    for version in [1, 2, 4, 6, 9, 12] {
        assert_eq!(facts_of(version, &body.concat()), said, "version {version}");
    }
}

/// A ziplist of these elements, each written as it stands behind the length of the one before.
fn ziplist(elements: &[&[u8]]) -> Vec<u8> {
    let (mut body, mut before, mut last) = (Vec::new(), 0, 10);
    for element in elements {
        last = 10 + body.len() as u32;
        body.push(before as u8);
        body.extend(*element);
        before = element.len() + 1;
    }
    let total = 10 + body.len() as u32 + 1;
    let mut all =
        [&total.to_le_bytes()[..], &last.to_le_bytes(), &(elements.len() as u16).to_le_bytes()].concat();
    all.extend(body);
    all.push(0xFF);
    all
}

/// A part with one key: form, key `k`, and texts.
fn part(form: u8, texts: &[&[u8]]) -> Vec<u8> {
    let mut part = vec![form, 1, b'k'];
    for text in texts {
        part.push(text.len() as u8);
        part.extend(*text);
    }
    part
}

#[test]
fn small_forms_of_old_servers_are_read() {
    let zipmap = b"\x02\x01f\x01\x001\x02gg\x03\x01xyz!\xFF";
    let fields: &[(&[u8], &[u8])] = &[(b"f", b"1"), (b"gg", b"xyz")];
    assert_eq!(facts_of(2, &part(9, &[zipmap])), [plain(b"k", &hash(fields))]);

    let pack = ziplist(&[b"\x01a", b"\xF6", b"\xC0\x2C\x01"]);
    let items = list(&[b"a", b"5", b"300"]);
    assert_eq!(facts_of(3, &part(10, &[&pack])), [plain(b"k", &items)]);
    let two = [&[14, 1, b'k', 2, pack.len() as u8][..], &pack, &[pack.len() as u8], &pack].concat();
    let items = list(&[b"a", b"5", b"300", b"a", b"5", b"300"]);
    assert_eq!(facts_of(7, &two), [plain(b"k", &items)]);

    let pack = ziplist(&[b"\x01a", b"\x031.5", b"\x01b", b"\xF3"]);
    assert_eq!(facts_of(6, &part(12, &[&pack])), [plain(b"k", &sorted_set(&[(b"a", 1.5), (b"b", 2.0)]))]);
    let fields: &[(&[u8], &[u8])] = &[(b"a", b"1.5"), (b"b", b"2")];
    assert_eq!(facts_of(4, &part(13, &[&pack])), [plain(b"k", &hash(fields))]);

    let ints = b"\x02\0\0\0\x02\0\0\0\xFF\xFF\x05\0";
    assert_eq!(facts_of(2, &part(11, &[ints])), [plain(b"k", &set(&[b"-1", b"5"]))]);
    // Redis 4.0: scores in binary, and milliseconds.
    let body = b"\xFB\x01\x01\xFC\x00\x01\0\0\0\0\0\0\x05\x01k\x01\x01a\0\0\0\0\0\0\xF8\x3F";
    let said = ["sizes 1 1".to_owned(), entry(b"k", &sorted_set(&[(b"a", 1.5)]), Some(256), Used::Unknown)];
    assert_eq!(facts_of(8, body), said);
    // Redis 5.0: how a key was used.
    let value = told(Value::Bytes(b"v"));
    let said =
        [entry(b"k", &value, None, Used::IdleSeconds(300)), entry(b"k", &value, Some(1), Used::Frequency(7))];
    let body = b"\xF8\x41\x2C\x00\x01k\x01v\xFC\x01\0\0\0\0\0\0\0\xF9\x07\x00\x01k\x01v";
    assert_eq!(facts_of(9, body), said);
}

#[test]
fn keys_without_elements_are_left_out() {
    let empty_pack = ziplist(&[]);
    let text = |bytes: &[u8]| [&[bytes.len() as u8][..], bytes].concat();
    let kept = b"\x00\x01k\x01v";
    for (form, value) in [
        (1, vec![0]),
        (2, vec![0]),
        (4, vec![0]),
        (5, vec![0]),
        (10, text(&empty_pack)),
        (11, text(b"\x02\0\0\0\0\0\0\0")),
        (14, vec![0]),
        (16, text(b"\x07\0\0\0\0\0\xFF")),
        (18, vec![0]),
    ] {
        let body = [&[form, 1, b'e'][..], &value, kept].concat();
        assert_eq!(facts_of(10, &body), [plain(b"k", &told(Value::Bytes(b"v")))], "form {form}");
        let file = file(10, &body);
        let mut check = Check::new(limits(), file.len() as u64, 0);
        check.feed(&file);
        assert_eq!(check.finish().empty_keys, 1);
    }
}

#[test]
fn a_broken_value_behind_one_without_elements_is_refused() {
    // An empty list; a text that cannot be decompressed.
    let body = b"\x01\x01e\x00\x00\x01k\xC3\x02\x05\xFF\xFF\x00\x01l\x01v";
    for length in [1, usize::MAX] {
        let broken = facts(&file(10, body), &[length]).expect_err("it is broken");
        assert_eq!(broken.key.as_deref(), Some(&b"k"[..]), "{broken}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    // "ReJSON-RL", version 3, as a module writes its type.
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = |letter: &u8| letters.iter().position(|known| known == letter).expect("a letter") as u64;
    let id = b"ReJSON-RL".iter().fold(0, |id, letter| id << 6 | place(letter)) << 10 | 3;
    let id = [&b"\x81"[..], &id.to_be_bytes()].concat();
    for (version, body, said) in [
        (8, [&b"\x07\x01k"[..], &id, &[0]].concat(), "a value of the module type ReJSON-RL"),
        (9, [&b"\xF7"[..], &id, &[2, 1, 0]].concat(), "data of the module type ReJSON-RL"),
        (8, [&b"\x06\x01k"[..], &id].concat(), "a value of a module"),
        (10, b"\xF6\x01l\x03LUA\x00\x01c".to_vec(), "a library of functions in a form of"),
        (80, b"\xF3\x01j\x00".to_vec(), "a hash slot that was being moved"),
        (12, b"\x16\x01k\x01\x01f\x01v".to_vec(), "a hash in a form of a release candidate"),
        (80, b"\x18\x01k\0\0\0\0\0\0\0\0\x01\0\x01f\x01v".to_vec(), "24 stands for no part"),
        (12, b"\x63\x01k\x01".to_vec(), "99 stands for no part"),
        (6, b"\xFA\x01a\x01b".to_vec(), "a part 250 in a file of version 6"),
    ] {
        let what = refusal(version, &body);
        assert!(what.starts_with(said), "{what:?} for {said:?}");
    }
    for (header, said) in [
        (&b"GARBAGE!!"[..], "this is no dump file"),
        (b"REDIS0013", "the version 0013 is not known"),
        (b"REDIS0000", "the version 0000 is not known"),
        (b"REDIS00x1", "the version 00x1 is not known"),
        (b"REDIS0080", "the version 0080 is not known"),
        (b"VALKEY011", "the version 011 is not known"),
    ] {
        let broken = facts(&[header, b"\xFF\0\0\0\0\0\0\0\0"].concat(), &[3]).expect_err("no header");
        assert!(broken.what.starts_with(said), "{broken}");
        assert_eq!(broken.at, 0);
    }
}

#[test]
fn newer_parts_are_read() {
    let value = plain(b"k", &told(Value::Bytes(b"v")));
    assert_eq!(facts_of(12, b"\xF4\x05\x41\x00\x03\x00\x01k\x01v"), std::slice::from_ref(&value));
    assert_eq!(facts_of(11, b"\xF5\x02ab\x00\x01k\x01v"), [format!("library {:?}", b"ab"), value]);
    let timed = b"\x16\x01k\x01\x01f\x01v\x40\x42\x0F\0\0\0\0\0";
    assert!(facts_of(80, timed)[0].contains("Some(1000000)"));
}

#[test]
fn what_follows_the_end_stays() {
    for version in [4, 10] {
        let dump = file(version, b"\x00\x01k\x01v");
        let whole = [&dump, &b"*1\r\n$4\r\nPING\r\n"[..]].concat();
        for length in [1, 7, whole.len()] {
            let mut loader = Loader::new(limits(), whole.len() as u64, true);
            let mut said = Vec::new();
            for chunk in whole.chunks(length) {
                loader.feed(chunk);
                read(&mut loader, &mut said).expect("a whole dump");
            }
            assert_eq!(said.len(), 2);
            assert_eq!(loader.position(), dump.len() as u64);
            assert_eq!(loader.rest(), b"*1\r\n$4\r\nPING\r\n");
        }
    }
}

#[test]
fn a_length_that_cannot_be_is_refused_at_once() {
    for head in [&[0x81, 0x7F, 255, 255, 255, 255, 255, 255, 255][..], &[0x80, 255, 255, 255, 255]] {
        for part in [
            &b"\x00"[..],
            b"\x00\x01k",
            b"\x01\x01k",
            b"\x02\x01k",
            b"\x04\x01k",
            b"\x12\x01k",
            b"\x15\x01k",
            b"\xF5",
            b"\xFA",
            b"\x00\x01k\xC3",
        ] {
            let bytes = [b"REDIS0012", part, head, &[4]].concat();
            let mut loader = Loader::new(limits(), 1 << 20, true);
            loader.feed(&bytes);
            let broken = loader.next().expect_err("it is longer than the file");
            assert!(broken.what.contains("more than the file has"), "{broken}");
        }
    }
}

#[test]
fn a_large_value_is_read_as_it_comes() {
    let mut list = crate::types::List::default();
    let texts: Vec<_> =
        (0..20_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string().into_bytes()).collect();
    list.push(End::Back, texts.iter().map(Vec::as_slice), limits().list);
    let mut saver = Saver::new(PLAIN);
    saver.entry(b"k", Value::Object(Object::List(list).view()), None, Used::Unknown);
    saver.end();
    let file = saver.take();
    let mut loader = Loader::new(limits(), file.len() as u64, true);
    let mut said = Vec::new();
    for chunk in file.chunks(1000) {
        loader.feed(chunk);
        read(&mut loader, &mut said).expect("a whole file");
        assert!(loader.rest().len() < 200, "what was read is kept in the value only");
    }
    assert_eq!(said.len(), 2);
}

#[test]
fn a_report_tells_what_and_where() {
    let body = b"\xFA\x09redis-ver\x067.0.15\xFE\x00\x00\x01k\x01v\xFC\x05\0\0\0\0\0\0\0\x00\x01e\x01v\x01\x04lost\x01";
    let whole = file(10, &[&body[..], b"\x01a"].concat());
    let mut check = Check::new(limits(), whole.len() as u64, 1000);
    assert!(!check.feed(&whole));
    let report = check.finish();
    assert!(report.is_sound());
    let said = "[info] RDB version 10\n[offset 27] AUX FIELD redis-ver = '7.0.15'\n[offset 66] \\o/ RDB looks OK! \\o/\n";
    assert!(report.to_string().starts_with(said), "{report}");
    for line in
        ["[info] db0: 1 list, 2 string", "[info] 3 keys read", "[info] 1 expires", "[info] 1 already expired"]
    {
        assert!(report.to_string().lines().any(|found| found == line), "{report}");
    }
    let cut = &whole[..9 + body.len()];
    let mut check = Check::new(limits(), cut.len() as u64, 1000);
    check.feed(cut);
    let report = check.finish();
    let broken = report.broken.as_ref().expect("it is cut");
    assert_eq!(broken.key.as_deref(), Some(&b"lost"[..]));
    assert!(report.to_string().contains("--- RDB ERROR DETECTED ---"));
}

#[test]
fn what_may_be_for_an_old_replica_has_streams_as_that_knows_them() {
    let mut stream = Stream::default();
    stream.groups_mut().create(b"group", Group::default());
    let mut group = stream.edit_group(b"group").expect("it was made above");
    group.consumer_or_new(b"idle", 5);
    drop(group);
    let value = Value::Object(ObjectRef::Stream(&stream));
    for (plain_streams, is_newer) in [(true, false), (false, true)] {
        let mut saver = Saver::new(Options { plain_streams, ..PLAIN });
        saver.entry(b"stream", value, None, Used::Unknown);
        saver.end();
        assert_eq!(saver.final_header().is_some(), is_newer);
    }
}
