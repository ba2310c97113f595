//! Sorted sets. Not there yet: the shape that the room above builds on.

use crate::types::listpack::{Listpack, ListpackRef};
use crate::types::payload::{Payload, View};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct SortedSet(Listpack);

/// A view of a [`SortedSet`].
#[derive(Clone, Copy, Debug)]
pub struct SortedSetRef<'a>(ListpackRef<'a>);

impl Payload for SortedSet {
    type Ref<'a> = SortedSetRef<'a>;

    fn view(&self) -> SortedSetRef<'_> {
        SortedSetRef(self.0.view())
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

impl View for SortedSetRef<'_> {
    fn encoding(&self) -> &'static str {
        "listpack"
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
