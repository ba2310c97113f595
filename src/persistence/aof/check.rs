//! `--check-aof`: what is wrong with a log's files and where, and what may be cut. Pure: files are fed, texts and lengths come out.
//!
//! Only the last file of a log is ever cut: what follows a hole would be applied to a data set that it was not made for.

use std::fmt::{self, Write};

use super::log::{Corrupt, Next, Reader, Torn};

/// What a part in dump form begins with.
const DUMP_MAGIC: [&[u8]; 2] = [b"REDIS", b"VALKEY"];

/// Checks a part in dump form: a base, or the preamble of an old log.
pub trait DumpCheck {
    /// Takes in the file's next bytes, from its first. The position where the dump ends, once it has.
    fn feed(&mut self, chunk: &[u8]) -> Result<Option<u64>, Corrupt>;
}

/// How a file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing is wrong.
    Valid,
    /// Its end is missing.
    Torn(Torn),
    /// There is something in it that does not belong there.
    Corrupt(Corrupt),
    /// All is well up to the wanted time; what is later begins at `cut_at`.
    Later {
        /// In bytes from the file's beginning.
        cut_at: u64,
    },
    /// Its part in dump form is damaged, or its end is missing.
    Dump(Corrupt),
    /// It is in dump form, and there is nobody who could read that.
    Unchecked,
}

/// What an operator wants done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// Cut what is not well-formed.
    pub fix: bool,
    /// Cut what was written after this time, in seconds since 1970.
    pub until: Option<i64>,
}

/// What is to be done with a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Repair {
    /// It is as it should be.
    None,
    /// Cut it to this length.
    Cut(u64),
    /// It is not valid, and stays that. Why.
    Refused(String),
}

/// Checks one file, fed in pieces of any size.
pub struct FileCheck<'a> {
    file_bytes: u64,
    wish: Wish,
    dump: Option<Box<dyn DumpCheck + 'a>>,
    part: Part,
    fed: u64,
    commands: u64,
    verdict: Option<Verdict>,
}

enum Part {
    /// The first bytes.
    Start(Vec<u8>),
    Dump,
    Log(Box<Reader>),
}

/// What came of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileReport {
    /// Its size.
    pub bytes: u64,
    /// All is well up to here.
    pub whole: u64,
    /// Commands in its whole units.
    pub commands: u64,
    /// How it is.
    pub verdict: Verdict,
}

impl<'a> FileCheck<'a> {
    /// Checks a file of this size. `dump` reads what of it is in dump form.
    pub fn new(file_bytes: u64, wish: Wish, dump: Option<Box<dyn DumpCheck + 'a>>) -> FileCheck<'a> {
        let part = Part::Start(Vec::new());
        FileCheck { file_bytes, wish, dump, part, fed: 0, commands: 0, verdict: None }
    }

    /// Takes in the file's next bytes; false if no more are needed.
    pub fn feed(&mut self, chunk: &[u8]) -> bool {
        if self.verdict.is_some() {
            return false;
        }
        self.fed += chunk.len() as u64;
        match &mut self.part {
            Part::Start(start) => {
                start.extend_from_slice(chunk);
                let is_open = |magic: &&[u8]| magic.len() > start.len() && magic.starts_with(start);
                if !DUMP_MAGIC.iter().any(is_open) {
                    self.choose();
                }
            }
            Part::Dump => self.feed_dump(chunk),
            Part::Log(reader) => {
                reader.feed(chunk);
                self.read();
            }
        }
        self.verdict.is_none()
    }

    /// In which form the file is, its first bytes tell.
    fn choose(&mut self) {
        let Part::Start(start) = &mut self.part else { return };
        let start = std::mem::take(start);
        if DUMP_MAGIC.iter().any(|magic| start.starts_with(magic)) {
            self.part = Part::Dump;
            self.feed_dump(&start);
        } else {
            self.begin_log(0, &start);
        }
    }

    fn feed_dump(&mut self, chunk: &[u8]) {
        let Some(dump) = &mut self.dump else {
            self.verdict = Some(Verdict::Unchecked);
            return;
        };
        match dump.feed(chunk) {
            Ok(None) => {}
            Ok(Some(end)) => {
                let behind = usize::try_from(self.fed.saturating_sub(end)).unwrap_or(usize::MAX);
                self.begin_log(end, &chunk[chunk.len().saturating_sub(behind)..]);
            }
            Err(corrupt) => self.verdict = Some(Verdict::Dump(corrupt)),
        }
    }

    fn begin_log(&mut self, origin: u64, bytes: &[u8]) {
        let reader = Reader::new(origin, self.file_bytes);
        let mut reader = match self.wish.until {
            Some(seconds) => reader.until(seconds),
            None => reader,
        };
        reader.feed(bytes);
        self.part = Part::Log(Box::new(reader));
        self.read();
    }

    fn read(&mut self) {
        let Part::Log(reader) = &mut self.part else { return };
        self.verdict = loop {
            match reader.next() {
                Ok(Next::Unit(unit)) => self.commands += unit.commands().count() as u64,
                Ok(Next::More) => break None,
                Ok(Next::End) => break Some(Verdict::Valid),
                Ok(Next::Torn(torn)) => break Some(Verdict::Torn(torn)),
                Ok(Next::Later { cut_at }) => break Some(Verdict::Later { cut_at }),
                Err(corrupt) => break Some(Verdict::Corrupt(corrupt)),
            }
        };
    }

    /// Those were all bytes.
    pub fn finish(mut self) -> FileReport {
        if matches!(self.part, Part::Start(_)) {
            self.choose();
        }
        if let Part::Log(reader) = &mut self.part {
            reader.end();
            self.read();
        }
        let unfinished =
            || Corrupt { at: self.fed, whole: 0, what: "the end of the dump is missing".to_owned() };
        let verdict = self.verdict.unwrap_or_else(|| Verdict::Dump(unfinished()));
        let whole = match &self.part {
            Part::Log(reader) => reader.position(),
            _ if verdict == Verdict::Unchecked => self.file_bytes,
            _ => 0,
        };
        FileReport { bytes: self.file_bytes, whole, commands: self.commands, verdict }
    }
}

impl FileReport {
    /// What is to be done with the file, as the operator wishes.
    pub fn repair(&self, wish: Wish, is_last: bool) -> Repair {
        let cut_at = match &self.verdict {
            Verdict::Valid | Verdict::Unchecked => return Repair::None,
            Verdict::Later { cut_at: 0 } => {
                return Repair::Refused("it has nothing before that time".to_owned());
            }
            Verdict::Later { cut_at } => *cut_at,
            Verdict::Dump(_) => return Repair::Refused("a damaged dump can't be repaired".to_owned()),
            Verdict::Torn(_) | Verdict::Corrupt(_) if !wish.fix => {
                return Repair::Refused("use --fix to cut it there".to_owned());
            }
            Verdict::Torn(_) | Verdict::Corrupt(_) => self.whole,
        };
        if is_last {
            return Repair::Cut(cut_at);
        }
        Repair::Refused(
            "it is not the last file, so that it can't be cut; the files after it would have to go"
                .to_owned(),
        )
    }

    /// The lines to show for a file of this name.
    pub fn describe(&self, name: &str) -> String {
        let mut text = String::new();
        let FileReport { bytes, whole, commands, .. } = self;
        // Writing into a text can't fail.
        let _ = write!(text, "AOF analyzed: filename={name}, size={bytes}, ok_up_to={whole}, ");
        let _ = write!(
            text,
            "diff={}, commands={commands}\n{name}: {}",
            bytes.saturating_sub(*whole),
            self.verdict
        );
        text
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Valid => formatter.write_str("valid"),
            Verdict::Torn(torn) => write!(formatter, "{torn}"),
            Verdict::Corrupt(corrupt) => write!(formatter, "{corrupt}"),
            Verdict::Later { cut_at } => write!(formatter, "from offset {cut_at} on it was written later"),
            Verdict::Dump(Corrupt { at, what, .. }) => {
                write!(formatter, "damaged dump at offset {at}: {what}")
            }
            Verdict::Unchecked => formatter.write_str("in dump form: not checked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dump is five letters and a count of further bytes.
    #[derive(Default)]
    struct Toy(Vec<u8>);

    impl DumpCheck for Toy {
        fn feed(&mut self, chunk: &[u8]) -> Result<Option<u64>, Corrupt> {
            self.0.extend_from_slice(chunk);
            let Some(&count) = self.0.get(5) else { return Ok(None) };
            if count == b'!' {
                return Err(Corrupt { at: 5, whole: 0, what: "bad".into() });
            }
            let end = 6 + usize::from(count - b'0');
            Ok((self.0.len() >= end).then_some(end as u64))
        }
    }

    fn check(bytes: &[u8], wish: Wish) -> FileReport {
        let report = |chunk: usize| {
            let mut check = FileCheck::new(bytes.len() as u64, wish, Some(Box::new(Toy::default())));
            let _ = bytes.chunks(chunk).all(|chunk| check.feed(chunk));
            check.finish()
        };
        assert_eq!(report(1), report(1000));
        report(3)
    }

    const FIX: Wish = Wish { fix: true, until: None };
    const PING: &str = "*1\r\n$4\r\nPING\r\n";

    #[test]
    fn a_dump_a_log_and_both_are_checked() {
        let cases = [
            (String::new(), 0, 0, "valid"),
            (PING.repeat(2), 28, 2, "valid"),
            ("REDIS3abc".into(), 9, 0, "valid"),
            (format!("REDIS3abc{PING}"), 23, 1, "valid"),
            (
                format!("REDIS3abc{PING}*1\r\n"),
                23,
                1,
                "ends in the middle of a command: whole up to offset 23, 4 bytes and 0 whole commands beyond it",
            ),
            ("REDIS9abc".into(), 0, 0, "damaged dump at offset 9: the end of the dump is missing"),
            ("REDIS!abc".into(), 0, 0, "damaged dump at offset 5: bad"),
            (
                format!("{PING}x{PING}"),
                14,
                1,
                "Bad file format at offset 14: expected '*', got 'x'; well-formed up to offset 14",
            ),
        ];
        for (bytes, whole, commands, verdict) in cases {
            let report = check(bytes.as_bytes(), FIX);
            assert_eq!(
                (report.whole, report.commands, report.verdict.to_string().as_str()),
                (whole, commands, verdict)
            );
        }
        let mut check = FileCheck::new(9, FIX, None);
        assert!(!check.feed(b"REDIS3abc"));
        assert_eq!(check.finish().verdict, Verdict::Unchecked);
    }

    #[test]
    fn only_the_last_files_log_is_cut_and_only_on_request() {
        let torn = check(format!("{PING}*1").as_bytes(), FIX);
        assert_eq!(torn.repair(FIX, true), Repair::Cut(14));
        assert!(matches!(torn.repair(FIX, false), Repair::Refused(_)));
        assert!(matches!(torn.repair(Wish::default(), true), Repair::Refused(_)));
        assert!(matches!(check(b"REDIS!", FIX).repair(FIX, true), Repair::Refused(_)));
        let until = |seconds| {
            let wish = Wish { fix: false, until: Some(seconds) };
            check(format!("#TS:5\r\n{PING}#TS:7\r\n{PING}").as_bytes(), wish).repair(wish, true)
        };
        assert_eq!((until(6), until(7)), (Repair::Cut(21), Repair::None));
        assert!(matches!(until(4), Repair::Refused(_)));
    }
}
