//! What a command is: one constant entry, declared beside its handler in `commands/`.
//!
//! Everything that wants to know something of a command reads this entry: dispatch, gates, COMMAND and its sub-commands,
//! MONITOR, later ACL and cluster routing. The names of flags, categories and key specifications are Redis's
//! (<https://redis.io/docs/latest/commands/command/>, <https://redis.io/docs/latest/develop/reference/key-specs/>).

use super::call::Call;
use super::failure::Failure;

/// Runs a command: reads the call's arguments, changes the keyspace, writes the reply. An error is written by the engine.
pub type Handler = fn(&mut Call<'_>) -> Result<(), Failure>;

/// One command or sub-command.
#[derive(Clone, Debug)]
pub struct Command {
    /// In lower case; a sub-command's is `parent|sub`.
    pub name: &'static str,
    /// How many arguments, the name included; negative: at least so many.
    pub arity: i32,
    /// How it behaves.
    pub flags: &'static [Flag],
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// ACL categories beside those that the flags imply (see [`Command::category_names`]).
    pub categories: &'static [Category],
    /// Its chapter in the documentation.
    pub group: Group,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Time complexity.
    pub complexity: &'static str,
    /// Its arguments in the notation of the documentation; COMMAND DOCS derives the tree from it.
    pub syntax: &'static str,
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
    /// Nested commands; the handler then serves only the bare name.
    pub subcommands: &'static [Command],
    /// Runs it.
    pub handler: Handler,
}

impl Command {
    /// What most entries leave as it is.
    pub const DEFAULT: Command = Command {
        name: "",
        arity: 0,
        flags: &[],
        keys: &[],
        categories: &[],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "O(1)",
        syntax: "",
        tips: &[],
        subcommands: &[],
        handler: container,
    };

    /// Whether a request of `arguments` arguments (name included) fits the arity.
    pub fn arity_fits(&self, arguments: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity >= 0 { arguments == wanted } else { arguments >= wanted }
    }

    /// Whether the entry carries this flag (a slow look: the engine keeps the flags as bits).
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// The part of a sub-command's name behind the bar; a command's whole name.
    pub fn token(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, token)| token)
    }

    /// ACL categories, implied ones included, in the order of [`Category::ALL`].
    pub fn category_names(&self) -> Vec<&'static str> {
        Category::ALL.iter().filter(|(c, _)| self.is_in(*c)).map(|(_, name)| *name).collect()
    }

    /// Whether the command is in this ACL category. Redis derives some from flags: writing commands are in @write,
    /// administrative ones in @admin and @dangerous, what is not @fast is @slow.
    pub fn is_in(&self, category: Category) -> bool {
        use Category as C;
        let implied = match category {
            C::Write => self.has(Flag::Write),
            C::Read => self.has(Flag::ReadOnly) && !self.categories.contains(&C::Scripting),
            C::Admin => self.has(Flag::Admin),
            C::Dangerous => self.has(Flag::Admin),
            C::PubSub => self.has(Flag::PubSub),
            C::Fast => self.has(Flag::Fast),
            C::Slow => !self.has(Flag::Fast),
            C::Blocking => self.has(Flag::Blocking),
            _ => false,
        };
        implied || self.categories.contains(&category)
    }
}

/// The handler of a command that only holds sub-commands: never reached, since such a request is resolved or refused first.
pub fn container(_: &mut Call<'_>) -> Result<(), Failure> {
    Err(Failure::SYNTAX)
}

/// How a command behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Flag {
    /// May change the keyspace.
    Write,
    /// Reads keys, changes none.
    ReadOnly,
    /// May use more memory: refused when `maxmemory` is reached.
    DenyOom,
    /// Administrative.
    Admin,
    /// Publishes or subscribes.
    PubSub,
    /// Not from scripts.
    NoScript,
    /// May block the client.
    Blocking,
    /// Allowed while the data set is being loaded.
    Loading,
    /// Allowed on a replica that has lost its primary.
    Stale,
    /// Not shown to MONITOR.
    SkipMonitor,
    /// Not in the slow log.
    SkipCommandLog,
    /// Accepted of a cluster node that imports the slot.
    Asking,
    /// Constant or logarithmic time.
    Fast,
    /// Allowed before authentication.
    NoAuth,
    /// Key positions do not say it all.
    MovableKeys,
    /// Allowed while a script runs too long.
    AllowBusy,
    /// Not inside MULTI.
    NoMulti,
    /// Has key positions, but may be called without keys.
    NoMandatoryKeys,
    /// Not while a replica loads beside its old data.
    NoAsyncLoading,
    /// Runs even while clients are paused (CLIENT PAUSE itself goes on).
    RunsPaused,
    /// Needs `enable-debug-command` or its like.
    Protected,
    /// Runs at once although a transaction has begun, instead of being queued.
    Unqueued,
    /// Runs what a transaction has queued (EXEC).
    RunsQueue,
    /// Allowed to a RESP2 client with subscriptions.
    Subscriber,
}

impl Flag {
    /// Every flag that COMMAND shows, with Redis's name, in the order in which COMMAND lists them.
    pub const SHOWN: &'static [(Flag, &'static str)] = &[
        (Flag::Write, "write"),
        (Flag::ReadOnly, "readonly"),
        (Flag::DenyOom, "denyoom"),
        (Flag::Admin, "admin"),
        (Flag::PubSub, "pubsub"),
        (Flag::NoScript, "noscript"),
        (Flag::Blocking, "blocking"),
        (Flag::Loading, "loading"),
        (Flag::Stale, "stale"),
        (Flag::SkipMonitor, "skip_monitor"),
        (Flag::SkipCommandLog, "skip_slowlog"),
        (Flag::Asking, "asking"),
        (Flag::Fast, "fast"),
        (Flag::NoAuth, "no_auth"),
        (Flag::MovableKeys, "movablekeys"),
        (Flag::AllowBusy, "allow_busy"),
        (Flag::NoMandatoryKeys, "no_mandatory_keys"),
        (Flag::NoAsyncLoading, "no_async_loading"),
        (Flag::NoMulti, "no_multi"),
    ];

    /// The flag's bit in a mask of flags.
    pub const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// ACL categories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // their names say all
pub enum Category {
    Keyspace,
    Read,
    Write,
    Set,
    SortedSet,
    List,
    Hash,
    String,
    Bitmap,
    HyperLogLog,
    Geo,
    Stream,
    PubSub,
    Admin,
    Fast,
    Slow,
    Blocking,
    Dangerous,
    Connection,
    Transaction,
    Scripting,
}

impl Category {
    /// All, with Redis's names, in the order in which Redis lists them.
    pub const ALL: &'static [(Category, &'static str)] = &[
        (Category::Keyspace, "keyspace"),
        (Category::Read, "read"),
        (Category::Write, "write"),
        (Category::Set, "set"),
        (Category::SortedSet, "sortedset"),
        (Category::List, "list"),
        (Category::Hash, "hash"),
        (Category::String, "string"),
        (Category::Bitmap, "bitmap"),
        (Category::HyperLogLog, "hyperloglog"),
        (Category::Geo, "geo"),
        (Category::Stream, "stream"),
        (Category::PubSub, "pubsub"),
        (Category::Admin, "admin"),
        (Category::Fast, "fast"),
        (Category::Slow, "slow"),
        (Category::Blocking, "blocking"),
        (Category::Dangerous, "dangerous"),
        (Category::Connection, "connection"),
        (Category::Transaction, "transaction"),
        (Category::Scripting, "scripting"),
    ];
}

/// Chapters of the documentation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // their names say all
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    HyperLogLog,
    List,
    PubSub,
    Scripting,
    Sentinel,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    /// Redis's name of the chapter.
    pub fn name(self) -> &'static str {
        match self {
            Group::Bitmap => "bitmap",
            Group::Cluster => "cluster",
            Group::Connection => "connection",
            Group::Generic => "generic",
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::HyperLogLog => "hyperloglog",
            Group::List => "list",
            Group::PubSub => "pubsub",
            Group::Scripting => "scripting",
            Group::Sentinel => "sentinel",
            Group::Server => "server",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::String => "string",
            Group::Transactions => "transactions",
        }
    }
}

/// Where some of a command's keys stand and what is done with them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeySpec {
    /// What is done with the keys, in Redis's words ("RO", "access", ...).
    pub flags: &'static [&'static str],
    /// Where the search begins.
    pub begin: Begin,
    /// How many keys follow.
    pub find: Find,
    /// A remark for readers; empty for none.
    pub notes: &'static str,
}

/// Where the search for keys begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin {
    /// At this argument.
    Index(i32),
    /// Behind this word, looked for from an argument on (negative: backwards from the end).
    Keyword(&'static str, i32),
    /// Cannot be told.
    Unknown,
}

/// How many keys follow from where the search began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Find {
    /// Up to `last` (relative to the beginning; negative: counted from the end), each `step`-th, `limit` as in Redis.
    Range {
        /// The last key's distance from the first.
        last: i32,
        /// Distance between keys.
        step: i32,
        /// With `last` −1: 2 stands for half of the rest, and so on.
        limit: i32,
    },
    /// As many as an argument says.
    KeyNum {
        /// Where that argument stands.
        index: i32,
        /// Where the first key stands.
        first: i32,
        /// Distance between keys.
        step: i32,
    },
    /// Cannot be told.
    Unknown,
}

impl KeySpec {
    /// One key at argument `index`.
    pub const fn one(index: i32, flags: &'static [&'static str]) -> KeySpec {
        KeySpec::range(index, 0, 1, flags)
    }

    /// Keys from argument `index` to `last` (as in [`Find::Range`]), each `step`-th.
    pub const fn range(index: i32, last: i32, step: i32, flags: &'static [&'static str]) -> KeySpec {
        KeySpec { flags, begin: Begin::Index(index), find: Find::Range { last, step, limit: 0 }, notes: "" }
    }

    /// As many keys as argument `index` says, behind it.
    pub const fn counted(index: i32, step: i32, flags: &'static [&'static str]) -> KeySpec {
        KeySpec {
            flags,
            begin: Begin::Index(index),
            find: Find::KeyNum { index: 0, first: 1, step },
            notes: "",
        }
    }

    /// The same with a remark.
    pub const fn noted(self, notes: &'static str) -> KeySpec {
        KeySpec { notes, ..self }
    }

    /// The positions of this specification's keys in a request of `arguments` whose words `word` gives; `None` if they
    /// cannot be told or the request does not fit.
    pub fn positions<'a>(&self, arguments: usize, word: impl Fn(usize) -> &'a [u8]) -> Option<Vec<usize>> {
        let count = arguments as i64;
        let begin = match self.begin {
            Begin::Index(index) => i64::from(index),
            Begin::Keyword(keyword, from) => find_keyword(keyword, from, arguments, &word)?,
            Begin::Unknown => return None,
        };
        let (first, last, step) = match self.find {
            Find::Range { last, step, limit } => {
                let last = match (last, limit) {
                    (last, _) if last >= 0 => begin + i64::from(last),
                    (-1, limit) if limit > 1 => begin + (count - begin) / i64::from(limit) - 1,
                    (last, _) => count + i64::from(last),
                };
                (begin, last, i64::from(step))
            }
            Find::KeyNum { index, first, step } => {
                let at = usize::try_from(begin + i64::from(index)).ok().filter(|at| *at < arguments)?;
                let keys: i64 = std::str::from_utf8(word(at)).ok()?.parse().ok().filter(|n| *n >= 0)?;
                let first = begin + i64::from(first);
                (
                    first,
                    first.checked_add(keys.checked_sub(1)?.checked_mul(i64::from(step))?)?,
                    i64::from(step),
                )
            }
            Find::Unknown => return None,
        };
        if first >= count || last >= count {
            return None;
        }
        Some((first..=last).step_by(step.max(1) as usize).map(|i| i as usize).collect())
    }
}

fn find_keyword<'a>(
    keyword: &str,
    from: i32,
    arguments: usize,
    word: &impl Fn(usize) -> &'a [u8],
) -> Option<i64> {
    let matches = |i: &usize| word(*i).eq_ignore_ascii_case(keyword.as_bytes());
    let found = if from >= 0 {
        (from as usize..arguments).find(matches)
    } else {
        (1..=arguments.checked_sub(from.unsigned_abs() as usize)?).rev().find(matches)
    };
    found.map(|i| i as i64 + 1)
}
