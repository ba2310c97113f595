//! Names. Changes of names are pending, in order, until the directory is synced; a rename is one change of two names, so
//! that power loss leaves it done or not done. Relative paths start at the root.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};

use crate::random::Random;

/// A file or a directory, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inode(pub u64);

const ROOT: Inode = Inode(0);

/// Directory and name.
type Place = (Inode, String);
type Names = BTreeMap<Place, Inode>;

#[derive(Clone, Debug)]
struct Change(Vec<(Place, Option<Inode>)>);

impl Change {
    fn apply(&self, names: &mut Names) {
        for (place, inode) in &self.0 {
            match inode {
                Some(inode) => names.insert(place.clone(), *inode),
                None => names.remove(place),
            };
        }
    }

    fn touches(&self, places: &BTreeSet<Place>, directory: Inode) -> bool {
        self.0.iter().any(|(place, _)| place.0 == directory || places.contains(place))
    }

    fn builds_on(&self, places: &BTreeSet<Place>) -> bool {
        self.0.iter().any(|(place, _)| places.contains(place))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tree {
    live: Names,
    durable: Names,
    /// Changes that lead from `durable` to `live`.
    pending: Vec<Change>,
    directories: BTreeSet<Inode>,
    last: u64,
}

impl Tree {
    pub fn find_file(&self, path: &Path) -> io::Result<Inode> {
        let inode = self.find(path)?;
        if self.is_directory(inode) { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(inode) }
    }

    pub fn find_directory(&self, path: &Path) -> io::Result<Inode> {
        let inode = self.find(path)?;
        if self.is_directory(inode) { Ok(inode) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub fn create_file(&mut self, path: &Path) -> io::Result<Inode> {
        let place = self.place(path)?;
        let inode = self.next_inode();
        self.change(vec![(place, Some(inode))]);
        Ok(inode)
    }

    pub fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        let mut directory = ROOT;
        for name in components(path)? {
            let place = (directory, name);
            directory = match self.live.get(&place) {
                Some(&inode) if self.is_directory(inode) => inode,
                Some(_) => return Err(io::ErrorKind::NotADirectory.into()),
                None => {
                    let inode = self.next_inode();
                    self.directories.insert(inode);
                    self.change(vec![(place, Some(inode))]);
                    inode
                }
            };
        }
        Ok(())
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.find(from)?;
        let (from, to) = (self.place(from)?, self.place(to)?);
        match self.live.get(&to) {
            Some(&target) if target == inode => return Ok(()),
            Some(&target) if self.is_directory(target) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(_) if self.is_directory(inode) => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        self.change(vec![(from, None), (to, Some(inode))]);
        Ok(())
    }

    pub fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.find_file(path)?;
        let place = self.place(path)?;
        self.change(vec![(place, None)]);
        Ok(())
    }

    pub fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let directory = self.find_directory(path)?;
        let inside = self.live.range((directory, String::new())..(Inode(directory.0 + 1), String::new()));
        Ok(inside.map(|((_, name), _)| name.clone()).collect())
    }

    /// Makes durable every pending change in this directory, and what it builds on.
    pub fn sync_directory(&mut self, directory: Inode) {
        let mut places = BTreeSet::new();
        let mut synced = vec![false; self.pending.len()];
        for (change, synced) in self.pending.iter().zip(&mut synced).rev() {
            *synced = change.touches(&places, directory);
            if *synced {
                places.extend(change.0.iter().map(|(place, _)| place.clone()));
            }
        }
        let mut synced = synced.into_iter();
        for change in std::mem::take(&mut self.pending) {
            if synced.next() == Some(true) {
                change.apply(&mut self.durable);
            } else {
                self.pending.push(change);
            }
        }
    }

    /// Keeps a first part of the pending changes; or, where the journal is not one sequence, some of them, each only with
    /// all that it builds on. Returns how many it kept and lost.
    pub fn lose_power(&mut self, random: &mut Random, in_order: bool) -> (usize, usize) {
        let pending = std::mem::take(&mut self.pending);
        let first = random.below(pending.len() as u64 + 1) as usize;
        let (mut lost, mut kept) = (BTreeSet::new(), 0);
        for (position, change) in pending.iter().enumerate() {
            let is_kept =
                if in_order { position < first } else { !change.builds_on(&lost) && random.chance(0.5) };
            if is_kept {
                kept += 1;
                change.apply(&mut self.durable);
            } else {
                lost.extend(change.0.iter().map(|(place, _)| place.clone()));
            }
        }
        self.live.clone_from(&self.durable);
        (kept, pending.len() - kept)
    }

    /// Every file that has a name now, or would have one after power loss.
    pub fn named_files(&self) -> BTreeSet<Inode> {
        let pending = self.pending.iter().flat_map(|change| change.0.iter().filter_map(|(_, inode)| *inode));
        self.live.values().chain(self.durable.values()).copied().chain(pending).collect()
    }

    fn change(&mut self, entries: Vec<(Place, Option<Inode>)>) {
        let change = Change(entries);
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    fn next_inode(&mut self) -> Inode {
        self.last += 1;
        Inode(self.last)
    }

    fn is_directory(&self, inode: Inode) -> bool {
        inode == ROOT || self.directories.contains(&inode)
    }

    fn find(&self, path: &Path) -> io::Result<Inode> {
        self.walk(&components(path)?)
    }

    fn place(&self, path: &Path) -> io::Result<Place> {
        let mut names = components(path)?;
        let name = names.pop().ok_or(io::ErrorKind::InvalidInput)?;
        let directory = self.walk(&names)?;
        if self.is_directory(directory) {
            Ok((directory, name))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    fn walk(&self, names: &[String]) -> io::Result<Inode> {
        names.iter().try_fold(ROOT, |directory, name| {
            self.live.get(&(directory, name.clone())).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }
}

/// The names that a path leads through.
fn components(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => {
                names.push(name.to_str().ok_or(io::ErrorKind::InvalidFilename)?.to_string());
            }
            Component::ParentDir => drop(names.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(names)
}
