//! Sorted sets: scores given and asked for, ranges, ends popped, sets combined.

mod add;
mod bounds;
mod combine;
mod pop;
mod random;
mod range;
mod scan;
mod score;

use crate::engine::command::Command;
use crate::engine::{Around, Call, Class, Edited};
use crate::keyspace::{Key, SortedSet, View};
use crate::protocol::reply::{Reply, Version};
use crate::types::Payload;
use crate::types::sorted_set::{Element, Limits};

/// The group's table.
pub const COMMANDS: &[Command] = &[
    pop::BZMPOP,
    pop::BZPOPMAX,
    pop::BZPOPMIN,
    add::ZADD,
    score::ZCARD,
    range::ZCOUNT,
    combine::ZDIFF,
    combine::ZDIFFSTORE,
    add::ZINCRBY,
    combine::ZINTER,
    combine::ZINTERCARD,
    combine::ZINTERSTORE,
    range::ZLEXCOUNT,
    pop::ZMPOP,
    score::ZMSCORE,
    pop::ZPOPMAX,
    pop::ZPOPMIN,
    random::ZRANDMEMBER,
    range::ZRANGE,
    range::ZRANGEBYLEX,
    range::ZRANGEBYSCORE,
    range::ZRANGESTORE,
    score::ZRANK,
    add::ZREM,
    range::ZREMRANGEBYLEX,
    range::ZREMRANGEBYRANK,
    range::ZREMRANGEBYSCORE,
    range::ZREVRANGE,
    range::ZREVRANGEBYLEX,
    range::ZREVRANGEBYSCORE,
    score::ZREVRANK,
    scan::ZSCAN,
    score::ZSCORE,
    combine::ZUNION,
    combine::ZUNIONSTORE,
];

/// Up to where a set stays small, within an edit.
#[inline]
pub(super) fn limits(around: &Around<'_, '_>) -> Limits {
    Limits {
        entries: around.config.zset_max_listpack_entries,
        value_bytes: around.config.zset_max_listpack_value_bytes,
        hash_key: around.hash_key,
    }
}

/// The same outside of one.
pub(super) fn limits_of(call: &Call<'_>) -> Limits {
    let (config, hash_key) = (&call.engine.config, call.engine.keyspace.hasher().hash_key());
    Limits {
        entries: config.zset_max_listpack_entries,
        value_bytes: config.zset_max_listpack_value_bytes,
        hash_key,
    }
}

/// Reports that so many elements were taken out, if any.
fn removed(call: &mut Call<'_>, key: &Key<'_>, event: &'static str, edited: Option<Edited<usize>>) {
    let Some(edited) = edited.filter(|edited| edited.result > 0) else { return };
    call.changed(Class::SortedSet, event, key);
    if edited.removed {
        call.event(Class::Generic, "del", key);
    }
}

/// Puts a set at a key and answers with its length; an empty one takes away what was there.
pub(super) fn store(call: &mut Call<'_>, key: &Key<'_>, set: SortedSet, event: &'static str) {
    let len = set.view().len();
    let existed = call.put(key, set);
    if len > 0 {
        call.changed(Class::SortedSet, event, key);
    } else if existed {
        call.changed(Class::Generic, "del", key);
    }
    call.reply.integer(len as i64);
}

/// Answers with elements. With scores, RESP3 has a pair for each.
fn answer_elements<'e>(
    reply: &mut Reply<'_>,
    elements: impl ExactSizeIterator<Item = Element<'e>>,
    with_scores: bool,
) {
    let pairs = with_scores && reply.version() == Version::Resp3;
    let flat = with_scores && !pairs;
    reply.array(elements.len() * if flat { 2 } else { 1 });
    let mut digits = itoa::Buffer::new();
    for element in elements {
        if pairs {
            reply.array(2);
        }
        reply.bulk(element.member.text(&mut digits));
        if with_scores {
            reply.double(element.score);
        }
    }
}
