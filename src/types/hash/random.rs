//! Fields by chance, each as likely as any other.

use std::collections::BTreeSet;

use super::small::{Plain, Timed};
use super::{Field, HashRef, Large, is_due};
use crate::types::table::below;

/// How often a field is drawn anew that turned out to be due, before the live ones are counted through.
const DUE_DRAWS_MAX: usize = 64;

impl<'a> HashRef<'a> {
    /// Shows up to `count` fields that are not due, all different, in no order worth the name.
    pub fn choose(
        self,
        count: usize,
        now_ms: i64,
        random: &mut impl FnMut() -> u64,
        mut each: impl FnMut(Field<'_>),
    ) {
        if let HashRef::Large(large) = self
            && count.saturating_mul(3) < large.len()
            && !is_due(large.soonest(), now_ms)
        {
            return choose_few(large, count, random, each);
        }
        // Selection sampling (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S): each field is taken with the
        // likelihood of what is wanted among what is left.
        let mut left = self.live_len(now_ms);
        let mut wanted = count.min(left);
        self.each(now_ms, |field| {
            if below(random(), left) < wanted {
                wanted -= 1;
                each(field);
            }
            left -= 1;
        });
    }

    /// Shows `count` fields that are not due, each drawn from all of them; none if there are none.
    pub fn draw(
        self,
        count: u64,
        now_ms: i64,
        random: &mut impl FnMut() -> u64,
        mut each: impl FnMut(Field<'_>),
    ) {
        let live = self.live_len(now_ms);
        if live == 0 {
            return;
        }
        match self {
            HashRef::Large(large) => {
                (0..count).for_each(|_| draw_one(self, large, live, now_ms, random, &mut each));
            }
            _ if count == 1 => {
                let rank = below(random(), live);
                self.small_fields(now_ms).nth(rank).into_iter().for_each(each);
            }
            _ => {
                let fields: Vec<Field<'a>> = self.small_fields(now_ms).collect();
                (0..count).for_each(|_| each(fields[below(random(), live)]));
            }
        }
    }

    /// The fields of a small hash that are not due.
    fn small_fields(self, now_ms: i64) -> impl Iterator<Item = Field<'a>> {
        let (plain, timed) = match self {
            HashRef::Small(pack) => (Some(Plain(pack).iter()), None),
            HashRef::Timed(pack) => (None, Some(Timed(pack).iter())),
            HashRef::Large(_) => (None, None),
        };
        let all = plain.into_iter().flatten().chain(timed.into_iter().flatten());
        all.filter(move |field| !field.is_due(now_ms))
    }
}

/// Draws until there are enough different ones; they are few among many.
fn choose_few(
    large: &Large,
    count: usize,
    random: &mut impl FnMut() -> u64,
    mut each: impl FnMut(Field<'_>),
) {
    let mut chosen = BTreeSet::new();
    while chosen.len() < count {
        let Some(field) = large.random(random) else { return };
        if let super::Item::Bytes(name) = field.name
            && chosen.insert(name)
        {
            each(field);
        }
    }
}

fn draw_one(
    view: HashRef<'_>,
    large: &Large,
    live: usize,
    now_ms: i64,
    random: &mut impl FnMut() -> u64,
    each: &mut impl FnMut(Field<'_>),
) {
    for _ in 0..DUE_DRAWS_MAX {
        match large.random(random) {
            Some(field) if !field.is_due(now_ms) => return each(field),
            _ => {}
        }
    }
    let mut rank = below(random(), live);
    view.each(now_ms, |field| {
        if rank == 0 {
            each(field);
        }
        rank = rank.wrapping_sub(1);
    });
}
