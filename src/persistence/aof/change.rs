//! How one manifest becomes the next: pure transitions, each a list of steps for the node to execute.
//!
//! ```text
//!  no manifest ──first──────────────────────────────────────► b1 i1
//!  old file    ──upgrade──► b(old) ──open──────────────────► b(old) i1
//!
//!               begin_rewrite           end_rewrite             collect
//!  b1 i1      ────────────────► b1 i1 i2 ──────────► b2 h h i2 ─────────► b2 i2
//!                                  │ it fails: nothing to be done, i1 and i2 both stay
//!                                  ▼
//!                               b1 i1 i2 ──begin_rewrite──► b1 i1 i2 i3 ...
//!
//!  any        ──begin_fresh──► (no change; temp-….incr) ──end_fresh──► b2 h.. i2 ──collect──► b2 i2
//! ```
//!
//! A *fresh* rewrite needs nothing of what the manifest names: the log is turned on at run time, or the file that was written
//! to is not to be trusted any more. Until it has ended, what the manifest names is the log; effects go to a temporary
//! increment, which becomes a part of the log together with the base.
//!
//! **What must hold after a crash at any point**, whatever part of what was not yet synced the disk has kept:
//!
//! 1. The manifest that is found is an old one or the new one, whole: it is written beside, synced, renamed.
//! 2. Each file that it names is there, with all that it had when the manifest was put in force: names and contents are made
//!    durable before the manifest is renamed (a directory's changes may become durable in any order).
//! 3. Old and new manifest give the same data set. Nothing that either names is removed before the new one is durable.
//! 4. Only the last increment is ever written to. Before the first byte goes into a new one, the one before it is durable:
//!    `policy` sees to that.
//!
//! **When a step fails**, the rest is not executed, and [`Change::failed`] says which manifest is in force. Before the new
//! manifest was renamed that is the old one, without doubt. Afterwards the disk may hold either; by 3 it is right to go on
//! with the old one, as long as no file that the new one names is removed or used for something else: they are
//! remembered as abandoned, and go when a later manifest is durable.

use super::manifest::{BaseForm, Entry, Manifest, Names};

/// What the node has to do with a file. Names are of files in the log's directory. A step is executed only when all
/// before it have ended well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Create the log's directory if there is none, and make its name durable (sync the directory that it is in).
    CreateDirectory,
    /// Create an empty file; one that is there is cut to nothing.
    Create(String),
    /// Write the data set as it is now as a base in this form into this file, replacing what is there.
    SaveBase(String, BaseForm),
    /// Make this file's content and length durable.
    Sync(String),
    /// Replace this file's content.
    Write(String, Vec<u8>),
    /// Rename a file, replacing the target.
    Rename(String, String),
    /// Bring the file of this name from the directory above into the log's directory, under the same name.
    MoveIn(String),
    /// Make the names in the log's directory durable.
    SyncDirectory,
    /// Make the names in the directory above durable.
    SyncDirectoryAbove,
    /// Remove a file; it is no error if it is not there.
    Remove(String),
}

/// One transition. If all its steps end well, `after` is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// In this order.
    pub steps: Vec<Step>,
    /// In force when they have ended.
    pub after: Manifest,
    before: Manifest,
}

impl Change {
    /// The step at `index` failed, or was not executed: the manifest that is in force, and what to tidy up (it does no harm if
    /// that fails).
    pub fn failed(self, index: usize) -> (Manifest, Vec<Step>) {
        let publishes = Step::Rename(self.after.names.temporary_manifest(), self.after.names.manifest());
        let is_undone = self.steps.iter().position(|step| *step == publishes).is_none_or(|at| index < at);
        let mut before = self.before;
        if is_undone {
            let steps = self.steps.iter().take_while(|step| **step != publishes);
            return (before, steps.flat_map(made_by).map(Step::Remove).collect());
        }
        let made = self.after.live().filter(|entry| !before.is_live(&entry.name));
        let made: Vec<Entry> = made.cloned().collect();
        before.abandoned.extend(made);
        (before, Vec::new())
    }
}

/// The files that there may be because of a step, and that nobody needs if the change does not come about.
fn made_by(step: &Step) -> Vec<String> {
    match step {
        Step::Create(name) | Step::SaveBase(name, _) | Step::Write(name, _) => vec![name.clone()],
        Step::Rename(from, to) => vec![from.clone(), to.clone()],
        _ => Vec::new(),
    }
}

/// Steps under way to a change.
struct Plan {
    steps: Vec<Step>,
    before: Manifest,
    after: Manifest,
}

impl Plan {
    fn from(before: &Manifest) -> Plan {
        Plan { steps: Vec::new(), before: before.clone(), after: before.clone() }
    }

    fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The first sequence from this one on whose name no file has: a manifest made by hand may name files as it likes.
    fn unused(&self, mut sequence: i64, name: impl Fn(&Names, i64) -> String) -> (i64, String) {
        let Manifest { names, history, abandoned, .. } = &self.after;
        loop {
            let name = name(names, sequence);
            let mut known = self.after.live().chain(history).chain(abandoned);
            if !known.any(|entry| entry.name == name) {
                return (sequence, name);
            }
            sequence += 1;
        }
    }

    /// Adds the next increment, and says what it is called.
    fn add_increment(&mut self) -> String {
        let (_, sequence) = self.after.next_sequences();
        let (sequence, name) = self.unused(sequence, |names, sequence| names.increment(sequence));
        self.after.increments.push(Entry { name: name.clone(), sequence });
        name
    }

    /// Puts the next base in the place of all that there is, and says what it is called.
    fn replace_base(&mut self, form: BaseForm) -> String {
        let (sequence, _) = self.after.next_sequences();
        let (sequence, name) = self.unused(sequence, |names, sequence| names.base(sequence, form));
        let old = self.after.base.replace(Entry { name: name.clone(), sequence });
        self.after.history.splice(0..0, old);
        name
    }

    /// Makes history of all increments but the last `kept`.
    fn retire_increments(&mut self, kept: usize) {
        let retired = self.after.increments.len().saturating_sub(kept);
        self.after.history.extend(self.after.increments.drain(..retired));
    }

    /// Makes the finished temporary base durable under its name.
    fn install_base(&mut self, name: String) {
        let temporary = self.after.names.temporary_base();
        self.step(Step::Sync(temporary.clone()));
        self.step(Step::Rename(temporary, name));
    }

    /// Puts the new manifest in force. The files that it names have their content; their names become durable here.
    fn publish(mut self) -> Change {
        let (temporary, name) = (self.after.names.temporary_manifest(), self.after.names.manifest());
        self.step(Step::SyncDirectory);
        self.step(Step::Write(temporary.clone(), self.after.text()));
        self.step(Step::Sync(temporary.clone()));
        self.step(Step::Rename(temporary, name));
        self.step(Step::SyncDirectory);
        // Now no manifest names them.
        let abandoned = std::mem::take(&mut self.after.abandoned);
        let unneeded = abandoned.into_iter().filter(|entry| !self.after.is_live(&entry.name));
        self.steps.extend(unneeded.map(|entry| Step::Remove(entry.name)));
        self.unpublished()
    }

    /// The manifest stays what it is.
    fn unpublished(self) -> Change {
        Change { steps: self.steps, after: self.after, before: self.before }
    }
}

impl Manifest {
    /// There is no log yet: the data set becomes its base, and an increment is opened. `listing` is what the directory holds,
    /// if there is one: files of a log whose manifest was lost are not overwritten.
    pub fn first(names: Names, form: BaseForm, listing: &[String]) -> Change {
        let mut none = Manifest::empty(names);
        let found = listing
            .iter()
            .filter_map(|name| Some(Entry { name: name.clone(), sequence: none.names.sequence(name)? }));
        none.abandoned = found.collect();
        let mut plan = Plan::from(&none);
        plan.step(Step::CreateDirectory);
        plan.step(Step::SaveBase(none.names.temporary_base(), form));
        let base = plan.replace_base(form);
        plan.install_base(base);
        let increment = plan.add_increment();
        plan.step(Step::Create(increment));
        // They may be all that somebody has: they are passed over, but stay.
        plan.after.abandoned.clear();
        plan.publish()
    }

    /// Whether a log of before Redis 7 is to be taken over: its single file stands beside the directory (`old_file`), and this
    /// manifest (the empty one if there is none) knows nothing else. `moved` says whether the directory holds that file.
    pub fn needs_upgrade(&self, old_file: bool, moved: bool) -> bool {
        let only_that =
            self.increments.is_empty() && self.base.as_ref().is_some_and(|base| base.name == self.names.file);
        old_file && (self.is_empty() || only_that && !moved)
    }

    /// Takes a single old file over as base. May be begun again after a crash at any point.
    pub fn upgrade(&self) -> Change {
        let mut plan = Plan::from(self);
        plan.step(Step::CreateDirectory);
        plan.after.base = Some(Entry { name: self.names.file.clone(), sequence: 1 });
        let name = self.names.file.clone();
        let mut change = plan.publish();
        change.steps.extend([Step::MoveIn(name), Step::SyncDirectory, Step::SyncDirectoryAbove]);
        change
    }

    /// After loading: an increment to write to, if there is none yet.
    pub fn open(&self) -> Option<Change> {
        if self.last_increment().is_some() {
            return None;
        }
        let mut plan = Plan::from(self);
        let increment = plan.add_increment();
        plan.step(Step::Create(increment));
        Some(plan.publish())
    }

    /// Opens the increment that will stand beside the base that a rewrite makes. When this is done, `policy` is told that the
    /// rewrite has begun, and in the same moment the snapshot.
    pub fn begin_rewrite(&self) -> Change {
        let mut plan = Plan::from(self);
        let increment = plan.add_increment();
        plan.step(Step::Create(increment));
        plan.publish()
    }

    /// The rewrite's base stands whole in [`Names::temporary_base`]: it and the last increment are the log now.
    pub fn end_rewrite(&self, form: BaseForm) -> Change {
        let mut plan = Plan::from(self);
        let base = plan.replace_base(form);
        plan.install_base(base);
        plan.retire_increments(1);
        plan.publish()
    }

    /// A rewrite while the log is off has ended: its base is all there is.
    pub fn end_rewrite_while_off(&self, form: BaseForm) -> Change {
        let mut plan = Plan::from(self);
        plan.step(Step::CreateDirectory);
        let base = plan.replace_base(form);
        plan.install_base(base);
        plan.retire_increments(0);
        plan.publish()
    }

    /// Opens a temporary increment for a fresh rewrite.
    pub fn begin_fresh(&self) -> Change {
        let mut plan = Plan::from(self);
        plan.step(Step::CreateDirectory);
        plan.step(Step::Create(self.names.temporary_increment()));
        plan.unpublished()
    }

    /// A fresh rewrite's base and its increment become the log. The increment is still being written to, and keeps its open
    /// file; what it holds when its sync begins is what may be counted on.
    pub fn end_fresh(&self, form: BaseForm) -> Change {
        let mut plan = Plan::from(self);
        let base = plan.replace_base(form);
        plan.install_base(base);
        let increment = plan.add_increment();
        plan.retire_increments(1);
        let temporary = self.names.temporary_increment();
        plan.step(Step::Sync(temporary.clone()));
        plan.step(Step::Rename(temporary, increment));
        plan.publish()
    }

    /// Removes what is not needed any more; `None` if there is nothing, or the operator wants it kept (`aof-disable-auto-gc`).
    /// Files go before their mention does, so that none is forgotten.
    pub fn collect(&self, disabled: bool) -> Option<Change> {
        if disabled || self.history.is_empty() {
            return None;
        }
        let mut plan = Plan::from(self);
        // A name may stand twice in a manifest that others wrote: what is needed stays.
        for entry in std::mem::take(&mut plan.after.history) {
            if !self.is_live(&entry.name) {
                plan.step(Step::Remove(entry.name));
            }
        }
        Some(plan.publish())
    }
}
