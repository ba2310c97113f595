//! Lives of nodes, and what a run reports.

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use common::{R, SERVER, idle_node, millis, run, run_with, seconds};
use seawall::runtime::{Listener, Runtime};
use seawall_sim::{NodeId, Options, Outcome, Simulation, Status};

/// A node that counts its starts, and ten times a second a heartbeat of a task of its own.
fn beating(sim: &Simulation) -> (NodeId, Rc<Cell<u32>>, Rc<Cell<u32>>) {
    let (starts, beats) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let counters = (Rc::clone(&starts), Rc::clone(&beats));
    let node = sim.add_node("beating", SERVER, move || {
        let (starts, beats) = counters.clone();
        async move {
            starts.set(starts.get() + 1);
            R::spawn(async move {
                loop {
                    R::sleep(millis(100)).await;
                    beats.set(beats.get() + 1);
                }
            });
            std::future::pending::<()>().await;
        }
    });
    (node, starts, beats)
}

#[test]
fn a_crash_stops_all_tasks_at_once_and_a_restart_begins_again() {
    let report = run(|sim| async move {
        let (node, starts, beats) = beating(&sim);
        R::sleep(millis(1050)).await;
        assert_eq!((starts.get(), beats.get()), (1, 10));
        sim.crash(node);
        assert_eq!(sim.status(node), Status::Ended);
        R::sleep(seconds(10)).await;
        assert_eq!((starts.get(), beats.get()), (1, 10));
        sim.restart(node);
        R::sleep(millis(1050)).await;
        assert_eq!((starts.get(), beats.get()), (2, 20));
        sim.power_loss(node);
        sim.crash(node);
        assert_eq!(sim.status(node), Status::Off, "what has no power cannot crash");
        sim.restart(node);
        sim.restart(node);
        R::sleep(millis(1050)).await;
        assert_eq!((starts.get(), beats.get()), (3, 30), "the first restart was over before it began");
    });
    assert_eq!((report.met("node crashes"), report.met("node power losses")), (2, 1));
}

#[test]
fn a_paused_process_does_nothing_and_goes_on_later() {
    run(|sim| async move {
        let (node, starts, beats) = beating(&sim);
        R::sleep(millis(1050)).await;
        sim.pause(node);
        R::sleep(seconds(10)).await;
        assert_eq!((beats.get(), sim.status(node)), (10, Status::Paused));
        sim.resume(node);
        R::sleep(seconds(1)).await;
        assert_eq!((starts.get(), beats.get()), (1, 20), "the timer that was due fired once");
        sim.pause(node);
        sim.crash(node);
        sim.resume(node);
        assert_eq!(sim.status(node), Status::Ended, "kill -9 reaches what is stopped");
    });
}

#[test]
fn a_process_ends_when_its_main_future_does() {
    run(|sim| async move {
        let beats = Rc::new(Cell::new(0));
        let counter = Rc::clone(&beats);
        let node = sim.add_node("short", SERVER, move || {
            let beats = Rc::clone(&counter);
            async move {
                R::spawn(async move {
                    loop {
                        R::sleep(millis(100)).await;
                        beats.set(beats.get() + 1);
                    }
                });
                R::sleep(millis(550)).await;
            }
        });
        R::sleep(seconds(5)).await;
        assert_eq!((beats.get(), sim.status(node)), (5, Status::Ended));
        assert!(sim.run_on(node, async {}).await.is_none());
    });
}

#[test]
fn what_a_dead_process_drops_has_no_effect() {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            assert!(R::open("testament".as_ref(), seawall::runtime::OpenMode::ReadWrite).is_err());
            R::spawn(async { unreachable!("it belongs to a process that has ended") });
        }
    }
    run(|sim| async move {
        let node = sim.add_node("mortal", SERVER, || async {
            let _last = Last;
            std::future::pending::<()>().await;
        });
        R::sleep(seconds(1)).await;
        sim.crash(node);
        sim.restart(node);
        R::sleep(seconds(1)).await;
        assert!(sim.list_files(node, "/".as_ref()).unwrap().is_empty());
    });
}

#[test]
fn blocking_jobs_take_a_little_time() {
    run(|_| async {
        let start = R::now();
        assert_eq!(R::blocking(|| 6 * 7).await.unwrap(), 42);
        let took = R::now() - start;
        assert!((Duration::from_micros(10)..millis(3)).contains(&took), "{took:?}");
    });
}

#[test]
fn each_node_draws_from_a_stream_of_its_own() {
    let draws = |greedy: bool| {
        run(move |sim| async move {
            let drawn = Rc::new(RefCell::new(Vec::new()));
            for ip in 1..=2u8 {
                let drawn = Rc::clone(&drawn);
                sim.add_node("drawing", [10, 0, 0, ip], move || {
                    let drawn = Rc::clone(&drawn);
                    async move {
                        let more = u8::from(greedy && ip == 1) * 9;
                        (0..more).for_each(|_| _ = R::random());
                        drawn.borrow_mut().push((ip, R::random()));
                    }
                });
            }
            R::sleep(seconds(1)).await;
            drawn.borrow_mut().sort_unstable();
            drawn.take()
        })
        .finished()
    };
    let (modest, greedy) = (draws(false), draws(true));
    assert_ne!(modest[0], greedy[0]);
    assert_eq!(modest[1], greedy[1], "more draws of one node shift nothing on another");
    assert_ne!(modest[0].1, modest[1].1);
}

#[test]
fn a_panic_is_reported_with_what_was_known() {
    let report = Simulation::run(7, Options::default(), |sim| async move {
        sim.count("something rare");
        sim.add_node("faulty", SERVER, || async {
            R::sleep(seconds(3)).await;
            panic!("broken invariant");
        });
        R::sleep(seconds(10)).await;
    });
    assert_eq!(report.outcome, Outcome::Panicked("broken invariant".into()));
    assert_eq!((report.seed, report.virtual_time.as_secs()), (7, 3));
    assert_eq!(report.met("something rare"), 1);
}

#[test]
fn a_run_that_never_ends_is_stopped() {
    let options = Options { time_limit: seconds(60), ..Options::default() };
    let endless = Simulation::run(1, options, |_| async {
        loop {
            R::sleep(seconds(1)).await;
        }
    });
    assert!(matches!(endless.outcome, Outcome::<()>::Panicked(message) if message.contains("time limit")));
    let stuck = Simulation::run(1, Options::default(), |_| std::future::pending::<()>());
    assert!(matches!(stuck.outcome, Outcome::Panicked(message) if message.contains("block forever")));
}

#[test]
fn threads_are_forbidden() {
    let report = Simulation::run(1, Options::default(), |sim| async move {
        idle_node(&sim);
        #[allow(clippy::disallowed_methods, reason = "what a library might do")]
        let started = std::panic::catch_unwind(|| std::thread::spawn(|| {}));
        started.is_err()
    });
    assert!(report.finished());
}

#[test]
fn the_order_of_ready_tasks_comes_from_the_seed() {
    let order = |seed| {
        let report = run_with(seed, Options::default(), |_| async {
            let order = Rc::new(RefCell::new(String::new()));
            for name in 'a'..='e' {
                let order = Rc::clone(&order);
                R::spawn(async move { order.borrow_mut().push(name) });
            }
            R::sleep(seconds(1)).await;
            order.take()
        });
        report.finished()
    };
    assert_eq!(order(1), order(1));
    let orders: std::collections::BTreeSet<String> = (0..20).map(order).collect();
    assert!(orders.len() > 10, "{orders:?}");
}

#[test]
fn a_run_leaves_nothing_behind() {
    for panics in [false, true] {
        let token = Arc::new(());
        let held = Arc::clone(&token);
        let report = Simulation::run(1, Options::default(), move |sim| async move {
            let node = sim.add_node("holding", SERVER, move || {
                let held = Arc::clone(&held);
                async move {
                    let listener = R::listen((SERVER, 7000).into(), 16).unwrap();
                    let stream = listener.accept().await.unwrap();
                    R::sleep(seconds(1000)).await;
                    drop((stream, held));
                }
            });
            let _stream = R::connect((SERVER, 7000).into()).await.unwrap();
            sim.crash(node);
            sim.restart(node);
            let _stream = R::connect((SERVER, 7000).into()).await.unwrap();
            R::sleep(seconds(1)).await;
            assert!(!panics, "as planned");
        });
        assert_eq!(matches!(report.outcome, Outcome::Panicked(_)), panics);
        assert_eq!(Arc::strong_count(&token), 1);
    }
}
