//! Clients that wait for a key, on an engine with two commands of our own: `TAKE key [key ...]` removes the first string that it
//! finds and answers it, `PASS from to` hands a string on to another key. Both wait if there is none, for a second.

use std::time::Duration;

use seawall::commands;
use seawall::config::Config;
use seawall::engine::command::{Command, Flag, Group, KeySpec};
use seawall::engine::effects::Reader;
use seawall::engine::session::{Closing, SessionHandle};
use seawall::engine::table::CommandTable;
use seawall::engine::{Call, Class, Engine, Failure, Flow, Identity, Nothing, Unblocked, Wait};
use seawall::keyspace::{NewValue, Slot};
use seawall::protocol::request::OwnedRequest;
use seawall::runtime::{Address, Monotonic, Now, UnixTime};

const COMMANDS: &[Command] = &[
    Command {
        name: "take",
        arity: -2,
        flags: &[Flag::Write, Flag::Blocking],
        keys: &[KeySpec::range(1, -1, 1, &["RW"])],
        group: Group::String,
        handler: take,
        ..Command::DEFAULT
    },
    Command {
        name: "watch-over",
        arity: 2,
        flags: &[Flag::ReadOnly, Flag::Blocking],
        keys: &[KeySpec::one(1, &["RO"])],
        group: Group::String,
        handler: watch_over,
        ..Command::DEFAULT
    },
    Command {
        name: "pass",
        arity: 3,
        flags: &[Flag::Write, Flag::Blocking],
        keys: &[KeySpec::range(1, 2, 1, &["RW"])],
        group: Group::String,
        handler: pass,
        ..Command::DEFAULT
    },
];

fn taken(call: &mut Call<'_>, i: usize) -> Option<Vec<u8>> {
    let key = call.key(i);
    let Slot::Occupied(slot) = call.slot(&key) else { return None };
    let mut text = Vec::new();
    slot.remove().value().write_to(&mut text);
    call.changed(Class::Generic, "del", &key);
    Some(text)
}

fn wait(call: &mut Call<'_>, keys: std::ops::Range<usize>, wants_loss: bool) {
    let keys = keys.map(|i| call.arg(i).to_vec()).collect();
    let timeout = Some(Duration::from_secs(1));
    call.block(Wait { keys, timeout, on_timeout: Nothing::Null, request: None, wants_loss });
}

fn take(call: &mut Call<'_>) -> Result<(), Failure> {
    for i in 1..call.len() {
        if let Some(text) = taken(call, i) {
            call.propagate(&[b"DEL", call.request.arg(i)]);
            call.reply.bulk(&text);
            return Ok(());
        }
    }
    wait(call, 1..call.len(), false);
    Ok(())
}

fn pass(call: &mut Call<'_>) -> Result<(), Failure> {
    let Some(text) = taken(call, 1) else {
        wait(call, 1..2, false);
        return Ok(());
    };
    let (to, clock) = (call.key(2), call.new_clock());
    if let Slot::Vacant(slot) = call.slot(&to) {
        slot.insert(NewValue::Bytes(&text), None, clock);
    }
    call.changed(Class::String, "set", &to);
    call.reply.bulk(&text);
    Ok(())
}

/// Answers when the key is not there.
fn watch_over(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    if call.read(&key).0.is_some() {
        wait(call, 1..2, true);
        return Ok(());
    }
    Err(Failure::fixed("GONE it is gone"))
}

struct World {
    engine: Engine,
    clients: Vec<SessionHandle>,
    now: Now,
}

impl World {
    fn new(clients: usize) -> World {
        let groups: Vec<_> = commands::GROUPS.iter().copied().chain([COMMANDS]).collect();
        let mut engine = Engine::new(Config::default(), CommandTable::new(&groups), Identity::default(), 1);
        let now = Now { mono: Monotonic(1_000_000_000), wall: UnixTime(1_700_000_000_000_000) };
        engine.effects.set_readers(seawall::engine::effects::Audience::ALL);
        let nobody = || Address::Unix("client".into());
        let clients = (0..clients).map(|_| engine.sessions.open(nobody(), nobody(), true, now)).collect();
        World { engine, clients, now }
    }

    /// Sends a request; its reply, or "waits".
    fn send(&mut self, client: usize, text: &str) -> String {
        let client = self.clients[client];
        let request: OwnedRequest = text.split(' ').collect();
        let prepared = self.engine.prepare(self.engine.sessions[client].db, request.request());
        let mut out = Vec::new();
        let flow = self.engine.run(client, request.request(), prepared, &mut out, self.now);
        self.engine.finish(client, request.request(), prepared, Duration::from_micros(1), self.now);
        match flow {
            Flow::Blocked if out.is_empty() => "waits".to_owned(),
            Flow::Continue => shown(&out),
            other => panic!("{text} led to {other:?}"),
        }
    }

    /// What has come for a client since.
    fn got(&mut self, client: usize) -> String {
        let client = self.clients[client];
        let told = self.engine.take_woken().contains(&client);
        let outbox = std::mem::take(&mut self.engine.sessions[client].outbox);
        assert!(told || outbox.is_empty(), "the node is told that something came");
        shown(&outbox)
    }

    /// What has come for all of them.
    fn all_got(&mut self) -> Vec<String> {
        self.engine.take_woken();
        let take = |client: &SessionHandle| shown(&std::mem::take(&mut self.engine.sessions[*client].outbox));
        self.clients.iter().map(take).collect()
    }

    fn effects(&mut self) -> String {
        let stream = self.engine.effects.take();
        let text = String::from_utf8_lossy(&stream.for_reader(Reader::Replicas)).into_owned();
        let words = text.split("\r\n").filter(|line| !line.starts_with(['*', '$']) && !line.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }
}

fn shown(out: &[u8]) -> String {
    String::from_utf8_lossy(out).trim_end().replace("\r\n", " ")
}

#[test]
fn who_came_first_is_served_first() {
    let mut world = World::new(4);
    for client in 1..4 {
        assert_eq!(world.send(client, "TAKE k"), "waits");
    }
    assert_eq!(world.engine.wait_figures().clients, 3);
    assert_eq!(world.send(0, "SET k one"), "+OK");
    assert_eq!(world.all_got(), ["", "$3 one", "", ""]);
    assert_eq!(world.send(0, "SET k two"), "+OK");
    assert_eq!(world.all_got(), ["", "", "$3 two", ""]);
    assert_eq!(world.send(2, "TAKE k"), "waits");
    assert_eq!(world.send(0, "SET k three"), "+OK");
    assert_eq!(world.all_got(), ["", "", "", "$5 three"]);
    assert_eq!(world.effects(), "SELECT 0 SET k one DEL k SET k two DEL k SET k three DEL k");
    assert_eq!(world.send(0, "EXISTS k"), ":0");
}

#[test]
fn a_client_at_several_keys_stands_in_each_queue_once() {
    let mut world = World::new(3);
    assert_eq!(world.send(1, "TAKE a b a"), "waits");
    assert_eq!(world.engine.wait_figures().keys, 2);
    assert_eq!(world.send(2, "TAKE b"), "waits");
    world.send(0, "MSET b 2 a 1");
    assert_eq!(world.all_got(), ["", "$1 1", "$1 2"]);
    assert_eq!(world.engine.wait_figures(), Default::default());
}

#[test]
fn serving_one_may_make_the_next_ready() {
    let mut world = World::new(4);
    world.send(1, "PASS a b");
    world.send(2, "PASS b c");
    world.send(3, "TAKE c");
    world.send(0, "SET a x");
    assert_eq!(world.all_got(), ["", "$1 x", "$1 x", "$1 x"]);
    assert_eq!(world.effects(), "SELECT 0 SET a x PASS a b PASS b c DEL c");
}

#[test]
fn databases_that_change_places_are_seen() {
    let mut world = World::new(2);
    world.send(1, "TAKE k");
    assert_eq!(world.send(0, "SELECT 1"), "+OK");
    world.send(0, "SET k elsewhere");
    assert_eq!(world.got(1), "");
    assert_eq!(world.send(0, "SWAPDB 0 1"), "+OK");
    assert_eq!(world.got(1), "$9 elsewhere");
}

#[test]
fn renamed_copied_and_moved_keys_are_seen() {
    for (first, then) in [("SET x 1", "RENAME x k"), ("SET x 1", "COPY x k"), ("SET x 1", "RENAMENX x k")] {
        let mut world = World::new(2);
        world.send(1, "TAKE k");
        world.send(0, first);
        assert_eq!(world.got(1), "");
        world.send(0, then);
        assert_eq!(world.got(1), "$1 1", "{then}");
    }
    let mut world = World::new(2);
    world.send(1, "TAKE k");
    world.send(0, "SELECT 2");
    world.send(0, "SET k 1");
    world.send(0, "MOVE k 0");
    assert_eq!(world.got(1), "$1 1");
}

#[test]
fn who_wants_to_hears_of_loss() {
    let losses = [
        "DEL k",
        "UNLINK k",
        "FLUSHALL",
        "FLUSHDB",
        "RENAME k other",
        "MOVE k 3",
        "SWAPDB 0 1",
        "PEXPIREAT k 1",
    ];
    for loss in losses {
        let mut world = World::new(2);
        world.send(0, "SET k 1");
        assert_eq!(world.send(1, "WATCH-OVER k"), "waits");
        world.send(0, "SET k 2");
        assert_eq!(world.got(1), "", "it is still there");
        world.send(0, loss);
        assert_eq!(world.got(1), "-GONE it is gone", "{loss}");
    }
    let mut world = World::new(2);
    world.send(0, "SET k 1 PX 10");
    world.send(1, "WATCH-OVER k");
    world.now.wall.0 += 20_000;
    for _ in 0..20 {
        world.engine.expire_step(world.now);
    }
    assert_eq!(world.got(1), "-GONE it is gone", "expired");
}

#[test]
fn a_wait_ends_with_its_time_or_by_order() {
    let mut world = World::new(3);
    world.send(1, "TAKE k");
    let session = &world.engine.sessions[world.clients[1]];
    assert_eq!(session.blocked_until(), Some(world.now.mono + Duration::from_secs(1)));
    assert!(world.engine.unblock(world.clients[1], Unblocked::TimedOut, world.now));
    assert_eq!(world.got(1), "$-1");
    assert!(!world.engine.unblock(world.clients[1], Unblocked::TimedOut, world.now));
    world.send(1, "HELLO 3");
    world.send(1, "TAKE k");
    assert_eq!(world.send(0, "CLIENT UNBLOCK 2"), ":1");
    assert_eq!(world.got(1), "_");
    world.send(1, "TAKE k");
    assert_eq!(world.send(0, "CLIENT UNBLOCK 2 ERROR"), ":1");
    assert_eq!(world.got(1), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    assert_eq!(world.send(0, "CLIENT UNBLOCK 2"), ":0");
    assert_eq!(world.engine.wait_figures(), Default::default());
}

#[test]
fn nothing_is_done_for_who_is_gone() {
    for kill in [false, true] {
        let mut world = World::new(3);
        world.send(1, "TAKE k");
        world.send(2, "TAKE k");
        match kill {
            false => world.engine.disconnect(world.clients[1]),
            true => world.engine.close_session(world.clients[1], Closing::Now),
        }
        world.send(0, "SET k 1");
        assert_eq!(world.got(2), "$1 1");
        assert_eq!(world.engine.wait_figures(), Default::default());
    }
}

#[test]
fn nobody_is_served_while_writes_are_paused() {
    let mut world = World::new(2);
    world.send(1, "TAKE k");
    world.send(0, "SELECT 1");
    world.send(0, "SET k 1");
    world.send(0, "CLIENT PAUSE 100 WRITE");
    world.engine.swap_databases(0, 1, world.now);
    world.engine.serve_waiting(world.now);
    assert_eq!(world.got(1), "");
    world.send(0, "CLIENT UNPAUSE");
    assert_eq!(world.got(1), "$1 1");
}

#[test]
fn a_wait_counts_once_when_it_is_answered() {
    let mut world = World::new(2);
    let calls = |world: &World| {
        let id = world.engine.table().find(b"take").expect("it is there");
        world.engine.stats.commands[id as usize]
    };
    world.send(1, "TAKE k");
    assert_eq!(calls(&world).calls, 0);
    world.send(0, "SET k 1");
    assert_eq!(world.got(1), "$1 1");
    assert_eq!((calls(&world).calls, calls(&world).duration), (1, Duration::from_micros(1)));
    world.send(1, "TAKE k");
    world.send(0, "CLIENT UNBLOCK 2 ERROR");
    assert_eq!((calls(&world).calls, calls(&world).failed), (2, 1));
    assert_eq!(world.engine.stats.errors.get("UNBLOCKED"), Some(&1));
}

#[test]
fn a_silent_client_is_served_without_a_word() {
    let mut world = World::new(2);
    world.send(1, "CLIENT REPLY SKIP");
    assert_eq!(world.send(1, "TAKE k"), "waits");
    world.send(0, "SET k 1");
    assert_eq!(world.send(0, "EXISTS k"), ":0");
    assert_eq!(world.got(1), "");
    assert_eq!(world.send(1, "PING"), "+PONG");
}

#[test]
fn a_transaction_is_one_unit_and_whom_it_serves_comes_behind() {
    let mut world = World::new(2);
    world.send(1, "TAKE k");
    world.send(0, "MULTI");
    for text in ["SET k 1", "SELECT 1", "SET k 2", "TAKE nothing"] {
        assert_eq!(world.send(0, text), "+QUEUED");
    }
    assert_eq!(world.effects(), "");
    assert_eq!(world.send(0, "EXEC"), "*4 +OK +OK +OK $-1");
    assert_eq!(world.got(1), "$1 1");
    assert_eq!(world.effects(), "MULTI SELECT 0 SET k 1 SELECT 1 SET k 2 EXEC SELECT 0 DEL k");
    world.send(0, "MULTI");
    world.send(0, "SET alone 1");
    world.send(0, "EXEC");
    assert_eq!(world.effects(), "SELECT 1 SET alone 1");
}
