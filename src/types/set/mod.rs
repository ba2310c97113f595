//! Sets. Not there yet: the shape that the room above builds on.

use crate::types::listpack::{Listpack, ListpackRef};
use crate::types::payload::{Payload, View};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Set(Listpack);

/// A view of a [`Set`].
#[derive(Clone, Copy, Debug)]
pub struct SetRef<'a>(ListpackRef<'a>);

impl Payload for Set {
    type Ref<'a> = SetRef<'a>;

    fn view(&self) -> SetRef<'_> {
        SetRef(self.0.view())
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

impl View for SetRef<'_> {
    fn encoding(&self) -> &'static str {
        "listpack"
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
