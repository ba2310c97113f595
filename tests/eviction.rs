//! What LATENCY says of eviction, with a stopwatch of our own.

use std::cell::Cell;

use seawall::commands;
use seawall::config::Config;
use seawall::engine::session::SessionHandle;
use seawall::engine::{Engine, Identity};
use seawall::protocol::request::OwnedRequest;
use seawall::runtime::{Address, Monotonic, Now, UnixTime};

const STEP_MS: u64 = 10;
const NOW: Now = Now { mono: Monotonic(1), wall: UnixTime(1_700_000_000_000_000) };

/// Each reading is later by a step than the one before.
fn stopwatch() -> Monotonic {
    thread_local!(static READINGS: Cell<u64> = const { Cell::new(0) });
    READINGS.with(|readings| readings.set(readings.get() + 1));
    Monotonic(READINGS.with(Cell::get) * STEP_MS * 1_000_000)
}

fn engine(maxmemory_bytes: u64, threshold_ms: u64) -> (Engine, SessionHandle) {
    let mut config = Config::default();
    config.maxmemory_bytes = maxmemory_bytes;
    config.latency_monitor_threshold_ms = threshold_ms;
    let nobody = Address::Unix("client".into());
    let mut engine = Engine::new(config, commands::table(), Identity::default(), 1);
    engine.stopwatch = stopwatch;
    let client = engine.sessions.open(nobody.clone(), nobody, true, NOW);
    run(&mut engine, client, "CONFIG SET maxmemory-policy allkeys-random");
    (engine, client)
}

fn run(engine: &mut Engine, client: SessionHandle, words: &str) -> String {
    let owned: OwnedRequest = words.split(' ').collect();
    let prepared = engine.prepare(0, owned.request());
    let mut out = Vec::new();
    engine.run(client, owned.request(), prepared, &mut out, NOW);
    String::from_utf8_lossy(&out).into_owned()
}

/// The events noted once there is no more room.
fn events(threshold_ms: u64) -> (u64, Vec<(&'static str, u64)>) {
    let (mut engine, client) = engine(1 << 20, threshold_ms);
    let value = "x".repeat(10_000);
    (0..200).for_each(|i| assert_eq!(run(&mut engine, client, &format!("SET {i} {value}")), "+OK\r\n"));
    (engine.stats.evicted_keys, engine.latency.events().map(|(name, series)| (name, series.max_ms)).collect())
}

#[test]
fn slow_eviction_is_noted() {
    let (evicted, events) = events(STEP_MS);
    assert!(evicted > 0, "nothing had to go");
    // A cycle that takes one key reads the stopwatch twice between its own readings.
    let cycle = events.iter().find(|(name, _)| *name == "eviction-cycle").map(|(_, max_ms)| *max_ms);
    assert!(cycle.is_some_and(|max_ms| max_ms >= 3 * STEP_MS), "{events:?}");
    assert!(events.contains(&("eviction-del", STEP_MS)), "{events:?}");
}

#[test]
fn quick_eviction_is_not() {
    let (evicted, events) = events(1_000_000);
    assert!(evicted > 0 && events.is_empty(), "{events:?}");
}

#[test]
fn nobody_measures_who_does_not_want_to_know() {
    let (evicted, events) = events(0);
    assert!(evicted > 0 && events.is_empty(), "{events:?}");
}
