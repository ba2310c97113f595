//! Replicas that are slow, and what that costs the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::fake::{Fake, Told};
use crate::process::{Client, OURS, Room, Server};

const OPTIONS: &[&str] = &["--save", "", "--repl-diskless-sync-delay", "0"];
const MIB: usize = 1 << 20;

/// Writes as fast as it can until it is told to stop.
fn writer(port: u16, stop: Arc<AtomicBool>, written: Arc<AtomicUsize>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut client = Client::open(port).unwrap();
        let value = "x".repeat(1000);
        let requests: Vec<Vec<&str>> = (0..16).map(|_| vec!["SET", "key", &value]).collect();
        while !stop.load(Ordering::Relaxed) {
            client.send_all(&requests);
            requests.iter().for_each(|_| assert_eq!(client.receive(), crate::process::ok()));
            written.fetch_add(16_000, Ordering::Relaxed);
        }
    })
}

#[test]
fn a_slow_replica_reaches_a_busy_primary_without_beginning_anew() {
    let room = Room::new("slow");
    let options = ["--rdbcompression", "no", "--client-output-buffer-limit", "replica 16mb 4mb 1"];
    let server = Server::start(OURS, &room.0, &[OPTIONS, &options].concat());
    server.client().run(&["DEBUG POPULATE 20000 key 1000"]);
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..3).map(|_| writer(server.port, stop.clone(), written.clone())).collect();
    let mut fake = Fake::greet(&server);
    let Told::Full { offset, .. } = fake.psync(None) else { panic!("it begins anew") };
    // 8 MiB a second, until much more has been written than anybody keeps.
    let (begun, mut taken) = (Instant::now(), 0);
    let (mut head, mut acked) = (Vec::new(), None::<Instant>);
    let mut is_loaded = false;
    while written.load(Ordering::Relaxed) < 60 * MIB || !is_loaded {
        assert!(fake.read(), "the replica was dropped after {taken} bytes");
        taken += fake.input.len();
        if !is_loaded {
            head.append(&mut fake.input);
            let mark = head.windows(5).position(|w| w == b"$EOF:").map(|at| head[at + 5..at + 45].to_vec());
            is_loaded = mark.is_some_and(|mark| head.len() > 100 && head.ends_with(&mark));
        }
        fake.input.clear();
        if is_loaded && acked.is_none_or(|at| at.elapsed() > Duration::from_millis(300)) {
            if acked.is_none() {
                // It loads what it got, and says only that it lives.
                (0..3).for_each(|_| fake.live_on(Duration::from_millis(700)));
            }
            // Any place will do: it is alive.
            fake.ack(offset);
            acked = Some(Instant::now());
        }
        let due = Duration::from_secs_f64(taken as f64 / (8 * MIB) as f64);
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    stop.store(true, Ordering::Relaxed);
    // The writers come to their end: the replica goes on taking what there is.
    while !writers.iter().all(|writer| writer.is_finished()) {
        assert!(fake.read());
        fake.input.clear();
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

#[test]
fn one_that_takes_nothing_is_dropped_and_holds_nobody_up_for_long() {
    let room = Room::new("stuck");
    let options = ["--client-output-buffer-limit", "replica 8mb 0 0"];
    let server = Server::start(OURS, &room.0, &[OPTIONS, &options].concat());
    let (mut fake, _, offset) = Fake::synced(&server);
    fake.ack(offset);
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writer = writer(server.port, stop.clone(), written.clone());
    let deadline = Instant::now() + crate::process::PATIENCE;
    while written.load(Ordering::Relaxed) < 40 * MIB {
        assert!(Instant::now() < deadline, "writers wait for a replica that is stuck");
        std::thread::sleep(Duration::from_millis(50));
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    fake.ends();
}
