//! The network as a node sees it.

mod common;

use std::future::Future;
use std::io::ErrorKind;
use std::path::Path;

use common::{R, SERVER, deaf_node, idle_node, kind, millis, pair, run, run_with, seconds, server, timed};
use seawall::runtime::{Address, Listener, Runtime, Stream};
use seawall_sim::{NetworkOptions, NodeId, Options, Simulation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HERE: NodeId = NodeId::SCENARIO;

fn cut(sim: &Simulation, node: NodeId) {
    sim.partition(&[HERE], &[node]);
}

async fn read_some(stream: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut buffer = [0; 1024];
    let length = stream.read(&mut buffer).await?;
    Ok(buffer[..length].to_vec())
}

#[test]
fn bytes_arrive_in_order_after_the_link_s_latency() {
    run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        sim.change_link(HERE, node, |link| link.latency = millis(300)..millis(301));
        client.write_all(b"one ").await.unwrap();
        client.write_all(b"two").await.unwrap();
        let (took, read) = timed(stream.read_exact(&mut [0; 7])).await;
        read.unwrap();
        assert!((millis(299)..millis(305)).contains(&took), "{took:?}");
        stream.write_all(b"back").await.unwrap();
        let (took, read) = timed(read_some(&mut client)).await;
        assert_eq!(read.unwrap(), b"back");
        assert!(took < millis(10), "the other direction kept its latency: {took:?}");
    });
}

#[test]
fn both_ends_know_the_addresses() {
    run(|sim| async move {
        let (_, client, stream) = pair(&sim).await;
        assert_eq!(client.peer_address().unwrap(), Address::Ip(server()));
        assert_eq!(client.local_address().unwrap(), stream.peer_address().unwrap());
        assert_eq!(stream.local_address().unwrap(), Address::Ip(server()));
    });
}

#[test]
fn a_writer_waits_when_the_window_is_full() {
    let report = run(|sim| async move {
        let (_, mut client, mut stream) = pair(&sim).await;
        let mut written = 0;
        while let Ok(length) = client.try_write(&[7; 1000]) {
            written += length;
        }
        assert_eq!(written, 64 * 1024);
        assert!(R::timeout(seconds(60), client.write_all(b"x")).await.is_err());
        stream.read_exact(&mut [0; 100]).await.unwrap();
        client.write_all(&[8; 100]).await.unwrap();
        assert_eq!(kind(client.try_write(b"x")), Some(ErrorKind::WouldBlock));
    });
    assert!(report.met("windows full") > 0);
}

#[test]
fn trying_to_read_nothing_would_block() {
    run(|sim| async move {
        let (_, client, mut stream) = pair(&sim).await;
        assert_eq!(kind(client.try_read(&mut [0; 8])), Some(ErrorKind::WouldBlock));
        stream.write_all(b"abc").await.unwrap();
        std::future::poll_fn(|cx| client.poll_readable(cx)).await.unwrap();
        assert_eq!(client.try_read(&mut [0; 8]).unwrap(), 3);
    });
}

#[test]
fn half_closed_still_carries_the_other_direction() {
    run(|sim| async move {
        let (_, mut client, mut stream) = pair(&sim).await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(kind(client.write(b"more").await), Some(ErrorKind::BrokenPipe));
        let mut question = String::new();
        stream.read_to_string(&mut question).await.unwrap();
        stream.write_all(b"answer").await.unwrap();
        drop(stream);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));
    });
}

#[test]
fn writing_to_a_closed_peer_breaks_at_the_second_write() {
    run(|sim| async move {
        let (_, mut client, stream) = pair(&sim).await;
        drop(stream);
        R::sleep(seconds(1)).await;
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        client.write_all(b"into the void").await.unwrap();
        R::sleep(seconds(1)).await;
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(kind(client.write(b"x").await), Some(ErrorKind::BrokenPipe));
        assert_eq!(kind(client.write(b"x").await), Some(ErrorKind::BrokenPipe));
    });
}

#[test]
fn closing_with_unread_bytes_resets() {
    run(|sim| async move {
        let (_, mut client, mut stream) = pair(&sim).await;
        stream.write_all(b"last words").await.unwrap();
        client.write_all(b"never read").await.unwrap();
        R::sleep(seconds(1)).await;
        drop(stream);
        R::sleep(seconds(1)).await;
        assert_eq!(read_some(&mut client).await.unwrap(), b"last words");
        assert_eq!(kind(client.read(&mut [0; 8]).await), Some(ErrorKind::ConnectionReset));
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0, "the error is told once");
        assert_eq!(kind(client.write(b"x").await), Some(ErrorKind::BrokenPipe));
    });
}

#[test]
fn a_cut_link_holds_bytes_and_fin_back() {
    let report = run(|sim| async move {
        let (node, mut client, stream) = pair(&sim).await;
        cut(&sim, node);
        let mut stream = stream;
        stream.write_all(b"late").await.unwrap();
        drop(stream);
        assert!(R::timeout(seconds(20), client.read(&mut [0; 8])).await.is_err());
        sim.heal();
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "late");
    });
    assert!(report.met("segments lost") >= 5);
}

#[test]
fn a_reset_does_not_pass_a_cut_link_and_is_not_repeated() {
    run(|sim| async move {
        let (node, mut client, stream) = pair(&sim).await;
        client.write_all(b"never read").await.unwrap();
        R::sleep(seconds(1)).await;
        cut(&sim, node);
        drop(stream);
        R::sleep(seconds(1)).await;
        sim.heal();
        assert!(R::timeout(seconds(600), client.read(&mut [0; 8])).await.is_err(), "nobody tells it");
        client.write_all(b"hello?").await.unwrap();
        assert_eq!(kind(client.read(&mut [0; 8]).await), Some(ErrorKind::ConnectionReset));
    });
}

#[test]
fn a_kernel_gives_up_a_closed_socket_that_reaches_nobody() {
    run(|sim| async move {
        let (node, mut client, stream) = pair(&sim).await;
        cut(&sim, node);
        drop(stream);
        R::sleep(seconds(300)).await;
        sim.heal();
        assert!(R::timeout(seconds(600), client.read(&mut [0; 8])).await.is_err(), "its FIN was given up");
    });
}

#[test]
fn one_way_cut_passes_the_other_way_until_the_sender_gives_up() {
    run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        sim.set_cut(node, HERE, true);
        client.write_all(b"request").await.unwrap();
        assert_eq!(read_some(&mut stream).await.unwrap(), b"request");
        stream.write_all(b"reply").await.unwrap();
        let (took, read) = timed(client.read(&mut [0; 8])).await;
        assert_eq!(kind(read), Some(ErrorKind::TimedOut), "no acknowledgement came back");
        assert!((seconds(900)..seconds(1300)).contains(&took), "{took:?}");
    });
}

#[test]
fn one_way_cut_heals() {
    run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        sim.set_cut(node, HERE, true);
        client.write_all(b"request").await.unwrap();
        assert_eq!(read_some(&mut stream).await.unwrap(), b"request");
        stream.write_all(b"reply").await.unwrap();
        R::sleep(seconds(30)).await;
        sim.set_cut(node, HERE, false);
        assert_eq!(read_some(&mut client).await.unwrap(), b"reply");
        R::sleep(seconds(3000)).await;
        client.write_all(b"more").await.unwrap();
        assert_eq!(read_some(&mut stream).await.unwrap(), b"more");
    });
}

#[test]
fn the_window_stays_full_while_acknowledgements_are_cut() {
    run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        sim.set_cut(node, HERE, true);
        client.write_all(&vec![1; 64 * 1024]).await.unwrap();
        stream.read_exact(&mut vec![0; 64 * 1024]).await.unwrap();
        assert_eq!(kind(client.try_write(b"x")), Some(ErrorKind::WouldBlock));
        sim.heal();
        let (took, written) = timed(client.write_all(b"x")).await;
        written.unwrap();
        assert!(took < seconds(2), "{took:?}");
    });
}

#[test]
fn unacknowledged_bytes_time_out() {
    let report = run(|sim| async move {
        let (node, mut client, _stream) = pair(&sim).await;
        cut(&sim, node);
        client.write_all(b"anyone?").await.unwrap();
        let (took, read) = timed(client.read(&mut [0; 8])).await;
        assert_eq!(kind(read), Some(ErrorKind::TimedOut));
        assert!((seconds(900)..seconds(1300)).contains(&took), "{took:?}");
    });
    assert_eq!(report.met("streams timed out"), 1);
}

#[test]
fn groups_are_cut_from_each_other_only() {
    run(|sim| async move {
        let echo = || async {
            let listener = R::listen(([0, 0, 0, 0], 7000).into(), 16).unwrap();
            loop {
                drop(listener.accept().await);
            }
        };
        let nodes: Vec<NodeId> = (1..=4u8).map(|i| sim.add_node("node", [10, 0, 0, i], echo)).collect();
        sim.partition(&nodes[..2], &nodes[2..]);
        for (from, &node) in nodes.iter().enumerate() {
            let reached = sim.run_on(node, async {
                let mut reached = Vec::new();
                for to in 1..=4u8 {
                    let connect = R::timeout(seconds(2), R::connect(([10, 0, 0, to], 7000).into()));
                    reached.push(matches!(connect.await, Ok(Ok(_))));
                }
                reached
            });
            let same_side: Vec<bool> = (0..4).map(|to| (from < 2) == (to < 2)).collect();
            assert_eq!(reached.await.unwrap(), same_side);
        }
    });
}

#[test]
fn connecting_where_nobody_listens_is_refused_at_once() {
    let report = run(|sim| async move {
        idle_node(&sim);
        let (took, result) = timed(R::connect(server())).await;
        assert_eq!(kind(result), Some(ErrorKind::ConnectionRefused));
        assert!(took < millis(10), "{took:?}");
        let loopback = R::connect(([127, 0, 0, 1], 1).into()).await;
        assert_eq!(kind(loopback), Some(ErrorKind::ConnectionRefused));
    });
    assert_eq!(report.met("connects refused"), 2);
}

#[test]
fn connecting_across_a_cut_times_out() {
    let report = run(|sim| async move {
        let node = deaf_node(&sim, 16);
        for (from, to) in [(HERE, node), (node, HERE)] {
            sim.set_cut(from, to, true);
            let (took, result) = timed(R::connect(server())).await;
            assert_eq!(kind(result), Some(ErrorKind::TimedOut));
            assert!((seconds(126)..seconds(129)).contains(&took), "{took:?}");
            sim.heal();
        }
        sim.power_loss(node);
        assert_eq!(kind(R::connect(server()).await), Some(ErrorKind::TimedOut));
        assert_eq!(kind(R::connect(([10, 9, 9, 9], 1).into()).await), Some(ErrorKind::TimedOut));
    });
    assert_eq!(report.met("connects timed out"), 4);
}

#[test]
fn connecting_goes_on_when_the_cut_heals() {
    run(|sim| async move {
        let node = deaf_node(&sim, 16);
        cut(&sim, node);
        let mut connect = std::pin::pin!(R::connect(server()));
        assert!(R::timeout(millis(1500), connect.as_mut()).await.is_err());
        sim.heal();
        let (took, result) = timed(connect).await;
        result.unwrap();
        assert!((millis(1400)..millis(1600)).contains(&took), "the SYN of second 3: {took:?}");
    });
}

#[test]
fn an_abandoned_connect_leaves_nothing() {
    run(|sim| async move {
        let (node, _client, _stream) = pair(&sim).await;
        sim.change_link(node, HERE, |link| link.latency = millis(500)..millis(501));
        assert!(R::timeout(millis(100), R::connect(server())).await.is_err());
        R::sleep(seconds(5)).await;
    });
}

#[test]
fn a_full_backlog_drops_the_syn() {
    let report = run(|sim| async move {
        let node = sim.add_node("slow", SERVER, || async {
            let listener = R::listen(server(), 1).unwrap();
            R::sleep(seconds(5)).await;
            let _streams = [listener.accept().await.unwrap(), listener.accept().await.unwrap()];
            std::future::pending::<()>().await;
        });
        let _waiting = [R::connect(server()).await.unwrap(), R::connect(server()).await.unwrap()];
        R::sleep(millis(100)).await;
        let (took, third) = timed(R::connect(server())).await;
        third.unwrap();
        assert!((seconds(6)..seconds(8)).contains(&took), "the SYN of second 7 fits again: {took:?}");
        sim.restart(node);
        let mut fill = Vec::new();
        for _ in 0..2 {
            fill.push(R::connect(server()).await.unwrap());
        }
        sim.pause(node);
        R::sleep(millis(100)).await;
        assert_eq!(kind(R::connect(server()).await), Some(ErrorKind::TimedOut));
    });
    assert!(report.met("backlog overflows") >= 8);
}

#[test]
fn listening_where_it_cannot_be() {
    run(|_| async move {
        let first = R::listen(([0, 0, 0, 0], 7000).into(), 1).unwrap();
        assert_eq!(kind(R::listen(([127, 0, 0, 1], 7000).into(), 1)), Some(ErrorKind::AddrInUse));
        assert_eq!(kind(R::listen(([10, 77, 0, 1], 7001).into(), 1)), Some(ErrorKind::AddrNotAvailable));
        assert_eq!(kind(R::listen_unix(Path::new("/run/x"), None)), Some(ErrorKind::Unsupported));
        drop(first);
        R::listen(([127, 0, 0, 1], 7000).into(), 1).unwrap();
        let chosen = R::listen(([0, 0, 0, 0], 0).into(), 1).unwrap().local_address().unwrap();
        assert!(matches!(chosen, Address::Ip(address) if address.port() != 0));
    });
}

#[test]
fn closing_a_listener_resets_who_waits_in_it() {
    run(|_| async move {
        let listener = R::listen(([127, 0, 0, 1], 7000).into(), 1).unwrap();
        let mut client = R::connect(([127, 0, 0, 1], 7000).into()).await.unwrap();
        R::sleep(millis(1)).await;
        drop(listener);
        assert_eq!(kind(client.read(&mut [0; 8]).await), Some(ErrorKind::ConnectionReset));
    });
}

#[test]
fn losses_delay_and_never_damage() {
    let report = run(|sim| async move {
        let (_, mut client, mut stream) = pair(&sim).await;
        sim.change_all_links(|link| link.loss = 0.3);
        let sent: Vec<u8> = (0..200u8).collect();
        let writer = async {
            for byte in &sent {
                client.write_all(&[*byte]).await.unwrap();
                R::sleep(millis(5)).await;
            }
            client.shutdown().await.unwrap();
        };
        let (took, ()) = timed(writer).await;
        let mut received = Vec::new();
        let (waited, _) = timed(stream.read_to_end(&mut received)).await;
        assert_eq!(received, sent);
        assert!(took + waited > seconds(3), "{took:?} {waited:?}");
    });
    assert!(report.met("segments lost") > 30);
}

#[test]
fn a_throttled_link_takes_its_time() {
    run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        sim.change_link(HERE, node, |link| link.rate = Some(10_000));
        client.write_all(&vec![1; 50_000]).await.unwrap();
        let (took, read) = timed(stream.read_exact(&mut vec![0; 50_000])).await;
        read.unwrap();
        assert!((millis(4900)..millis(5100)).contains(&took), "{took:?}");
    });
}

#[test]
fn injected_resets_strike_both_ends() {
    let report = run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        assert_eq!(sim.reset_connections(HERE, node), 1);
        assert_eq!(kind(client.read(&mut [0; 8]).await), Some(ErrorKind::ConnectionReset));
        assert_eq!(kind(stream.write(b"x").await), Some(ErrorKind::ConnectionReset));
    });
    assert_eq!(report.met("resets injected"), 1);
}

#[test]
fn a_link_may_reset_by_chance() {
    run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        sim.change_link(HERE, node, |link| link.reset = 0.1);
        let broken = async {
            loop {
                client.write_all(b"x").await?;
                stream.read_exact(&mut [0]).await?;
            }
        };
        let broken: std::io::Result<()> = broken.await;
        assert_eq!(kind(broken), Some(ErrorKind::ConnectionReset));
    });
}

#[test]
fn reads_and_writes_may_be_short() {
    let network = NetworkOptions { short_io: 0.5, ..NetworkOptions::default() };
    let options = Options { network, ..Options::default() };
    let report = run_with(1, options, |sim| async move {
        let (_, mut client, mut stream) = pair(&sim).await;
        let sent: Vec<u8> = (0..40_000u32).map(|i| (i % 251) as u8).collect();
        for piece in sent.chunks(1000) {
            client.write_all(piece).await.unwrap();
        }
        drop(client);
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, sent);
    });
    assert!(report.met("short reads") > 0 && report.met("short writes") > 0);
}

#[test]
fn keepalive_finds_a_dead_peer() {
    run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        client.set_keepalive(Some(seconds(300))).unwrap();
        let idle = R::timeout(seconds(10_000), client.read(&mut [0; 8])).await;
        assert!(idle.is_err(), "a peer that lives answers");
        sim.power_loss(node);
        let (took, read) = timed(client.read(&mut [0; 8])).await;
        assert_eq!(kind(read), Some(ErrorKind::TimedOut));
        assert!((seconds(200)..seconds(600)).contains(&took), "{took:?}");
        assert_eq!(kind(stream.write(b"x").await), Some(ErrorKind::BrokenPipe), "the process is gone");
    });
}

#[test]
fn a_machine_without_power_is_silent_and_resets_when_it_is_back() {
    run(|sim| async move {
        let (node, mut client, _stream) = pair(&sim).await;
        sim.power_loss(node);
        assert!(R::timeout(seconds(100), client.read(&mut [0; 8])).await.is_err());
        client.write_all(b"hello?").await.unwrap();
        assert!(R::timeout(seconds(5), client.read(&mut [0; 8])).await.is_err());
        sim.restart(node);
        let (took, read) = timed(client.read(&mut [0; 8])).await;
        assert_eq!(kind(read), Some(ErrorKind::ConnectionReset));
        assert!(took < seconds(10), "{took:?}");
    });
}

/// What a thin link has still to send goes before what was written when it was sound again.
#[test]
fn power_loss_leaves_no_hole_in_what_was_sent() {
    run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        sim.change_link(node, HERE, |link| link.rate = Some(1));
        stream.write_all(b"the beginning").await.unwrap();
        sim.heal();
        stream.write_all(b"the end").await.unwrap();
        sim.power_loss(node);
        let read = R::timeout(seconds(60), read_some(&mut client)).await;
        assert!(read.is_err(), "{read:?}");
    });
}

#[test]
fn a_crashed_process_has_its_sockets_closed() {
    run(|sim| async move {
        let (node, mut client, mut stream) = pair(&sim).await;
        stream.write_all(b"bye").await.unwrap();
        sim.crash(node);
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "bye", "what was written is the kernel's to send");
        assert_eq!(kind(R::connect(server()).await), Some(ErrorKind::ConnectionRefused));
        assert_eq!(kind(client.write_all(b"x").await), None);
        R::sleep(millis(100)).await;
        assert_eq!(kind(client.write(b"x").await), Some(ErrorKind::BrokenPipe));
    });
}

/// Breaks and mends a link at random until the run ends.
async fn trouble(sim: Simulation, node: NodeId) {
    let mut random = sim.random("trouble", 0);
    loop {
        R::sleep(millis(random.below(100))).await;
        let (one, other) = if random.chance(0.5) { (HERE, node) } else { (node, HERE) };
        match random.below(6) {
            0 => sim.set_cut(one, other, true),
            1 => sim.change_link(one, other, |link| link.loss = 0.2),
            2 => sim.change_link(one, other, |link| link.rate = Some(20_000)),
            3 => sim.change_link(one, other, |link| link.latency = millis(1)..millis(800)),
            4 => sim.change_link(one, other, |link| link.reset = 0.01),
            _ => sim.heal(),
        }
    }
}

/// Writes a known sequence in pieces of many sizes, then closes; how much was taken.
async fn write_sequence(mut stream: impl AsyncWriteExt + Unpin, pieces: u32) -> (usize, bool) {
    let mut written = 0;
    for piece in 0..pieces {
        let bytes: Vec<u8> =
            (written..written + 1 + piece as usize * 37 % 3000).map(|i| (i % 251) as u8).collect();
        if stream.write_all(&bytes).await.is_err() {
            return (written, false);
        }
        written += bytes.len();
        R::sleep(millis(20)).await;
    }
    (written, stream.shutdown().await.is_ok())
}

#[test]
fn whatever_happens_a_reader_sees_what_was_written_up_to_some_point_and_an_end_only_at_the_end() {
    let (mut whole, mut broken) = (0, 0);
    for seed in 0..60 {
        let network = NetworkOptions { short_io: 0.2, segment_bytes: 1000, ..NetworkOptions::default() };
        let options = Options { network, ..Options::default() };
        let report = run_with(seed, options, |sim| async move {
            let (node, client, mut stream) = pair(&sim).await;
            R::spawn(trouble(sim, node));
            let writer = R::timeout(seconds(4000), write_sequence(client, 200));
            let mut received = Vec::new();
            let reader = R::timeout(seconds(4000), stream.read_to_end(&mut received));
            let (written, read) = both(writer, reader).await;
            (written.ok(), read.is_ok_and(|read| read.is_ok()), received)
        });
        let (written, ended, received) = report.finished();
        assert!(received.iter().enumerate().all(|(i, byte)| *byte == (i % 251) as u8), "seed {seed}");
        match (written, ended) {
            (Some((length, true)), true) => {
                assert_eq!(received.len(), length, "seed {seed}");
                whole += 1;
            }
            (Some((_, false)) | None, ended) => {
                assert!(!ended, "seed {seed}: an end that nobody wrote");
                broken += 1;
            }
            (Some((_, true)), false) => broken += 1,
        }
    }
    assert!(whole > 5 && broken > 5, "{whole} whole, {broken} broken");
}

/// Both results, whichever comes first.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|cx| {
        if first.is_none()
            && let std::task::Poll::Ready(value) = one.as_mut().poll(cx)
        {
            first = Some(value);
        }
        if second.is_none()
            && let std::task::Poll::Ready(value) = other.as_mut().poll(cx)
        {
            second = Some(value);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => std::task::Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                std::task::Poll::Pending
            }
        }
    })
    .await
}
