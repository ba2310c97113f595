//! Large values that a snapshot looks at while their owner goes on changing them.
//!
//! A [`Shared`] owns a value as a `Box` does: there is one owner, which reads through `Deref` and changes through
//! [`Shared::edit`]. A [`Watcher`] is a second hold on the value, which stays wherever the owner takes it, and when the owner
//! lets go of it. A watcher only reads, and only while nothing is being changed.
#![allow(unsafe_code)]

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::size_class;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Free,
    /// An [`Edit`] is about: no watcher may look.
    Changed,
    /// A watcher looks: nobody may change.
    Watched,
}

struct Inner<T> {
    at: Cell<Use>,
    value: UnsafeCell<T>,
}

/// See the module.
pub struct Shared<T>(Rc<Inner<T>>);

impl<T> Shared<T> {
    /// Bytes that it allocates, by size class, without what the value allocates.
    pub(super) const BYTES: usize = size_class(size_of::<Inner<T>>() + 2 * size_of::<usize>());

    pub(super) fn new(value: T) -> Shared<T> {
        Shared(Rc::new(Inner { at: Cell::new(Use::Free), value: UnsafeCell::new(value) }))
    }

    /// The value, to be changed. No watcher may be looking: they are asked to between changes only.
    #[inline]
    pub(super) fn edit(&mut self) -> Edit<'_, T> {
        assert!(self.0.at.get() == Use::Free, "watchers look between changes");
        self.0.at.set(Use::Changed);
        Edit(&self.0)
    }

    /// Another hold on the value.
    pub(super) fn watch(&self) -> Watcher<T> {
        Watcher(self.0.clone())
    }

    /// Whether somebody else will see to it that the value is freed.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        Rc::strong_count(&self.0) > 1
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: exclusive references are made by `Edit`, which borrows the only `Shared` mutably, so that this borrow of it
        // and that one exclude each other; and by `Watcher::own`, when there is no `Shared` any more.
        unsafe { &*self.0.value.get() }
    }
}

impl<T: Clone> Clone for Shared<T> {
    /// A value of its own.
    fn clone(&self) -> Shared<T> {
        Shared::new(T::clone(self))
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

/// A value that is being changed.
pub struct Edit<'a, T>(&'a Rc<Inner<T>>);

impl<T> Deref for Edit<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: as for `deref_mut`.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Edit<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this borrows the only `Shared` mutably, and watchers look only where `at` says that no `Edit` is about;
        // it says so from the time this was made until it is dropped (or, if it is forgotten, for ever).
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Edit<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.at.set(Use::Free);
    }
}

impl<'a, T> Edit<'a, T> {
    /// The value, and what says that it is being changed.
    ///
    /// # Safety
    /// The reference must not be used any more when the other part is dropped, save for reading.
    pub(super) unsafe fn split(self) -> (&'a mut T, Held<'a>) {
        let inner = self.0;
        std::mem::forget(self);
        // SAFETY: as for `deref_mut`; the state stays `Changed` until the other part is dropped, by the caller's word.
        (unsafe { &mut *inner.value.get() }, Held(&inner.at))
    }
}

/// Ends a change or a look when it is dropped, be it by a panic.
pub(super) struct Held<'a>(&'a Cell<Use>);

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.set(Use::Free);
    }
}

/// See the module.
pub(super) struct Watcher<T>(Rc<Inner<T>>);

impl<T> Watcher<T> {
    /// Looks at the value. It must not be asked within a change of it.
    pub(super) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        assert!(self.0.at.get() == Use::Free, "watchers look between changes");
        self.0.at.set(Use::Watched);
        let looking = Held(&self.0.at);
        // SAFETY: no `Edit` is about, and none can be made before `looking` is dropped; `own` needs `&mut self`.
        let result = look(unsafe { &*self.0.value.get() });
        drop(looking);
        result
    }

    /// Whether nobody is changing the value, or looking at it.
    pub(super) fn is_free(&self) -> bool {
        self.0.at.get() == Use::Free
    }

    /// The value, if its owner has let go of it.
    pub(super) fn own(&mut self) -> Option<&mut T> {
        Rc::get_mut(&mut self.0).map(|inner| inner.value.get_mut())
    }

    /// Whether there is no owner any more.
    pub(super) fn is_alone(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::Shared;

    #[test]
    fn a_watcher_keeps_what_its_owner_lets_go_of() {
        let mut shared = Shared::new(vec![1]);
        let mut watcher = shared.watch();
        shared.edit().push(2);
        assert!(watcher.own().is_none() && shared.is_watched());
        assert_eq!(watcher.look(Vec::len), 2);
        drop(shared);
        assert!(watcher.is_alone());
        watcher.own().expect("there is no owner").push(3);
        assert_eq!(watcher.look(Vec::len), 3);
    }

    #[test]
    #[should_panic(expected = "between changes")]
    fn nobody_looks_within_a_change() {
        let mut shared = Shared::new(1);
        let watcher = shared.watch();
        let _edit = shared.edit();
        watcher.look(|_| ());
    }

    #[test]
    #[should_panic(expected = "between changes")]
    fn nobody_changes_what_is_looked_at() {
        let mut shared = Shared::new(1);
        let watcher = shared.watch();
        watcher.look(|_| *shared.edit() = 2);
    }
}
