//! From bytes to parts.

use std::borrow::Cow;

use super::parts::{Part, Used};
use super::{HEADER_BYTES, code};
use crate::dump::{self, Begun, Building, Fault, Form, Limits, Loaded, Reader, Version};

/// The newest version under Redis's name, and the range of Valkey's own.
const REDIS_MAX: Version = 12;
const VALKEY: Version = 80;
/// Files of older versions end without a checksum.
const CHECKSUM_SINCE: Version = 5;
/// Modules' values, in the form of Redis 4.0 and of its release candidates.
const FORM_MODULE_OLD: u8 = 6;
const FORM_MODULE: u8 = 7;
/// Hashes with deadlines of fields as release candidates of Redis 7.4 wrote them; Valkey gave the first another meaning.
const FORM_HASH_OLD: [u8; 2] = [22, 23];

/// Reads parts; between two calls it remembers what it has read of a value.
pub(super) struct Parser {
    limits: Limits,
    /// 0 before the header.
    version: Version,
    current: Option<Current>,
    pub empty_keys: u64,
}

/// An entry of whose value some elements are still to come.
#[derive(Debug)]
struct Current {
    key: Vec<u8>,
    form: Form,
    building: Building,
    about: About,
}

/// What stands before an entry.
#[derive(Clone, Copy, Debug)]
struct About {
    expiry_ms: Option<i64>,
    used: Used,
}

/// What was read.
pub(super) enum Got<'a> {
    Part(Part<'a>),
    /// The end, with the checksum if there is one.
    End(Option<u64>),
}

/// Why nothing was read.
pub(super) enum Stop {
    /// At least so many bytes more are needed.
    Missing(u64),
    /// So many bytes before the end of the input something is wrong.
    Broken { left: usize, key: Option<Vec<u8>>, what: String },
}

impl Stop {
    /// What kept a reader from reading something.
    #[cold]
    fn of(from: &Reader<'_>, what: &str) -> Stop {
        match from.fault() {
            Fault::Missing(bytes) => Stop::Missing(bytes),
            Fault::Beyond(bytes) => Stop::at(
                from,
                format!(
                    "{what} needs {bytes} bytes more than the file has: it was cut, or a length is wrong"
                ),
            ),
            Fault::Wrong | Fault::Empty => Stop::at(from, format!("{what} is not well formed")),
        }
    }

    #[cold]
    fn at(from: &Reader<'_>, what: String) -> Stop {
        Stop::Broken { left: from.rest().len(), key: None, what }
    }

    fn with_key(self, of: &[u8]) -> Stop {
        match self {
            Stop::Broken { left, what, .. } => Stop::Broken { left, key: Some(of.to_vec()), what },
            missing => missing,
        }
    }
}

/// Reads something that has this name in messages.
#[inline]
fn need<'a, T>(
    from: &mut Reader<'a>,
    what: &str,
    read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
) -> Result<T, Stop> {
    read(from).ok_or_else(|| Stop::of(from, what))
}

impl Parser {
    pub(super) fn new(limits: Limits) -> Parser {
        Parser { limits, version: 0, current: None, empty_keys: 0 }
    }

    pub(super) fn version(&self) -> Option<Version> {
        Some(self.version).filter(|version| *version > 0)
    }

    /// Reads the next part. If bytes are missing, the reader stands where it has to go on once they are there.
    pub(super) fn read<'a>(&mut self, from: &mut Reader<'a>) -> Result<Got<'a>, Stop> {
        loop {
            if self.version == 0 {
                self.version = header(from)?;
            }
            if let Some(part) = self.go_on(from)? {
                return Ok(Got::Part(part));
            }
            let mut ahead = *from;
            let got = self.part(&mut ahead);
            if got.is_ok() || self.current.is_some() {
                *from = ahead;
            }
            if let Some(got) = got? {
                return Ok(got);
            }
        }
    }

    /// Reads a part; `None` for one that tells nothing.
    fn part<'a>(&mut self, from: &mut Reader<'a>) -> Result<Option<Got<'a>>, Stop> {
        let code = need(from, "a part", Reader::byte)?;
        self.check_version(code, from)?;
        let part = match code {
            code::AUX => {
                let name = need(from, "the name of an AUX field", Reader::text)?;
                Part::Aux { name, value: need(from, "the value of an AUX field", Reader::text)? }
            }
            code::DATABASE => Part::Database(need(from, "the number of a database", Reader::length)?),
            code::SIZES => {
                let mut number = || need(from, "a number of keys", Reader::length);
                Part::Sizes { keys: number()?, volatile: number()? }
            }
            code::LIBRARY => Part::Library(need(from, "a library of functions", Reader::text)?),
            code::END => return self.end(from).map(Some),
            code::SLOT_INFO => {
                for _ in 0..3 {
                    need(from, "the size of a hash slot", Reader::length)?;
                }
                return Ok(None);
            }
            code::MODULE | code::SLOT_IMPORT | code::LIBRARY_OLD => return Err(refused(code, from)),
            _ => return Ok(self.entry(code, from)?.map(Got::Part)),
        };
        Ok(Some(Got::Part(part)))
    }

    /// Whether a file of this version can hold such a part. What has no checksum is found to be changed by this, too.
    fn check_version(&self, code: u8, from: &Reader<'_>) -> Result<(), Stop> {
        let since = match code {
            code::AUX | code::SIZES => 7,
            code::IDLE | code::FREQUENCY => 9,
            code::LIBRARY => 10,
            code::SLOT_INFO => 11,
            _ => 1,
        };
        if self.version < since {
            let what = format!("a part {code} in a file of version {}, which cannot be", self.version);
            return Err(Stop::at(from, what));
        }
        Ok(())
    }

    fn end<'a>(&self, from: &mut Reader<'a>) -> Result<Got<'a>, Stop> {
        if self.version < CHECKSUM_SINCE {
            return Ok(Got::End(None));
        }
        let checksum = need(from, "the checksum", Reader::array)?;
        Ok(Got::End(Some(u64::from_le_bytes(checksum))))
    }

    /// Reads a key with its value, and what stands before it; `None` if there is nothing in the value.
    fn entry<'a>(&mut self, code: u8, from: &mut Reader<'a>) -> Result<Option<Part<'a>>, Stop> {
        let (about, code) = about(code, from)?;
        let form = self.form(code, from)?;
        let key = need(from, "a key", Reader::text)?;
        match dump::begin(form, from, &self.limits) {
            Some(Begun::Whole(value)) => Ok(Some(about.entry(key, value))),
            Some(Begun::Partly(mut building)) => match building.go_on(from, &self.limits) {
                Some(object) => Ok(Some(about.entry(key, Loaded::Object(object)))),
                None => {
                    if let Fault::Missing(_) = from.fault() {
                        self.current = Some(Current { key: key.to_vec(), form, building, about });
                    }
                    self.failed(form, &key, from)
                }
            },
            None => self.failed(form, &key, from),
        }
    }

    /// Reads further elements of the current value.
    fn go_on<'a>(&mut self, from: &mut Reader<'a>) -> Result<Option<Part<'a>>, Stop> {
        let Some(mut current) = self.current.take() else { return Ok(None) };
        if let Some(object) = current.building.go_on(from, &self.limits) {
            return Ok(Some(current.about.entry(Cow::Owned(current.key), Loaded::Object(object))));
        }
        let failed = self.failed(current.form, &current.key, from);
        if let Err(Stop::Missing(_)) = failed {
            self.current = Some(current);
        }
        failed
    }

    #[cold]
    fn failed<'a>(
        &mut self,
        form: Form,
        key: &[u8],
        from: &mut Reader<'a>,
    ) -> Result<Option<Part<'a>>, Stop> {
        if from.fault() == Fault::Empty {
            self.empty_keys += 1;
            from.forget_fault();
            return Ok(None);
        }
        Err(Stop::of(from, &format!("a value ({form:?}, {})", form.code())).with_key(key))
    }

    /// The form that a code stands for in such a file.
    fn form(&self, code: u8, from: &mut Reader<'_>) -> Result<Form, Stop> {
        if matches!(code, FORM_MODULE_OLD | FORM_MODULE) {
            return Err(module_value(code, from));
        }
        let is_valkey = self.version >= VALKEY;
        if !is_valkey && FORM_HASH_OLD.contains(&code) {
            let what = "a hash in a form of a release candidate of Redis 7.4, which is not supported";
            return Err(Stop::at(from, what.to_owned()));
        }
        Form::of_code(code)
            .filter(|form| !is_valkey || !matches!(form, Form::HashTimed | Form::HashTimedListpack))
            .ok_or_else(|| Stop::at(from, format!("{code} stands for no part and no form of value")))
    }
}

impl About {
    fn entry<'a>(self, key: Cow<'a, [u8]>, value: Loaded<'a>) -> Part<'a> {
        Part::Entry { key, value, expiry_ms: self.expiry_ms, used: self.used }
    }
}

/// Reads what stands before an entry, from its code on; the code of the entry's form with it.
fn about(mut code: u8, from: &mut Reader<'_>) -> Result<(About, u8), Stop> {
    let mut about = About { expiry_ms: None, used: Used::Unknown };
    loop {
        match code {
            code::EXPIRY_MS => about.expiry_ms = Some(need(from, "an expiry", Reader::millis)?),
            code::EXPIRY_SECONDS => {
                let seconds = i32::from_le_bytes(need(from, "an expiry", Reader::array)?);
                about.expiry_ms = Some(i64::from(seconds) * 1000);
            }
            code::IDLE => about.used = Used::IdleSeconds(need(from, "an idle time", Reader::length)?),
            code::FREQUENCY => about.used = Used::Frequency(need(from, "a frequency", Reader::byte)?),
            _ => break,
        }
        code = need(from, "an entry", Reader::byte)?;
    }
    // Redis takes this for none.
    about.expiry_ms = about.expiry_ms.filter(|at_ms| *at_ms != -1);
    Ok((about, code))
}

/// Reads magic and version.
fn header(from: &mut Reader<'_>) -> Result<Version, Stop> {
    let start = *from;
    let header: [u8; HEADER_BYTES] = need(from, "the header", Reader::array)?;
    let (digits, known) = match &header {
        [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (&digits[..], 1..=REDIS_MAX),
        [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (&digits[..], VALKEY..=VALKEY),
        _ => {
            return Err(Stop::at(
                &start,
                "this is no dump file: it begins neither as Redis's nor as Valkey's".into(),
            ));
        }
    };
    let digit = |version: Version, digit: &u8| {
        digit.is_ascii_digit().then(|| version * 10 + Version::from(digit - b'0'))
    };
    let version = digits.iter().try_fold(0, digit);
    version.filter(|version| known.contains(version)).ok_or_else(|| {
        let what = format!("the version {} is not known", String::from_utf8_lossy(digits).escape_default());
        Stop::at(&start, what)
    })
}

/// Parts that we know and do not take.
fn refused(code: u8, from: &mut Reader<'_>) -> Stop {
    let what = match code {
        code::LIBRARY_OLD => "a library of functions in a form of a release candidate of Redis 7.0".into(),
        code::SLOT_IMPORT => "a hash slot that was being moved to this node".into(),
        _ => match need(from, "the name of a module", Reader::length) {
            Ok(id) => format!("data of the module type {}", module_name(id)),
            Err(stop) => return stop,
        },
    };
    Stop::at(from, format!("{what}, which is not supported"))
}

/// A value that only a module could read.
fn module_value(code: u8, from: &mut Reader<'_>) -> Stop {
    let named = need(from, "a key", Reader::text).and_then(|key| {
        let id = need(from, "the name of a module", Reader::length);
        id.map(|id| (key, id))
    });
    match named {
        Ok((key, id)) if code == FORM_MODULE => {
            let what = format!("a value of the module type {}, which is not supported", module_name(id));
            Stop::at(from, what).with_key(&key)
        }
        Ok((key, _)) => {
            Stop::at(from, "a value of a module, in the form of a release candidate of Redis 4.0".into())
                .with_key(&key)
        }
        Err(stop) => stop,
    }
}

/// The nine characters that a module type's number stands for: six bits each, above ten bits of version.
fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).rev().map(|place| char::from(LETTERS[(id >> (10 + 6 * place) & 63) as usize])).collect()
}
