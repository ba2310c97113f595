//! Which values stay small: what the parameters say, for every type.

use crate::config::Config;
use crate::types::{Growth, HashKey, list, set, sorted_set};

/// See the module.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Lists.
    pub list: list::Limits,
    /// Sets.
    pub set: set::Limits,
    /// Sorted sets.
    pub sorted_set: sorted_set::Limits,
    /// Hashes.
    pub hash: Growth,
}

impl Limits {
    /// The limits in force; large values hash what they hold under the secret.
    pub fn of(config: &Config, hash_key: HashKey) -> Limits {
        let size = |parameter: u64| usize::try_from(parameter).unwrap_or(usize::MAX);
        Limits {
            list: list::Limits::new(config.list_max_listpack_size, config.list_compress_depth),
            set: set::Limits {
                ints: size(config.set_max_intset_entries),
                small: size(config.set_max_listpack_entries),
                small_bytes: size(config.set_max_listpack_value_bytes),
            },
            sorted_set: sorted_set::Limits {
                entries: config.zset_max_listpack_entries,
                value_bytes: config.zset_max_listpack_value_bytes,
                hash_key,
            },
            hash: Growth {
                fields_max: size(config.hash_max_listpack_entries),
                text_bytes_max: size(config.hash_max_listpack_value_bytes),
                hash_key,
            },
        }
    }
}
