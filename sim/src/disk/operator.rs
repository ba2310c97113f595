//! What an operator, or time, does to a disk behind its node's back. No fault strikes here.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::Disk;
use super::tree::Tree;
use crate::coverage::Counter;
use crate::ground::Ground;

impl Disk {
    /// Flips one bit of a file, in the cache and on the disk, at a position chosen by the seed. Returns its byte.
    pub fn rot(&mut self, ground: &mut Ground, path: &Path) -> io::Result<Option<u64>> {
        let inode = self.tree.find_file(path)?;
        let length = self.content(inode)?.length();
        if length == 0 {
            return Ok(None);
        }
        let position = self.random.below(length);
        self.rot_at(ground, path, position)?;
        Ok(Some(position))
    }

    /// The same to a byte at this position.
    pub fn rot_at(&mut self, ground: &mut Ground, path: &Path, position: u64) -> io::Result<()> {
        let inode = self.tree.find_file(path)?;
        let bit = self.random.below(8);
        self.content(inode)?.flip(position, 1 << bit);
        self.record(ground, 11, position);
        ground.count(Counter::BitsFlipped);
        Ok(())
    }

    /// A file's content, without faults.
    pub fn peek(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let inode = self.tree.find_file(path)?;
        let content = self.content(inode)?;
        let mut bytes = vec![0; content.length() as usize];
        content.read_at(&mut bytes, 0);
        Ok(bytes)
    }

    /// Puts a file there, durable with its name and those of its directories, without faults.
    pub fn place(&mut self, ground: &mut Ground, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.record(ground, 13, bytes.len() as u64);
        self.tree.create_directory(path.parent().unwrap_or(Path::new("")))?;
        let inode = match self.tree.find_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.tree.create_file(path)?,
            found => found?,
        };
        let content = self.files.entry(inode).or_default();
        content.set_length(0);
        content.write_at(bytes, 0);
        let ticket = content.begin_sync();
        content.finish_sync(ticket);
        for directory in path.ancestors().skip(1) {
            let directory = self.tree.find_directory(directory)?;
            self.tree.sync_directory(directory);
        }
        Ok(())
    }

    /// A disk taken out and replaced by an empty one.
    pub fn erase(&mut self, ground: &mut Ground) {
        self.record(ground, 12, 0);
        (self.tree, self.files, self.handles) = (Tree::default(), BTreeMap::new(), BTreeMap::new());
        self.paths.clear();
    }
}
