//! Configuration, seen from outside: parameters against the reference table, redis.conf with its errors and warnings,
//! CONFIG GET, SET and REWRITE, the command line.
//!
//! `../data/config.json` holds names and defaults as the real servers report them.
mod arguments;
mod files;
mod get_and_set;
mod properties;
mod reference_table;
mod rewriting;
mod support;
