//! redis.conf: what directives do, and what is said about those that are wrong or without effect.
use seawall::config::{Config, MaxmemoryPolicy, Permission, Warning};

use crate::support::{load, loaded, value};

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
    ("client-output-buffer-limit foo 1 2 3", "Invalid client class specified in buffer limit configuration."),
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
    ("shutdown-on-sigint x", "argument(s) must be one of the following: default, save, nosave, now, force"),
    (
        "latency-tracking-info-percentiles 101",
        "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
    ),
    ("latency-tracking-info-percentiles x", "Invalid latency-tracking-info-percentiles parameters"),
    ("proc-title-template {foo}", "template format is invalid or contains unknown variables"),
    ("proc-title-template \"\"", "template format is invalid or contains unknown variables"),
    ("dbfilename a/b", "dbfilename can't be a path, just a filename"),
    ("appenddirname \"\"", "appenddirname can't be empty"),
    ("cluster-announce-hostname a_b", "Hostnames may only contain alphanumeric characters, hyphens or dots"),
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
    let text = b"appendonly no\nport 1\nacllog-max-len 5\nio-threads 4\ntls-key-file-pass secret\n";
    let warnings = load(&mut Config::default(), text).unwrap();
    let warnings: Vec<String> = warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        warnings,
        [
            "redis.conf:3: 'acllog-max-len 5' is not supported yet and has no effect",
            "redis.conf:4: 'io-threads 4' has no counterpart here and no effect",
            "redis.conf:5: 'tls-key-file-pass (hidden)' is not supported yet and has no effect",
        ]
    );
}

/// Whoever asks for these must not believe that he has got them.
#[test]
fn what_is_not_safe_to_ignore_is_refused() {
    let vital = [
        "cluster-enabled yes",
        "tls-port 6380",
        "aclfile users.acl",
        "user default off",
        "loadmodule module.so",
    ];
    for line in vital {
        let error = load(&mut Config::default(), line.as_bytes()).expect_err(line);
        assert_eq!(error.reason, "not supported yet, and not safe to ignore", "{line}");
    }
    let mut config = Config::default();
    let refused = config.set(&[(b"timeout", b"5"), (b"tls-port", b"6380")], true).unwrap_err();
    assert!(refused.to_string().ends_with("not supported yet, and not safe to ignore"), "{refused}");
    assert_eq!(value(&config, "timeout"), "0");
}

#[test]
fn a_primary_is_named_under_both_names() {
    for line in ["replicaof 127.0.0.1 6379", "slaveof 127.0.0.1 6379"] {
        let config = loaded(line);
        assert_eq!(value(&config, "replicaof"), "127.0.0.1 6379");
        assert_eq!(value(&config, "slaveof"), "127.0.0.1 6379");
        assert!(config.rewrite(b"").ends_with(b"replicaof 127.0.0.1 6379\n"));
    }
    assert_eq!(value(&loaded("replicaof no one"), "replicaof"), "");
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
