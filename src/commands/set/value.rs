//! What the commands of sets share.

use crate::config::Config;
use crate::keyspace::Item;
use crate::keyspace::set::Limits;
use crate::protocol::reply::Reply;

/// When sets leave their form.
#[inline]
pub(super) fn limits(config: &Config) -> Limits {
    let size = |parameter: u64| usize::try_from(parameter).unwrap_or(usize::MAX);
    Limits {
        ints: size(config.set_max_intset_entries),
        small: size(config.set_max_listpack_entries),
        small_bytes: size(config.set_max_listpack_value_bytes),
    }
}

/// Answers with a member.
#[inline]
pub(super) fn answer(reply: &mut Reply<'_>, member: Item<'_>) {
    match member {
        Item::Int(number) => reply.bulk_integer(number),
        Item::Bytes(text) => reply.bulk(text),
    }
}
