//! The append log's life by its effects: what is told to it, and what it says is to be done.

use std::time::Duration;

use proptest::prelude::*;

use super::{Action, AppendLog, Fsync, Rewrite, Settings, Written};
use crate::runtime::Monotonic;

fn settings(fsync: Fsync) -> Settings {
    Settings { fsync, no_fsync_on_rewrite: false, rewrite_percentage: 100, rewrite_bytes_min: 1 << 40 }
}

fn at(millis: u64) -> Monotonic {
    Monotonic(0) + Duration::from_millis(millis)
}

/// A log, and what its actions looked like since they were last taken; writes succeed.
struct Script {
    log: AppendLog,
    shown: Vec<String>,
}

impl Script {
    fn on(fsync: Fsync) -> Script {
        Script { log: AppendLog::on(at(0), settings(fsync), 100, 100), shown: Vec::new() }
    }

    fn act(&mut self, millis: u64, input: impl FnOnce(&mut AppendLog, Monotonic, &mut Vec<Action>)) {
        let mut actions = Vec::new();
        input(&mut self.log, at(millis), &mut actions);
        self.execute(millis, actions);
    }

    fn execute(&mut self, millis: u64, actions: Vec<Action>) {
        for action in actions {
            self.shown.push(show(&action));
            if let Action::Write { bytes } = action {
                let mut more = Vec::new();
                self.log.on_written(at(millis), bytes, Written::All, &mut more);
                self.execute(millis, more);
            }
        }
    }

    fn effects(&mut self, millis: u64, bytes: u64) {
        self.act(millis, |log, now, out| log.on_effects(now, bytes, out));
    }

    fn synced(&mut self, millis: u64, ticket: u64, is_good: bool) {
        let result = if is_good { Ok(()) } else { Err("EIO".to_owned()) };
        self.act(millis, |log, now, out| log.on_synced(now, ticket, result, out));
    }

    fn tick(&mut self, millis: u64) {
        self.act(millis, AppendLog::on_tick);
    }

    fn took(&mut self) -> String {
        std::mem::take(&mut self.shown).join(", ")
    }
}

fn show(action: &Action) -> String {
    match action {
        Action::Write { bytes } => format!("write {bytes}"),
        Action::Sync { ticket } => format!("sync #{ticket}"),
        Action::GoOn => "go on".into(),
        Action::TickAt(at) => format!("tick at {}", (*at - Monotonic(0)).as_millis()),
        Action::CutBack { bytes } => format!("cut back {bytes}"),
        Action::NextFile => "next file".into(),
        Action::Discard { bytes } => format!("discard {bytes}"),
        Action::Acknowledge { through } => format!("ack {through}"),
        Action::StartRewrite(kind) => format!("rewrite {kind:?}"),
        Action::AbandonRewrite => "abandon".into(),
        Action::Refuse { error } => format!("refuse {error}"),
        Action::Accept => "accept".into(),
        Action::Exit { error } => format!("exit {error}"),
    }
}

#[test]
fn one_sync_covers_all_that_came_while_another_ran() {
    let mut script = Script::on(Fsync::Always);
    script.effects(0, 10);
    assert_eq!(script.took(), "write 10, sync #1");
    script.effects(1, 5);
    script.effects(2, 5);
    assert_eq!(script.took(), "write 5, write 5");
    script.synced(3, 1, true);
    assert_eq!(script.took(), "sync #2, ack 10");
    script.synced(4, 2, true);
    assert_eq!(script.took(), "tick at 4, ack 20");
}

#[test]
fn a_sync_waits_for_those_who_were_just_answered() {
    let mut script = Script::on(Fsync::Always);
    script.effects(0, 90);
    script.effects(1, 10);
    assert_eq!(script.took(), "write 90, sync #1, write 10");
    // The ninety have gone to clients that will be back: one sync for all is better than one for the ten.
    script.synced(4, 1, true);
    assert_eq!(script.took(), "tick at 6, ack 90");
    script.effects(5, 80);
    assert_eq!(script.took(), "write 80, sync #2");
    script.synced(9, 2, true);
    assert_eq!(script.took(), "tick at 11, ack 180");
    // They do not come: so be it.
    script.effects(10, 10);
    assert_eq!(script.took(), "write 10");
    script.tick(11);
    assert_eq!(script.took(), "sync #3");
}

#[test]
fn who_is_alone_waits_for_nobody() {
    let mut script = Script::on(Fsync::Always);
    for n in 0..20 {
        script.effects(10 * n, 50 - n);
        assert_eq!(script.took(), format!("write {}, sync #{}", 50 - n, n + 1));
        script.synced(10 * n + 5, n + 1, true);
        script.took();
    }
}

#[test]
fn always_exits_on_any_error() {
    let mut script = Script::on(Fsync::Always);
    script.effects(0, 10);
    script.synced(1, 1, false);
    script.effects(1, 5);
    assert_eq!(script.took(), "write 10, sync #1, cut back 10, exit EIO");
    let mut log = AppendLog::on(at(0), settings(Fsync::Always), 0, 0);
    let mut out = Vec::new();
    log.on_effects(at(0), 10, &mut out);
    log.on_written(at(0), 10, Written::Part { bytes: 3, error: "ENOSPC".into() }, &mut out);
    assert_eq!(out, [Action::Write { bytes: 10 }, Action::Exit { error: "ENOSPC".into() }]);
}

#[test]
fn a_slow_disk_holds_writes_and_then_replies() {
    let mut script = Script::on(Fsync::EverySecond);
    script.effects(500, 10);
    assert_eq!(script.took(), "write 10, ack 10");
    script.tick(1000);
    script.effects(1100, 5);
    script.effects(2000, 5);
    assert_eq!(script.took(), "sync #1, ack 15, ack 20");
    // Two seconds after the first byte that is not durable, one acknowledges no more; two after the first held one, one writes.
    script.effects(2600, 5);
    assert_eq!(script.took(), "");
    script.tick(3200);
    assert_eq!((script.took(), script.log.delayed_syncs()), ("write 15".into(), 1));
    script.synced(3300, 1, true);
    assert_eq!(script.took(), "sync #2");
    script.synced(3400, 2, true);
    assert_eq!(script.took(), "ack 25");
}

#[test]
fn after_a_failed_sync_all_goes_to_new_files() {
    let mut script = Script::on(Fsync::EverySecond);
    script.effects(500, 10);
    script.tick(1000);
    script.effects(1100, 5);
    script.took();
    script.synced(1200, 1, false);
    assert_eq!(script.took(), "cut back 10, refuse EIO, discard 5, rewrite Fresh");
    script.effects(1300, 5);
    script.tick(5000);
    assert_eq!((script.took(), script.log.collects()), (String::new(), false));
    script.act(5000, |log, now, out| log.on_rewrite_started(now, Rewrite::Fresh, out));
    script.effects(5100, 7);
    assert_eq!(script.took(), "next file, write 7, sync #2");
    script.synced(5200, 2, true);
    script.act(5300, |log, now, out| log.on_rewrite_ended(now, Ok(50), out));
    assert_eq!(script.took(), "accept, ack 22");
    assert_eq!(script.log.sizes(), (57, 57));
}

#[test]
fn a_failed_write_is_tried_again_where_it_ended() {
    let mut log = AppendLog::on(at(0), settings(Fsync::No), 0, 0);
    let mut out = Vec::new();
    let full = || Written::Part { bytes: 4, error: "ENOSPC".into() };
    log.on_effects(at(0), 10, &mut out);
    log.on_written(at(0), 10, full(), &mut out);
    log.on_tick(at(500), &mut out);
    assert_eq!(log.refusal(), Some("ENOSPC"));
    log.on_tick(at(1000), &mut out);
    log.on_written(at(1000), 6, Written::All, &mut out);
    let shown: Vec<String> = out.iter().map(show).collect();
    assert_eq!(shown, ["write 10", "refuse ENOSPC", "ack 10", "write 6", "accept"]);
}

#[test]
fn a_rewrite_holds_effects_until_the_file_that_is_left_is_durable() {
    let mut script = Script::on(Fsync::No);
    script.effects(0, 10);
    script.took();
    script.act(1, |log, now, out| log.on_rewrite_started(now, Rewrite::Beside, out));
    script.effects(2, 5);
    assert_eq!(script.took(), "sync #1, ack 15");
    script.synced(3, 1, true);
    assert_eq!(script.took(), "next file, write 5");
    script.act(4, |log, now, out| log.on_rewrite_ended(now, Ok(30), out));
    assert_eq!((script.took().as_str(), script.log.sizes()), ("", (35, 35)));
}

#[test]
fn without_syncs_during_a_rewrite_no_reply_leaves_before_its_write() {
    let mut script = Script::on(Fsync::Always);
    let settings = Settings { no_fsync_on_rewrite: true, ..settings(Fsync::Always) };
    script.log = AppendLog::on(at(0), settings, 100, 100);
    script.effects(0, 10);
    script.act(1, |log, now, out| log.on_rewrite_started(now, Rewrite::Beside, out));
    script.took();
    script.effects(2, 5);
    assert_eq!(script.took(), "");
    script.synced(3, 1, true);
    assert_eq!(script.took(), "next file, write 5, ack 15");
}

#[test]
fn the_log_is_rewritten_when_it_has_grown() {
    let mut script = Script::on(Fsync::No);
    script.log = AppendLog::on(at(0), Settings { rewrite_bytes_min: 150, ..settings(Fsync::No) }, 100, 100);
    script.effects(0, 99);
    script.tick(0);
    assert_eq!(script.took(), "write 99, ack 99");
    script.effects(0, 1);
    script.tick(0);
    script.tick(100);
    assert_eq!(script.took(), "write 1, ack 100, rewrite Beside");
    for failures in 1..=3 {
        script.act(200, |log, now, out| log.on_rewrite_ended(now, Err(()), out));
        script.tick(200);
        assert_eq!(script.took(), if failures < 3 { "rewrite Beside" } else { "" });
    }
    script.tick(60_200);
    assert_eq!(script.took(), "rewrite Beside");
}

#[test]
fn the_log_is_turned_on_by_a_rewrite_and_off_by_a_sync() {
    let mut script = Script::on(Fsync::Always);
    script.log = AppendLog::off(settings(Fsync::Always));
    script.act(0, AppendLog::turn_on);
    script.act(1, |log, now, out| log.on_rewrite_started(now, Rewrite::Fresh, out));
    script.effects(2, 5);
    assert_eq!(script.took(), "rewrite Fresh, next file, write 5, sync #1, ack 5");
    script.act(3, |log, now, out| log.on_rewrite_ended(now, Ok(9), out));
    script.effects(4, 5);
    script.act(5, AppendLog::turn_off);
    assert_eq!(script.took(), "write 5");
    script.synced(6, 1, true);
    script.synced(7, 2, true);
    assert_eq!(script.took(), "sync #2, ack 10");
    assert!(!script.log.collects());
}

/// A piece of the stream in a file.
struct Piece {
    file: usize,
    from: u64,
    through: u64,
    is_durable: bool,
}

/// A driver and its disk, which know nothing of how the log decides.
struct World {
    log: AppendLog,
    now: u64,
    /// When what ends here was accepted.
    accepted: Vec<(u64, u64)>,
    /// The first of what is held.
    held_from: u64,
    held: u64,
    pieces: Vec<Piece>,
    file: usize,
    unsound: Vec<usize>,
    /// Files of fresh rewrites that are not in force.
    beside: Vec<usize>,
    /// Tickets, with how many pieces were there and in which file.
    syncs: Vec<(u64, usize, usize)>,
    /// All up to here is in a base that is in force.
    in_base: u64,
    snapshot: u64,
    asked: Option<Rewrite>,
    rewriting: Option<Rewrite>,
    refusing: bool,
    exited: bool,
    write_fails: bool,
    resting: bool,
    always: bool,
}

impl World {
    fn new(fsync: Fsync) -> World {
        World {
            log: AppendLog::on(at(0), settings(fsync), 0, 0),
            now: 0,
            accepted: Vec::new(),
            held_from: 0,
            held: 0,
            pieces: Vec::new(),
            file: 0,
            unsound: Vec::new(),
            beside: Vec::new(),
            syncs: Vec::new(),
            in_base: 0,
            snapshot: 0,
            asked: None,
            rewriting: None,
            refusing: false,
            exited: false,
            write_fails: false,
            resting: false,
            always: fsync == Fsync::Always,
        }
    }

    fn tell(&mut self, input: impl FnOnce(&mut AppendLog, Monotonic, &mut Vec<Action>)) {
        let mut actions = Vec::new();
        input(&mut self.log, at(self.now), &mut actions);
        self.execute_all(actions);
    }

    fn execute_all(&mut self, actions: Vec<Action>) {
        for action in actions {
            assert!(!self.exited, "{action:?} after the exit");
            self.execute(action);
        }
    }

    fn execute(&mut self, action: Action) {
        match action {
            Action::Write { bytes } => self.write(bytes),
            Action::Sync { ticket } => self.syncs.push((ticket, self.pieces.len(), self.file)),
            Action::TickAt(_) => {}
            Action::GoOn => self.resting = true,
            Action::CutBack { bytes } => self.cut_back(bytes),
            Action::NextFile => {
                self.file += 1;
                if self.rewriting == Some(Rewrite::Fresh) {
                    self.beside.push(self.file);
                }
            }
            Action::Discard { bytes } => self.take(bytes),
            Action::Acknowledge { through } => self.check(through),
            Action::StartRewrite(kind) => self.asked = Some(kind),
            Action::AbandonRewrite => (self.asked, self.rewriting) = (None, None),
            Action::Refuse { .. } => self.refusing = true,
            Action::Accept => self.refusing = false,
            Action::Exit { .. } => {
                assert!(self.always);
                self.exited = true;
            }
        }
    }

    fn take(&mut self, bytes: u64) {
        assert!(bytes > 0 && bytes <= self.held);
        (self.held, self.held_from) = (self.held - bytes, self.held_from + bytes);
    }

    fn write(&mut self, wanted: u64) {
        assert!(!self.unsound.contains(&self.file), "written after a failed sync");
        let earlier = self.pieces.iter().filter(|piece| piece.file < self.file);
        let fresh = self.rewriting == Some(Rewrite::Fresh);
        let mut lost = earlier.filter(|piece| !piece.is_durable && piece.through > self.in_base);
        assert!(fresh || lost.next().is_none(), "written before what comes first is durable");
        let is_much = !self.write_fails && wanted > 30;
        let bytes = if self.write_fails || is_much { wanted / 2 } else { wanted };
        if bytes > 0 {
            let (from, through) = (self.held_from, self.held_from + bytes);
            self.pieces.push(Piece { file: self.file, from, through, is_durable: false });
            self.take(bytes);
        }
        let written = match bytes == wanted {
            true => Written::All,
            false if is_much => Written::Portion { bytes },
            false => Written::Part { bytes, error: "ENOSPC".into() },
        };
        let mut more = Vec::new();
        self.log.on_written(at(self.now), wanted, written, &mut more);
        self.execute_all(more);
    }

    fn cut_back(&mut self, bytes: u64) {
        assert!(self.unsound.contains(&self.file), "cut, and no sync has failed");
        let of_file = |piece: &&Piece| piece.file == self.file;
        let end = self.pieces.iter().filter(of_file).map(|piece| piece.through).max().unwrap_or(0);
        let mut durable = self.pieces.iter().filter(of_file).filter(|piece| piece.is_durable);
        assert!(durable.all(|piece| piece.through + bytes <= end), "what is durable is cut off");
        let (file, end) = (self.file, end - bytes);
        self.pieces.retain(|piece| piece.file != file || piece.through <= end);
    }

    /// Up to where all is durable.
    fn durable(&self) -> u64 {
        let mut end = self.in_base;
        let counts = |piece: &&Piece| piece.is_durable && !self.beside.contains(&piece.file);
        for piece in self.pieces.iter().filter(counts) {
            if piece.from <= end {
                end = end.max(piece.through);
            }
        }
        end
    }

    fn check(&mut self, through: u64) {
        let durable = self.durable();
        if self.always {
            assert!(through <= durable, "{through} acknowledged, {durable} durable");
        } else if through > durable {
            let oldest = self.accepted.iter().find(|(end, _)| *end > durable).expect("it was accepted").1;
            assert!(self.now - oldest < 2000, "acknowledged at {}, not durable since {oldest}", self.now);
        }
    }

    fn effects(&mut self, bytes: u64) {
        // Writes that are no client's, of expired keys, come nevertheless.
        if self.refusing && !bytes.is_multiple_of(4) || !self.log.collects() {
            return;
        }
        self.held += bytes;
        self.accepted.push((self.held_from + self.held, self.now));
        self.tell(|log, now, out| log.on_effects(now, bytes, out));
    }

    fn sync_ends(&mut self, index: usize, is_good: bool) {
        if self.syncs.is_empty() {
            return;
        }
        let (ticket, pieces, file) = self.syncs.remove(index % self.syncs.len());
        if is_good && !self.unsound.contains(&file) {
            self.pieces[..pieces]
                .iter_mut()
                .filter(|piece| piece.file == file)
                .for_each(|p| p.is_durable = true);
        } else if !is_good {
            self.unsound.push(file);
        }
        let result = if is_good { Ok(()) } else { Err("EIO".into()) };
        self.tell(|log, now, out| log.on_synced(now, ticket, result, out));
    }

    fn rewrite(&mut self, is_good: bool) {
        if self.rewriting.take().is_some() {
            if is_good {
                self.in_base = self.in_base.max(self.snapshot);
                self.beside.retain(|file| *file != self.file);
            }
            let result = is_good.then_some(10).ok_or(());
            return self.tell(|log, now, out| log.on_rewrite_ended(now, result, out));
        }
        let Some(kind) = self.log.rewrite_kind() else { return };
        (self.asked, self.rewriting) = (None, Some(kind));
        self.snapshot = self.log.accepted();
        self.tell(|log, now, out| log.on_rewrite_started(now, kind, out));
    }

    fn event(&mut self, event: u8, number: u64) {
        match event {
            0..=3 => self.effects(number % 20 + 1),
            4 | 5 => self.sync_ends(number as usize, !number.is_multiple_of(8)),
            6 => self.rewrite(!number.is_multiple_of(4)),
            7 => self.write_fails = number.is_multiple_of(4),
            8 => self.go_on(),
            _ => {
                self.now += number % 1500;
                self.tell(AppendLog::on_tick);
            }
        }
    }

    fn go_on(&mut self) {
        if std::mem::take(&mut self.resting) {
            self.tell(AppendLog::on_turn);
        }
    }

    /// The disk is well again: so must the log become.
    fn heal(&mut self) {
        self.write_fails = false;
        for _ in 0..100 {
            self.now += 1000;
            self.tell(AppendLog::on_tick);
            while self.resting {
                self.go_on();
            }
            while !self.syncs.is_empty() {
                self.sync_ends(0, true);
            }
            if self.rewriting.is_some() || self.asked.is_some() {
                self.rewrite(true);
            }
        }
        assert_eq!((self.log.acknowledged(), self.held, self.refusing), (self.log.accepted(), 0, false));
        assert_eq!(self.log.refusal(), None);
    }
}

proptest! {
    #[test]
    fn no_reply_leaves_before_its_time(
        always: bool,
        events in prop::collection::vec((0..11u8, any::<u64>()), 1..80),
    ) {
        let mut world = World::new(if always { Fsync::Always } else { Fsync::EverySecond });
        for (event, number) in events {
            if !world.exited {
                world.event(event, number);
            }
        }
        if !world.exited {
            world.heal();
        }
    }
}
