//! Configuration, seen from outside: parameters against the reference table, redis.conf with its errors and warnings,
//! CONFIG GET, SET and REWRITE.
//!
//! `data/config.json` holds names and defaults as the real servers report them.
use std::collections::BTreeMap;

use proptest::prelude::*;
use seawall::config::{Apply, Config, ConfigError, MaxmemoryPolicy, Permission, SetError, Warning, rows};

type Reference = BTreeMap<String, BTreeMap<String, String>>;

const REDIS7: &str = "redis-7.0.15";

fn reference() -> Reference {
    serde_json::from_str(include_str!("data/config.json")).expect("the reference table is valid JSON")
}

fn load(config: &mut Config, text: &[u8]) -> Result<Vec<Warning>, ConfigError> {
    config.load("redis.conf", text, &mut |path| Err(format!("no {path} here")))
}

fn loaded(text: &str) -> Config {
    let mut config = Config::default();
    load(&mut config, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    config
}

fn value(config: &Config, name: &str) -> String {
    let found = config.get(&[name.as_bytes()]);
    assert_eq!(found.len(), 1, "{name} is one parameter");
    String::from_utf8_lossy(&found[0].1).into_owned()
}

/// Every parameter's value, those that patterns do not find included.
fn everything(config: &Config) -> BTreeMap<&'static str, String> {
    rows::all().map(|row| (row.name, value(config, row.name))).collect()
}

mod reference_table {
    use super::*;

    /// Parameters whose reference value tells of the server that was asked rather than of a default.
    const EXCEPTIONS: [(&str, &str, &str); 3] = [
        ("port", "6379", "the reference server listened elsewhere"),
        ("dir", "", "known once the node sees where it runs"),
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

    #[test]
    fn get_lists_exactly_what_redis_7_lists() {
        let listed = Config::default().get(&[b"*"]);
        let listed: Vec<String> =
            listed.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect();
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
}

mod files {
    use super::*;

    #[test]
    fn fields_take_the_values_of_directives() {
        let config = loaded(
            "# a comment\r\n\n  PORT 7000\nbind 127.0.0.1 -::1\nmaxmemory 100mb\nmaxmemory-policy AllKeys-LFU\n\
             unixsocketperm 0700\nrequirepass \"a \\x01b\"\nenable-debug-command local\nhz 9999\n\
             client-output-buffer-limit replica 1mb 2k 3 pubsub 4 5 6\n",
        );
        assert_eq!((config.port, config.maxmemory_bytes, config.hz), (7000, 100 << 20, 500));
        assert_eq!(config.bind, ["127.0.0.1", "-::1"]);
        assert_eq!(config.maxmemory_policy, MaxmemoryPolicy::AllkeysLfu);
        assert_eq!(config.unixsocket_mode.0, 0o700);
        assert_eq!(config.requirepass.0, b"a \x01b");
        assert_eq!(config.enable_debug_command, Permission::Local);
        let limits = value(&config, "client-output-buffer-limit");
        assert_eq!(limits, "normal 0 0 0 slave 1048576 2000 3 pubsub 4 5 6");
    }

    #[test]
    fn save_lines_add_up_and_an_empty_one_forgets() {
        assert_eq!(value(&loaded("save 900 1\nsave 300 10"), "save"), "900 1 300 10");
        assert_eq!(value(&loaded("save 900 1\nsave \"\"\nsave \"5 6\""), "save"), "5 6");
    }

    #[test]
    fn renames_keep_their_order_and_place() {
        let config = loaded("\nrename-command FLUSHALL \"\"\nrename-command GET get2");
        let first = &config.renames[0];
        assert_eq!(
            (first.from.as_slice(), first.to.as_slice(), first.place.line),
            (&b"FLUSHALL"[..], &b""[..], 2)
        );
        let error = config.renames[1].place.error("No such command in rename-command").to_string();
        assert!(error.ends_with(
            "file redis.conf, at line 3\n>>> 'rename-command GET get2'\nNo such command in rename-command"
        ));
    }

    #[test]
    fn includes_are_read_where_they_stand() {
        let mut config = Config::default();
        let mut read = |path: &str| match path {
            "more/*.conf" => Ok(vec![
                ("more/a.conf".into(), b"port 2\ntimeout 3".to_vec()),
                ("more/b.conf".into(), b"x".to_vec()),
            ]),
            _ => Err(format!("can't open config file '{path}'")),
        };
        let error = config.load("redis.conf", b"port 1\ninclude more/*.conf\n", &mut read).unwrap_err();
        assert_eq!((config.port, config.timeout_seconds), (2, 3));
        assert_eq!((error.place.source.as_str(), error.place.line), ("more/b.conf", 1));
        let error = config.load("redis.conf", b"include gone.conf", &mut read).unwrap_err();
        assert_eq!(
            (error.place.source.as_str(), error.reason.as_str()),
            ("redis.conf", "can't open config file 'gone.conf'")
        );
    }

    #[test]
    fn files_that_include_themselves_are_refused() {
        let mut read = |path: &str| Ok(vec![(path.to_owned(), b"include again".to_vec())]);
        let error = Config::default().load("redis.conf", b"include again", &mut read).unwrap_err();
        assert_eq!(error.reason, "includes are nested too deeply");
    }

    #[test]
    fn errors_read_as_those_of_redis() {
        let error = load(&mut Config::default(), b"port 1\n  foo bar ").unwrap_err().to_string();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            error,
            format!(
                "*** FATAL CONFIG FILE ERROR (Seawall {version}) ***\n\
                 Reading the configuration file redis.conf, at line 2\n>>> 'foo bar'\n\
                 Bad directive or wrong number of arguments"
            )
        );
    }

    /// Directives and what redis-server 7.0.15 says about them.
    const REASONS: [(&str, &str); 48] = [
        ("timeout", "wrong number of arguments"),
        ("timeout 1 2", "wrong number of arguments"),
        ("timeout +5", "argument couldn't be parsed into an integer"),
        ("timeout 05", "argument couldn't be parsed into an integer"),
        ("maxclients 1k", "argument couldn't be parsed into an integer"),
        ("timeout 5 # comment", "wrong number of arguments"),
        ("port \"1", "Unbalanced quotes in configuration line"),
        ("port 65536", "argument must be between 0 and 65535 inclusive"),
        ("maxclients 0", "argument must be between 1 and 4294967295 inclusive"),
        ("include", "Bad directive or wrong number of arguments"),
        ("include a b", "Bad directive or wrong number of arguments"),
        ("rename-command a", "Bad directive or wrong number of arguments"),
        ("user", "Bad directive or wrong number of arguments"),
        ("loadmodule", "Bad directive or wrong number of arguments"),
        ("sentinel monitor a", "sentinel directive while not in sentinel mode"),
        ("save 1", "Invalid save parameters"),
        ("save 1 2 3", "Invalid save parameters"),
        ("save 0 2", "Invalid save parameters"),
        (
            "client-output-buffer-limit foo 1 2 3",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit master 1 2 3",
            "Invalid client class specified in buffer limit configuration.",
        ),
        ("client-output-buffer-limit normal 1 2", "Wrong number of arguments in buffer limit configuration."),
        ("client-output-buffer-limit \"\"", "Wrong number of arguments in buffer limit configuration."),
        (
            "client-output-buffer-limit normal 1 2 x",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        ("daemonize maybe", "argument must be 'yes' or 'no'"),
        ("maxmemory 1.5gb", "argument must be a memory value"),
        ("maxmemory -1", "argument must be a memory value"),
        ("maxmemory 5tb", "argument must be a memory value"),
        ("proto-max-bulk-len 1", "argument must be between 1048576 and 9223372036854775807 inclusive"),
        ("maxmemory-clients 101%", "percentage argument must be less or equal to 100"),
        ("maxmemory-clients x", "argument must be a memory or percent value"),
        ("enable-debug-command foo", "argument(s) must be one of the following: no, yes, local"),
        ("maxmemory-policy allkeys-lru noeviction", "wrong number of arguments"),
        ("unixsocketperm 888", "argument couldn't be parsed as an octal number"),
        ("unixsocketperm 1000", "argument must be between 0 and 777 inclusive"),
        ("oom-score-adj-values 1 2", "wrong number of arguments"),
        (
            "oom-score-adj-values 1 2 3000",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        ("shutdown-on-sigterm save nosave", "shutdown options SAVE and NOSAVE can't be used simultaneously"),
        (
            "shutdown-on-sigint x",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (
            "latency-tracking-info-percentiles 101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        ("latency-tracking-info-percentiles x", "Invalid latency-tracking-info-percentiles parameters"),
        ("proc-title-template {foo}", "template format is invalid or contains unknown variables"),
        ("proc-title-template \"\"", "template format is invalid or contains unknown variables"),
        ("dbfilename a/b", "dbfilename can't be a path, just a filename"),
        ("appenddirname \"\"", "appenddirname can't be empty"),
        (
            "cluster-announce-hostname a_b",
            "Hostnames may only contain alphanumeric characters, hyphens or dots",
        ),
        ("notify-keyspace-events q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        ("replicaof a b", "Invalid master port"),
        ("replicaof a", "wrong number of arguments"),
    ];

    #[test]
    fn reasons_are_those_of_redis() {
        for (line, reason) in REASONS {
            let error = load(&mut Config::default(), line.as_bytes()).expect_err(line);
            assert_eq!(error.reason, reason, "{line}");
        }
    }

    #[test]
    fn directives_without_effect_are_named() {
        let text =
            b"appendonly no\nport 1\nappendonly yes\nio-threads 4\nmasterauth secret\nuser a on >secret\n";
        let warnings = load(&mut Config::default(), text).unwrap();
        let warnings: Vec<String> = warnings.iter().map(Warning::to_string).collect();
        assert_eq!(
            warnings,
            [
                "redis.conf:3: 'appendonly yes' is not supported yet and has no effect",
                "redis.conf:4: 'io-threads 4' has no counterpart here and no effect",
                "redis.conf:5: 'masterauth (hidden)' is not supported yet and has no effect",
                "redis.conf:6: 'user (hidden)' is not supported yet and has no effect",
            ]
        );
    }

    #[test]
    fn passwords_stay_out_of_messages() {
        for text in ["requirepass secret more", "requirepass \"secret", "  RequirePass\tsecret 'secret"] {
            let error = load(&mut Config::default(), text.as_bytes()).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let config = loaded("requirepass secret\nmasterauth secret\ntls-key-file-pass secret");
        assert!(!format!("{config:?}").contains("secret"));
        assert_eq!(value(&config, "masterauth"), "secret");
    }
}

mod get_and_set {
    use super::*;

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
            (
                vec![("timeout", "7"), ("maxmemory", "x")],
                failed("maxmemory", "argument must be a memory value"),
            ),
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
}

mod rewriting {
    use super::*;

    const OLD: &str = "# my file\nport 20614\nTIMEOUT 5\nslave-priority 50\nmaxmemory 100mb\n\
        client-output-buffer-limit normal 0 0 0\nclient-output-buffer-limit replica 1mb 2mb 3\nsave 900 1\n\
        save 300 10\nrequirepass \"se\\x01 cret\"\ntimeout 7\nrename-command FLUSHALL \"\"\nhz 10\n\n\
        bind 127.0.0.1\ninclude inc.conf\nlazyfree-lazy-expire   yes\nlist-max-ziplist-entries 5\n";

    fn read(_: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        Ok(vec![("inc.conf".into(), b"maxclients 100".to_vec())])
    }

    /// What redis-server 7.0.15 makes of the same file and the same changes (less what it adds about its own directory).
    #[test]
    fn the_result_is_that_of_redis() {
        let mut config = Config::default();
        config.load("redis.conf", OLD.as_bytes(), &mut read).unwrap();
        let pairs: [(&[u8], &[u8]); 5] = [
            (b"maxmemory", b"1048577"),
            (b"save", b"1 1"),
            (b"repl-backlog-size", b"2mb"),
            (b"client-output-buffer-limit", b"pubsub 1 2 3"),
            (b"proc-title-template", b"a {title}"),
        ];
        config.set(&pairs, true).unwrap();
        let new = config.rewrite(OLD.as_bytes());
        assert_eq!(
            String::from_utf8(new.clone()).unwrap(),
            "# my file\nport 20614\ntimeout 7\nreplica-priority 50\nmaxmemory 1048577\n\
             client-output-buffer-limit normal 0 0 0\nclient-output-buffer-limit replica 1mb 2mb 3\nsave 1 1\n\n\
             requirepass \"se\\x01 cret\"\n\nrename-command FLUSHALL \"\"\nhz 10\n\nbind 127.0.0.1\n\
             include inc.conf\nlazyfree-lazy-expire yes\n# ??? list-max-ziplist-entries 5\n\n\
             # Generated by CONFIG REWRITE\nclient-output-buffer-limit pubsub 1 2 3\nmaxclients 100\n\
             proc-title-template \"a {title}\"\nrepl-backlog-size 2mb\n"
        );
        assert_eq!(config.rewrite(&new), new, "a second time changes nothing");
    }

    #[test]
    fn defaults_leave_no_trace_in_an_empty_file() {
        assert!(Config::default().rewrite(b"").is_empty());
    }
}

mod properties {
    use super::*;

    fn word() -> impl Strategy<Value = String> {
        let known = prop::sample::select(vec![
            "yes",
            "no",
            "\"\"",
            "0",
            "-1",
            "1",
            "77",
            "5000",
            "1048576",
            "2mb",
            "3k",
            "50%",
            "normal",
            "replica",
            "pubsub",
            "127.0.0.1",
            "-::1",
            "AKE",
            "g$",
            "force",
            "now",
            "{title}",
            "allkeys-lfu",
            "debug",
            "systemd",
            "local",
            "legacy",
            "\"a b\"",
            "'c'",
            "\"\\xff\"",
            "99.5",
            "one",
            "#",
        ]);
        prop_oneof![4 => known.prop_map(str::to_owned), 1 => "[ -~]{0,8}"]
    }

    fn line() -> impl Strategy<Value = String> {
        let names: Vec<&str> = rows::all().flat_map(|row| row.names()).collect();
        let others =
            ["rename-command", "user", "loadmodule", "# note", "", "# Generated by CONFIG REWRITE", "foo"];
        let name = prop_oneof![9 => prop::sample::select(names), 1 => prop::sample::select(others.to_vec())];
        (name, prop::collection::vec(word(), 0..5))
            .prop_map(|(name, words)| format!("{name} {}", words.join(" ")))
    }

    /// A file of those lines that are valid.
    fn file() -> impl Strategy<Value = String> {
        let valid = |line: &String| load(&mut Config::default(), line.as_bytes()).is_ok();
        prop::collection::vec(line(), 0..60)
            .prop_map(move |lines| lines.into_iter().filter(valid).collect::<Vec<_>>().join("\n"))
    }

    proptest! {
        #[test]
        fn rewriting_keeps_every_value(now in file(), old in file()) {
            let config = loaded(&now);
            let new = config.rewrite(old.as_bytes());
            let mut again = Config::default();
            load(&mut again, &new).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(everything(&again), everything(&config));
            prop_assert_eq!(again.rewrite(&new), new);
        }

        #[test]
        fn canonical_values_can_be_set_again(now in file()) {
            let mut config = loaded(&now);
            for row in rows::all() {
                let shown = config.get(&[row.name.as_bytes()]).remove(0).1;
                if let Ok(changed) = config.set(&[(row.name.as_bytes(), &shown)], true) {
                    prop_assert!(changed.is_empty(), "{}", row.name);
                }
            }
        }

        #[test]
        fn bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut config = Config::default();
            let _ = load(&mut config, &text);
            config.rewrite(&text);
            config.get(&[&text]);
            let _ = config.set(&[(&text, &text)], false);
        }

        #[test]
        fn lines_never_panic(lines in prop::collection::vec(line(), 0..20), bytes in prop::collection::vec(any::<u8>(), 0..9)) {
            let mut config = Config::default();
            for line in &lines {
                let _ = load(&mut config, &[line.as_bytes(), &bytes].concat());
            }
            for row in rows::all() {
                let _ = config.set(&[(row.name.as_bytes(), &bytes)], false);
            }
            config.rewrite(lines.join("\n").as_bytes());
        }
    }
}
