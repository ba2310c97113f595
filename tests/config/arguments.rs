//! The command line, as redis-server 7.0.15 reads it.
use proptest::prelude::*;
use seawall::config::arguments::{parse, usage};
use seawall::config::{Sources, Startup};

fn sources(args: &[&str]) -> (Option<String>, bool, String) {
    let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    match parse(&args) {
        Ok(Startup::Run(Sources { file, stdin, directives })) => {
            let lines = String::from_utf8(directives).unwrap();
            (file, stdin, lines.split('\n').map(str::trim_end).collect::<Vec<_>>().join("\n"))
        }
        other => panic!("{args:?} runs a server, not {other:?}"),
    }
}

fn directives(args: &[&str]) -> String {
    sources(args).2
}

#[test]
fn options_become_directives() {
    for (args, expected) in [
        (&["--port", "abc"][..], "port \"abc\""),
        (&["--port", "12 34"], "port \"12 34\""),
        (&["--port 5x"], "port 5x"),
        (&["--port=5"], "port=5"),
        (&["--bind", "127.0.0.1", "::1", "--timeout"], "bind \"127.0.0.1\" \"::1\"\ntimeout"),
        (&["--zz", "a b", "c\"d", "x\ny"], "zz \"a b\" \"c\\\"d\" \"x\\ny\""),
        (&["--save"], "save \"\""),
        (&["--save", "--timeout", "x"], "save \"\"\ntimeout \"x\""),
        (&["--save", "", "--timeout", "x"], "save \"\"\ntimeout \"x\""),
        (&["--requirepass", "--foo", "--timeout", "x"], "requirepass \"--foo\"\ntimeout \"x\""),
        (&["---port", "1"], "-port \"1\""),
        (&["-x"], "\"-x\""),
        (&["--timeout", "5", "-", "--zz"], "timeout \"5\" \"-\"\nzz"),
    ] {
        assert_eq!(directives(args), expected, "{args:?}");
    }
}

#[test]
fn file_and_standard_input_are_found() {
    let file = |name: &str| Some(name.to_owned());
    assert_eq!(sources(&[]), (None, false, String::new()));
    assert_eq!(sources(&["a.conf"]), (file("a.conf"), false, String::new()));
    assert_eq!(sources(&["-"]), (None, true, String::new()));
    assert_eq!(sources(&["a.conf", "--port", "1", "-"]), (file("a.conf"), true, "port \"1\"".to_owned()));
    assert_eq!(sources(&["-", "--port", "1"]), (None, true, "port \"1\"".to_owned()));
    assert_eq!(sources(&["a.conf", "extra"]), (file("a.conf"), false, "\"extra\"".to_owned()));
}

#[test]
fn other_modes_are_told_apart() {
    let check = |words: &[&str]| parse(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
    assert_eq!(check(&["--check-rdb", "a.rdb"]), Ok(Startup::CheckRdb("a.rdb".to_owned())));
    assert_eq!(check(&["--check-rdb"]), Err("'--check-rdb' wants one file".to_owned()));
    for version in ["-v", "--version"] {
        assert_eq!(parse(&[version.as_bytes(), b"--port", b"1"]), Ok(Startup::Version));
    }
    for help in ["-h", "--help"] {
        assert_eq!(parse(&[help.as_bytes()]), Ok(Startup::Help));
    }
    assert_eq!(parse(&[b"a.conf", b"--sentinel"]), Err("'--sentinel' is not supported yet".to_owned()));
    assert!(usage("seawall").starts_with("Usage: seawall [/path/to/redis.conf] [options] [-]\n"));
}

proptest! {
    #[test]
    fn no_arguments_panic(args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..6)) {
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let _ = parse(&args);
    }
}
