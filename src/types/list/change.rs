//! Changes in the middle of a large list: insert, replace, remove by text.

use super::End;
use super::node::Node;
use super::quicklist::{Quicklist, push_to};
use crate::types::listpack::{Item, Listpack};

impl Quicklist {
    /// Puts an element before or after the one at a place of a node.
    pub(super) fn insert_beside(&mut self, at: usize, place: usize, after: bool, text: &[u8]) {
        let (beside, behind) = if after { (at.wrapping_add(1), at + 1) } else { (at.wrapping_sub(1), at) };
        if self.accepts(at, text.len()) {
            self.edit(at, |pack| {
                let place = if after { pack.view().next(place) } else { place };
                pack.insert(place, Item::of(text));
            });
        } else if !self.is_outermost(at, place, after) {
            return self.insert_between(at, place, after, text);
        } else if self.accepts(beside, text.len()) {
            let near = if after { End::Front } else { End::Back };
            self.edit(beside, |pack| push_to(pack, near, Item::of(text)));
        } else {
            self.insert_node(behind, Node::for_text(text, self.limits));
        }
        self.settle(at.saturating_sub(1)..at + 2);
    }

    /// Whether the element at a place is the first of its node, or the last. The node is uncompressed for that.
    fn is_outermost(&mut self, at: usize, place: usize, last: bool) -> bool {
        let check = self.edit(at, |pack| {
            let view = pack.view();
            if last { view.next(place) == view.end() } else { place == view.start() }
        });
        check.unwrap_or(true)
    }

    /// Divides a full node before or after an element, and puts a new one in between.
    fn insert_between(&mut self, at: usize, place: usize, after: bool, text: &[u8]) {
        self.divide(at, place, after);
        if self.limits.is_large(text.len()) {
            self.insert_node(at + 1, Node::plain(text));
            return self.settle(at..at + 3);
        }
        // The new element goes to the part that the old one is not in; then the old one's part looks for company.
        let (to, end, old) = if after { (at + 1, End::Front, at) } else { (at, End::Back, at + 1) };
        self.edit(to, |pack| push_to(pack, end, Item::of(text)));
        self.join_around(old);
    }

    /// Makes two nodes of one: what stands before a place (or up to the element there, if `after`), and the rest.
    fn divide(&mut self, at: usize, place: usize, after: bool) {
        let rest = self.edit(at, |pack| {
            let place = if after { pack.view().next(place) } else { place };
            let (mut rest, before) = (pack.clone(), pack.view().len() - pack.view().iter_from(place).count());
            rest.remove_many(rest.view().start(), before);
            pack.remove_many(place, usize::MAX);
            rest.shrink();
            pack.shrink();
            rest
        });
        if let Some(rest) = rest {
            self.insert_node(at + 1, Node::packed(rest));
        }
    }

    /// Joins the nodes around one that was divided, as far as the limits allow, and it with them.
    fn join_around(&mut self, mut center: usize) {
        if center >= 2 && self.join(center - 2) {
            center -= 1;
        }
        self.join(center + 1);
        if center >= 1 && self.join(center - 1) {
            center -= 1;
        }
        self.join(center);
        self.settle(center.saturating_sub(2)..center + 3);
    }

    /// Makes one node of two neighbours, if the limits allow it.
    fn join(&mut self, at: usize) -> bool {
        let (Some(one), Some(other)) = (self.nodes.get(at), self.nodes.get(at + 1)) else { return false };
        let (bytes, count) = (one.bytes() + other.bytes(), one.count() + other.count());
        if one.is_plain() || other.is_plain() || !self.limits.admit_both(bytes, count) {
            return false;
        }
        let mut other = self.take_node(at + 1);
        other.uncompress();
        if let Some(tail) = other.into_pack() {
            self.edit(at, |pack| pack.append(tail.view()));
        }
        true
    }

    /// Puts a text in place of an element; there must be so many.
    pub(super) fn replace(&mut self, index: usize, text: &[u8]) {
        let (at, offset) = self.locate(index);
        let (plain, large) = (self.nodes[at].is_plain(), self.limits.is_large(text.len()));
        if plain && large {
            self.take_node(at);
            self.insert_node(at, Node::plain(text));
        } else if plain {
            self.insert_beside(at, 0, true, text);
            self.take_node(at);
            self.settle(at..at + 1);
        } else if large {
            self.replace_by_large(at, offset, text);
        } else {
            self.edit(at, |pack| pack.replace(place(pack, offset), Item::of(text)));
            self.divide_overlong(at);
            self.settle(at..at + 2);
        }
    }

    fn replace_by_large(&mut self, at: usize, offset: usize, text: &[u8]) {
        // The listpack is uncompressed by this, so that the place stays what it is.
        let old = self.edit(at, |pack| place(pack, offset)).unwrap_or_default();
        self.insert_beside(at, old, true, text);
        if self.nodes[at].count() == 1 {
            self.take_node(at);
        } else {
            self.edit(at, |pack| pack.remove(old));
        }
        self.settle(at..at + 2);
    }

    /// Elements that are replaced by longer ones may make a node long; it must not grow without end.
    fn divide_overlong(&mut self, at: usize) {
        let bytes = self.nodes[at].bytes();
        if bytes > self.limits.divide_from_bytes() {
            let middle = self.edit(at, |pack| place_behind(pack, bytes / 2)).unwrap_or_default();
            self.divide(at, middle, false);
        }
    }

    /// Takes out up to `count_max` elements with this text, those nearest to an end; how many that were.
    pub(super) fn remove_equal(&mut self, text: &[u8], count_max: usize, from: End) -> usize {
        let (mut removed, nodes) = (0, self.nodes.len());
        let mut buffer = Vec::new();
        for step in 0..nodes {
            let at = if from == End::Front { step } else { nodes - 1 - step };
            if removed == count_max {
                break;
            }
            if self.nodes[at].content(&mut buffer).find(text).is_some() {
                removed += self.remove_equal_in(at, text, count_max - removed, from);
            }
        }
        if removed > 0 {
            self.drop_empty();
        }
        removed
    }

    /// The same in a node where there is one; the node may be empty afterwards.
    fn remove_equal_in(&mut self, at: usize, text: &[u8], count_max: usize, from: End) -> usize {
        let removed = self.edit(at, |pack| remove_equal(pack, text, count_max, from));
        match removed {
            Some(count) => {
                self.settle(at..at + 1);
                count
            }
            None => {
                self.empty(at);
                1
            }
        }
    }

    /// Puts an empty listpack in place of a node.
    fn empty(&mut self, at: usize) {
        self.take_node(at);
        self.insert_node(at, Node::packed(Default::default()));
    }
}

/// Takes out up to `count_max` elements with this text, those nearest to an end; how many that were.
pub(super) fn remove_equal(pack: &mut Listpack, text: &[u8], count_max: usize, from: End) -> usize {
    let wanted = Item::of(text);
    let all = pack.view().iter().filter(|item| *item == wanted).count();
    let count = all.min(count_max);
    if count == 0 {
        return 0;
    }
    let (kept_first, mut nth) = (if from == End::Front { 0 } else { all - count }, 0);
    pack.retain(|item| {
        let equal = item == wanted;
        nth += usize::from(equal);
        !equal || nth <= kept_first || nth > kept_first + count
    });
    pack.shrink();
    count
}

/// Where an element stands in a listpack that has so many.
fn place(pack: &Listpack, offset: usize) -> usize {
    pack.view().seek(offset as i64).unwrap_or(pack.view().start())
}

/// The place of the first element that stands behind so many bytes, of which there must be one.
fn place_behind(pack: &Listpack, bytes: usize) -> usize {
    let mut place = pack.view().start();
    while place < bytes {
        place = pack.view().next(place);
    }
    place
}
