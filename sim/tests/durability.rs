//! Faults that random runs have found in how the append log outlives crashes, each staged by itself: a node, a client, and one
//! moment at which the disk, the process or the power fails.

mod common;

use common::{R, SERVER, millis, run_with, seconds};
use seawall::config::Config;
use seawall::engine::Identity;
use seawall::node::{Node, Options as NodeOptions};
use seawall::protocol::client::Value;
use seawall::runtime::Runtime;
use seawall_sim::client::Client;
use seawall_sim::{Effect, NodeId, Operation, Options, Simulation, Status, Trap, When};

/// What power loss keeps is up to chance; what has to be kept is not.
const SEEDS: std::ops::Range<u64> = 0..12;
const INCREMENTS: [&str; 2] =
    ["appendonlydir/appendonly.aof.1.incr.aof", "appendonlydir/appendonly.aof.2.incr.aof"];

/// A node with a log, and the world around it.
#[derive(Clone)]
struct Stage {
    sim: Simulation,
    node: NodeId,
}

/// Plays it in several worlds, in which everything is synced before it is answered.
fn play<F: Future<Output = ()> + 'static>(config: &'static str, scene: fn(Stage) -> F) {
    for seed in SEEDS {
        let report = run_with(seed, Options::default(), move |sim| async move {
            let node = sim.add_node("node", SERVER, move || serve(config));
            sim.change_disk(node, |disk| disk.names_in_order = seed % 2 == 0);
            R::sleep(seconds(1)).await;
            scene(Stage { sim, node }).await;
        });
        report.finished();
    }
}

/// The process; its disk may end it.
async fn serve(lines: &'static str) {
    let mut config = Config::default();
    let text = format!("save \"\"\nprotected-mode no\nappendfsync always\n{lines}\n");
    config.load("test", text.as_bytes(), &mut |_| Ok(Vec::new())).expect("it is accepted");
    let options = NodeOptions {
        config,
        table: seawall::commands::table(),
        host: Box::new(|_, _| ()),
        identity: Identity::default(),
        faults: Default::default(),
    };
    if let Ok(node) = Node::<R>::start(options) {
        let _ = node.stopped().await;
    }
}

impl Stage {
    /// One command over a connection of its own; `None` if there is no answer within two seconds.
    async fn call(&self, command: &str) -> Option<Value> {
        let words: Vec<&str> = command.split(' ').collect();
        let mut client = Client::connect((SERVER, 6379).into(), seconds(2)).await.ok()?;
        client.call(&words).await.ok()
    }

    /// The same of one that has to succeed.
    async fn done(&self, command: &str) {
        let reply = self.call(command).await;
        assert!(matches!(reply, Some(Value::Simple(_) | Value::Integer(_))), "{command}: {reply:?}");
    }

    async fn holds(&self, key: &str) -> bool {
        match self.call(&format!("EXISTS {key}")).await {
            Some(Value::Integer(count)) => count == 1,
            other => panic!("EXISTS {key}: {other:?}"),
        }
    }

    async fn info(&self) -> String {
        match self.call("INFO persistence").await {
            Some(Value::Bulk(info)) => String::from_utf8(info).expect("INFO is text"),
            other => panic!("INFO: {other:?}"),
        }
    }

    fn trap(&self, operation: &'static [Operation], path: &str, effect: Effect) {
        self.sim.set_trap(self.node, Trap { path: path.into(), ..Trap::on(operation, effect) });
    }

    /// The process has ended by what happened to it; it comes back, with what the kernel remembers.
    async fn come_back(&self) {
        assert_ne!(self.sim.status(self.node), Status::Running, "nothing has ended it");
        self.sim.clear_traps(self.node);
        self.sim.restart(self.node);
        R::sleep(seconds(2)).await;
        assert_eq!(self.sim.status(self.node), Status::Running, "it serves again");
    }

    /// The machine goes dark, and boots.
    async fn lose_power(&self) {
        self.sim.power_loss(self.node);
        self.come_back().await;
    }
}

#[test]
fn what_a_failed_sync_leaves_in_the_page_cache_is_no_ground_to_build_on() {
    play("appendonly yes", |stage| async move {
        stage.done("SET first 1").await;
        stage.trap(&[Operation::Sync], "incr", Effect::Fail);
        // It has sectors of its own.
        assert_eq!(stage.call(&format!("SET unanswered {}", "x".repeat(2000))).await, None);
        stage.come_back().await;
        stage.done("SET behind 1").await;
        stage.lose_power().await;
        assert!(stage.holds("first").await && stage.holds("behind").await);
    });
}

#[test]
fn a_name_that_a_start_goes_by_is_durable_before_anybody_is_answered() {
    play("appendonly yes", |stage| async move {
        stage.done("SET first 1").await;
        stage.trap(&[Operation::Rename], "manifest", Effect::Crash(When::After));
        stage.call("BGREWRITEAOF").await;
        R::sleep(millis(200)).await;
        stage.come_back().await;
        stage.done("SET second 1").await;
        stage.lose_power().await;
        assert!(stage.holds("first").await && stage.holds("second").await);
    });
}

#[test]
fn content_that_a_start_has_loaded_is_durable_before_anybody_sees_it() {
    play("appendonly yes", |stage| async move {
        stage.trap(&[Operation::Sync], "incr", Effect::Crash(When::Before));
        assert_eq!(stage.call("SET unanswered 1").await, None);
        stage.come_back().await;
        assert!(stage.holds("unanswered").await);
        stage.lose_power().await;
        assert!(stage.holds("unanswered").await, "it was there");
    });
}

#[test]
fn nothing_comes_back_in_an_increment_that_is_made_under_an_old_name() {
    play("appendonly yes", |stage| async move {
        let old = stage.sim.read_file(stage.node, INCREMENTS[0].as_ref()).expect("it is there");
        assert!(old.is_empty());
        // A rewrite that a crash has cut short can leave this, under a name that no manifest has.
        let ghost = b"*3\r\n$3\r\nSET\r\n$5\r\nghost\r\n$1\r\n1\r\n";
        stage.sim.write_file(stage.node, INCREMENTS[1].as_ref(), ghost).expect("there is room");
        // The manifest that names it is durable (its own name was synced before); nothing has been written to it.
        let trap = Trap::on(&[Operation::DirectorySync], Effect::PowerLoss(When::After));
        stage.sim.set_trap(stage.node, Trap { path: "appendonlydir".into(), skip: 1, ..trap });
        stage.call("BGREWRITEAOF").await;
        R::sleep(millis(200)).await;
        stage.come_back().await;
        assert!(stage.sim.read_file(stage.node, INCREMENTS[1].as_ref()).is_ok(), "it is in force");
        assert!(!stage.holds("ghost").await);
    });
}

#[test]
fn a_log_says_that_it_is_in_force_when_all_that_it_was_given_is_durable() {
    play("appendonly yes", |stage| async move {
        stage.done("CONFIG SET appendonly no").await;
        stage.done("SET before 1").await;
        // Saving is quick, syncing what is written meanwhile is not.
        stage.sim.change_disk(stage.node, |disk| disk.sync_latency = millis(20)..millis(300));
        stage.done("CONFIG SET appendonly yes").await;
        let mut count = 0;
        loop {
            let command = format!("SET key:{count} 1");
            // The answer may wait for the sync that makes it true.
            let answered = R::timeout(millis(10), stage.call(&command)).await.ok().flatten().is_some();
            count += u32::from(answered);
            if is_in_force(&stage.info().await) {
                break;
            }
        }
        stage.lose_power().await;
        assert!(stage.holds("before").await);
        for number in 0..count {
            assert!(stage.holds(&format!("key:{number}")).await, "key {number} of {count}");
        }
    });
}

fn is_in_force(info: &str) -> bool {
    ["aof_enabled:1", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"]
        .iter()
        .all(|sign| info.contains(sign))
}
