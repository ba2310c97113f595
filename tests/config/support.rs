//! What the tests share.
use std::collections::BTreeMap;

use seawall::config::{Config, ConfigError, Warning, rows};

pub fn load(config: &mut Config, text: &[u8]) -> Result<Vec<Warning>, ConfigError> {
    config.load("redis.conf", text, &mut |path| Err(format!("no {path} here")))
}

pub fn loaded(text: &str) -> Config {
    let mut config = Config::default();
    load(&mut config, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    config
}

pub fn value(config: &Config, name: &str) -> String {
    let found = config.get(&[name.as_bytes()]);
    assert_eq!(found.len(), 1, "{name} is one parameter");
    String::from_utf8_lossy(&found[0].1).into_owned()
}

/// Every parameter's value, those that patterns do not find included.
pub fn everything(config: &Config) -> BTreeMap<&'static str, String> {
    rows::all().map(|row| (row.name, value(config, row.name))).collect()
}
