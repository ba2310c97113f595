//! Whatever stands in redis.conf or comes by CONFIG SET: no panic; a refused change changes nothing; what CONFIG REWRITE writes
//! reads back as the same configuration, and writing it again changes nothing.
//!
//! Input: the text of a file, and after a zero byte names and values of CONFIG SET, each ended by a line feed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::config::Config;

/// The configuration without `rename-command`, which is no parameter.
fn parameters(config: &Config) -> Config {
    let mut parameters = config.clone();
    parameters.renames.clear();
    parameters
}

/// Whether the text is accepted; an `include` names no file at all.
fn load(config: &mut Config, text: &[u8]) -> bool {
    config.load("redis.conf", text, &mut |_| Ok(Vec::new())).is_ok()
}

fn set(config: &mut Config, words: &[u8]) {
    let words: Vec<&[u8]> = words.split(|&byte| byte == b'\n').collect();
    let pairs: Vec<(&[u8], &[u8])> = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let before = parameters(config);
    if config.set(&pairs, true).is_err() {
        assert_eq!(parameters(config), before, "a refused change");
    }
}

fn check_rewriting(config: &Config, old: &[u8]) {
    let new = config.rewrite(old);
    let mut again = Config::default();
    let outcome = again.load("rewritten", &new, &mut |_| Ok(Vec::new()));
    assert!(outcome.is_ok(), "{}\n{}", String::from_utf8_lossy(&new), outcome.unwrap_err());
    assert_eq!(parameters(&again), parameters(config), "{}", String::from_utf8_lossy(&new));
    assert_eq!(again.rewrite(&new), new, "a second time");
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |&byte| byte == 0);
    let (text, words) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut config = Config::default();
    let is_valid = load(&mut config, text);
    set(&mut config, words);
    config.rewrite(text);
    config.get(&[text, words]);
    // A file that is refused stops the server; lines that it refuses would be refused again.
    check_rewriting(&config, if is_valid { text } else { b"" });
});
