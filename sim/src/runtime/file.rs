//! Open files, and syncing.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::disk::{Consequence, Disk, Inode, SyncTicket};
use crate::ground::{Ground, Life};
use crate::runtime::sleep::Sleep;
use crate::world::World;
use seawall::runtime::{File, OpenMode};

/// An open file.
pub struct SimFile {
    world: Rc<World>,
    life: Life,
    inode: Inode,
    writable: bool,
}

impl SimFile {
    pub(super) fn open(world: Rc<World>, path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        let life = world.life();
        let (create, must_be_new) = (mode != OpenMode::Read, mode == OpenMode::CreateNew);
        let inode = on_disk_of(&world, life, |disk, ground| disk.open(ground, path, create, must_be_new))?;
        Ok(SimFile { world, life, inode, writable: create })
    }

    fn on_disk<T>(&self, action: impl FnOnce(&mut Disk, &mut Ground) -> io::Result<T>) -> io::Result<T> {
        on_disk_of(&self.world, self.life, action)
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

impl File for SimFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.check_writable()?;
        self.on_disk(|disk, ground| disk.write_at(ground, self.inode, bytes, None))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.on_disk(|disk, ground| disk.read_at(ground, self.inode, buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        self.on_disk(|disk, ground| disk.write_at(ground, self.inode, bytes, Some(offset)))
    }

    fn length(&self) -> io::Result<u64> {
        self.on_disk(|disk, _| disk.length(self.inode))
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.check_writable()?;
        self.on_disk(|disk, ground| disk.set_length(ground, self.inode, length))
    }

    fn sync(&self) -> impl Future<Output = io::Result<()>> + 'static {
        let begun = Syncing::begin(Rc::clone(&self.world), self.life, self.inode);
        let is_early = self.on_disk(|disk, _| Ok(disk.lies_about_sync(self.inode))).unwrap_or(false);
        let (world, life) = (Rc::clone(&self.world), self.life);
        async move {
            let (mut syncing, sleep) = begun?;
            let rest = async move {
                sleep.await;
                syncing.finish()
            };
            if !is_early {
                return rest.await;
            }
            world.spawn(life, Box::pin(async move { drop(rest.await) }));
            Ok(())
        }
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if self.world.is_alive(self.life) {
            self.world.on_disk(self.life.node, |disk, _| disk.close(self.inode));
        }
    }
}

/// A sync under way, which keeps its file open; dropping it before its end leaves everything unsynced.
struct Syncing {
    world: Rc<World>,
    life: Life,
    inode: Inode,
    ticket: Option<SyncTicket>,
}

impl Syncing {
    fn begin(world: Rc<World>, life: Life, inode: Inode) -> io::Result<(Syncing, Sleep)> {
        let (ticket, latency) = on_disk_of(&world, life, |disk, ground| {
            let begun = disk.begin_sync(ground, inode)?;
            disk.keep_open(inode);
            Ok(begun)
        })?;
        let sleep = Sleep::for_nanos(Rc::clone(&world), latency);
        Ok((Syncing { world, life, inode, ticket: Some(ticket) }, sleep))
    }

    fn finish(&mut self) -> io::Result<()> {
        // `begin` set it and nothing else takes it.
        let Some(ticket) = self.ticket.take() else { return Ok(()) };
        on_disk_of(&self.world, self.life, |disk, ground| disk.finish_sync(ground, self.inode, ticket))
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        if !self.world.is_alive(self.life) {
            return;
        }
        self.world.on_disk(self.life.node, |disk, _| {
            self.ticket.into_iter().for_each(|ticket| disk.abandon_sync(self.inode, ticket));
            disk.close(self.inode);
        });
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> impl Future<Output = io::Result<()>> + use<> {
    let (world, path) = (World::current(), PathBuf::from(path));
    let life = world.life();
    let begun = on_disk_of(&world, life, |disk, _| disk.begin_directory_sync(&path));
    let sleep = begun.map(|latency| Sleep::for_nanos(Rc::clone(&world), latency));
    async move {
        sleep?.await;
        on_disk_of(&world, life, |disk, ground| disk.finish_directory_sync(ground, &path))
    }
}

/// Does something to the disk of the node whose code runs.
pub(super) fn on_own_disk<T>(action: impl FnOnce(&mut Disk, &mut Ground) -> io::Result<T>) -> io::Result<T> {
    let world = World::current();
    on_disk_of(&world, world.life(), action)
}

fn on_disk_of<T>(
    world: &World,
    life: Life,
    action: impl FnOnce(&mut Disk, &mut Ground) -> io::Result<T>,
) -> io::Result<T> {
    if !world.is_alive(life) {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let act = |disk: &mut Disk, ground: &mut Ground| (action(disk, ground), disk.take_consequence());
    let (result, consequence) = world.on_disk(life.node, act);
    match consequence {
        None => {}
        Some(Consequence::Crash) => world.crash(life.node),
        Some(Consequence::PowerLoss) => world.lose_power(life.node),
        Some(Consequence::Stall(latency)) => world.stall(life.node, latency),
    }
    result
}
