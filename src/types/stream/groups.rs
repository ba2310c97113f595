//! The groups of a stream, by name, with the account of their memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Bound, Deref, DerefMut};

use super::group::Group;
use super::walk::GroupWalk;
use super::weight::map_bytes;
use crate::types::shared::Held;
use crate::types::size_class;

/// All groups.
#[derive(Debug, Default)]
pub struct Groups {
    by_name: BTreeMap<Box<[u8]>, Box<Group>>,
    /// What groups and names have allocated.
    bytes: usize,
    pending: usize,
    /// Shows the groups as they were.
    walk: RefCell<Option<Box<GroupWalk>>>,
}

/// What a group takes, with its name.
fn weight(name: &[u8], group: &Group) -> usize {
    size_class(name.len()) + size_class(size_of::<Group>()) + group.memory_bytes()
}

impl Clone for Groups {
    fn clone(&self) -> Groups {
        let by_name = self.by_name.clone();
        // A copy has no room to spare, so its account is its own.
        let bytes = by_name.iter().map(|(name, group)| weight(name, group)).sum();
        Groups { by_name, bytes, pending: self.pending, walk: RefCell::default() }
    }
}

impl Groups {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Entries that are not acknowledged, those of all groups together.
    pub fn pending_len(&self) -> usize {
        self.pending
    }

    /// Bytes allocated, by size class.
    pub fn memory_bytes(&self) -> usize {
        self.bytes + map_bytes(self.by_name.len(), size_of::<(Box<[u8]>, Box<Group>)>())
    }

    /// The groups with their names, in the order of names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.by_name.iter().map(|(name, group)| (&**name, &**group))
    }

    /// A group.
    pub fn get(&self, name: &[u8]) -> Option<&Group> {
        self.by_name.get(name).map(|group| &**group)
    }

    /// A group, to be changed; what is held is let go of with it.
    pub(super) fn edit<'a>(&'a mut self, name: &[u8], held: Option<Held<'a>>) -> Option<GroupEdit<'a>> {
        let group = self.by_name.get_mut(name)?;
        if let Some(walk) = self.walk.get_mut()
            && walk.wants(name)
        {
            walk.save(name, Some(group.clone()));
        }
        let before = (group.memory_bytes(), group.pending_len());
        Some(GroupEdit { group, before, bytes: &mut self.bytes, pending: &mut self.pending, _held: held })
    }

    /// Begins a walk over the groups as they are now.
    pub(super) fn begin_walk(&self) {
        self.walk.replace(Some(Box::default()));
    }

    /// Shows the next group of a walk; false when there is none.
    pub(super) fn walk(&self, each: &mut dyn FnMut(&[u8], &Group)) -> bool {
        let mut held = self.walk.borrow_mut();
        let Some(walk) = held.as_mut() else { return false };
        loop {
            let above = walk.position.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let live = self.by_name.range::<[u8], _>((above, Bound::Unbounded)).next();
            let (name, was_there) = match (walk.take_saved(live.map(|(name, _)| &**name)), live) {
                (Some((name, Some(group))), _) => {
                    each(&name, &group);
                    (name, true)
                }
                (Some((name, None)), _) => (name, false),
                (None, Some((name, group))) => {
                    each(name, group);
                    (name.clone(), true)
                }
                (None, None) => {
                    *held = None;
                    return false;
                }
            };
            walk.position = Some(name);
            if was_there {
                return true;
            }
        }
    }

    pub(super) fn end_walk(&self) {
        self.walk.replace(None);
    }

    pub(super) fn walk_bytes(&self) -> usize {
        self.walk.borrow().as_ref().map_or(0, |walk| walk.memory_bytes())
    }

    /// Adds a group; false if there is one of this name.
    pub fn create(&mut self, name: &[u8], group: Group) -> bool {
        if self.by_name.contains_key(name) {
            return false;
        }
        self.bytes += weight(name, &group);
        self.pending += group.pending_len();
        if let Some(walk) = self.walk.get_mut()
            && walk.wants(name)
        {
            walk.save(name, None);
        }
        self.by_name.insert(name.into(), Box::new(group));
        true
    }

    /// Removes a group; false if there is none of this name.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.by_name.remove(name) else { return false };
        self.bytes -= weight(name, &group);
        self.pending -= group.pending_len();
        if let Some(walk) = self.walk.get_mut()
            && walk.wants(name)
        {
            walk.save(name, Some(group));
        }
        true
    }

    /// Frees up to so many pending entries; true when what is left can be dropped at once.
    pub(super) fn dismantle(&mut self, entries: usize) -> bool {
        let Some(mut last) = self.by_name.last_entry() else { return true };
        if last.get_mut().dismantle(entries) {
            last.remove();
        }
        self.by_name.is_empty()
    }
}

/// A group that is being changed; its account is settled when this goes.
pub struct GroupEdit<'a> {
    group: &'a mut Group,
    before: (usize, usize),
    bytes: &'a mut usize,
    pending: &'a mut usize,
    _held: Option<Held<'a>>,
}

impl Deref for GroupEdit<'_> {
    type Target = Group;

    fn deref(&self) -> &Group {
        self.group
    }
}

impl DerefMut for GroupEdit<'_> {
    fn deref_mut(&mut self) -> &mut Group {
        self.group
    }
}

impl Drop for GroupEdit<'_> {
    fn drop(&mut self) {
        *self.bytes = *self.bytes + self.group.memory_bytes() - self.before.0;
        *self.pending = *self.pending + self.group.pending_len() - self.before.1;
    }
}
