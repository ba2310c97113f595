//! Which server is it, and which lines of a transcript are meant for it?
//!
//! A condition is a list of alternatives: `redis >= 7.2 | valkey`. Our own server is named `ours`.

/// A server: its kind, `ours`, `redis` or `valkey`, and its version's numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// `ours`, `redis` or `valkey`.
    pub kind: String,
    /// The most significant first; none for our own.
    pub version: Vec<u32>,
}

impl Identity {
    /// Our own server.
    pub fn ours() -> Identity {
        Identity { kind: "ours".into(), version: Vec::new() }
    }

    /// Reads what a server says of itself with `--version`, such as `Redis server v=7.0.15 sha=...`; ours may be asked too,
    /// another build of it for instance.
    pub fn parse(text: &str) -> Option<Identity> {
        let kind = text.split_whitespace().next()?.to_lowercase();
        if kind == "seawall" {
            return Some(Identity::ours());
        }
        let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
        Some(Identity { kind, version: numbers(version)? })
    }

    /// Whether this is our own server.
    pub fn is_ours(&self) -> bool {
        self.kind == "ours"
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Bound {
    Any,
    From(Vec<u32>),
    Below(Vec<u32>),
}

/// Some servers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    alternatives: Vec<(String, Bound)>,
}

impl Condition {
    /// Reads alternatives separated by `|`.
    pub fn parse(text: &str) -> Option<Condition> {
        let alternatives = text.split('|').map(alternative).collect::<Option<_>>()?;
        Some(Condition { alternatives })
    }

    /// Whether this server is among them.
    pub fn holds(&self, server: &Identity) -> bool {
        self.alternatives.iter().any(|(kind, bound)| *kind == server.kind && bound.holds(&server.version))
    }

    /// Whether a transcript's part for servers that know a feature is for this one. Ours is to know everything, save
    /// where `!ours` is written.
    pub fn is_for(&self, server: &Identity) -> bool {
        match server.is_ours() {
            true => self.alternatives.iter().all(|(kind, _)| kind != "!ours"),
            false => self.holds(server),
        }
    }
}

impl Bound {
    fn holds(&self, version: &[u32]) -> bool {
        match self {
            Bound::Any => true,
            Bound::From(first) => version >= &first[..],
            Bound::Below(end) => version < &end[..],
        }
    }
}

fn alternative(text: &str) -> Option<(String, Bound)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (kind, bound) = match words[..] {
        [kind] => (kind, Bound::Any),
        [kind, ">=", version] => (kind, Bound::From(numbers(version)?)),
        [kind, "<", version] => (kind, Bound::Below(numbers(version)?)),
        _ => return None,
    };
    matches!(kind, "ours" | "!ours" | "redis" | "valkey").then(|| (kind.into(), bound))
}

fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|number| number.parse().ok()).collect()
}
