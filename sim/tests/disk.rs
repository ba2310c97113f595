//! The disk as a node sees it, and what is left of it.

mod common;

use std::collections::BTreeSet;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::Path;

use common::{R, idle_node, kind, millis, run, run_with, seconds, timed};
use seawall::runtime::{File, OpenMode, Runtime};
use seawall_sim::runtime::SimFile;
use seawall_sim::{NodeId, Options, Simulation};

const EIO: i32 = 5;

fn open(path: &str) -> SimFile {
    R::open(path.as_ref(), OpenMode::ReadWrite).unwrap()
}

fn write_all(file: &SimFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        bytes = &bytes[file.append(bytes)?..];
    }
    Ok(())
}

/// Runs something as a process of an otherwise idle node.
async fn on<T: 'static>(sim: &Simulation, node: NodeId, work: impl Future<Output = T> + 'static) -> T {
    sim.run_on(node, work).await.expect("the node is up")
}

/// What is left of a file after `work`, power loss and restart, over many seeds; `None` where its name is gone.
fn left_after<F: Future<Output = ()> + 'static>(
    path: &'static str,
    work: impl Fn() -> F + Send + Clone + 'static,
) -> BTreeSet<Option<Vec<u8>>> {
    let one = |seed| {
        let work = work.clone();
        let report = run_with(seed, Options::default(), move |sim| async move {
            let node = idle_node(&sim);
            on(&sim, node, async move { work().await }).await;
            sim.power_loss(node);
            sim.restart(node);
            on(&sim, node, async move { R::read_file(path.as_ref()).ok() }).await
        });
        report.finished()
    };
    (0..40).map(one).collect()
}

fn only(content: &[u8]) -> BTreeSet<Option<Vec<u8>>> {
    BTreeSet::from([Some(content.to_vec())])
}

#[test]
fn a_file_is_read_as_it_was_written() {
    run(|_| async {
        let file = open("dir/../file");
        assert_eq!(file.append(b"hello").unwrap(), 5);
        assert_eq!(file.write_at(b"J", 0).unwrap(), 1);
        assert_eq!(file.write_at(b"!", 7).unwrap(), 1);
        let mut buffer = [9; 16];
        assert_eq!(file.read_at(&mut buffer, 1).unwrap(), 7);
        assert_eq!(&buffer[..7], b"ello\0\0!");
        file.set_length(2).unwrap();
        file.set_length(4).unwrap();
        assert_eq!(R::read_file(Path::new("/file")).unwrap(), b"Je\0\0");
        assert_eq!(file.read_at(&mut buffer, 4).unwrap(), 0);
    });
}

#[test]
fn open_modes() {
    run(|_| async {
        let path = Path::new("file");
        assert_eq!(kind(R::open(path, OpenMode::Read)), Some(ErrorKind::NotFound));
        R::open(path, OpenMode::CreateNew).unwrap();
        assert_eq!(kind(R::open(path, OpenMode::CreateNew)), Some(ErrorKind::AlreadyExists));
        let read_only = R::open(path, OpenMode::Read).unwrap();
        assert_eq!(kind(read_only.append(b"x")), Some(ErrorKind::PermissionDenied));
        assert_eq!(kind(R::open("no/such".as_ref(), OpenMode::ReadWrite)), Some(ErrorKind::NotFound));
    });
}

#[test]
fn names() {
    run(|_| async {
        R::create_directory("a/b".as_ref()).unwrap();
        R::create_directory("a/b".as_ref()).unwrap();
        for name in ["a/z", "a/m", "a/b/inner"] {
            open(name);
        }
        assert_eq!(R::list("a".as_ref()).unwrap(), ["b", "m", "z"]);
        R::rename("a/z".as_ref(), "a/m".as_ref()).unwrap();
        assert_eq!(R::list("a".as_ref()).unwrap(), ["b", "m"]);
        assert_eq!(kind(R::rename("a/z".as_ref(), "a/y".as_ref())), Some(ErrorKind::NotFound));
        assert_eq!(kind(R::rename("a/m".as_ref(), "a/b".as_ref())), Some(ErrorKind::IsADirectory));
        assert_eq!(kind(R::open("a/b".as_ref(), OpenMode::Read)), Some(ErrorKind::IsADirectory));
        assert_eq!(kind(R::list("a/m".as_ref())), Some(ErrorKind::NotADirectory));
        R::remove("a/m".as_ref()).unwrap();
        assert_eq!(kind(R::remove("a/m".as_ref())), Some(ErrorKind::NotFound));
        assert_eq!(R::list("/".as_ref()).unwrap(), ["a"]);
    });
}

#[test]
fn an_open_file_outlives_its_name() {
    run(|sim| async move {
        let node = idle_node(&sim);
        sim.change_disk(node, |disk| disk.capacity_bytes = 100);
        on(&sim, node, async {
            let file = open("file");
            write_all(&file, &[1; 80]).unwrap();
            R::remove("file".as_ref()).unwrap();
            assert_eq!(file.length().unwrap(), 80);
            assert_eq!(open("other").append(&[2; 80]).unwrap(), 20, "its room is still in use");
            drop(file);
            R::sync_directory("/".as_ref()).await.unwrap();
            assert_eq!(open("third").append(&[2; 80]).unwrap(), 80);
        })
        .await;
    });
}

#[test]
fn a_crash_of_the_process_loses_nothing() {
    run(|sim| async move {
        let node = idle_node(&sim);
        on(&sim, node, async { write_all(&open("file"), b"cached").unwrap() }).await;
        sim.crash(node);
        assert_eq!(sim.read_file(node, "file".as_ref()).unwrap(), b"cached");
        sim.restart(node);
        assert_eq!(on(&sim, node, async { R::read_file("file".as_ref()).unwrap() }).await, b"cached");
    });
}

#[test]
fn what_was_synced_survives_power_loss() {
    let left = left_after("file", || async {
        let file = open("file");
        write_all(&file, &[7; 5000]).unwrap();
        file.sync().await.unwrap();
        R::sync_directory("/".as_ref()).await.unwrap();
    });
    assert_eq!(left, only(&[7; 5000]));
}

#[test]
fn unsynced_bytes_are_lost_kept_or_torn_by_sectors() {
    let left = left_after("file", || async {
        let file = open("file");
        write_all(&file, &[1; 512]).unwrap();
        file.sync().await.unwrap();
        R::sync_directory("/".as_ref()).await.unwrap();
        write_all(&file, &[2; 2048]).unwrap();
    });
    let left: Vec<Vec<u8>> = left.into_iter().map(Option::unwrap).collect();
    assert!(left.iter().all(|bytes| bytes.starts_with(&[1; 512])), "the synced part is whole");
    assert!(left.contains(&vec![1; 512]), "all may be lost");
    let holes = |bytes: &&Vec<u8>| bytes.len() == 2560 && bytes.contains(&0) && bytes.contains(&2);
    assert!(left.iter().any(|bytes| holes(&bytes)), "sectors are dropped each on its own");
    for bytes in &left {
        let torn = bytes[512..].chunks(512).any(|sector| sector.iter().any(|byte| *byte != sector[0]));
        assert!(!torn, "a sector is written whole");
    }
}

#[test]
fn an_unsynced_overwrite_leaves_old_or_new_sectors() {
    let left = left_after("file", || async {
        let file = open("file");
        write_all(&file, &[1; 1024]).unwrap();
        file.sync().await.unwrap();
        R::sync_directory("/".as_ref()).await.unwrap();
        file.write_at(&[2; 1024], 0).unwrap();
    });
    let sectors: BTreeSet<(u8, u8)> =
        left.into_iter().flatten().map(|bytes| (bytes[0], bytes[512])).collect();
    assert_eq!(sectors, BTreeSet::from([(1, 1), (1, 2), (2, 1), (2, 2)]));
}

#[test]
fn an_unsynced_cut_may_be_undone() {
    let left = left_after("file", || async {
        let file = open("file");
        write_all(&file, b"0123456789").unwrap();
        file.sync().await.unwrap();
        R::sync_directory("/".as_ref()).await.unwrap();
        file.set_length(2).unwrap();
    });
    assert!(left.contains(&Some(b"0123456789".to_vec())) && left.contains(&Some(b"01".to_vec())));
}

#[test]
fn bytes_written_while_a_sync_runs_are_not_covered_by_it() {
    let left = left_after("file", || async {
        let file = open("file");
        R::sync_directory("/".as_ref()).await.unwrap();
        write_all(&file, &[1; 512]).unwrap();
        let sync = file.sync();
        write_all(&file, &[2; 512]).unwrap();
        sync.await.unwrap();
    });
    assert!(left.iter().flatten().all(|bytes| bytes.starts_with(&[1; 512])));
    assert!(left.contains(&Some(vec![1; 512])));
}

#[test]
fn a_later_sync_covers_what_an_earlier_one_has_begun() {
    let left = left_after("file", || async {
        let file = open("file");
        R::sync_directory("/".as_ref()).await.unwrap();
        write_all(&file, &[1; 512]).unwrap();
        let first = file.sync();
        write_all(&file, &[2; 512]).unwrap();
        file.sync().await.unwrap();
        drop(first);
    });
    assert_eq!(left, only(&[[1; 512], [2; 512]].concat()));
}

#[test]
fn a_sync_that_was_dropped_did_nothing() {
    let left = left_after("file", || async {
        let file = open("file");
        R::sync_directory("/".as_ref()).await.unwrap();
        write_all(&file, &[1; 512]).unwrap();
        drop(file.sync());
    });
    assert!(left.contains(&Some(Vec::new())) && left.contains(&Some(vec![1; 512])));
}

#[test]
fn a_name_is_durable_only_after_its_directory_was_synced() {
    let create = |synced: bool| {
        left_after("file", move || async move {
            let file = open("file");
            write_all(&file, b"x").unwrap();
            file.sync().await.unwrap();
            if synced {
                R::sync_directory("/".as_ref()).await.unwrap();
            }
        })
    };
    assert_eq!(create(true), only(b"x"));
    assert_eq!(create(false), BTreeSet::from([None, Some(b"x".to_vec())]));
}

async fn old_and_new() {
    for (name, content) in [("file", b"old"), ("temp", b"new")] {
        let file = open(name);
        write_all(&file, content).unwrap();
        file.sync().await.unwrap();
    }
    R::sync_directory("/".as_ref()).await.unwrap();
    R::rename("temp".as_ref(), "file".as_ref()).unwrap();
}

#[test]
fn an_unsynced_rename_shows_the_old_or_the_new_file_and_nothing_else() {
    let both = BTreeSet::from([Some(b"old".to_vec()), Some(b"new".to_vec())]);
    assert_eq!(left_after("file", old_and_new), both);
    let synced = left_after("file", || async {
        old_and_new().await;
        R::sync_directory("/".as_ref()).await.unwrap();
    });
    assert_eq!(synced, only(b"new"));
}

#[test]
fn an_unsynced_removal_may_be_undone() {
    let left = left_after("file", || async {
        let file = open("file");
        write_all(&file, b"x").unwrap();
        file.sync().await.unwrap();
        R::sync_directory("/".as_ref()).await.unwrap();
        R::remove("file".as_ref()).unwrap();
    });
    assert_eq!(left, BTreeSet::from([None, Some(b"x".to_vec())]));
}

#[test]
fn a_new_directory_needs_its_parent_synced() {
    let left = left_after("dir/file", || async {
        R::create_directory("dir".as_ref()).unwrap();
        let file = open("dir/file");
        write_all(&file, b"x").unwrap();
        file.sync().await.unwrap();
        R::sync_directory("dir".as_ref()).await.unwrap();
    });
    assert!(left.contains(&None), "the name of the directory itself was not synced");
}

#[test]
fn a_full_disk_takes_what_fits() {
    let report = run(|sim| async move {
        let node = idle_node(&sim);
        sim.change_disk(node, |disk| disk.capacity_bytes = 100);
        on(&sim, node, async {
            let file = open("file");
            assert_eq!(file.append(&[1; 80]).unwrap(), 80);
            assert_eq!(file.append(&[1; 80]).unwrap(), 20);
            assert_eq!(kind(file.append(&[1; 80])), Some(ErrorKind::StorageFull));
            assert_eq!(file.write_at(&[2; 100], 0).unwrap(), 100, "overwriting needs no room");
            assert_eq!(kind(file.set_length(101)), Some(ErrorKind::StorageFull));
            file.set_length(50).unwrap();
            assert_eq!(file.append(&[1; 80]).unwrap(), 50);
        })
        .await;
    });
    assert_eq!(report.met("disk full"), 2);
}

#[test]
fn reads_writes_and_syncs_may_fail() {
    let report = run(|sim| async move {
        let node = idle_node(&sim);
        let file = on(&sim, node, async { open("file") }).await;
        file.append(b"content").unwrap();
        sim.change_disk(node, |disk| (disk.read_error, disk.write_error, disk.sync_error) = (1.0, 1.0, 1.0));
        let failed = |error: Option<io::Error>| error.and_then(|error| error.raw_os_error()) == Some(EIO);
        assert!(failed(file.append(b"x").err()));
        assert!(failed(file.read_at(&mut [0; 4], 0).err()));
        assert!(failed(file.set_length(0).err()));
        assert!(failed(file.sync().await.err()));
        let directory = on(&sim, node, async { R::sync_directory("/".as_ref()).await }).await;
        assert!(failed(directory.err()));
        let rename = on(&sim, node, async { R::rename("file".as_ref(), "other".as_ref()) }).await;
        assert!(failed(rename.err()));
        sim.change_disk(node, |disk| (disk.read_error, disk.write_error, disk.sync_error) = (0.0, 0.0, 0.0));
        assert_eq!(file.length().unwrap(), 7);
    });
    assert_eq!(report.met("disk sync errors"), 2);
    assert_eq!(report.met("disk write errors"), 3);
    assert_eq!(report.met("disk read errors"), 1);
}

#[test]
fn what_a_failed_sync_gave_up_is_lost_although_the_next_succeeds() {
    run(|sim| async move {
        let node = idle_node(&sim);
        let file = on(&sim, node, async { open("file") }).await;
        on(&sim, node, async { R::sync_directory("/".as_ref()).await.unwrap() }).await;
        file.append(&[1; 512]).unwrap();
        sim.change_disk(node, |disk| disk.sync_error = 1.0);
        assert!(file.sync().await.is_err());
        sim.change_disk(node, |disk| disk.sync_error = 0.0);
        file.sync().await.unwrap();
        assert_eq!(sim.read_file(node, "file".as_ref()).unwrap(), [1; 512], "the cache still shows it");
        sim.power_loss(node);
        assert_eq!(sim.read_file(node, "file".as_ref()).unwrap(), [0; 512]);
    });
}

#[test]
fn reads_and_writes_may_be_short() {
    run(|sim| async move {
        let node = idle_node(&sim);
        sim.change_disk(node, |disk| disk.short_io = 0.5);
        let content: Vec<u8> = (0..20_000u32).map(|i| (i % 251) as u8).collect();
        let expected = content.clone();
        let (writes, read) = on(&sim, node, async move {
            let (file, mut rest, mut writes) = (open("file"), &content[..], 0);
            while !rest.is_empty() {
                rest = &rest[file.append(rest).unwrap()..];
                writes += 1;
            }
            (writes, R::read_file("file".as_ref()).unwrap())
        })
        .await;
        assert!(writes > 1);
        assert_eq!(read, expected);
    });
}

#[test]
fn rot_flips_one_bit_for_good() {
    run(|sim| async move {
        let node = idle_node(&sim);
        let path = Path::new("dir/file");
        sim.write_file(node, path, &[0; 1000]).unwrap();
        let position = sim.rot(node, path).unwrap().unwrap();
        sim.power_loss(node);
        let content = sim.read_file(node, path).unwrap();
        assert_eq!(content[position as usize].count_ones(), 1);
        assert_eq!(content.iter().filter(|byte| **byte != 0).count(), 1);
    });
}

#[test]
fn a_sync_takes_as_long_as_the_disk_does() {
    run(|sim| async move {
        sim.change_disk(NodeId::SCENARIO, |disk| disk.sync_latency = millis(700)..millis(701));
        let (took, synced) = timed(open("file").sync()).await;
        synced.unwrap();
        assert!((millis(699)..millis(702)).contains(&took), "{took:?}");
    });
}

#[test]
fn a_process_that_has_ended_writes_no_more() {
    run(|sim| async move {
        let node = idle_node(&sim);
        let file = on(&sim, node, async { open("file") }).await;
        file.append(b"before").unwrap();
        sim.crash(node);
        sim.restart(node);
        R::sleep(seconds(1)).await;
        assert_eq!(kind(file.append(b"after")), Some(ErrorKind::Interrupted));
        assert_eq!(sim.read_file(node, "file".as_ref()).unwrap(), b"before");
    });
}
