//! Names and defaults, against what the real servers report.
use std::collections::BTreeMap;

use seawall::config::Config;

use crate::support::value;

type Reference = BTreeMap<String, BTreeMap<String, String>>;

const REDIS7: &str = "redis-7.0.15";

fn reference() -> Reference {
    serde_json::from_str(include_str!("../data/config.json")).expect("the reference table is valid JSON")
}

/// Parameters whose reference value tells of the server that was asked rather than of a default.
const EXCEPTIONS: [(&str, &str, &str); 5] = [
    ("save", "3600 1 300 100 60 10000", "the reference server was told not to save"),
    ("port", "6379", "the reference server listened elsewhere"),
    ("dir", "", "known once the node sees where it runs"),
    ("pidfile", "", "the reference server ran in the background, which gives it a default"),
    ("daemonize", "no", "the reference server ran in the background"),
];

#[test]
fn redis_7_parameters_are_known_with_their_defaults() {
    let config = Config::default();
    for (name, values) in reference() {
        let Some(expected) = values.get(REDIS7) else { continue };
        let exception = EXCEPTIONS.iter().find(|(exception, _, _)| *exception == name);
        let expected = exception.map_or(expected.as_str(), |(_, ours, _)| ours);
        assert_eq!(value(&config, &name), expected, "{name}");
    }
}

/// Parameters that no other server has.
const OURS: [&str; 1] = ["replica-accept-empty-primary"];

#[test]
fn get_lists_exactly_what_redis_7_lists() {
    let listed = Config::default().get(&[b"*"]);
    let names = listed.into_iter().map(|(name, _)| String::from_utf8(name).unwrap());
    let (ours, listed): (Vec<String>, Vec<String>) = names.partition(|name| OURS.contains(&name.as_str()));
    assert_eq!(ours, OURS);
    let expected: Vec<String> = reference()
        .into_iter()
        .filter(|(_, values)| values.contains_key(REDIS7))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn parameters_of_newer_servers_are_known_by_name() {
    let config = Config::default();
    for (name, _) in reference() {
        value(&config, &name);
    }
}
