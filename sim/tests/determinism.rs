//! The same seed does the same things: on one thread after another, in two processes, and after a rebuild.

use std::time::Duration;

use seawall::runtime::{File, Listener, OpenMode, Runtime};
use seawall_sim::{NetworkOptions, Options, RunReport, SimRuntime, Simulation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type R = SimRuntime;

const SERVER: [u8; 4] = [10, 0, 0, 1];

/// Appends what it is sent to a file, and echoes it.
async fn serve() {
    let listener = R::listen((SERVER, 7000).into(), 128).unwrap();
    loop {
        let mut stream = listener.accept().await.unwrap();
        R::spawn(async move {
            let mut buffer = [0; 256];
            let file = R::open("log".as_ref(), OpenMode::ReadWrite).unwrap();
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                file.append(&buffer[..length]).unwrap();
                let _ = R::blocking(|| 1).await;
                if R::random().is_multiple_of(4) {
                    file.sync().await.unwrap();
                }
                if stream.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn call(client: u64) {
    loop {
        if let Ok(mut stream) = R::connect((SERVER, 7000).into()).await {
            let mut reply = [0; 256];
            for round in 0..50 {
                // Hash maps have to be repeatable as well.
                let set: std::collections::HashSet<u64> = (0..8).map(|i| i * client + round).collect();
                let request = format!("{set:?}");
                if stream.write_all(request.as_bytes()).await.is_err()
                    || stream.read(&mut reply).await.is_err()
                {
                    break;
                }
                R::sleep(Duration::from_millis(R::random() % 50)).await;
            }
        }
        R::sleep(Duration::from_millis(100)).await;
    }
}

fn play(seed: u64) -> RunReport<Vec<u8>> {
    let network = NetworkOptions { short_io: 0.05, ..NetworkOptions::default() };
    Simulation::run(seed, Options { network, ..Options::default() }, |sim| async move {
        sim.change_all_links(|link| link.loss = 0.01);
        let server = sim.add_node("server", SERVER, serve);
        for client in 1..=4 {
            sim.add_node("client", [10, 0, 1, client], move || call(u64::from(client)));
        }
        for _ in 0..3 {
            R::sleep(Duration::from_secs(2)).await;
            sim.power_loss(server);
            R::sleep(Duration::from_secs(1)).await;
            sim.restart(server);
        }
        sim.read_file(server, "log".as_ref()).unwrap_or_default()
    })
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..5 {
        let (one, other) = (play(seed), play(seed));
        assert_eq!(one.trace_hash, other.trace_hash, "seed {seed}");
        assert_eq!(one.coverage, other.coverage, "seed {seed}");
        assert_eq!(one.outcome, other.outcome, "seed {seed}");
    }
}

#[test]
fn another_seed_gives_another_trace() {
    let hashes: std::collections::BTreeSet<u64> = (0..20).map(|seed| play(seed).trace_hash).collect();
    assert_eq!(hashes.len(), 20);
}

#[test]
fn two_processes_give_the_same_trace() {
    const CHILD: &str = "SEAWALL_SIM_CHILD";
    let line =
        |report: &RunReport<Vec<u8>>| format!("trace {:016x} {}", report.trace_hash, report.trace_entries);
    let own = line(&play(42));
    if std::env::var_os(CHILD).is_some() {
        println!("{own}");
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["two_processes_give_the_same_trace", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env("SOMETHING_THAT_MOVES_THE_STACK", "x".repeat(5000))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains(&own), "{own} is not in {printed}");
}
