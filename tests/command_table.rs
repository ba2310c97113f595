//! Our command table against what real servers say of theirs.
//!
//! `data/commands.json` holds facts that COMMAND answers on the servers named in each entry's `in`: arity, flags, key
//! specifications, ACL categories, group, version, tips.

use std::collections::{BTreeMap, BTreeSet};

use seawall::commands::GROUPS;
use seawall::engine::KeyRange;
use seawall::engine::command::{Begin, Command, Find, Flag, KeySpec};
use serde_json::{Value, json};

const REFERENCE: &str = include_str!("data/commands.json");

/// The server whose commands we mean to have, all of them in the end.
const TARGET: &str = "redis-7.0.15";

/// Not there yet, sub-commands included.
const NOT_YET: &[&str] = &[
    // Users and permissions, beyond the one user.
    "acl|cat",
    "acl|deluser",
    "acl|dryrun",
    "acl|genpass",
    "acl|getuser",
    "acl|help",
    "acl|list",
    "acl|load",
    "acl|log",
    "acl|save",
    "acl|setuser",
    "acl|users",
    // Replication.
    // Modules.
    "module",
    // Values in transit.
    "migrate",
];

/// Groups of which nothing is there yet.
const GROUPS_NOT_YET: &[&str] = &["cluster"];

/// Facts in which we differ, and why.
const DIFFERENT: &[(&str, &str, &str)] =
    &[("exec", "flags", "Valkey has another name for skip_slowlog; we use Redis's")];

fn reference() -> BTreeMap<String, Value> {
    serde_json::from_str(REFERENCE).expect("the reference is JSON")
}

fn ours() -> BTreeMap<&'static str, &'static Command> {
    let commands = GROUPS.iter().flat_map(|group| group.iter());
    commands.flat_map(|c| std::iter::once(c).chain(c.subcommands)).map(|c| (c.name, c)).collect()
}

fn is_not_yet(name: &str, facts: &Value) -> bool {
    let parent = name.split('|').next().unwrap_or(name);
    let group = facts["group"].as_str().unwrap_or_default();
    NOT_YET.contains(&name) || NOT_YET.contains(&parent) || GROUPS_NOT_YET.contains(&group)
}

#[test]
fn every_command_is_there_or_known_to_be_missing() {
    let ours = ours();
    let mut wrong = Vec::new();
    for (name, facts) in reference() {
        let target = facts["in"].as_array().is_some_and(|servers| servers.contains(&json!(TARGET)));
        match (ours.contains_key(name.as_str()), is_not_yet(&name, &facts)) {
            (false, false) if target => wrong.push(format!("{name} is missing")),
            (true, true) => wrong.push(format!("{name} is there, but listed as missing")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn commands_say_of_themselves_what_they_say_elsewhere() {
    let reference = reference();
    let mut wrong = Vec::new();
    for (name, command) in ours() {
        let Some(theirs) = reference.get(name) else {
            wrong.push(format!("{name} is in no other server"));
            continue;
        };
        for (fact, our_value) in facts(command) {
            let differs = theirs[fact] != our_value;
            let explained = DIFFERENT.iter().any(|(n, f, _)| (*n, *f) == (name, fact));
            if differs && !explained {
                wrong.push(format!("{name}: {fact} is {our_value}, elsewhere {}", theirs[fact]));
            } else if explained && !differs {
                wrong.push(format!("{name}: {fact} is the same, but explained as different"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_summaries_and_containers_are_well_formed() {
    let mut names = BTreeSet::new();
    for (name, command) in ours() {
        assert!(names.insert(name), "{name} is there twice");
        assert!(
            !command.summary.is_empty() && command.summary.len() < 120,
            "{name} needs a summary of one line"
        );
        assert!(command.summary.ends_with('.'), "{name}: a summary is a sentence");
        for sub in command.subcommands {
            assert_eq!(sub.name.split('|').next(), Some(name), "{} has another parent", sub.name);
        }
    }
}

/// What COMMAND answers, in the reference's form.
fn facts(command: &Command) -> [(&'static str, Value); 8] {
    let mut flags: Vec<&str> =
        Flag::SHOWN.iter().filter(|(flag, _)| command.has(*flag)).map(|(_, name)| *name).collect();
    flags.sort_unstable();
    let mut categories: Vec<String> =
        command.category_names().iter().map(|name| format!("@{name}")).collect();
    categories.sort_unstable();
    let range = KeyRange::of(command);
    [
        ("arity", json!(command.arity)),
        ("flags", json!(flags)),
        ("acl", json!(categories)),
        ("group", json!(command.group.name())),
        ("since", json!(command.since)),
        ("tips", json!(command.tips)),
        ("keys", json!([range.first, range.last, range.step])),
        ("key_specs", command.keys.iter().map(key_spec).collect()),
    ]
}

fn key_spec(spec: &KeySpec) -> Value {
    let begin = match spec.begin {
        Begin::Index(index) => json!(["type", "index", "spec", ["index", index]]),
        Begin::Keyword(word, from) => {
            json!(["type", "keyword", "spec", ["keyword", word, "startfrom", from]])
        }
        Begin::Unknown => json!(["type", "unknown", "spec", []]),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => {
            json!(["type", "range", "spec", ["lastkey", last, "keystep", step, "limit", limit]])
        }
        Find::KeyNum { index, first, step } => {
            json!(["type", "keynum", "spec", ["keynumidx", index, "firstkey", first, "keystep", step]])
        }
        Find::Unknown => json!(["type", "unknown", "spec", []]),
    };
    json!(["flags", spec.flags, "begin_search", begin, "find_keys", find])
}
