//! Hashs. Not there yet: the shape that the room above builds on.

use crate::types::listpack::{Listpack, ListpackRef};
use crate::types::payload::{Payload, View};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Hash(Listpack);

/// A view of a [`Hash`].
#[derive(Clone, Copy, Debug)]
pub struct HashRef<'a>(ListpackRef<'a>);

impl Payload for Hash {
    type Ref<'a> = HashRef<'a>;

    fn view(&self) -> HashRef<'_> {
        HashRef(self.0.view())
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

impl View for HashRef<'_> {
    fn encoding(&self) -> &'static str {
        "listpack"
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
