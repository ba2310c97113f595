//! Kinds of values: what arguments a parameter takes, and the canonical text that they become.
//!
//! Guarantees: `parse` of its own result gives that result again; an error is the sentence that Redis gives for it.
pub use super::lists::Origin;
use super::lists::{buffer_limits, keyspace_events, oom_scores, percentiles, replica_of, save};
use crate::text::number::parse_i64;
use crate::text::size::parse_size;

pub(super) const I32_MIN: i64 = i32::MIN as i64;
pub(super) const I32_MAX: u64 = i32::MAX as u64;
pub(super) const U32_MAX: u64 = u32::MAX as u64;
pub(super) const I64_MAX: u64 = i64::MAX as u64;

/// Options of `shutdown-on-sigint` and `shutdown-on-sigterm`.
pub(super) const SHUTDOWN: &[&str] = &["default", "save", "nosave", "now", "force"];

/// What values a parameter takes.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// An integer in this range.
    Int {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: u64,
    },
    /// An integer from 0; one outside this range becomes the nearest inside.
    Clamped {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// Bytes, with units.
    Memory {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: u64,
    },
    /// Bytes with units, or a percentage of `maxmemory`.
    MemoryOrPercent,
    /// Permission bits in octal.
    Octal {
        /// Greatest value.
        max: u32,
    },
    /// One of these words.
    Enum(&'static [&'static str]),
    /// Any of these words; the first stands for none of the others.
    Flags(&'static [&'static str]),
    /// Any text.
    Text,
    /// Text that passes a check.
    Checked(fn(&[u8]) -> Result<(), String>),
    /// Words, up to sixteen.
    Words,
    /// Pairs of seconds and changes.
    Save,
    /// Classes of clients with three limits each.
    BufferLimits,
    /// Three scores in rising order.
    OomScores,
    /// Percentiles.
    Percentiles,
    /// Letters of classes of keyspace events.
    KeyspaceEvents,
    /// Host and port, or `no one`.
    ReplicaOf,
}

impl Kind {
    pub(super) const fn int(min: i64, max: u64) -> Self {
        Kind::Int { min, max }
    }

    pub(super) const fn memory(min: i64, max: u64) -> Self {
        Kind::Memory { min, max }
    }

    /// The canonical text of `args`, where `current` is the canonical text of the present value.
    pub fn parse(&self, args: &[&[u8]], current: &[u8], origin: Origin) -> Result<Vec<u8>, String> {
        match self {
            Kind::Flags(names) => flags(&words(args), names),
            Kind::Words => several(&words(args)),
            Kind::Save => save(&words(args), current, origin),
            Kind::BufferLimits => buffer_limits(&words(args), current),
            Kind::OomScores => oom_scores(&words(args)),
            Kind::Percentiles => percentiles(&words(args)),
            Kind::ReplicaOf => replica_of(&words(args)),
            _ => match args {
                [arg] => self.parse_one(arg),
                _ => Err("wrong number of arguments".to_owned()),
            },
        }
    }

    fn parse_one(&self, arg: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Kind::Bool => {
                one_of(arg, &["yes", "no"]).ok_or_else(|| "argument must be 'yes' or 'no'".to_owned())
            }
            Kind::Int { min, max } => integer(arg, *min, *max),
            Kind::Clamped { min, max } => clamped(arg, *min, *max),
            Kind::Memory { min, max } => memory(arg, *min, *max),
            Kind::MemoryOrPercent => memory_or_percent(arg),
            Kind::Octal { max } => octal(arg, *max),
            Kind::Enum(names) => one_of(arg, names).ok_or_else(|| not_one_of(names)),
            Kind::Checked(check) => check(arg).map(|()| arg.to_vec()),
            Kind::KeyspaceEvents => keyspace_events(arg),
            _ => Ok(arg.to_vec()),
        }
    }
}

/// A single argument holds all words, separated by blanks.
fn words<'a>(args: &[&'a [u8]]) -> Vec<&'a [u8]> {
    match args {
        [arg] if arg.is_empty() => vec![*arg],
        [arg] => arg.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).collect(),
        _ => args.to_vec(),
    }
}

fn one_of(arg: &[u8], names: &[&'static str]) -> Option<Vec<u8>> {
    let name = names.iter().find(|name| name.as_bytes().eq_ignore_ascii_case(arg))?;
    Some(name.as_bytes().to_vec())
}

fn not_one_of(names: &[&str]) -> String {
    format!("argument(s) must be one of the following: {}", names.join(", "))
}

fn flags(args: &[&[u8]], names: &[&'static str]) -> Result<Vec<u8>, String> {
    let given: Option<Vec<_>> = args.iter().map(|arg| one_of(arg, names)).collect();
    let given = given.filter(|given| !given.is_empty()).ok_or_else(|| not_one_of(names))?;
    let has = |name: &str| given.iter().any(|word| word == name.as_bytes());
    if has("save") && has("nosave") {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".to_owned());
    }
    let set: Vec<&str> = names[1..].iter().copied().filter(|name| has(name)).collect();
    Ok(if set.is_empty() { names[0].into() } else { set.join(" ").into() })
}

fn several(args: &[&[u8]]) -> Result<Vec<u8>, String> {
    const WORDS_MAX: usize = 16;
    let words: Vec<&[u8]> =
        args.iter().flat_map(|arg| arg.split(|&byte| byte == b' ')).filter(|word| !word.is_empty()).collect();
    if words.len() > WORDS_MAX {
        return Err("Too many bind addresses specified.".to_owned());
    }
    Ok(words.join(&b' '))
}

fn out_of_range(min: impl std::fmt::Display, max: impl std::fmt::Display) -> String {
    format!("argument must be between {min} and {max} inclusive")
}

fn integer(arg: &[u8], min: i64, max: u64) -> Result<Vec<u8>, String> {
    let value = parse_i64(arg).ok_or("argument couldn't be parsed into an integer")?;
    let fits = value >= min && i128::from(value) <= i128::from(max);
    if fits { Ok(value.to_string().into_bytes()) } else { Err(out_of_range(min, max)) }
}

fn clamped(arg: &[u8], min: i64, max: i64) -> Result<Vec<u8>, String> {
    integer(arg, 0, I32_MAX)?;
    // The line above has seen that it is a number.
    let value = parse_i64(arg).unwrap_or(min).clamp(min, max);
    Ok(value.to_string().into_bytes())
}

fn memory(arg: &[u8], min: i64, max: u64) -> Result<Vec<u8>, String> {
    let negative = parse_i64(arg).filter(|&value| value < 0 && min < 0).map(i128::from);
    let value =
        negative.or_else(|| parse_size(arg).map(i128::from)).ok_or("argument must be a memory value")?;
    let fits = (i128::from(min)..=i128::from(max)).contains(&value);
    if fits { Ok(value.to_string().into_bytes()) } else { Err(out_of_range(min, max)) }
}

fn memory_or_percent(arg: &[u8]) -> Result<Vec<u8>, String> {
    let not_either = || "argument must be a memory or percent value".to_owned();
    let Some(percent) = arg.strip_suffix(b"%") else {
        return memory(arg, 0, u64::MAX).map_err(|_| not_either());
    };
    match parse_i64(percent).ok_or_else(not_either)? {
        percent @ 0..=100 => Ok(format!("{percent}%").into_bytes()),
        101.. => Err("percentage argument must be less or equal to 100".to_owned()),
        _ => Err(not_either()),
    }
}

fn octal(arg: &[u8], max: u32) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(arg).unwrap_or("-");
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let value = if text.is_empty() { Ok(0) } else { u32::from_str_radix(text, 8) };
    match value {
        Ok(value) if digits && value <= max => Ok(format!("{value:o}").into_bytes()),
        Ok(_) if digits => Err(format!("argument must be between 0 and {max:o} inclusive")),
        _ => Err("argument couldn't be parsed as an octal number".to_owned()),
    }
}
