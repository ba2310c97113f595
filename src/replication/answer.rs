//! What a primary says before a history begins: lines, and what they mean.

use super::ReplicationId;

/// The answer to PSYNC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resync {
    /// A snapshot comes, of this history at this offset.
    Full {
        /// The history's name.
        id: ReplicationId,
        /// Where in it the snapshot stands.
        offset: u64,
    },
    /// What follows our offset comes.
    Continue {
        /// The history goes on under this name, if it is another.
        id: Option<ReplicationId>,
    },
    /// Not now: it is loading, or has no link to its own primary.
    Later,
    /// It does not know PSYNC, or is out of order: SYNC may help.
    Unknown,
    /// What was said makes no sense.
    Nonsense,
}

impl Resync {
    /// Reads the line.
    pub fn parse(line: &[u8]) -> Resync {
        let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        match words.next().unwrap_or_default() {
            b"+FULLRESYNC" => {
                let id = words.next().and_then(ReplicationId::parse);
                match (id, words.next().and_then(number)) {
                    (Some(id), Some(offset)) => Resync::Full { id, offset },
                    _ => Resync::Nonsense,
                }
            }
            b"+CONTINUE" => match words.next() {
                None => Resync::Continue { id: None },
                Some(word) => ReplicationId::parse(word)
                    .map_or(Resync::Nonsense, |id| Resync::Continue { id: Some(id) }),
            },
            b"-NOMASTERLINK" | b"-LOADING" => Resync::Later,
            _ => Resync::Unknown,
        }
    }
}

/// In what form a snapshot comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Form {
    /// So many bytes.
    Sized(u64),
    /// Up to this mark.
    Marked([u8; Form::MARK_BYTES]),
}

impl Form {
    /// Bytes of a mark.
    pub const MARK_BYTES: usize = 40;

    /// Reads the line that stands before a snapshot.
    pub fn parse(line: &[u8]) -> Option<Form> {
        let rest = line.strip_prefix(b"$")?;
        match rest.strip_prefix(b"EOF:") {
            Some(mark) => Some(Form::Marked(mark.try_into().ok()?)),
            None => number(rest).map(Form::Sized),
        }
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        let name = [b'a'; 40];
        let id = ReplicationId::parse(&name).expect("40 digits");
        let line = |text: &str| Resync::parse(&[text.as_bytes(), &name, b" 17"].concat());
        assert_eq!(line("+FULLRESYNC "), Resync::Full { id, offset: 17 });
        assert_eq!(line("+CONTINUE "), Resync::Continue { id: Some(id) });
        assert_eq!(Resync::parse(b"+CONTINUE"), Resync::Continue { id: None });
        assert_eq!(Resync::parse(b"+FULLRESYNC aa 17"), Resync::Nonsense);
        assert_eq!(Resync::parse(b"-LOADING Redis is loading"), Resync::Later);
        assert_eq!(Resync::parse(b"-ERR unknown command"), Resync::Unknown);
        assert_eq!(Form::parse(b"$120"), Some(Form::Sized(120)));
        assert_eq!(Form::parse(&[b"$EOF:", &name[..]].concat()), Some(Form::Marked(name)));
        assert_eq!((Form::parse(b"$EOF:aa"), Form::parse(b"-ERR"), Form::parse(b"$x")), (None, None, None));
    }
}
