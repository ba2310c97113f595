//! Simulated seconds for each second of processor time: an idle node (ten ticks a second) and ten clients, each of which
//! sends one PING a second; then round trips, when the clients do not wait. `cargo bench -p seawall-sim --bench idle`

use std::time::Duration;

use seawall::config::Config;
use seawall::engine::Identity;
use seawall::node::{Faults, Node, Options as NodeOptions};
use seawall::runtime::Runtime;
use seawall_sim::{Options, RunReport, SimRuntime, Simulation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type R = SimRuntime;

const SERVER: [u8; 4] = [10, 0, 0, 1];

async fn node() {
    let mut config = Config::default();
    config.protected_mode = false;
    let options = NodeOptions {
        config,
        table: seawall::commands::table(),
        host: Box::new(|_, _| ()),
        identity: Identity::default(),
        faults: Faults::default(),
    };
    let node = Node::<R>::start(options).expect("the port is free");
    node.stopped().await.expect("the node goes on");
}

async fn client(pause: Option<Duration>) {
    let mut stream = R::connect((SERVER, 6379).into()).await.expect("the node listens");
    let mut reply = [0; 64];
    loop {
        stream.write_all(b"*1\r\n$4\r\nPING\r\n").await.expect("the node reads");
        if stream.read(&mut reply).await.expect("the node answers") == 0 {
            return;
        }
        if let Some(pause) = pause {
            R::sleep(pause).await;
        }
    }
}

/// Processor time of this process so far. The clocks of std are virtual only inside a run; the kernel's are not touched.
fn processor_seconds() -> f64 {
    #[allow(clippy::disallowed_methods, reason = "outside the world")]
    let stat = std::fs::read("/proc/self/stat").expect("Linux");
    let stat = String::from_utf8_lossy(&stat).into_owned();
    // The name of the program, in parentheses, may contain spaces; user and system time are fields 14 and 15, in 10 ms.
    let fields: Vec<&str> = stat[stat.rfind(')').expect("a name") + 2..].split(' ').collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

/// Processor seconds, and what the run was.
fn measure(seed: u64, virtual_time: Duration, pause: Option<Duration>) -> (f64, RunReport<()>) {
    let before = processor_seconds();
    let report = Simulation::run(seed, Options::default(), move |sim| async move {
        sim.add_node("node", SERVER, node);
        R::sleep(Duration::from_millis(10)).await;
        for number in 1..=10 {
            sim.add_node("client", [10, 0, 1, number], move || client(pause));
        }
        R::sleep(virtual_time).await;
    });
    (processor_seconds() - before, report)
}

fn main() {
    for seed in 1..=3 {
        let (used, report) = measure(seed, Duration::from_secs(20_000), Some(Duration::from_secs(1)));
        let (speed, polls) = (report.virtual_time.as_secs_f64() / used, report.met("polls"));
        println!("idle: {speed:.0} simulated seconds a processor second (seed {seed}, {polls} polls)");
    }
    for seed in 1..=3 {
        let (used, report) = measure(seed, Duration::from_secs(60), None);
        let trips = report.met("segments delivered") as f64 / 2.0;
        println!("busy: {:.0} round trips a processor second (seed {seed})", trips / used);
    }
}
