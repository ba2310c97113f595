//! Clocks as a node sees them.

mod common;

use std::time::Duration;

use common::{R, idle_node, millis, run, seconds};
use proptest::prelude::*;
use seawall::runtime::{Monotonic, Now, Runtime};
use seawall_sim::clock::Clock;
use seawall_sim::{NodeId, Simulation};

async fn clocks(sim: &Simulation, node: NodeId) -> Now {
    sim.run_on(node, async { Now { mono: R::now(), wall: R::wall_clock() } }).await.unwrap()
}

#[test]
fn sleeping_takes_virtual_time_only() {
    run(|sim| async move {
        let (mono, wall, before) = (R::now(), R::wall_clock(), sim.true_time());
        R::sleep(seconds(50_000)).await;
        let late = |took: Duration| took.saturating_sub(seconds(50_000));
        assert!(late(R::now() - mono) < millis(1));
        assert!(late(sim.true_time() - before) < millis(1));
        assert_eq!(R::wall_clock().seconds() - wall.seconds(), 50_000);
    });
}

#[test]
fn short_sleeps_are_short_and_past_deadlines_are_no_wait() {
    run(|_| async {
        let start = R::now();
        R::sleep(Duration::from_micros(10)).await;
        let took = R::now() - start;
        assert!((Duration::from_micros(10)..Duration::from_micros(12)).contains(&took), "{took:?}");
        R::sleep_until(Monotonic(0)).await;
        assert!(R::now() - start < Duration::from_micros(13));
    });
}

#[test]
fn sleepers_wake_in_order_and_dropped_ones_do_not() {
    let report = run(|_| async {
        assert!(R::timeout(millis(5), R::sleep(seconds(3))).await.is_err());
        assert!(R::timeout(seconds(3), R::sleep(millis(5))).await.is_ok());
        R::sleep(seconds(10)).await;
    });
    assert_eq!(report.met("timers fired"), 3);
}

#[test]
fn a_jump_moves_the_wall_clock_alone() {
    run(|sim| async move {
        let node = idle_node(&sim);
        let before = clocks(&sim, node).await;
        for (jump, seconds_off) in [(3_600_000_000, 3600), (-7_200_000_000, -3600)] {
            sim.jump_wall_clock(node, jump);
            let after = clocks(&sim, node).await;
            assert_eq!((after.wall.0 - before.wall.0).div_euclid(1_000_000), seconds_off);
            assert!(after.mono - before.mono < millis(1));
        }
        let other = R::wall_clock();
        assert!((other.0 - before.wall.0).abs() < 1_000_000, "other nodes keep theirs");
    });
}

#[test]
fn drift_moves_both_clocks_and_the_sleepers() {
    run(|sim| async move {
        let node = idle_node(&sim);
        sim.set_clock_drift(node, 50_000_000);
        let before = clocks(&sim, node).await;
        R::sleep(seconds(10)).await;
        let after = clocks(&sim, node).await;
        assert!((millis(10_499)..millis(10_501)).contains(&(after.mono - before.mono)));
        assert!((10_499_000..10_501_000).contains(&(after.wall.0 - before.wall.0)));
        let start = sim.true_time();
        sim.run_on(node, R::sleep(seconds(105))).await.unwrap();
        let took = sim.true_time() - start;
        assert!(took > millis(104_999), "the sleep was made for the scenario's clock: {took:?}");
        sim.run_on(node, async { R::sleep(seconds(105)).await }).await.unwrap();
        let took = sim.true_time() - start - took;
        assert!((millis(99_999)..millis(100_001)).contains(&took), "{took:?}");
    });
}

#[test]
fn a_sleeper_follows_a_change_of_its_clock() {
    run(|sim| async move {
        let node = idle_node(&sim);
        let start = sim.true_time();
        let sleeper = sim.run_on(node, async { R::sleep(seconds(100)).await });
        R::sleep(seconds(50)).await;
        sim.set_clock_drift(node, 1_000_000_000);
        sleeper.await.unwrap();
        let took = sim.true_time() - start;
        assert!(
            (millis(74_999)..millis(75_001)).contains(&took),
            "the second half ran twice as fast: {took:?}"
        );
    });
}

#[test]
fn a_reboot_restarts_the_monotonic_clock_and_a_crash_does_not() {
    run(|sim| async move {
        let node = idle_node(&sim);
        sim.jump_wall_clock(node, 5_000_000);
        let first = clocks(&sim, node).await;
        sim.crash(node);
        sim.restart(node);
        let crashed = clocks(&sim, node).await;
        assert!(crashed.mono >= first.mono && crashed.mono - first.mono < millis(10));
        sim.power_loss(node);
        sim.restart(node);
        let booted = clocks(&sim, node).await;
        assert!(booted.mono.0 < 66_000_000_000, "a minute since boot at most");
        assert!((booted.wall.0 - first.wall.0).abs() < 1_000_000, "a battery keeps the wall clock");
    });
}

#[test]
fn std_s_clocks_are_virtual_too() {
    run(|_| async {
        #[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "what a library might do")]
        let read = std::time::Instant::now;
        let start = read();
        R::sleep(seconds(5000)).await;
        assert_eq!(start.elapsed().as_secs(), 5000);
    });
}

proptest! {
    #[test]
    fn a_clock_never_goes_back_and_its_inverse_is_exact(
        changes in prop::collection::vec((1u64..10_000_000_000, -900_000_000i64..3_000_000_000), 1..8),
        ahead in 0u64..50_000_000_000,
    ) {
        let (mut now, mut clock) = (0, Clock::new(0, 77));
        for (passed, drift) in changes {
            let before = clock.monotonic(now);
            now += passed;
            prop_assert!(clock.monotonic(now) >= before);
            let at_change = clock.monotonic(now);
            clock.set_drift(now, drift);
            prop_assert_eq!(clock.monotonic(now), at_change);
        }
        let deadline = Monotonic(clock.monotonic(now).0 + ahead);
        let due = clock.true_time_of(deadline).max(now);
        prop_assert!(clock.monotonic(due) >= deadline, "it wakes late enough");
        prop_assert!(due == now || clock.monotonic(due - 1) < deadline, "and no later");
    }
}
