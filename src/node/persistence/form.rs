//! A file in the making, in either form: a dump, or the commands of a log.

use crate::engine::persistence::{Position, Purpose, SaveHead};
use crate::engine::{Engine, REDIS_VERSION};
use crate::keyspace::{Access, Shown};
use crate::persistence::aof::{BaseForm, LogBase};
use crate::persistence::rdb::{Options, Saver, Used};
use crate::runtime::Now;

/// See the module. It collects bytes, which whoever writes the file takes.
pub(super) enum Form {
    Dump(Box<Saver>),
    Log(LogBase),
}

impl Form {
    /// A file of this form with what stands before the entries.
    pub fn begin(form: BaseForm, engine: &Engine, head: &SaveHead, for_valkey: bool) -> Form {
        let config = &engine.config;
        match form {
            BaseForm::Dump => {
                let (compress, checksum) = (config.rdbcompression, config.rdbchecksum);
                let plain_streams = head.purpose == Purpose::Sync;
                let options = Options { compress, checksum, plain_streams, for_valkey };
                let mut saver = Saver::new(options);
                say(&mut saver, head);
                head.libraries.iter().for_each(|library| saver.library(library));
                Form::Dump(Box::new(saver))
            }
            BaseForm::Log => {
                let seconds = head.at.wall.seconds();
                let mut base = LogBase::new(config.aof_timestamp_enabled.then_some(seconds));
                head.libraries.iter().for_each(|library| base.library(library));
                Form::Log(base)
            }
        }
    }

    /// Adds what the walk shows of a database. `access`: if it is to be written how keys were used.
    pub fn show(
        &mut self,
        head: &SaveHead,
        database: usize,
        shown: Shown<'_>,
        access: Option<Access>,
        forgets_expiry: bool,
    ) {
        let kept = |expiry: Option<i64>| expiry.filter(|_| !forgets_expiry);
        let used = |clock| access.map_or(Used::Unknown, |access| used(access, clock, head.at));
        match self {
            Form::Dump(saver) => {
                let (keys, volatile) = head.databases[database];
                saver.database(database, keys, volatile);
                match shown {
                    Shown::Whole(entry) => {
                        saver.entry(entry.key(), entry.value(), kept(entry.expiry()), used(entry.clock()));
                    }
                    Shown::Begin(begun) => {
                        saver.begin(begun.key, begun.head, kept(begun.expiry), used(begun.clock));
                    }
                    Shown::Part(part) => saver.part(part),
                }
            }
            Form::Log(base) => {
                base.database(database);
                match shown {
                    Shown::Whole(entry) => base.entry(entry.key(), entry.value(), kept(entry.expiry())),
                    Shown::Begin(begun) => base.begin(begun.key, begun.head, kept(begun.expiry)),
                    Shown::Part(part) => base.part(part),
                }
            }
        }
    }

    /// Bytes that wait to be taken.
    pub fn buffered(&self) -> usize {
        match self {
            Form::Dump(saver) => saver.buffered(),
            Form::Log(base) => base.buffered(),
        }
    }

    /// The bytes since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Form::Dump(saver) => saver.take(),
            Form::Log(base) => base.take(),
        }
    }

    /// Nothing comes any more.
    pub fn end(&mut self) {
        if let Form::Dump(saver) = self {
            saver.end();
        }
    }

    /// The same where the first bytes cannot be changed any more.
    pub fn end_as_it_is(&mut self) {
        match self {
            Form::Dump(saver) => saver.end_as_it_is(),
            Form::Log(_) => {}
        }
    }

    /// What the file's first bytes have to be, if not what they are.
    pub fn final_header(&self) -> Option<[u8; 9]> {
        match self {
            Form::Dump(saver) => saver.final_header(),
            Form::Log(_) => None,
        }
    }
}

/// What a dump file says of itself.
fn say(saver: &mut Saver, head: &SaveHead) {
    saver.aux("redis-ver", REDIS_VERSION.as_bytes());
    saver.aux("redis-bits", usize::BITS.to_string().as_bytes());
    saver.aux("ctime", head.at.wall.seconds().to_string().as_bytes());
    saver.aux("used-mem", head.used_memory.to_string().as_bytes());
    if let Some(Position { id, offset, db }) = head.history {
        saver.aux("repl-stream-db", db.to_string().as_bytes());
        saver.aux("repl-id", id.as_bytes());
        saver.aux("repl-offset", offset.to_string().as_bytes());
    }
    saver.aux("aof-base", if head.purpose == Purpose::Base { b"1" } else { b"0" });
}

/// What is known of a key's use, in the form in which files say it.
fn used(access: Access, clock: u32, at: Now) -> Used {
    let now_ms = at.wall.millis();
    match access {
        Access::Lru => Used::IdleSeconds(access.idle_seconds(clock, now_ms).into()),
        Access::Lfu { .. } => Used::Frequency(access.frequency(clock, now_ms) as u8),
    }
}
