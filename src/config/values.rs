//! Values that have names or several parts: what the typed fields of the settings hold.
//!
//! Guarantee: every type here reads its canonical text (the text that CONFIG GET shows) and writes the same text again.
use std::fmt;

/// An enum whose variants are spelt as redis.conf spells them, with `NAMES` in the order in which Redis lists them.
macro_rules! choices {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// The spellings, in the order in which error messages list them.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// How redis.conf and CONFIG GET spell this choice.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The choice with this exact spelling.
            pub fn from_name(name: &[u8]) -> Option<Self> {
                $(if name == $text.as_bytes() { return Some(Self::$variant); })+
                None
            }
        }
    };
}

choices! {
    /// What to evict when memory is full.
    MaxmemoryPolicy {
        /// The least recently used key among those with an expiry.
        VolatileLru = "volatile-lru",
        /// The least frequently used key among those with an expiry.
        VolatileLfu = "volatile-lfu",
        /// Any key with an expiry.
        VolatileRandom = "volatile-random",
        /// The key that would expire soonest.
        VolatileTtl = "volatile-ttl",
        /// The least recently used key.
        AllkeysLru = "allkeys-lru",
        /// The least frequently used key.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// Nothing: writes that need memory are refused.
        #[default]
        Noeviction = "noeviction",
    }
}

choices! {
    /// How much the log tells; each level includes those after it.
    LogLevel {
        /// Everything, for development.
        Debug = "debug",
        /// Much that is rarely useful.
        Verbose = "verbose",
        /// What an operator wants to see.
        #[default]
        Notice = "notice",
        /// Only what is important or wrong.
        Warning = "warning",
    }
}

choices! {
    /// Which supervisor is told that the server is ready.
    Supervised {
        /// Upstart, by stopping itself.
        Upstart = "upstart",
        /// systemd, through the socket that it names in the environment.
        Systemd = "systemd",
        /// Whichever the environment shows.
        Auto = "auto",
        /// None.
        #[default]
        No = "no",
    }
}

choices! {
    /// When the append log is synced.
    AppendFsync {
        /// Before each reply.
        Always = "always",
        /// Each second.
        #[default]
        EverySecond = "everysec",
        /// When the operating system likes.
        No = "no",
    }
}

choices! {
    /// How a replica loads its primary's snapshot.
    DisklessLoad {
        /// From a file that it is written to first.
        #[default]
        Disabled = "disabled",
        /// As it comes, if there is no data that would be lost if it broke off.
        OnEmptyDb = "on-empty-db",
        /// As it comes, beside the old data, which is served meanwhile.
        SwapDb = "swapdb",
    }
}

choices! {
    /// Who may use something dangerous.
    Permission {
        /// Nobody.
        #[default]
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Those who connect from this machine.
        Local = "local",
    }
}

impl Permission {
    /// Whether a client may; `local` says that it connects over loopback or a Unix socket.
    pub fn allows(self, local: bool) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Local => local,
        }
    }
}

/// Text that must not reach a log: `Debug` hides it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(hidden)" })
    }
}

/// Permission bits of a file, written in octal; 0 leaves them to the umask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileMode(pub u32);

/// How much output a client may leave unread before it is disconnected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Disconnect at once beyond this many bytes; 0 is no limit.
    pub hard_bytes: u64,
    /// Disconnect if more than this many bytes stay for `soft_seconds`; 0 is no limit.
    pub soft_bytes: u64,
    /// For how long `soft_bytes` may be exceeded.
    pub soft_seconds: u64,
}

/// The output limits of the three kinds of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Ordinary clients, and those that run MONITOR.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Clients that subscribe to a channel or a pattern.
    pub pubsub: OutputLimit,
}

/// The classes of clients that have output limits of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientClass {
    /// Ordinary clients, and those that run MONITOR.
    Normal,
    /// Replicas.
    Replica,
    /// Clients with subscriptions.
    PubSub,
}

impl OutputLimits {
    /// The limit of a class.
    #[inline]
    pub fn of(&self, class: ClientClass) -> &OutputLimit {
        match class {
            ClientClass::Normal => &self.normal,
            ClientClass::Replica => &self.replica,
            ClientClass::PubSub => &self.pubsub,
        }
    }
}

/// Which keyspace events are published, and how: a bit for each letter of [`KeyspaceEvents::LETTERS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceEvents(u16);

impl KeyspaceEvents {
    /// The letters, in the order of the bits: classes of events, then `K` (published by key) and `E` (by event).
    pub const LETTERS: &'static [u8] = b"g$lshzxetdnmKE";
    /// What the letter `A` stands for: all classes but `n` and `m`.
    const ALL: u16 = (1 << 10) - 1;
    const BY_KEY: u16 = 1 << 12;
    const BY_EVENT: u16 = 1 << 13;

    /// The classes that these letters name; `None` if one is no class.
    pub fn from_letters(letters: &[u8]) -> Option<Self> {
        let bit = |letter: &u8| match letter {
            b'A' => Some(Self::ALL),
            letter => Self::LETTERS.iter().position(|known| known == letter).map(|at| 1 << at),
        };
        letters.iter().try_fold(0, |bits, letter| Some(bits | bit(letter)?)).map(KeyspaceEvents)
    }

    /// The letters in canonical order: Redis's, except that it hides an `n` behind an `A`, and so loses it when it rewrites
    /// its configuration.
    pub fn letters(self) -> Vec<u8> {
        let all = self.0 & Self::ALL == Self::ALL;
        let set = |letter: &u8| Self::from_letters(&[*letter]).is_some_and(|one| self.0 & one.0 == one.0);
        let classes: &[u8] = if all { b"A" } else { &Self::LETTERS[..10] };
        classes.iter().chain(b"nKEm").copied().filter(set).collect()
    }

    /// Whether nothing is published.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether events of the class with this place in [`KeyspaceEvents::LETTERS`] are published.
    #[inline]
    pub fn has(self, class: u8) -> bool {
        self.0 & 1 << class != 0 && self.0 & (Self::BY_KEY | Self::BY_EVENT) != 0
    }

    /// Whether they go to the key's channel.
    pub fn by_key(self) -> bool {
        self.0 & Self::BY_KEY != 0
    }

    /// Whether they go to the event's channel.
    pub fn by_event(self) -> bool {
        self.0 & Self::BY_EVENT != 0
    }
}

/// An amount of memory, absolute or as a part of `maxmemory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryShare {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of `maxmemory`.
    Percent(u8),
}

impl Default for MemoryShare {
    fn default() -> Self {
        MemoryShare::Bytes(0)
    }
}

impl MemoryShare {
    /// In bytes, where `whole` is what a percentage is of.
    pub fn of(self, whole: u64) -> u64 {
        match self {
            MemoryShare::Bytes(bytes) => bytes,
            MemoryShare::Percent(percent) => (u128::from(whole) * u128::from(percent) / 100) as u64,
        }
    }
}

/// When to save by itself: after so many seconds, if so many changes have been made at least.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavePoints(pub Vec<SavePoint>);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// The least time since the last save.
    pub seconds: u64,
    /// The least number of changes.
    pub changes: u64,
}

/// Percentiles, 0 to 100.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Percentiles(pub Vec<f64>);
