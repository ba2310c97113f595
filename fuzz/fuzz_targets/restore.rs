//! Bytes that claim to be a value, as RESTORE brings them (its checksum is taken as right): refused, or a value that can be
//! read, changed and written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::config::Config;
use seawall::dump::{self, Form, Limits, Loaded, VERSION_MIN, Writer};
use seawall::types::{HashKey, Object, Payload, Value, View};

fn written(value: Value<'_>) -> Vec<u8> {
    let form = Form::of(value, VERSION_MIN);
    let mut writer = Writer::new(vec![form.code()], false);
    dump::save(&mut writer, form, value);
    writer.out
}

/// Takes elements out until none is left; every invariant is felt on the way.
fn empty(object: &mut Object) {
    let elements = object.view().len();
    match object {
        Object::List(list) => {
            let limits = Limits::of(&Config::default(), HashKey::new(1, 2)).list;
            assert_eq!(list.remove_equal(b"7", 0, limits), elements - list.view().len());
        }
        Object::Set(set) => {
            while set.pop(&mut || 7).is_some() {}
            assert!(set.view().is_empty());
        }
        Object::SortedSet(set) => {
            let members: Vec<_> = set.view().elements(0..elements, true).map(|e| e.member.to_vec()).collect();
            assert!(members.iter().all(|member| set.remove(member).is_some()));
        }
        Object::Hash(hash) => {
            let mut names = Vec::new();
            hash.view().each(i64::MIN, |field| names.push(field.name.to_vec()));
            assert!(names.len() == elements && names.iter().all(|name| hash.remove(name)));
        }
        Object::Stream(_) => {}
    }
}

fuzz_target!(|data: &[u8]| {
    let mut config = Config::default();
    (config.hash_max_listpack_entries, config.zset_max_listpack_entries) = (4, 4);
    (config.set_max_listpack_entries, config.set_max_intset_entries) = (4, 4);
    let limits = Limits::of(&config, HashKey::new(1, 2));
    let Some(Loaded::Object(mut object)) = dump::value(data, &limits) else { return };
    let again = written(Value::Object(object.view()));
    let Some(Loaded::Object(copy)) = dump::value(&again, &limits) else { panic!("what we write is no value") };
    assert_eq!(copy.view().len(), object.view().len());
    empty(&mut object);
    while !object.dismantle(2) {}
});
