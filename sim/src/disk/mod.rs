//! A node's disk: a tree of directories and files, each with a live image (what the kernel's cache shows) and a durable one
//! (what would be left without power).
//!
//! - Content becomes durable by syncing the file, names by syncing their directory. A crash of the process loses nothing.
//! - Power loss keeps or drops every unsynced sector on its own, and keeps some first part of the unsynced changes of names.
//! - A sync that fails gives up what it should have made durable: reads go on showing it, later syncs succeed, power loss
//!   drops it. So does Linux.
//! - A sync that is under way makes nothing durable before it ends.
//!
//! `tree` holds names, `content` one file's bytes, `trap` faults that wait for one operation, `passage` how an operation comes past
//! them and past faults by chance; this file ties them to trace and counts. `operator` is what happens behind the node's back.

mod content;
mod operator;
mod passage;
mod trap;
mod tree;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::clock::Nanos;
use crate::coverage::Counter;
use crate::ground::Ground;
use crate::options::DiskSettings;
use crate::random::Random;
use crate::trace::Kind;
use content::Content;
pub use content::{SECTOR_BYTES, SyncTicket};
use passage::Passage;
pub use passage::{Consequence, Trouble};
pub use trap::{Effect, Operation, Strike, Trap, When};
pub use tree::Inode;
use tree::Tree;

/// The longest file: it is held in memory, twice.
const FILE_BYTES_MAX: u64 = 1 << 34;

/// EIO's number on Linux.
const EIO: i32 = 5;

/// One node's disk.
#[derive(Debug)]
pub struct Disk {
    /// Its faults; may change at any time.
    pub settings: DiskSettings,
    tree: Tree,
    files: BTreeMap<Inode, Content>,
    /// Open handles of each file; a removed file lives until the last is closed.
    handles: BTreeMap<Inode, u32>,
    /// The path by which each file was last opened or renamed, for traps.
    paths: BTreeMap<Inode, String>,
    traps: Vec<Trap>,
    strikes: Vec<Strike>,
    troubles: Vec<Trouble>,
    consequence: Option<Consequence>,
    random: Random,
    number: u64,
}

impl Disk {
    /// An empty disk. `number` tells it from others in the trace.
    pub fn new(settings: DiskSettings, random: Random, number: u64) -> Disk {
        Disk {
            settings,
            tree: Tree::default(),
            files: BTreeMap::new(),
            handles: BTreeMap::new(),
            paths: BTreeMap::new(),
            traps: Vec::new(),
            strikes: Vec::new(),
            troubles: Vec::new(),
            consequence: None,
            random,
            number,
        }
    }

    /// Opens a file: an existing one, or a new one as the two flags allow. [`Disk::close`] has to follow.
    pub fn open(
        &mut self,
        ground: &mut Ground,
        path: &Path,
        create: bool,
        must_be_new: bool,
    ) -> io::Result<Inode> {
        let inode = match self.tree.find_file(path) {
            Ok(_) if must_be_new => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
                let passage = self.enter(ground, Operation::Create, &text(path))?;
                self.room_for_name(ground)?;
                let inode = self.tree.create_file(path)?;
                self.files.insert(inode, Content::default());
                self.leave(passage);
                inode
            }
            found => found?,
        };
        self.paths.insert(inode, text(path));
        self.keep_open(inode);
        self.record(ground, 1, inode.0);
        Ok(inode)
    }

    /// One more handle on an open file. [`Disk::close`] has to follow.
    pub fn keep_open(&mut self, inode: Inode) {
        *self.handles.entry(inode).or_default() += 1;
    }

    /// Closes a handle.
    pub fn close(&mut self, inode: Inode) {
        if let Some(count) = self.handles.get_mut(&inode) {
            *count -= 1;
            if *count == 0 {
                self.handles.remove(&inode);
                self.forget_unreachable();
            }
        }
    }

    /// Closes all handles: the process is gone.
    pub fn close_all(&mut self) {
        self.files.values_mut().for_each(Content::abandon_syncs);
        self.handles.clear();
        self.forget_unreachable();
    }

    /// Reads at a position.
    pub fn read_at(
        &mut self,
        ground: &mut Ground,
        inode: Inode,
        buffer: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        let path = self.path_of(inode);
        let passage = self.enter(ground, Operation::Read, &path)?;
        self.record(ground, 14, offset);
        let mut limit = buffer.len();
        if self.random.chance(self.settings.short_io) {
            limit = self.random.shorter(limit);
        }
        let count = self.content(inode)?.read_at(&mut buffer[..limit], offset);
        let latency = self.random.nanos(&self.settings.read_latency);
        self.stall(ground, latency);
        self.leave(passage);
        Ok(count)
    }

    /// Writes at a position, or at the end.
    pub fn write_at(
        &mut self,
        ground: &mut Ground,
        inode: Inode,
        bytes: &[u8],
        offset: Option<u64>,
    ) -> io::Result<usize> {
        let path = self.path_of(inode);
        let passage = self.enter(ground, Operation::Write, &path)?;
        let length = self.content(inode)?.length();
        let offset = offset.unwrap_or(length);
        let mut count = self.length_taken(ground, inode, bytes.len(), offset)?;
        match passage {
            Passage::Midway(_) => count = self.random.below(count as u64 + 1) as usize,
            Passage::Full => count = count.min((offset.next_multiple_of(SECTOR_BYTES) - offset) as usize),
            Passage::Free | Passage::Last(_) => {}
        }
        if count == 0 && passage == Passage::Full {
            ground.count(Counter::DiskFull);
            self.note_error(ground);
            return Err(io::ErrorKind::StorageFull.into());
        }
        ground.count(Counter::FileWrites);
        self.record(ground, 2, inode.0);
        ground.trace.bytes(&bytes[..count]);
        match self.settings.lies.forgery {
            Some(forge) => self.content(inode)?.write_at(&forge(&path, &bytes[..count]), offset),
            None => self.content(inode)?.write_at(&bytes[..count], offset),
        }
        let latency = self.random.nanos(&self.settings.write_latency);
        self.stall(ground, latency);
        self.leave(passage);
        Ok(count)
    }

    /// The length in bytes.
    pub fn length(&mut self, inode: Inode) -> io::Result<u64> {
        Ok(self.content(inode)?.length())
    }

    /// Cuts off, or extends with zeros.
    pub fn set_length(&mut self, ground: &mut Ground, inode: Inode, length: u64) -> io::Result<()> {
        let path = self.path_of(inode);
        let passage = self.enter(ground, Operation::SetLength, &path)?;
        let now = self.content(inode)?.length();
        if length > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if length > now && self.room_at(inode, now)? < (length - now) as usize {
            ground.count(Counter::DiskFull);
            self.note_error(ground);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.record(ground, 3, length);
        self.content(inode)?.set_length(length);
        self.leave(passage);
        Ok(())
    }

    /// Begins to sync a file: what is written up to now will be durable when [`Disk::finish_sync`] succeeds. Returns how
    /// long it takes, too.
    pub fn begin_sync(&mut self, ground: &mut Ground, inode: Inode) -> io::Result<(SyncTicket, Nanos)> {
        self.record(ground, 4, inode.0);
        let latency = self.random.nanos(&self.settings.sync_latency);
        self.note_sync(ground, latency);
        Ok((self.content(inode)?.begin_sync(), latency))
    }

    /// Ends a sync.
    pub fn finish_sync(&mut self, ground: &mut Ground, inode: Inode, ticket: SyncTicket) -> io::Result<()> {
        self.record(ground, 5, inode.0);
        let path = self.path_of(inode);
        let entered = self.enter(ground, Operation::Sync, &path);
        let content = self.content(inode)?;
        match entered {
            Ok(passage) => {
                content.finish_sync(ticket);
                ground.count(Counter::FileSyncs);
                self.leave(passage);
                Ok(())
            }
            // The process hears nothing: nothing was given up either.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                content.abandon_sync(ticket);
                Err(error)
            }
            Err(error) => {
                content.fail_sync(ticket);
                if self.settings.lies.sync_errors_hidden { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Whether a sync of this file is to be reported before it is done.
    pub fn lies_about_sync(&self, inode: Inode) -> bool {
        let name = self.settings.lies.sync_reported_early;
        name.is_some_and(|name| self.path_of(inode).contains(name))
    }

    /// Nobody waits for a sync any more: it does nothing.
    pub fn abandon_sync(&mut self, inode: Inode, ticket: SyncTicket) {
        if let Some(content) = self.files.get_mut(&inode) {
            content.abandon_sync(ticket);
        }
    }

    /// How long a sync of a directory takes, if there is such a directory.
    pub fn begin_directory_sync(&mut self, path: &Path) -> io::Result<Nanos> {
        self.tree.find_directory(path)?;
        Ok(self.random.nanos(&self.settings.sync_latency))
    }

    /// Makes the names in a directory durable.
    pub fn finish_directory_sync(&mut self, ground: &mut Ground, path: &Path) -> io::Result<()> {
        let directory = self.tree.find_directory(path)?;
        self.record(ground, 6, directory.0);
        match self.enter(ground, Operation::DirectorySync, &text(path)) {
            Ok(passage) => {
                if !self.settings.lies.directory_sync_skipped {
                    self.tree.sync_directory(directory);
                }
                self.forget_unreachable();
                ground.count(Counter::DirectorySyncs);
                self.leave(passage);
                Ok(())
            }
            Err(error)
                if error.kind() != io::ErrorKind::Interrupted && self.settings.lies.sync_errors_hidden =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Renames a file or directory, replacing a file.
    pub fn rename(&mut self, ground: &mut Ground, from: &Path, to: &Path) -> io::Result<()> {
        let passage = self.enter(ground, Operation::Rename, &text(to))?;
        self.tree.rename(from, to)?;
        if let Ok(inode) = self.tree.find_file(to) {
            self.paths.insert(inode, text(to));
        }
        self.record(ground, 7, 0);
        self.forget_unreachable();
        self.leave(passage);
        Ok(())
    }

    /// Removes a file.
    pub fn remove(&mut self, ground: &mut Ground, path: &Path) -> io::Result<()> {
        let passage = self.enter(ground, Operation::Remove, &text(path))?;
        self.tree.remove_file(path)?;
        self.record(ground, 8, 0);
        self.forget_unreachable();
        self.leave(passage);
        Ok(())
    }

    /// The names in a directory, sorted.
    pub fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.tree.list(path)
    }

    /// Creates a directory and those above it.
    pub fn create_directory(&mut self, ground: &mut Ground, path: &Path) -> io::Result<()> {
        let passage = self.enter(ground, Operation::CreateDirectory, &text(path))?;
        self.room_for_name(ground)?;
        self.record(ground, 9, 0);
        self.tree.create_directory(path)?;
        self.leave(passage);
        Ok(())
    }

    /// Bytes in use: of every file that has a name or a handle.
    pub fn used_bytes(&self) -> u64 {
        self.files.values().map(Content::length).sum()
    }

    /// What power loss leaves behind becomes what the kernel shows after the next boot.
    pub fn lose_power(&mut self, ground: &mut Ground) {
        self.record(ground, 10, 0);
        let (kept, lost) = self.tree.lose_power(&mut self.random, self.settings.names_in_order);
        ground.coverage.add(Counter::NamesKept, kept as u64);
        ground.coverage.add(Counter::NamesLost, lost as u64);
        for content in self.files.values_mut() {
            let (kept, lost) =
                content.lose_power(&mut self.random, self.settings.sector_kept, self.settings.tails_in_order);
            ground.coverage.add(Counter::SectorsKept, kept);
            ground.coverage.add(Counter::SectorsLost, lost);
        }
        self.handles.clear();
        self.forget_unreachable();
    }

    fn content(&mut self, inode: Inode) -> io::Result<&mut Content> {
        self.files.get_mut(&inode).ok_or_else(|| io::Error::from_raw_os_error(EIO))
    }

    /// How much of a write is done: what fits, or by chance less.
    fn length_taken(
        &mut self,
        ground: &mut Ground,
        inode: Inode,
        asked: usize,
        offset: u64,
    ) -> io::Result<usize> {
        if offset.saturating_add(asked as u64) > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut count = asked.min(self.room_at(inode, offset)?);
        if count == 0 && asked > 0 {
            ground.count(Counter::DiskFull);
            self.note_error(ground);
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.random.chance(self.settings.short_io) {
            count = self.random.shorter(count);
        }
        ground.coverage.add(Counter::DiskShortWrites, u64::from(count < asked));
        Ok(count)
    }

    fn room_at(&mut self, inode: Inode, offset: u64) -> io::Result<usize> {
        if self.settings.capacity_bytes == u64::MAX {
            return Ok(usize::MAX);
        }
        let free = self.settings.capacity_bytes.saturating_sub(self.used_bytes());
        let end = self.content(inode)?.length() + free;
        Ok(end.saturating_sub(offset) as usize)
    }

    fn path_of(&self, inode: Inode) -> String {
        self.paths.get(&inode).cloned().unwrap_or_default()
    }

    fn forget_unreachable(&mut self) {
        let named = self.tree.named_files();
        self.files.retain(|inode, _| named.contains(inode) || self.handles.contains_key(inode));
        self.paths.retain(|inode, _| self.files.contains_key(inode));
    }

    fn record(&self, ground: &mut Ground, operation: u64, detail: u64) {
        ground.record(Kind::Disk, self.number << 8 | operation, detail);
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
