//! Traps on a node's disk, disks that stop their node, and disks that lie.

mod common;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::rc::Rc;

use common::{R, SERVER, idle_node, kind, millis, run, run_with, seconds, timed};
use seawall::runtime::{File, OpenMode, Runtime};
use seawall_sim::runtime::SimFile;
use seawall_sim::{Effect, NodeId, Operation, Options, Simulation, Status, Trap, When};

const EIO: i32 = 5;

fn open(path: &str) -> SimFile {
    R::open(path.as_ref(), OpenMode::ReadWrite).unwrap()
}

/// Runs something as a process of an otherwise idle node; `None` if the node ends first.
async fn on<T: 'static>(
    sim: &Simulation,
    node: NodeId,
    work: impl Future<Output = T> + 'static,
) -> Option<T> {
    sim.run_on(node, work).await
}

fn is_eio(result: io::Result<impl Sized>) -> bool {
    result.err().and_then(|error| error.raw_os_error()) == Some(EIO)
}

/// Every kind of change, one after the other: what servers do to replace a file. A dead process never comes to its end.
async fn replace() {
    let done = try_to_replace().await;
    R::sleep(millis(1)).await;
    done.unwrap();
}

async fn try_to_replace() -> io::Result<()> {
    R::create_directory("dir".as_ref())?;
    let open = |path: &str| R::open(path.as_ref(), OpenMode::ReadWrite);
    let file = open("dir/temp")?;
    file.append(&[7; 100])?;
    file.set_length(50)?;
    file.sync().await?;
    R::rename("dir/temp".as_ref(), "dir/file".as_ref())?;
    R::sync_directory("dir".as_ref()).await?;
    open("dir/other")?.append(b"x")?;
    R::remove("dir/other".as_ref())
}

#[test]
fn a_trap_strikes_the_operations_that_it_waits_for() {
    let report = run(|sim| async move {
        let node = idle_node(&sim);
        let trap =
            Trap { path: "log".into(), skip: 1, times: 2, ..Trap::on(&[Operation::Write], Effect::Fail) };
        sim.set_trap(node, trap);
        let work = async {
            let (log, other) = (open("log"), open("other"));
            assert!(log.append(b"1").is_ok(), "one passes");
            assert!(other.append(b"1").is_ok(), "another file");
            assert!(is_eio(log.append(b"2")));
            assert!(log.sync().await.is_ok(), "another operation");
            assert!(is_eio(log.append(b"3")));
            assert!(log.append(b"4").is_ok(), "the trap is spent");
            R::read_file("log".as_ref()).unwrap()
        };
        assert_eq!(on(&sim, node, work).await.unwrap(), b"14");
        assert_eq!(sim.strikes(node).len(), 2);
    });
    assert_eq!(report.met("traps sprung"), 2);
}

#[test]
fn a_path_is_the_last_one_that_the_file_was_given() {
    run(|sim| async move {
        let node = idle_node(&sim);
        let trap = Trap { path: "new".into(), ..Trap::on(&[Operation::Sync], Effect::Fail) };
        sim.set_trap(node, trap);
        let work = async {
            let file = open("old");
            file.sync().await.unwrap();
            R::rename("old".as_ref(), "new".as_ref()).unwrap();
            is_eio(file.sync().await)
        };
        assert!(on(&sim, node, work).await.unwrap());
    });
}

#[test]
fn a_full_disk_by_trap_takes_what_ends_the_sector() {
    run(|sim| async move {
        let node = idle_node(&sim);
        sim.set_trap(node, Trap { skip: 1, times: 2, ..Trap::on(&[Operation::Write], Effect::Full) });
        on(&sim, node, async {
            let file = open("file");
            file.append(&[1; 500]).unwrap();
            assert_eq!(file.append(&[2; 500]).unwrap(), 12);
            assert_eq!(kind(file.append(&[2; 500])), Some(ErrorKind::StorageFull));
            assert_eq!(file.append(&[2; 500]).unwrap(), 500, "somebody made room");
        })
        .await
        .unwrap();
    });
}

#[test]
fn new_names_may_find_no_room_on_a_full_disk() {
    let create = |seed| {
        let report = run_with(seed, Options::default(), |sim| async move {
            let node = idle_node(&sim);
            sim.write_file(node, "file".as_ref(), &[0; 100]).unwrap();
            sim.change_disk(node, |disk| disk.capacity_bytes = 100);
            on(&sim, node, async { kind(R::open("new".as_ref(), OpenMode::CreateNew)) }).await.unwrap()
        });
        report.finished()
    };
    let found: BTreeSet<Option<ErrorKind>> = (0..20).map(create).collect();
    assert_eq!(found, BTreeSet::from([None, Some(ErrorKind::StorageFull)]));
}

/// What is left after everything ended at the k-th change of [`replace`]; `None` when there are no more.
fn ended_at(k: u64, effect: Effect) -> Option<(Status, Vec<String>)> {
    let report = run(move |sim| async move {
        let node = idle_node(&sim);
        sim.set_trap(node, Trap { skip: k, ..Trap::on(Operation::CHANGES, effect) });
        let finished = on(&sim, node, replace()).await;
        assert_eq!(finished.is_none(), sim.strikes(node).len() == 1);
        let status = sim.status(node);
        finished.is_none().then(|| (status, sim.list_files(node, "dir".as_ref()).unwrap_or_default()))
    });
    report.finished()
}

#[test]
fn a_crash_can_be_put_at_every_change() {
    let left = |when| -> Vec<Vec<String>> {
        let ends = (0..).map_while(|k| ended_at(k, Effect::Crash(when)));
        ends.map(|(status, names)| {
            assert_eq!(status, Status::Ended);
            names
        })
        .collect()
    };
    let (before, after) = (left(When::Before), left(When::After));
    assert_eq!(before.len(), 10, "each change of `replace`");
    assert_eq!(before[1..], after[..9], "what is done after one change is all there before the next");
    assert_eq!(before[5], ["temp"]);
    assert_eq!(after[5], ["file"], "the rename was done");
}

#[test]
fn power_can_be_lost_at_every_change() {
    let ends: Vec<_> = (0..).map_while(|k| ended_at(k, Effect::PowerLoss(When::After))).collect();
    assert_eq!(ends.len(), 10);
    assert!(ends.iter().all(|(status, _)| *status == Status::Off));
}

#[test]
fn a_write_may_be_half_done_when_all_ends() {
    let lengths: BTreeSet<usize> = (0..20)
        .map(|seed| {
            let report = run_with(seed, Options::default(), |sim| async move {
                let node = idle_node(&sim);
                sim.set_trap(node, Trap::on(&[Operation::Write], Effect::Crash(When::Midway)));
                let finished = on(&sim, node, async {
                    let file = open("file");
                    let _ = file.append(&[1; 1000]);
                    assert_eq!(kind(file.append(b"more")), Some(ErrorKind::Interrupted), "it is dead");
                    R::sleep(seconds(1)).await;
                });
                assert!(finished.await.is_none());
                sim.read_file(node, "file".as_ref()).unwrap().len()
            });
            report.finished()
        })
        .collect();
    assert!(lengths.len() > 5 && lengths.iter().all(|length| *length <= 1000), "{lengths:?}");
}

/// A value that looks at what its node's code holds when it is dropped.
struct Guard(Rc<std::cell::RefCell<u32>>);

impl Drop for Guard {
    fn drop(&mut self) {
        *self.0.borrow_mut() += 1;
    }
}

#[test]
fn what_the_node_holds_is_let_go_before_its_other_tasks_are_dropped() {
    run(|sim| async move {
        let shared = Rc::new(std::cell::RefCell::new(0));
        let node = {
            let shared = Rc::clone(&shared);
            sim.add_node("node", SERVER, move || {
                let guard = Guard(Rc::clone(&shared));
                async move {
                    let _guard = guard;
                    std::future::pending::<()>().await;
                }
            })
        };
        sim.set_trap(node, Trap::on(&[Operation::Write], Effect::Crash(When::After)));
        let held = Rc::clone(&shared);
        let finished = on(&sim, node, async move {
            let file = open("file");
            let held = held.borrow_mut();
            file.append(b"x").unwrap();
            drop(held);
            R::sleep(seconds(1)).await;
        });
        assert!(finished.await.is_none());
        assert_eq!(*shared.borrow(), 1, "the node's own task is gone");
    });
}

#[test]
fn a_slow_write_stops_the_whole_process() {
    let report = run(|sim| async move {
        let node = idle_node(&sim);
        sim.change_disk(node, |disk| disk.write_latency = millis(300)..millis(301));
        let ticks = Rc::new(Cell::new(0));
        let counted = Rc::clone(&ticks);
        let ticking = sim.run_on(node, async move {
            loop {
                R::sleep(millis(10)).await;
                counted.set(counted.get() + 1);
            }
        });
        R::sleep(millis(100)).await;
        let before = ticks.get();
        let file = on(&sim, node, async { open("file") }).await.unwrap();
        let write = async move {
            // The second waits for the first.
            file.append(b"x").unwrap();
            file.append(b"x").unwrap();
            R::sleep(millis(1)).await;
        };
        let (took, _) = timed(on(&sim, node, write)).await;
        assert!((millis(600)..millis(620)).contains(&took), "{took:?}");
        assert!(ticks.get() <= before + 2, "nothing else of the process ran");
        R::sleep(millis(100)).await;
        assert!(ticks.get() > before + 5, "it goes on");
        drop(ticking);
    });
    assert_eq!(report.met("disk stalls"), 2);
}

#[test]
fn unsynced_changes_of_names_may_be_kept_out_of_order() {
    let left = |in_order: bool| -> BTreeSet<Vec<String>> {
        let one = move |seed| {
            let report = run_with(seed, Options::default(), move |sim| async move {
                let node = idle_node(&sim);
                sim.change_disk(node, |disk| disk.names_in_order = in_order);
                on(&sim, node, async {
                    drop((open("a"), open("b")));
                    R::rename("a".as_ref(), "c".as_ref()).unwrap();
                })
                .await;
                sim.power_loss(node);
                sim.list_files(node, "/".as_ref()).unwrap()
            });
            report.finished()
        };
        (0..60).map(one).collect()
    };
    let names = |all: &[&[&str]]| -> BTreeSet<Vec<String>> {
        all.iter().map(|names| names.iter().map(ToString::to_string).collect()).collect()
    };
    assert_eq!(left(true), names(&[&[], &["a"], &["a", "b"], &["b", "c"]]));
    // Never "c" without "a" having been there: a change keeps what it builds on.
    assert_eq!(left(false), names(&[&[], &["a"], &["b"], &["a", "b"], &["c"], &["b", "c"]]));
}

#[test]
fn lies_are_seen_only_when_power_is_lost() {
    type Lie = fn(&mut seawall_sim::Lies);
    let lies: [(Lie, bool); 3] = [
        (|lies| lies.directory_sync_skipped = true, true),
        (|lies| lies.sync_reported_early = Some("file"), false),
        (|lies| lies.sync_errors_hidden = true, false),
    ];
    for (lie, name_is_lost) in lies {
        let report = run(move |sim| async move {
            let node = idle_node(&sim);
            sim.change_disk(node, |disk| lie(&mut disk.lies));
            sim.change_disk(node, |disk| disk.sector_kept = 0.0);
            sim.set_trap(node, Trap::on(&[Operation::Sync], Effect::Fail));
            let work = async {
                let file = open("file");
                R::sync_directory("/".as_ref()).await.unwrap();
                file.append(&[1; 512]).unwrap();
                file.sync().await
            };
            let synced = on(&sim, node, work).await.unwrap();
            sim.power_loss(node);
            (synced.is_ok(), sim.read_file(node, Path::new("file")).ok())
        });
        let (reported, left) = report.finished();
        assert_eq!(reported, !name_is_lost, "a failed sync is told, unless it is hidden or not awaited");
        assert!(left.is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0)));
    }
}
