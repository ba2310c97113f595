//! The tasks of all nodes. The executor underneath knows only shells: each polls one slot of this table for ever, so that
//! killing a node means taking its futures out of the table, at one moment and in the order of their creation.

use std::future::Future;
use std::pin::Pin;
use std::task::Waker;

use crate::ground::{Life, NodeId};

/// A task's future; one thread runs them all.
pub type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

enum Content {
    Free,
    Waiting(LocalFuture),
    /// Taken out to be polled; `killed` if it must not come back.
    Polled {
        killed: bool,
    },
}

struct Slot {
    content: Content,
    life: Life,
    /// Counts all tasks of the run; names this one in the trace.
    number: u64,
    /// The shell's.
    waker: Option<Waker>,
    /// Polled while its node was paused: to be polled again when it resumes.
    missed: bool,
}

/// What [`Tasks::spawn`] found.
pub enum Place {
    /// The task took this slot, whose shell has been woken.
    Reused,
    /// The task took this slot, which needs a new shell.
    New(usize),
}

/// See the module.
#[derive(Default)]
pub struct Tasks {
    slots: Vec<Slot>,
    free: Vec<usize>,
    last_number: u64,
}

impl Tasks {
    /// Adds a task.
    pub fn spawn(&mut self, life: Life, future: LocalFuture) -> Place {
        self.last_number += 1;
        let (content, number) = (Content::Waiting(future), self.last_number);
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index];
            (slot.content, slot.life, slot.number, slot.missed) = (content, life, number, false);
            slot.wake();
            return Place::Reused;
        }
        self.slots.push(Slot { content, life, number, waker: None, missed: false });
        Place::New(self.slots.len() - 1)
    }

    /// Takes out a slot's future to be polled, if there is one and its node is not paused: with its life and number.
    pub fn begin_poll(
        &mut self,
        index: usize,
        waker: &Waker,
        is_paused: impl FnOnce(NodeId) -> bool,
    ) -> Option<(LocalFuture, Life, u64)> {
        let slot = &mut self.slots[index];
        if slot.waker.is_none() {
            slot.waker = Some(waker.clone());
        }
        if !matches!(slot.content, Content::Waiting(_)) {
            return None;
        }
        if is_paused(slot.life.node) {
            slot.missed = true;
            return None;
        }
        match std::mem::replace(&mut slot.content, Content::Polled { killed: false }) {
            Content::Waiting(future) => Some((future, slot.life, slot.number)),
            _ => None,
        }
    }

    /// Puts the future back, if it is not finished and was not killed meanwhile; otherwise frees the slot and returns it,
    /// for the caller to drop where nothing is borrowed.
    pub fn end_poll(&mut self, index: usize, future: LocalFuture, finished: bool) -> Option<LocalFuture> {
        let slot = &mut self.slots[index];
        if finished || matches!(slot.content, Content::Polled { killed: true }) {
            slot.content = Content::Free;
            self.free.push(index);
            return Some(future);
        }
        slot.content = Content::Waiting(future);
        None
    }

    /// Takes out all futures of a node, the eldest first, for the caller to drop.
    pub fn kill(&mut self, node: NodeId) -> Vec<(Life, LocalFuture)> {
        let mut dead = Vec::new();
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.life.node != node {
                continue;
            }
            match std::mem::replace(&mut slot.content, Content::Free) {
                Content::Waiting(future) => {
                    dead.push((slot.number, slot.life, future));
                    self.free.push(index);
                }
                Content::Polled { .. } => slot.content = Content::Polled { killed: true },
                Content::Free => {}
            }
        }
        dead.sort_by_key(|(number, ..)| *number);
        dead.into_iter().map(|(_, life, future)| (life, future)).collect()
    }

    /// Wakes what a node missed while it was paused.
    pub fn resume(&mut self, node: NodeId) {
        for slot in self.slots.iter_mut().filter(|slot| slot.life.node == node) {
            if std::mem::take(&mut slot.missed) {
                slot.wake();
            }
        }
    }

    /// Tasks that are not finished.
    pub fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Wakes every shell for the last time, and forgets it.
    pub fn dismiss_shells(&mut self) {
        self.slots.iter_mut().filter_map(|slot| slot.waker.take()).for_each(Waker::wake);
    }
}

impl Slot {
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
