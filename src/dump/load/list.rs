//! Reading lists.

use super::pack;
use crate::dump::limits::Limits;
use crate::dump::reader::Reader;
use crate::dump::save::{NODE_PACKED, NODE_PLAIN};
use crate::types::list::End;
use crate::types::{List, Payload, View};

pub(super) fn texts(from: &mut Reader<'_>, limits: &Limits) -> Option<List> {
    let mut list = List::default();
    for _ in 0..from.count()? {
        list.push(End::Back, std::iter::once(&*from.text()?), limits.list);
    }
    filled(list)
}

pub(super) fn ziplist(from: &mut Reader<'_>, limits: &Limits) -> Option<List> {
    let mut list = List::default();
    list.add_pack(pack::ziplist(from)?, limits.list);
    filled(list)
}

pub(super) fn ziplists(from: &mut Reader<'_>, limits: &Limits) -> Option<List> {
    let mut list = List::default();
    for _ in 0..from.count()? {
        list.add_pack(pack::ziplist(from)?, limits.list);
    }
    filled(list)
}

pub(super) fn nodes(from: &mut Reader<'_>, limits: &Limits) -> Option<List> {
    let mut list = List::default();
    for _ in 0..from.count()? {
        match from.length()? {
            NODE_PLAIN => list.add_plain(&from.text()?, limits.list),
            NODE_PACKED => list.add_pack(pack::listpack(from)?, limits.list),
            _ => return None,
        }
    }
    filled(list)
}

fn filled(list: List) -> Option<List> {
    (!list.view().is_empty()).then_some(list)
}
