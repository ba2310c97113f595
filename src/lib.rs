//! Seawall: a Redis-compatible datastore, built so that a simulator can replay every run of it from a seed.
//!
//! The rooms, from the roof down; a room stands above all that it imports:
//!
//! | room | what it does |
//! |---|---|
//! | [`node`] | the only room that awaits: sockets, timers, files, tasks; generic over [`runtime::Runtime`] |
//! | [`commands`] | a folder for each command group; a command's entry stands beside its handler |
//! | [`engine`] | runs one request at a time to completion: lookup, gates, handler, effects |
//! | [`persistence`] | what lies on the disk: formats only |
//! | [`script`] | the Lua machine, which knows neither commands nor keys |
//! | [`persistence`] | the formats of the files that keep the data |
//! | [`dump`] | values in Redis's dump file encoding, both ways |
//! | [`keyspace`] | databases, expiry, eviction, snapshot |
//! | [`replication`] | histories, the backlog, how far each replica is: decisions only |
//! | [`config`], [`stats`] | parameters and redis.conf; counters of INFO |
//! | [`types`] | data structures: the hash table, listpacks, and every type of value |
//! | [`protocol`] | RESP2, RESP3, inline requests |
//! | [`text`] | numbers, quoting, patterns, sizes: how Redis writes them |
//! | [`runtime`] | the only door to time, randomness, network, disk and tasks |
pub mod commands;
pub mod config;
pub mod dump;
pub mod engine;
pub mod keyspace;
pub mod node;
pub mod persistence;
pub mod protocol;
pub mod replication;
pub mod runtime;
pub mod script;
pub mod stats;
pub mod text;
pub mod types;
