//! All that a server holds, in a form that does not depend on the server.

use std::collections::BTreeMap;

use seawall::protocol::client::Value;

use crate::process::Client;

/// By database and key: type, deadline, content.
pub type Content = BTreeMap<String, String>;

/// So many keys are asked for at once.
const KEYS_AT_ONCE: usize = 1000;

/// Everything. Nobody may write meanwhile.
pub fn content(client: &mut Client) -> Content {
    let mut all = Content::new();
    each(client, |key, told| drop(all.insert(key, told)));
    let functions = client.ask(&["FUNCTION", "LIST", "WITHCODE"]);
    for library in functions.as_values().unwrap() {
        let name = text(&library.as_values().unwrap()[1]);
        all.insert(format!("library {name}"), format!("{library:?}"));
    }
    all
}

/// Tells every key and what it holds, in no order.
pub fn each(client: &mut Client, mut tell: impl FnMut(String, String)) {
    for database in databases(client) {
        client.run(&[&format!("SELECT {database}")]);
        let keys = keys(client);
        for keys in keys.chunks(KEYS_AT_ONCE) {
            for (key, told) in keys.iter().zip(tell_of(client, keys)) {
                tell(format!("{database}/{key}"), told);
            }
        }
    }
    client.run(&["SELECT 0"]);
}

fn databases(client: &mut Client) -> Vec<String> {
    let info = client.ask(&["INFO", "keyspace"]);
    let text = String::from_utf8_lossy(info.as_bytes().unwrap()).into_owned();
    let number = |line: &str| Some(line.strip_prefix("db")?.split(':').next()?.to_owned());
    text.lines().filter_map(number).collect()
}

fn keys(client: &mut Client) -> Vec<String> {
    let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
    loop {
        let reply = client.ask(&["SCAN", &cursor, "COUNT", "10000"]);
        let [next, found] = reply.as_values().unwrap() else { panic!("{reply:?}") };
        keys.extend(found.as_values().unwrap().iter().map(text));
        cursor = text(next);
        if cursor == "0" {
            keys.sort();
            keys.dedup();
            return keys;
        }
    }
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(value.as_bytes().unwrap()).into_owned()
}

fn tell_of(client: &mut Client, keys: &[String]) -> Vec<String> {
    let types: Vec<Value> = together(client, keys.iter().map(|key| vec!["TYPE", key]).collect());
    let deadlines = together(client, keys.iter().map(|key| vec!["PEXPIRETIME", key]).collect());
    let types: Vec<String> = types.iter().map(text).collect();
    let questions = keys.iter().zip(&types).map(|(key, kind)| question(key, kind)).collect();
    let contents = together(client, questions);
    let mut all = Vec::new();
    for (((key, kind), deadline), content) in keys.iter().zip(&types).zip(deadlines).zip(contents) {
        let mut told = format!("{kind} {deadline:?} {}", in_order(kind, content));
        if kind == "stream" {
            told.push_str(&groups(client, key));
        }
        if kind == "hash" && key.contains("timed") {
            told.push_str(&times(client, key));
        }
        all.push(told);
    }
    all
}

fn together(client: &mut Client, requests: Vec<Vec<&str>>) -> Vec<Value> {
    client.send_all(&requests);
    requests.iter().map(|_| client.receive()).collect()
}

fn question<'k>(key: &'k str, kind: &str) -> Vec<&'k str> {
    match kind {
        "string" => vec!["GET", key],
        "list" => vec!["LRANGE", key, "0", "-1"],
        "set" => vec!["SMEMBERS", key],
        "hash" => vec!["HGETALL", key],
        "zset" => vec!["ZRANGE", key, "0", "-1", "WITHSCORES"],
        "stream" => vec!["XRANGE", key, "-", "+"],
        other => panic!("a key of type {other}"),
    }
}

/// What has no order in the server gets one.
fn in_order(kind: &str, content: Value) -> String {
    let (Some(values), step) = (content.as_values(), if kind == "hash" { 2 } else { 1 }) else {
        return format!("{content:?}");
    };
    let mut parts: Vec<String> = values.chunks(step).map(|part| format!("{part:?}")).collect();
    if kind == "set" || kind == "hash" {
        parts.sort();
    }
    parts.join(" ")
}

/// Groups of a stream, with all that does not depend on when it is asked.
fn groups(client: &mut Client, key: &str) -> String {
    let groups = client.ask(&["XINFO", "GROUPS", key]);
    let mut told = format!(" groups {groups:?}");
    for group in groups.as_values().unwrap_or_default() {
        let Some(name) = group.as_values().and_then(|fields| fields.get(1)) else { continue };
        let name = text(name);
        told.push_str(&format!(" {:?}", client.ask(&["XPENDING", key, &name])));
        let pending = client.ask(&["XPENDING", key, &name, "-", "+", "100"]);
        for entry in pending.as_values().unwrap_or_default() {
            // The third is how long ago it was delivered.
            let fields = entry.as_values().unwrap();
            told.push_str(&format!(" {:?} {:?} {:?}", fields[0], fields[1], fields[3]));
        }
    }
    let info = client.ask(&["XINFO", "STREAM", key]);
    let fields = info.as_values().unwrap();
    let wanted = ["last-generated-id", "max-deleted-entry-id", "entries-added"];
    for pair in fields.chunks_exact(2).filter(|pair| wanted.contains(&text(&pair[0]).as_str())) {
        told.push_str(&format!(" {pair:?}"));
    }
    told
}

/// Deadlines of the fields that tests give one.
fn times(client: &mut Client, key: &str) -> String {
    let fields = ["a", "b", "c", "d", "e", "f"];
    let mut request = vec!["HPEXPIRETIME", key, "FIELDS", "6"];
    request.extend(fields);
    format!(" {:?}", client.ask(&request))
}

/// Fails with what differs.
pub fn assert_same(before: &Content, after: &Content, when: &str) {
    let mut differing = Vec::new();
    for key in before.keys().chain(after.keys()) {
        let (one, other) = (before.get(key), after.get(key));
        if one != other && differing.len() < 5 {
            let show = |told: Option<&String>| told.map_or("nothing".into(), |told| format!("{told:.300}"));
            differing.push(format!("{key}: {}\n  now: {}", show(one), show(other)));
        }
    }
    assert!(differing.is_empty(), "{when}:\n{}", differing.join("\n"));
}
