//! All parameters, a file for each section of redis.conf.
//!
//! Ranges, defaults and mutability are those of Redis 7.0.15; unlisted rows come from Redis 8.0 and Valkey 9.1, or are
//! hidden in Redis too.
use super::row::Row;

mod cluster;
mod general;
mod memory;
mod network;
mod persistence;
mod replication;
mod security;

const SECTIONS: [&[Row]; 7] = [
    network::ROWS,
    general::ROWS,
    security::ROWS,
    memory::ROWS,
    persistence::ROWS,
    replication::ROWS,
    cluster::ROWS,
];

/// Every parameter, in the order of redis.conf's sections.
pub fn all() -> impl Iterator<Item = &'static Row> {
    SECTIONS.into_iter().flatten()
}

/// The parameter that answers to `name` in any case, and that name as the row spells it.
pub fn find(name: &[u8]) -> Option<(&'static Row, &'static str)> {
    all().find_map(|row| {
        let known = row.names().find(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
        Some((row, known))
    })
}
