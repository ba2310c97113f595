//! Reading lists.

use super::pack;
use crate::dump::form::Form;
use crate::dump::limits::Limits;
use crate::dump::reader::Reader;
use crate::dump::save::{NODE_PACKED, NODE_PLAIN};
use crate::types::list::End;
use crate::types::{List, Payload, View};

pub(super) fn ziplist(from: &mut Reader<'_>, limits: &Limits) -> Option<List> {
    let mut list = List::default();
    list.add_pack(pack::ziplist(from)?, limits.list);
    filled(list, from)
}

/// Texts, ziplists, or nodes.
#[derive(Debug)]
pub(super) struct Building {
    list: List,
    form: Form,
    left: usize,
}

impl Building {
    pub(super) fn begin(form: Form, from: &mut Reader<'_>) -> Option<Building> {
        Some(Building { list: List::default(), form, left: from.count()? })
    }

    pub(super) fn go_on(&mut self, from: &mut Reader<'_>, limits: &Limits) -> Option<List> {
        while self.left > 0 {
            from.whole(|from| self.element(from, limits))?;
            self.left -= 1;
        }
        filled(std::mem::take(&mut self.list), from)
    }

    fn element(&mut self, from: &mut Reader<'_>, limits: &Limits) -> Option<()> {
        let list = &mut self.list;
        match self.form {
            Form::List => {
                list.push(End::Back, std::iter::once(&*from.text()?), limits.list);
            }
            Form::ListZiplists => list.add_pack(pack::ziplist(from)?, limits.list),
            _ => match from.length()? {
                NODE_PLAIN => list.add_plain(&from.text()?, limits.list),
                NODE_PACKED => list.add_pack(pack::listpack(from)?, limits.list),
                _ => return None,
            },
        }
        Some(())
    }
}

fn filled(list: List, from: &mut Reader<'_>) -> Option<List> {
    if list.view().is_empty() { from.is_empty_value() } else { Some(list) }
}
