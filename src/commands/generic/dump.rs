//! What a key holds, as a text that a client can carry to another server: DUMP, RESTORE.

use crate::dump::{self, Limits, Loaded, footer};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::persistence::insert;
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Access, Key, Slot};
use crate::text::number::parse_i64;

pub(super) const DUMP: Command = Command {
    name: "dump",
    arity: 2,
    flags: &[Flag::ReadOnly],
    group: Group::Generic,
    categories: &[Category::Keyspace],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "2.6.0",
    summary: "Returns what a key holds as a text that RESTORE reads, here and in other servers.",
    complexity: "O(1) to find the key, O(N) with the bytes of what it holds",
    syntax: "key",
    tips: &["nondeterministic_output"],
    handler: dump,
    ..Command::DEFAULT
};

fn dump(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, compress) = (call.key(1), call.engine.config.rdbcompression);
    match call.read(&key) {
        (Some(entry), reply) => reply.bulk(&dump::payload(entry.value(), compress)),
        (None, reply) => reply.null(),
    }
    Ok(())
}

pub(super) const RESTORE: Command = Command {
    name: "restore",
    arity: -4,
    flags: &[Flag::Write, Flag::DenyOom],
    group: Group::Generic,
    categories: &[Category::Keyspace, Category::Dangerous],
    keys: &[KeySpec::one(1, &["OW", "update"])],
    since: "2.6.0",
    summary: "Sets a key to what DUMP has returned for another.",
    complexity: "O(1) to make the key, O(N) with the bytes of the text; O(N log N) for sorted sets",
    syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
    handler: restore,
    ..Command::DEFAULT
};

pub(super) const RESTORE_ASKING: Command = Command {
    name: "restore-asking",
    flags: &[Flag::Write, Flag::DenyOom, Flag::Asking],
    group: Group::Server,
    since: "3.0.0",
    summary: "RESTORE of a key whose slot is being moved here; for use between nodes.",
    ..RESTORE
};

/// Where the options begin.
const OPTIONS: usize = 4;
const TTL: usize = 2;

/// What stands behind the text.
#[derive(Default)]
struct Options {
    replace: bool,
    /// The lifetime is a Unix time in milliseconds, not a distance from now.
    absolute: bool,
    idle_seconds: Option<i64>,
    frequency: Option<u8>,
}

fn restore(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options::parse(call)?;
    let key = call.key(1);
    if !options.replace && call.peek(&key).0.is_some() {
        return Err(Failure::fixed("BUSYKEY Target key name already exists."));
    }
    let deadline_ms = deadline(call, options.absolute)?;
    let body =
        footer::open(call.arg(3)).ok_or(Failure::fixed("ERR DUMP payload version or checksum are wrong"))?;
    let limits = Limits::of(&call.engine.config, call.engine.keyspace.hasher().hash_key());
    let loaded = dump::value(body, &limits).ok_or(Failure::fixed("ERR Bad data format"))?;
    let removed = call.remove(&key);
    let existed = removed.is_some();
    call.engine.discard(removed);
    if deadline_ms.is_some_and(|at_ms| at_ms <= call.now.wall.millis()) {
        arrived_late(call, &key, existed);
    } else {
        store(call, &key, loaded, deadline_ms, &options);
        tell(call, &key, deadline_ms, options.absolute);
    }
    call.reply.ok();
    Ok(())
}

impl Options {
    fn parse(call: &Call<'_>) -> Result<Options, Failure> {
        let (mut options, mut i) = (Options::default(), OPTIONS);
        while i < call.len() {
            let has_amount = i + 1 < call.len();
            if call.arg_is(i, "replace") {
                options.replace = true;
            } else if call.arg_is(i, "absttl") {
                options.absolute = true;
            } else if call.arg_is(i, "idletime") && has_amount && options.frequency.is_none() {
                i += 1;
                options.idle_seconds = Some(idle_seconds(call.integer(i)?)?);
            } else if call.arg_is(i, "freq") && has_amount && options.idle_seconds.is_none() {
                i += 1;
                options.frequency = Some(frequency(call.integer(i)?)?);
            } else {
                return Err(Failure::SYNTAX);
            }
            i += 1;
        }
        Ok(options)
    }

    /// The access clock, if the options say something that counts under the policy.
    fn clock(&self, access: Access, now_ms: i64) -> Option<u32> {
        match access {
            Access::Lru => {
                let idle = self.idle_seconds?.min(i64::from(IDLE_SECONDS_MAX));
                Some(access.clock_restored(idle as u32, 0, now_ms))
            }
            Access::Lfu { .. } => Some(access.clock_restored(0, self.frequency?, now_ms)),
        }
    }
}

/// The access clock knows no longer times: it has 24 bits.
const IDLE_SECONDS_MAX: u32 = 0xFF_FFFF;

fn idle_seconds(amount: i64) -> Result<i64, Failure> {
    let wrong = Failure::fixed("ERR Invalid IDLETIME value, must be >= 0");
    if amount < 0 { Err(wrong) } else { Ok(amount) }
}

fn frequency(amount: i64) -> Result<u8, Failure> {
    u8::try_from(amount).map_err(|_| Failure::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255"))
}

/// The deadline in Unix milliseconds; 0 in the request stands for none.
fn deadline(call: &Call<'_>, absolute: bool) -> Result<Option<i64>, Failure> {
    let ttl = parse_i64(call.arg(TTL)).ok_or(Failure::NOT_INTEGER)?;
    let wrong = || Failure::fixed("ERR Invalid TTL value, must be >= 0");
    match ttl {
        0 => Ok(None),
        ..0 => Err(wrong()),
        at_ms if absolute => Ok(Some(at_ms)),
        distance => distance.checked_add(call.stamp_ms()).ok_or_else(wrong).map(Some),
    }
}

/// The deadline is past: nothing is made, only what was there has gone.
fn arrived_late(call: &mut Call<'_>, key: &Key<'_>, existed: bool) {
    if existed {
        call.changed(Class::Generic, "del", key);
        let verb: &[u8] = if call.engine.config.lazyfree_lazy_server_del { b"UNLINK" } else { b"DEL" };
        call.propagate(&[verb, key.bytes]);
    }
}

fn store(
    call: &mut Call<'_>,
    key: &Key<'_>,
    loaded: Loaded<'_>,
    deadline_ms: Option<i64>,
    options: &Options,
) {
    let (access, now_ms) = (call.engine.access(), call.now.wall.millis());
    let clock = options.clock(access, now_ms).unwrap_or_else(|| call.new_clock());
    // Nothing stands there: it was removed.
    if let Slot::Vacant(vacant) = call.slot(key) {
        insert(vacant, loaded, deadline_ms, clock);
    }
    call.db().note_fields(key);
}

/// Reports the change; in the effects the deadline is absolute.
fn tell(call: &mut Call<'_>, key: &Key<'_>, deadline_ms: Option<i64>, absolute: bool) {
    // A key that was there has gone before, so it is new in any case.
    call.written(true, Class::Generic, "restore", key);
    if let Some(at_ms) = deadline_ms.filter(|_| !absolute) {
        let mut digits = itoa::Buffer::new();
        let mut words: Vec<&[u8]> = (0..call.len()).map(|i| call.arg(i)).collect();
        words[TTL] = digits.format(at_ms).as_bytes();
        words.push(b"ABSTTL");
        call.propagate(&words);
    }
}
