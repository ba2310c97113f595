//! Lists. Not there yet: the shape that the room above builds on.

use crate::types::listpack::{Listpack, ListpackRef};
use crate::types::payload::{Payload, View};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct List(Listpack);

/// A view of a [`List`].
#[derive(Clone, Copy, Debug)]
pub struct ListRef<'a>(ListpackRef<'a>);

impl Payload for List {
    type Ref<'a> = ListRef<'a>;

    fn view(&self) -> ListRef<'_> {
        ListRef(self.0.view())
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

impl View for ListRef<'_> {
    fn encoding(&self) -> &'static str {
        "listpack"
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
