//! CONFIG GET and CONFIG SET.
use seawall::config::{Apply, Config, SetError};

use crate::support::{loaded, value};

fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<Vec<(&'static str, Apply)>, String> {
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    let changed = config.set(&pairs, true).map_err(|error| error.to_string())?;
    Ok(changed.into_iter().map(|changed| (changed.name, changed.apply)).collect())
}

#[test]
fn names_are_found_in_any_case_and_once() {
    let config = Config::default();
    let names = |patterns: &[&[u8]]| -> Vec<String> {
        config.get(patterns).into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect()
    };
    assert_eq!(names(&[b"TIME*"]), ["timeout"]);
    assert_eq!(names(&[b"TiMeOuT"]), ["TiMeOuT"]);
    assert_eq!(names(&[b"p*t", b"port", b"timeout"]), ["port", "timeout"]);
    assert_eq!(names(&[b"*-priority"]), ["replica-priority", "slave-priority"]);
    assert!(names(&[b"user", b"include", b"rename-command", b"foo", b""]).is_empty());
}

#[test]
fn set_tells_what_changed() {
    let mut config = Config::default();
    let changed = set(&mut config, &[("maxmemory", "1gb"), ("TIMEOUT", "0"), ("slave-priority", "5")]);
    assert_eq!(changed, Ok(vec![("maxmemory", Apply::Memory), ("replica-priority", Apply::Nothing)]));
    assert_eq!(set(&mut config, &[("bind", "127.0.0.1  ::1")]), Ok(vec![("bind", Apply::Listeners)]));
    assert_eq!(config.bind, ["127.0.0.1", "::1"]);
    assert_eq!(set(&mut config, &[("save", "5 6")]), Ok(vec![("save", Apply::Nothing)]));
    assert_eq!(set(&mut config, &[("save", "7 8")]), Ok(vec![("save", Apply::Nothing)]));
    assert_eq!(value(&config, "save"), "7 8");
}

#[test]
fn values_become_canonical() {
    let mut config = Config::default();
    for (name, given, shown) in [
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "g$lE", "g$lE"),
        ("notify-keyspace-events", "nK", "nK"),
        ("notify-keyspace-events", "KnAm", "AKm"),
        ("shutdown-on-sigterm", "force save now", "save now force"),
        ("latency-tracking-info-percentiles", "1 2.50 99.999999", "1 2.5 99.999999"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory", "5MB", "5242880"),
        ("hz", "0", "1"),
    ] {
        set(&mut config, &[(name, given)]).unwrap();
        assert_eq!(value(&config, name), shown);
    }
}

#[test]
fn a_refused_set_changes_nothing_and_says_why() {
    let mut config = Config::default();
    let failed = |name: &str, reason: &str| {
        Err(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"))
    };
    let unknown =
        |name: &str| Err(format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'"));
    for (pairs, answer) in [
        (vec![("timeout", "7"), ("maxmemory", "x")], failed("maxmemory", "argument must be a memory value")),
        (vec![("Timeout", "x")], failed("timeout", "argument couldn't be parsed into an integer")),
        (vec![("timeout", "5"), ("TIMEOUT", "6")], failed("TIMEOUT", "duplicate parameter")),
        (vec![("daemonize", "yes"), ("foo", "1")], failed("daemonize", "can't set immutable config")),
        (vec![("dir", "/")], failed("dir", "can't set protected config")),
        (vec![("port", "1"), ("Foo", "2"), ("daemonize", "3")], unknown("Foo")),
        (vec![("user", "x")], unknown("user")),
    ] {
        assert_eq!(set(&mut config, &pairs), answer);
    }
    assert_eq!(config, Config::default());
}

#[test]
fn protected_parameters_obey_their_permission() {
    let mut config = loaded("enable-protected-configs local");
    assert_eq!(
        config.set(&[(b"dir", b"/")], false),
        Err(SetError::refused("dir", "can't set protected config"))
    );
    assert!(config.set(&[(b"dir", b"/")], true).is_ok());
    assert_eq!(config.dir, "/");
}
