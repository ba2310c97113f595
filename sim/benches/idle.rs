//! Simulated seconds for each second of processor time: an idle node (ten ticks a second) and ten clients, each of which
//! sends one PING a second. `cargo bench -p seawall-sim --bench idle`

use std::time::Duration;

use seawall::runtime::{Listener, Runtime};
use seawall_sim::{Options, SimRuntime, Simulation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type R = SimRuntime;

const SERVER: [u8; 4] = [10, 0, 0, 1];
const VIRTUAL_SECONDS: u64 = 20_000;

async fn node() {
    R::spawn(async {
        loop {
            R::sleep(Duration::from_millis(100)).await;
        }
    });
    let listener = R::listen((SERVER, 6379).into(), 511).expect("the port is free");
    while let Ok(mut stream) = listener.accept().await {
        R::spawn(async move {
            let mut request = [0; 512];
            while matches!(stream.read(&mut request).await, Ok(1..)) {
                if stream.write_all(b"+PONG\r\n").await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn client() {
    let mut stream = R::connect((SERVER, 6379).into()).await.expect("the node listens");
    let mut reply = [0; 64];
    loop {
        stream.write_all(b"*1\r\n$4\r\nPING\r\n").await.expect("the node reads");
        stream.read(&mut reply).await.expect("the node answers");
        R::sleep(Duration::from_secs(1)).await;
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

fn main() {
    for seed in 1..=3 {
        let before = processor_seconds();
        let report = Simulation::run(seed, Options::default(), |sim| async move {
            sim.add_node("node", SERVER, node);
            R::sleep(Duration::from_millis(10)).await;
            for number in 1..=10 {
                sim.add_node("client", [10, 0, 1, number], client);
            }
            R::sleep(Duration::from_secs(VIRTUAL_SECONDS)).await;
        });
        let used = processor_seconds() - before;
        let speed = report.virtual_time.as_secs_f64() / used;
        println!(
            "seed {seed}: {speed:.0} simulated seconds a processor second ({} polls, trace {:016x})",
            report.met("polls"),
            report.trace_hash
        );
    }
}
