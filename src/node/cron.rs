//! Periodic work, `hz` times a second: expired keys, eviction, freeing in slices, idle clients, rates, the process's own
//! figures, and what CONFIG SET asks of the node.

use std::rc::Rc;
use std::time::Duration;

use tracing::info;

use super::persistence;
use super::replication::primary_link;
use super::shared::Shared;
use super::{TICK_MAX, now};
use crate::engine::session::{ClientRole, Closing, Session};
use crate::engine::{Engine, address_text};
use crate::runtime::{Monotonic, Now, Runtime};

/// Of a tick's time, the part that the search for expired keys may take at effort 1; each step of effort adds two.
const EXPIRE_PERCENT: u32 = 25;
/// A step of that search goes on while more than this part of what it saw was expired; each step of effort takes one off.
const STALE_PERCENT: usize = 10;
/// However slow the clock (in a simulation it stands still meanwhile), no tick takes more steps.
const EXPIRE_STEPS_MAX: usize = 1000;
/// Entries freed in one slice, between two looks at the clock.
const GARBAGE_SLICE: usize = 500;
/// The part of a tick that freeing may take.
const GARBAGE_PERCENT: u32 = 10;
const GARBAGE_SLICES_MAX: usize = 200;
/// The part of a tick that eviction may take, beside what it takes before commands.
const EVICT_PERCENT: u32 = 10;
const EVICT_STEPS_MAX: usize = 200;
/// Clients looked at for idleness in one tick, at least; all of them within a second.
const CLIENTS_MIN: usize = 5;

/// Runs to the end of the node.
pub(super) async fn run<R: Runtime>(shared: Rc<Shared<R>>) {
    let mut ticks: u64 = 0;
    loop {
        let tick = tick_length(&shared.engine.borrow());
        R::sleep(tick).await;
        if shared.frozen_until.get() > R::now() {
            continue;
        }
        // What is not whole yet is left as it is.
        if shared.engine.borrow().persistence.loading().is_none() {
            expire(&shared, tick);
            evict(&shared, tick);
            persistence::save_if_due(&shared);
        }
        shared.engine.borrow_mut().tend_replicas(R::now());
        persistence::tick(&shared);
        primary_link::step_failover(&shared);
        free_garbage(&shared, tick);
        let at = now::<R>();
        housekeeping(&shared, ticks, at);
        apply_changes(&shared);
        shared.deliver();
        ticks += 1;
    }
}

fn tick_length(engine: &Engine) -> Duration {
    Duration::from_millis(1000 / u64::from(engine.config.hz.clamp(1, 500))).min(TICK_MAX)
}

fn expire<R: Runtime>(shared: &Shared<R>, tick: Duration) {
    let start = R::now();
    let mut engine = shared.engine.borrow_mut();
    let effort = engine.config.active_expire_effort.clamp(1, 10) - 1;
    let budget = tick * (EXPIRE_PERCENT + 2 * effort) / 100;
    let stale_percent = STALE_PERCENT.saturating_sub(effort as usize).max(1);
    let (mut quiet_databases, mut examined, mut expired) = (0, 0, 0);
    for _ in 0..EXPIRE_STEPS_MAX {
        let found = engine.expire_step(now::<R>());
        examined += found.examined;
        expired += found.expired;
        if found.expired * 100 <= found.examined * stale_percent {
            quiet_databases += 1;
            if quiet_databases > engine.keyspace.databases.len() {
                break;
            }
        }
        if R::now() - start > budget {
            engine.stats.expired_time_cap_reached_count += 1;
            break;
        }
    }
    let elapsed = R::now() - start;
    engine.stats.expire_cycle_cpu += elapsed;
    engine.stats.note_expire_cycle(examined, expired);
    engine.note_latency("expire-cycle", elapsed, now::<R>());
}

/// Memory above its limit comes down also while nobody asks for anything.
fn evict<R: Runtime>(shared: &Shared<R>, tick: Duration) {
    let start = R::now();
    let mut engine = shared.engine.borrow_mut();
    for _ in 0..EVICT_STEPS_MAX {
        if !engine.evict_step(now::<R>()) || R::now() - start > tick * EVICT_PERCENT / 100 {
            return;
        }
    }
}

fn free_garbage<R: Runtime>(shared: &Shared<R>, tick: Duration) {
    let start = R::now();
    let mut engine = shared.engine.borrow_mut();
    for _ in 0..GARBAGE_SLICES_MAX {
        if !engine.collect_garbage(GARBAGE_SLICE) || R::now() - start > tick * GARBAGE_PERCENT / 100 {
            return;
        }
    }
}

fn housekeeping<R: Runtime>(shared: &Shared<R>, ticks: u64, at: Now) {
    let mut engine = shared.engine.borrow_mut();
    engine.process_memory = R::process_memory();
    engine.process_cpu = R::process_cpu();
    engine.sample_rates(at.mono);
    close_idle(&mut engine, ticks, at.mono);
    if ticks.is_multiple_of(u64::from(engine.config.hz.max(1))) {
        look_after_unsent(&mut engine);
    }
    engine.evict_clients();
    if engine.pause.take_ended(at.mono) {
        engine.wake_all();
    }
    // Eviction, or the end of a pause, may be what somebody waits for.
    engine.serve_waiting(at);
}

/// `timeout`: clients that sent nothing for so long are closed; monitors may be silent, and
/// those that a pause holds back or that wait for a key are.
fn close_idle(engine: &mut Engine, ticks: u64, now: Monotonic) {
    let limit = Duration::from_secs(engine.config.timeout_seconds.into());
    if limit.is_zero() {
        return;
    }
    let hz = u64::from(engine.config.hz.max(1));
    let count = (engine.sessions.len() / hz as usize).max(CLIENTS_MIN);
    let all: Vec<_> = engine.sessions.iter().map(|(client, _)| client).collect();
    let start = (ticks as usize * count) % all.len().max(1);
    for client in all.iter().cycle().skip(start).take(count.min(all.len())) {
        let session = &engine.sessions[*client];
        if !session.monitor
            && session.role == ClientRole::Ordinary
            && !session.waiting
            && session.blocked.is_none()
            && now - session.active.mono > limit
        {
            info!("Closing idle client {}", address_text(&session.peer));
            engine.close_session(*client, Closing::Now);
        }
    }
}

/// Once a second, clients with unsent output look at their soft limit, though their socket takes nothing.
fn look_after_unsent(engine: &mut Engine) {
    let unsent = |session: &Session| session.traffic.output_bytes > 0 || !session.outbox.is_empty();
    let clients: Vec<_> =
        engine.sessions.iter().filter(|(_, s)| unsent(s)).map(|(client, _)| client).collect();
    clients.into_iter().for_each(|client| engine.wake(client));
}

/// What CONFIG SET changed and only the node can put into force.
fn apply_changes<R: Runtime>(shared: &Rc<Shared<R>>) {
    let changes = std::mem::take(&mut shared.engine.borrow_mut().config_changes);
    for change in &changes {
        (shared.host)(change.apply, &shared.engine.borrow().config);
    }
}
