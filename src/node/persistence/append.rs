//! Appending to the log: hands the engine's effects to the policy, and does what that decides.
//!
//! Effects are written once in a turn, for all clients together: whoever has replies to send calls [`settle`] first, and the
//! first one to do so writes what all have done since the last time. Replies leave when the [`Gate`] lets them.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tracing::{error, info, warn};

use super::log::{Gate, Log, Task};
use super::{error_text, rewrite};
use crate::config::AppendFsync;
use crate::engine::Engine;
use crate::engine::persistence::Purpose;
use crate::node::now;
use crate::node::shared::Shared;
use crate::persistence::aof::{Action, Rewrite, annotate_place};
use crate::runtime::{File, Now, Runtime};

/// How often is looked whether the log has come to its end.
const FINISH_POLL: Duration = Duration::from_millis(1);

/// Writes what was done since the last call. What replies made before have to wait for.
#[inline]
pub(in crate::node) fn settle<R: Runtime>(shared: &Rc<Shared<R>>) -> Gate {
    if shared.engine.borrow().log_has_work() {
        work(shared);
    }
    Gate::of(&shared.engine.borrow().append.policy)
}

fn work<R: Runtime>(shared: &Rc<Shared<R>>) {
    let (mut engine, mut log) = (shared.engine.borrow_mut(), shared.log.borrow_mut());
    // What a command has decided.
    execute(shared, &mut engine, &mut log);
    hand_in(&mut engine, &mut log, now::<R>());
    execute(shared, &mut engine, &mut log);
    begin_scheduled(shared, &mut engine, &mut log);
    wake_replicas(shared, &mut engine);
}

/// There is something to be sent to replicas.
pub(in crate::node) fn wake_replicas<R: Runtime>(shared: &Rc<Shared<R>>, engine: &mut Engine) {
    if std::mem::take(&mut engine.replication.has_news) {
        engine.replication.served().for_each(|(client, _)| shared.wake(client));
    }
}

/// Time has passed.
pub(in crate::node) fn tick<R: Runtime>(shared: &Rc<Shared<R>>) {
    work(shared);
    let (mut engine, mut log) = (shared.engine.borrow_mut(), shared.log.borrow_mut());
    engine.append.decide(|policy, out| policy.on_tick(R::now(), out));
    execute(shared, &mut engine, &mut log);
}

/// The data set is about to be replaced: the log in force ends, and is no longer that of this node's data.
pub(in crate::node) fn leave_log<R: Runtime>(shared: &Rc<Shared<R>>) {
    settle(shared);
    let (mut engine, mut log) = (shared.engine.borrow_mut(), shared.log.borrow_mut());
    engine.append.decide(|policy, out| policy.turn_off(R::now(), out));
    execute(shared, &mut engine, &mut log);
}

/// It has been replaced: the log begins anew, if there is to be one.
pub(in crate::node) fn renew_log<R: Runtime>(shared: &Rc<Shared<R>>) {
    let (mut engine, mut log) = (shared.engine.borrow_mut(), shared.log.borrow_mut());
    engine.log_settings_changed(R::now());
    execute(shared, &mut engine, &mut log);
}

/// Others have had their turn.
fn go_on<R: Runtime>(shared: &Rc<Shared<R>>) {
    let (mut engine, mut log) = (shared.engine.borrow_mut(), shared.log.borrow_mut());
    engine.append.decide(|policy, out| policy.on_turn(R::now(), out));
    execute(shared, &mut engine, &mut log);
}

/// Before the node ends: all that was done becomes durable, as far as the disk lets it, and the log ends with it. Nothing may
/// be written meanwhile.
pub(in crate::node) async fn finish<R: Runtime>(shared: &Rc<Shared<R>>) {
    settle(shared);
    {
        let (mut engine, mut log) = (shared.engine.borrow_mut(), shared.log.borrow_mut());
        log.is_ending = true;
        note_place(&mut engine, &mut log);
        engine.append.decide(|policy, out| policy.turn_off(R::now(), out));
        execute(shared, &mut engine, &mut log);
    }
    loop {
        let is_done = {
            let policy = &shared.engine.borrow().append.policy;
            policy.held() == 0 && !policy.is_syncing()
        };
        if is_done {
            return;
        }
        R::sleep(FINISH_POLL).await;
    }
}

/// The log ends here: so far is the history that this node writes or repeats.
fn note_place<R: Runtime>(engine: &mut Engine, log: &mut Log<R>) {
    let Some(words) = engine.place_words().filter(|_| engine.append.policy.is_in_force()) else { return };
    let bytes = log.held.extend(|held| annotate_place(&words, held)) as u64;
    engine.append.decide(|policy, out| policy.on_effects(R::now(), bytes, out));
}

/// Takes the effects over from the engine. Nothing may be left to be executed: the policy hears of each write before it
/// decides on the next.
pub(super) fn hand_in<R: Runtime>(engine: &mut Engine, log: &mut Log<R>, at: Now) {
    debug_assert!(engine.append.actions.is_empty(), "what was decided is done first");
    engine.ask_for_acks();
    if engine.effects.is_empty() {
        return;
    }
    let is_logged = engine.effects.readers().log;
    let (is_annotated, annotator) = (engine.config.aof_timestamp_enabled && is_logged, &mut log.annotator);
    let bytes = log.held.extend(|held| {
        if is_annotated {
            annotator.annotate(at.wall.seconds(), held);
        }
        engine.hand_over(held);
    });
    log.fresh_bytes = log.fresh_bytes.map(|before| before + bytes);
    if bytes > 0 {
        engine.append.decide(|policy, out| policy.on_effects(at.mono, bytes as u64, out));
    }
}

/// BGREWRITEAOF
fn begin_scheduled<R: Runtime>(shared: &Rc<Shared<R>>, engine: &mut Engine, log: &mut Log<R>) {
    if !engine.append.scheduled || engine.append.rewriting().is_some() || log.wanted.is_some() {
        return;
    }
    let task = match engine.append.policy.rewrite_kind() {
        Some(kind) => Task::Log(kind),
        None if !engine.config.appendonly => Task::WhileOff,
        None => return,
    };
    want(shared, engine, log, task);
}

/// Does what the policy wants done.
pub(super) fn execute<R: Runtime>(shared: &Rc<Shared<R>>, engine: &mut Engine, log: &mut Log<R>) {
    // Actions may call for more, which come behind. The list's memory stays.
    let mut actions = std::mem::take(&mut engine.append.actions);
    let mut done = 0;
    while done < actions.len() {
        let action = std::mem::replace(&mut actions[done], Action::Accept);
        done += 1;
        if let Action::Write { bytes } = action {
            // Two inputs before anything was done (CONFIG SET twice in a pipeline) have asked for the same.
            if bytes > engine.append.policy.held() {
                continue;
            }
            let begun = engine.measure();
            let written = log.write(bytes);
            if begun.is_some() {
                engine.note_since("aof-write", begun, now::<R>());
            }
            engine.append.policy.on_written(R::now(), bytes, written, &mut actions);
        } else {
            act(shared, engine, log, action);
        }
    }
    actions.clear();
    engine.append.actions = actions;
    engine.update_readers();
}

fn act<R: Runtime>(shared: &Rc<Shared<R>>, engine: &mut Engine, log: &mut Log<R>, action: Action) {
    match action {
        Action::Write { .. } => unreachable!("writes are done where their outcome is looked at"),
        Action::Sync { ticket } => sync(shared, log, ticket),
        Action::GoOn => {
            let shared = shared.clone();
            R::spawn(async move {
                R::yield_now().await;
                go_on(&shared);
            });
        }
        Action::TickAt(at) => {
            let shared = shared.clone();
            R::spawn(async move {
                R::sleep_until(at).await;
                tick(&shared);
            });
        }
        Action::CutBack { bytes } => log.cut_back(bytes),
        Action::NextFile => log.go_on_in_next(),
        Action::Discard { bytes } => log.held.forget(bytes as usize),
        Action::Acknowledge { through } => {
            while let Some(client) = log.reached(through) {
                shared.wake(client);
            }
        }
        Action::StartRewrite(kind) => {
            if kind == Rewrite::Beside {
                info!("Starting automatic rewriting of AOF");
            }
            want(shared, engine, log, Task::Log(kind));
        }
        Action::AbandonRewrite => {
            (log.is_abandoned, log.wanted) = (true, None);
            if engine.persistence.saving_for() == Some(Purpose::Base) {
                engine.abort_save();
            }
        }
        Action::Refuse { error } => {
            warn!("The append log can't be written: {error}. Writes are refused until it can.");
        }
        Action::Accept => info!("The append log can be written again; writes are accepted."),
        Action::Exit { error } => {
            let text = format!(
                "Can't recover from AOF write error when the AOF fsync policy is 'always': {error}. Exiting..."
            );
            error!("{text}");
            shared.fail(io::Error::other(text));
        }
    }
}

fn want<R: Runtime>(shared: &Rc<Shared<R>>, engine: &mut Engine, log: &mut Log<R>, task: Task) {
    engine.append.scheduled = false;
    log.wanted = Some(task);
    if !std::mem::replace(&mut log.has_rewriter, true) {
        R::spawn(rewrite::run(shared.clone()));
    }
}

/// Begins a sync of the file that is written to, and tells the policy how it ended.
fn sync<R: Runtime>(shared: &Rc<Shared<R>>, log: &Log<R>, ticket: u64) {
    // The policy syncs only what it has written.
    let Some(file) = log.file.clone() else { return };
    let (shared, syncing, begun) = (shared.clone(), file.sync(), R::now());
    R::spawn(async move {
        let result = syncing.await.map_err(|e| error_text(&e));
        {
            let (mut engine, mut log) = (shared.engine.borrow_mut(), shared.log.borrow_mut());
            if engine.config.appendfsync == AppendFsync::Always {
                engine.note_latency("aof-fsync-always", R::now() - begun, now::<R>());
            }
            engine.append.decide(|policy, out| policy.on_synced(R::now(), ticket, result, out));
            execute(&shared, &mut engine, &mut log);
            engine.note_copies();
            engine.serve_waiting(now::<R>());
        }
        shared.deliver();
        drop(file);
    });
}
