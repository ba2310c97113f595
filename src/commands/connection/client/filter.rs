//! Which connections CLIENT LIST and CLIENT KILL mean: those that pass all of some tests. Each test but SKIPME, MAXAGE and
//! IDLE can be turned round by `NOT-`.

use super::list::{Kind, flags};
use crate::engine::session::{Session, SessionHandle};
use crate::engine::{Call, Failure, address_text};
use crate::runtime::{Address, Monotonic};
use crate::text::number::parse_i64;

/// One question about a connection.
enum Test<'a> {
    Ids(Vec<u64>),
    Kind(Kind),
    Address(&'a [u8]),
    LocalAddress(&'a [u8]),
    Ip(&'a [u8]),
    /// The user's name; there is one so far.
    DefaultUser,
    Name(&'a [u8]),
    LibraryName(&'a [u8]),
    LibraryVersion(&'a [u8]),
    Flags(&'a [u8]),
    Database(usize),
    AgeSecondsMin(u64),
    IdleSecondsMin(u64),
}

/// What a connection must be to be meant.
#[derive(Default)]
pub(super) struct Filter<'a> {
    /// With whether the answer must be no.
    tests: Vec<(bool, Test<'a>)>,
    /// SKIPME, if it was given: whether the connection that asks is spared.
    pub skip_me: Option<bool>,
}

/// The letters that CLIENT LIST knows, ours or not.
const FLAG_LETTERS: &[u8] = b"AbcCdeEgiIMNOPrRSBtTuUx";

impl<'a> Filter<'a> {
    /// Connections from this address.
    pub fn address(address: &'a [u8]) -> Filter<'a> {
        Filter { tests: vec![(false, Test::Address(address))], skip_me: Some(false) }
    }

    /// Reads the options from argument `at` to the end.
    pub fn parse(call: &Call<'a>, mut at: usize) -> Result<Filter<'a>, Failure> {
        let mut filter = Filter::default();
        while at < call.len() {
            if at + 1 == call.len() {
                return Err(Failure::SYNTAX);
            }
            let option = call.arg(at).to_ascii_lowercase();
            let (negated, option) = match option.strip_prefix(b"not-") {
                Some(option) if !matches!(option, b"skipme" | b"maxage" | b"idle") => (true, option),
                _ => (false, &*option),
            };
            if option == b"id" {
                let (ids, next) = ids(call, at + 1)?;
                filter.tests.push((negated, Test::Ids(ids)));
                at = next;
                continue;
            }
            filter.add(call, negated, option, call.arg(at + 1))?;
            at += 2;
        }
        Ok(filter)
    }

    fn add(&mut self, call: &Call<'_>, negated: bool, option: &[u8], value: &'a [u8]) -> Result<(), Failure> {
        let test = match option {
            b"skipme" => {
                self.skip_me = Some(yes_or_no(value)?);
                return Ok(());
            }
            b"type" => Test::Kind(Kind::parse(value)?),
            b"addr" => Test::Address(value),
            b"laddr" => Test::LocalAddress(value),
            b"ip" => Test::Ip(value),
            b"user" if value == b"default" => Test::DefaultUser,
            b"user" => return Err(quoting("ERR No such user '", value, "'")),
            b"name" => Test::Name(value),
            b"lib-name" => Test::LibraryName(value),
            b"lib-ver" => Test::LibraryVersion(value),
            b"flags" if value.iter().all(|letter| FLAG_LETTERS.contains(letter)) => Test::Flags(value),
            b"flags" => return Err(quoting("ERR Unknown flags found in the provided filter: ", value, "")),
            b"db" => Test::Database(database(call, value)?),
            b"maxage" => Test::AgeSecondsMin(positive("maxage", value)?),
            b"idle" => Test::IdleSecondsMin(positive("idle", value)?),
            _ => return Err(Failure::SYNTAX),
        };
        self.tests.push((negated, test));
        Ok(())
    }

    /// The connections that are meant, in the order of their ids.
    pub fn select(&self, call: &Call<'_>, skip_me: bool) -> Vec<SessionHandle> {
        let (skip_me, now) = (self.skip_me.unwrap_or(skip_me), call.now.mono);
        let all = call.engine.sessions.by_id().into_iter();
        let meant = |(client, session): &(SessionHandle, &Session)| {
            !(skip_me && *client == call.client)
                && self.tests.iter().all(|(negated, test)| test.fits(session, now) != *negated)
        };
        all.filter(meant).map(|(client, _)| client).collect()
    }
}

impl Test<'_> {
    fn fits(&self, session: &Session, now: Monotonic) -> bool {
        match self {
            Test::Ids(ids) => ids.contains(&session.id),
            Test::Kind(kind) => *kind == Kind::of(session),
            Test::Address(address) => address_text(&session.peer).as_bytes() == *address,
            Test::LocalAddress(address) => address_text(&session.local).as_bytes() == *address,
            Test::Ip(ip) => {
                matches!(&session.peer, Address::Ip(peer) if peer.ip().to_string().as_bytes() == *ip)
            }
            Test::DefaultUser => true,
            Test::Name(name) => session.name == *name,
            Test::LibraryName(name) => session.library_name == *name,
            Test::LibraryVersion(version) => session.library_version == *version,
            Test::Flags(letters) => {
                let flags = flags(session);
                letters.iter().all(|letter| flags.contains(char::from(*letter)))
            }
            Test::Database(db) => session.db == *db,
            Test::AgeSecondsMin(seconds) => (now - session.connected.mono).as_secs() >= *seconds,
            Test::IdleSecondsMin(seconds) => (now - session.active.mono).as_secs() >= *seconds,
        }
    }
}

/// The numbers from argument `at` on, at least one, and the argument behind them.
fn ids(call: &Call<'_>, at: usize) -> Result<(Vec<u64>, usize), Failure> {
    const TOO_SMALL: Failure = Failure::fixed("ERR client-id should be greater than 0");
    let mut ids = Vec::new();
    for word in call.request.iter_from(at) {
        match parse_i64(word) {
            Some(id) if id > 0 => ids.push(id as u64),
            None if !ids.is_empty() => break,
            _ => return Err(TOO_SMALL),
        }
    }
    let next = at + ids.len();
    Ok((ids, next))
}

fn yes_or_no(word: &[u8]) -> Result<bool, Failure> {
    match () {
        () if word.eq_ignore_ascii_case(b"yes") => Ok(true),
        () if word.eq_ignore_ascii_case(b"no") => Ok(false),
        () => Err(Failure::SYNTAX),
    }
}

fn positive(option: &str, value: &[u8]) -> Result<u64, Failure> {
    let number = parse_i64(value);
    let number =
        number.ok_or_else(|| Failure::new(format!("ERR {option} is not an integer or out of range")))?;
    let positive = u64::try_from(number).ok().filter(|number| *number > 0);
    positive.ok_or_else(|| Failure::new(format!("ERR {option} should be greater than 0")))
}

fn database(call: &Call<'_>, value: &[u8]) -> Result<usize, Failure> {
    let count = call.engine.keyspace.databases.len();
    let number = parse_i64(value).ok_or(Failure::fixed("ERR DB is not an integer or out of range"))?;
    let number = usize::try_from(number).ok().filter(|number| *number < count);
    number.ok_or_else(|| Failure::new(format!("ERR DB number should be between 0 and {}", count - 1)))
}

fn quoting(before: &str, value: &[u8], after: &str) -> Failure {
    Failure::new(format!("{before}{}{after}", String::from_utf8_lossy(value)))
}
