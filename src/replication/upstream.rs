//! A node's own primary: which it is, and how far the link to it is.
//!
//! ```text
//! Connect ──► Connecting ──► Handshake ──► Transfer ──► Connected
//!    ▲            │              │  └─ may go on ─────────►  │
//!    └────────────┴── broken ────┴──────────────┴────────────┘
//! ```

use crate::runtime::Monotonic;

/// How far the link is. The names are those of ROLE.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Link {
    /// Nothing has begun yet.
    #[default]
    Connect,
    /// A connection is being made.
    Connecting,
    /// The two introduce themselves.
    Handshake,
    /// A snapshot comes.
    Transfer {
        /// Bytes of it, if that is known before.
        total: Option<u64>,
        /// Bytes that have come.
        received: u64,
        /// When the last of them came.
        last: Monotonic,
    },
    /// The history is followed.
    Connected,
}

impl Link {
    /// The word for it in ROLE.
    pub fn role_word(self) -> &'static str {
        match self {
            Link::Connect => "connect",
            Link::Connecting => "connecting",
            Link::Handshake => "handshake",
            Link::Transfer { .. } => "sync",
            Link::Connected => "connected",
        }
    }
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upstream {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How far the link is.
    pub link: Link,
    /// Since when there is no link, if there is none.
    pub down_since: Option<Monotonic>,
    /// When something last came.
    pub heard_at: Monotonic,
    /// Some of its history has been taken over: there is something to go on from.
    pub has_history: bool,
    /// The database that the history has selected at our offset.
    pub db: usize,
    /// Why the last full synchronization was refused by this node: the primary was empty, and we are not (P15).
    pub refused: Option<String>,
}

impl Upstream {
    /// A primary that nobody has spoken to yet.
    pub fn new(host: &str, port: u16, now: Monotonic) -> Upstream {
        Upstream {
            host: host.to_owned(),
            port,
            link: Link::Connect,
            down_since: Some(now),
            heard_at: now,
            has_history: false,
            db: 0,
            refused: None,
        }
    }

    /// The history is followed.
    pub fn is_connected(&self) -> bool {
        self.link == Link::Connected
    }
}
