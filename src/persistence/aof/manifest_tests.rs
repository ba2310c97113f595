//! Manifests at their boundary: texts, and what a crash or a failing disk leaves of each change.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{BaseForm, Change, Entry, Manifest, Names, Step};

fn names() -> Names {
    Names { file: "appendonly.aof".into() }
}

fn parse(text: &str) -> Result<Manifest, (usize, &'static str)> {
    Manifest::parse(names(), text.as_bytes()).map_err(|error| (error.line, error.what))
}

#[test]
fn what_redis_writes_is_read_and_written_alike() {
    let text = "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\n\
                file appendonly.aof.4.incr.aof seq 4 type i\nfile appendonly.aof.5.incr.aof seq 5 type i\n";
    let manifest = parse(text).unwrap();
    assert_eq!(manifest.live().map(|entry| entry.sequence).collect::<Vec<_>>(), [2, 4, 5]);
    assert_eq!(manifest.text(), text.as_bytes());
}

#[test]
fn comments_quotes_and_later_words_are_read() {
    let text = "# made by hand\ntype i seq 7 FILE \"my \\x61of.7\" startoffset 12 endoffset 13 \r\n";
    let manifest = parse(text).unwrap();
    assert_eq!(manifest.increments, [Entry { name: "my aof.7".into(), sequence: 7 }]);
    assert_eq!(manifest.text(), b"file \"my aof.7\" seq 7 type i\n");
    assert!(parse("#\n").unwrap().is_empty());
}

#[test]
fn what_redis_refuses_is_refused() {
    const INVALID: &str = "Invalid AOF manifest file format";
    let long = format!("file {} seq 1 type b\n", "x".repeat(1024));
    let quoted = format!("file {} seq 1 type b\n", "\u{1}".repeat(300));
    let cases = [
        ("", (0, "Found an empty AOF manifest")),
        ("\n", (1, INVALID)),
        ("file a seq 1\n", (1, INVALID)),
        ("file a seq 1 type b startoffset\n", (1, INVALID)),
        ("file a seq 0 type b\n", (1, INVALID)),
        ("file a seq x type b\n", (1, INVALID)),
        ("file \"a seq 1 type b\n", (1, INVALID)),
        ("#\nfile a/b seq 1 type b\n", (2, "File can't be a path, just a filename")),
        ("file a seq 1 type x\n", (1, "Unknown AOF file type")),
        ("file a seq 1 type b", (1, "The AOF manifest file contains too long line")),
        (&long, (1, "The AOF manifest file contains too long line")),
        (&quoted, (1, "The AOF manifest file contains too long line")),
        ("file a seq 1 type b\u{b}file b seq 2 type i\n", (1, "Invalid AOF manifest file format")),
        ("file a seq 1 type b\nfile b seq 2 type b\n", (2, "Found duplicate base file information")),
        ("file a seq 2 type i\nfile b seq 2 type i\n", (2, "Found a non-monotonic sequence number")),
    ];
    for (text, error) in cases {
        assert_eq!(parse(text), Err(error), "{text}");
    }
    let shown = Manifest::parse(names(), b"#\nfile a b\n").unwrap_err().to_string();
    assert_eq!(shown, format!("Reading the manifest file, at line 2\n>>> 'file a b'\n{INVALID}"));
}

/// Before a manifest is put in force nothing goes, and it is put in force by a rename between two syncs of the directory.
#[test]
fn a_rewrite_takes_these_steps() {
    let manifest = parse("file b seq 1 type b\nfile i seq 1 type i\n").unwrap();
    let begun = manifest.begin_rewrite().after;
    let ended = begun.end_rewrite(BaseForm::Dump);
    let (temporary, base) = ("temp-appendonly.aof.base".to_owned(), "appendonly.aof.2.base.rdb".to_owned());
    let (beside, name) = ("temp-appendonly.aof.manifest".to_owned(), "appendonly.aof.manifest".to_owned());
    let text = "file appendonly.aof.2.base.rdb seq 2 type b\nfile b seq 1 type h\nfile i seq 1 type h\n\
                file appendonly.aof.2.incr.aof seq 2 type i\n";
    let wanted = [
        Step::Sync(temporary.clone()),
        Step::Rename(temporary, base),
        Step::SyncDirectory,
        Step::Write(beside.clone(), text.into()),
        Step::Sync(beside.clone()),
        Step::Rename(beside, name),
        Step::SyncDirectory,
    ];
    assert_eq!(ended.steps, wanted);
    let collected = ended.after.collect(false).unwrap();
    assert_eq!(collected.steps[..2], [Step::Remove("b".into()), Step::Remove("i".into())]);
    assert_eq!(ended.after.collect(true), None);
    assert_eq!(collected.after.collect(false), None);
}

#[test]
fn what_is_needed_is_not_removed_whatever_the_history_says() {
    let manifest = parse("file a seq 1 type b\nfile a seq 1 type h\n").unwrap();
    let change = manifest.collect(false).unwrap();
    assert!(!change.steps.contains(&Step::Remove("a".into())));
}

#[test]
fn files_whose_manifest_was_lost_are_passed_over() {
    let listing = ["appendonly.aof.3.base.rdb", "appendonly.aof.8.incr.aof", "other"].map(String::from);
    let change = Manifest::first(names(), BaseForm::Log, &listing);
    let live: Vec<&str> = change.after.live().map(|entry| entry.name.as_str()).collect();
    assert_eq!(live, ["appendonly.aof.4.base.aof", "appendonly.aof.9.incr.aof"]);
    assert!(!change.steps.iter().any(|step| matches!(step, Step::Remove(_))));
}

#[test]
fn a_file_that_is_needed_is_not_begun_anew_whatever_its_name_says() {
    let manifest = parse("file appendonly.aof.2.incr.aof seq 1 type i\n").unwrap();
    assert_eq!(manifest.begin_rewrite().after.increments[1].name, "appendonly.aof.3.incr.aof");
}

/// A file: what is in it, and what of that is durable.
#[derive(Clone, Default)]
struct Inode {
    content: Vec<u8>,
    durable: Vec<u8>,
}

/// A change of a directory that is not durable yet.
#[derive(Clone)]
enum Naming {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

/// A directory, what of it is durable, and all files. Those of the directory above have names that begin with `../`.
#[derive(Clone, Default)]
struct Disk {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    pending: Vec<Naming>,
}

fn apply(names: &mut BTreeMap<String, usize>, naming: &Naming) {
    match naming {
        Naming::Create(name, inode) => drop(names.insert(name.clone(), *inode)),
        Naming::Remove(name) => drop(names.remove(name)),
        Naming::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
    }
}

impl Disk {
    fn name(&mut self, naming: Naming) {
        apply(&mut self.names, &naming);
        self.pending.push(naming);
    }

    fn file(&mut self, name: &str) -> &mut Inode {
        if !self.names.contains_key(name) {
            self.inodes.push(Inode::default());
            self.name(Naming::Create(name.to_owned(), self.inodes.len() - 1));
        }
        &mut self.inodes[self.names[name]]
    }

    fn append(&mut self, name: &str, byte: u8) {
        let file = self.file(name);
        file.content.push(byte);
        file.durable = file.content.clone();
    }

    fn execute(&mut self, step: &Step, data: &[u8]) {
        match step {
            Step::CreateDirectory | Step::SyncDirectoryAbove => {}
            Step::Create(name) => *self.file(name) = Inode::default(),
            Step::SaveBase(name, _) => self.file(name).content = data.to_vec(),
            Step::Write(name, bytes) => self.file(name).content = bytes.clone(),
            Step::Sync(name) => {
                let file = self.file(name);
                file.durable = file.content.clone();
            }
            Step::Rename(from, to) => {
                assert!(self.names.contains_key(from), "{from}");
                self.name(Naming::Rename(from.clone(), to.clone()));
            }
            Step::MoveIn(name) => self.name(Naming::Rename(format!("../{name}"), name.clone())),
            Step::Remove(name) => self.name(Naming::Remove(name.clone())),
            Step::SyncDirectory => {
                self.durable = self.names.clone();
                self.pending.clear();
            }
        }
    }

    /// Power is lost: of what is not durable, `kept` says bit by bit what is there nevertheless.
    fn crash(&self, mut kept: u64) -> Disk {
        let mut keep = || {
            kept = kept.rotate_right(1);
            kept & 1 == 1
        };
        let mut disk = self.clone();
        disk.names = self.durable.clone();
        self.pending.iter().filter(|_| keep()).for_each(|naming| apply(&mut disk.names, naming));
        for inode in &mut disk.inodes {
            if !keep() {
                inode.content = inode.durable.clone();
            }
        }
        Disk { durable: disk.names.clone(), pending: Vec::new(), ..disk }
    }

    fn holds(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// What the disk's manifest amounts to, and the data set that it gives; neither if there is none.
    fn load(&self) -> Option<(Manifest, Vec<u8>)> {
        let read = |name: &str| self.names.get(name).map(|inode| &self.inodes[*inode].content);
        let manifest = Manifest::parse(names(), read("appendonly.aof.manifest")?).expect("a whole manifest");
        let moved = self.holds("appendonly.aof");
        let mut data = Vec::new();
        for entry in manifest.live() {
            let from_above = manifest.needs_upgrade(self.holds("../appendonly.aof"), moved);
            let name = if from_above { "../appendonly.aof" } else { &entry.name };
            data.extend_from_slice(read(name).unwrap_or_else(|| panic!("{name} is missing")));
        }
        Some((manifest, data))
    }
}

/// A node in as far as it keeps a log: it syncs whatever it has appended.
struct World {
    disk: Disk,
    manifest: Manifest,
    data: Vec<u8>,
    /// What must be found after a crash.
    promised: Vec<u8>,
    rewriting: bool,
    /// A fresh rewrite is under way: effects go to the temporary increment.
    fresh: bool,
    /// A fresh rewrite failed: nothing may be written until another one has ended well. What failed late may be
    /// what the disk holds, instead of what is promised.
    failed: Vec<Vec<u8>>,
}

impl World {
    fn effect(&mut self) {
        if !self.failed.is_empty() && !self.fresh {
            return;
        }
        let byte = self.data.len() as u8;
        let name = match self.manifest.last_increment() {
            _ if self.fresh => self.manifest.names.temporary_increment(),
            Some(entry) => entry.name.clone(),
            None => return,
        };
        self.data.push(byte);
        self.disk.append(&name, byte);
        if !self.fresh {
            self.promised = self.data.clone();
        }
    }

    /// Executes a change; a crash at any step must leave the data set of before or of afterwards.
    fn change(&mut self, change: Change, failing: Option<usize>, kept: u64) -> bool {
        let after = self.data.clone();
        for (index, step) in change.steps.iter().enumerate() {
            self.check_crash(kept.rotate_left(index as u32), &after);
            if failing == Some(index) {
                // Whether it has happened all the same is not known.
                if kept & 1 == 1 && !matches!(step, Step::Sync(_) | Step::SyncDirectory) {
                    self.disk.execute(step, &self.data);
                }
                let (manifest, tidy) = change.failed(index);
                self.manifest = manifest;
                tidy.iter().for_each(|step| self.disk.execute(step, &[]));
                self.check_crash(kept, &after);
                return false;
            }
            self.disk.execute(step, &self.data);
        }
        self.manifest = change.after;
        true
    }

    fn check_crash(&self, kept: u64, after: &[u8]) {
        let found = self.disk.crash(kept).load().map(|(_, data)| data);
        let data = found.unwrap_or_default();
        let is_expected = data == self.promised || data == after || self.failed.contains(&data);
        assert!(is_expected, "{data:?}, not {:?} nor {after:?} nor {:?}", self.promised, self.failed);
    }

    fn save_base(&mut self) {
        let name = self.manifest.names.temporary_base();
        let data = self.data.clone();
        self.disk.file(&name).content = data;
    }

    /// Begins or ends a rewrite, or gives one up.
    fn rewrite(&mut self, fresh: bool, failing: Option<usize>, kept: u64) {
        if !self.rewriting {
            let fresh = fresh || !self.failed.is_empty();
            let begun = if fresh { self.manifest.begin_fresh() } else { self.manifest.begin_rewrite() };
            self.rewriting = self.change(begun, failing, kept);
            self.fresh = self.rewriting && fresh;
            if self.rewriting {
                self.save_base();
            }
            return;
        }
        let form = BaseForm::Dump;
        let ended = if self.fresh { self.manifest.end_fresh(form) } else { self.manifest.end_rewrite(form) };
        if self.change(ended, failing, kept) {
            self.promised = self.data.clone();
            self.failed.clear();
        } else if self.fresh {
            self.failed.push(self.data.clone());
        }
        (self.rewriting, self.fresh) = (false, false);
    }

    fn restart(&mut self, kept: u64) {
        self.disk = self.disk.crash(kept);
        let (manifest, data) = self.disk.load().expect("a manifest");
        assert!(data == self.promised || self.failed.contains(&data), "{data:?}");
        (self.promised, self.failed) = (data.clone(), Vec::new());
        (self.manifest, self.data, self.rewriting, self.fresh) = (manifest, data, false, false);
        let change = self.manifest.open();
        change.into_iter().for_each(|change| assert!(self.change(change, None, kept)));
    }
}

/// What happens next, which step of it fails if one does, and what a crash keeps.
fn an_event() -> impl Strategy<Value = (u8, Option<usize>, u64)> {
    (0..8u8, prop::option::weighted(0.3, 0..9usize), any::<u64>())
}

proptest! {
    #[test]
    fn a_manifest_reads_back(entries in prop::collection::vec(("[ -~é\n]{1,12}", 1..9i64), 0..6), base: bool) {
        let valid = |name: &str| !name.contains(['/', '\\']) && name != "." && name != "..";
        let mut manifest = Manifest::empty(names());
        for (index, (name, step)) in entries.into_iter().filter(|(name, _)| valid(name)).enumerate() {
            let last = manifest.last_increment().map_or(0, |entry| entry.sequence);
            let entry = Entry { name, sequence: last + step };
            match index {
                0 if base => manifest.base = Some(entry),
                1 => manifest.history.push(entry),
                _ => manifest.increments.push(entry),
            }
        }
        prop_assume!(!manifest.text().is_empty());
        prop_assert_eq!(Manifest::parse(names(), &manifest.text()), Ok(manifest));
    }

    #[test]
    fn no_text_is_too_odd(text: Vec<u8>) {
        let _ = Manifest::parse(names(), &text);
    }

    /// Whatever is done, fails, and is cut by a loss of power: what was promised is there.
    #[test]
    fn the_data_set_survives(
        old_file: bool,
        events in prop::collection::vec(an_event(), 1..24),
    ) {
        let manifest = Manifest::empty(names());
        let (data, promised, disk) = (Vec::new(), Vec::new(), Disk::default());
        let mut world = World { disk, manifest, data, promised, rewriting: false, fresh: false, failed: Vec::new() };
        if old_file {
            world.disk.append("../appendonly.aof", 0);
            world.disk.execute(&Step::SyncDirectory, &[]);
            world.data.push(0);
            let upgrade = world.manifest.upgrade();
            assert!(world.change(upgrade, None, events[0].2));
            world.promised = world.data.clone();
            world.restart(events[0].2);
        } else {
            let first = Manifest::first(names(), BaseForm::Dump, &[]);
            assert!(world.change(first, None, events[0].2));
        }
        for (event, failing, kept) in events {
            match event {
                0..=2 => world.effect(),
                3 | 4 => world.rewrite(false, failing, kept),
                5 if !world.rewriting => world.rewrite(true, failing, kept),
                6 if !world.fresh => {
                    let collected = world.manifest.collect(false);
                    collected.into_iter().for_each(|change| {
                        world.change(change, failing, kept);
                    });
                }
                7 => world.restart(kept),
                _ => {}
            }
        }
        world.restart(0);
    }
}
