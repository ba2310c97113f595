//! DEBUG: for tests of servers and of client libraries.
//!
//! Its sub-commands are not in the command table, as in Redis: one list here holds them, and HELP reads it.

use std::time::Duration;

use crate::commands::help;
use crate::engine::command::Handler;
use crate::engine::command::{Command, Flag, Group};
use crate::engine::{Call, Failure, Flow, Job};
use crate::keyspace::digest::value_digest;
use crate::keyspace::{NewValue, Slot, Value};
use crate::protocol::reply::Version;
use crate::text;

pub(super) const DEBUG: Command = Command {
    name: "debug",
    arity: -2,
    flags: &[Flag::Admin, Flag::NoScript, Flag::Loading, Flag::Stale, Flag::Protected],
    group: Group::Server,
    summary: "Holds the commands for testing a server.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [arg [arg ...]]",
    handler: debug,
    ..Command::DEFAULT
};

/// One sub-command.
struct Tool {
    name: &'static str,
    /// How many arguments a request may have, the two names included.
    arguments: std::ops::RangeInclusive<usize>,
    usage: &'static str,
    about: &'static str,
    handler: Handler,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "digest",
        arguments: 2..=2,
        usage: "DIGEST",
        about: "Answers a sum over all data: equal for equal data, also of other servers.",
        handler: digest,
    },
    Tool {
        name: "digest-value",
        arguments: 2..=usize::MAX,
        usage: "DIGEST-VALUE <key> [<key> ...]",
        about: "Answers the sum of each key's value.",
        handler: digest_value,
    },
    Tool {
        name: "error",
        arguments: 3..=3,
        usage: "ERROR <string>",
        about: "Answers an error with this text.",
        handler: error,
    },
    Tool {
        name: "listpack",
        arguments: 3..=3,
        usage: "LISTPACK <key>",
        about: "Writes to the log how long a value in one listpack is.",
        handler: |call| structure(call, "listpack"),
    },
    Tool {
        name: "object",
        arguments: 3..=3,
        usage: "OBJECT <key>",
        about: "Shows how a key's value is stored.",
        handler: object,
    },
    Tool {
        name: "populate",
        arguments: 3..=5,
        usage: "POPULATE <count> [<prefix>] [<size>]",
        about: "Makes string keys <prefix>:<number> that do not exist yet; nothing is propagated.",
        handler: populate,
    },
    Tool {
        name: "protocol",
        arguments: 3..=3,
        usage: "PROTOCOL <type>",
        about: "Answers a sample of a type of RESP3; an unknown type lists them.",
        handler: protocol,
    },
    Tool {
        name: "quicklist",
        arguments: 3..=4,
        usage: "QUICKLIST <key> [<0|1>]",
        about: "Writes to the log how long a list in several listpacks is.",
        handler: |call| structure(call, "quicklist"),
    },
    Tool {
        name: "quicklist-packed-threshold",
        arguments: 3..=3,
        usage: "QUICKLIST-PACKED-THRESHOLD <size>",
        about: "Accepts a size without effect: elements too long for a listpack stand alone in any case.",
        handler: packed_threshold,
    },
    Tool {
        name: "set-active-expire",
        arguments: 3..=3,
        usage: "SET-ACTIVE-EXPIRE <0|1>",
        about: "Chooses whether expired keys are looked for.",
        handler: set_active_expire,
    },
    Tool {
        name: "sleep",
        arguments: 3..=3,
        usage: "SLEEP <seconds>",
        about: "Lets the whole server stand still.",
        handler: sleep,
    },
    Tool { name: "help", arguments: 2..=2, usage: "HELP", about: "Prints this help.", handler: show_help },
];

fn debug(call: &mut Call<'_>) -> Result<(), Failure> {
    let fits = |tool: &&Tool| call.arg_is(1, tool.name) && tool.arguments.contains(&call.len());
    match TOOLS.iter().find(fits) {
        Some(tool) => (tool.handler)(call),
        None => Err(Failure::subcommand("debug", call.arg(1))),
    }
}

fn show_help(call: &mut Call<'_>) -> Result<(), Failure> {
    help::write(call, "DEBUG", TOOLS.iter().map(|tool| (tool.usage, tool.about)));
    Ok(())
}

fn hexadecimal(sum: &[u8]) -> String {
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(call: &mut Call<'_>) -> Result<(), Failure> {
    let sum = call.engine.keyspace.digest();
    call.reply.simple(&hexadecimal(&sum));
    Ok(())
}

fn digest_value(call: &mut Call<'_>) -> Result<(), Failure> {
    call.reply.array(call.len() - 2);
    for at in 2..call.len() {
        let key = call.key(at);
        let (entry, reply) = call.peek(&key);
        let sum = entry.map_or([0; 20], value_digest);
        reply.simple(&hexadecimal(&sum));
    }
    Ok(())
}

fn error(call: &mut Call<'_>) -> Result<(), Failure> {
    Err(Failure::new(call.arg(2)))
}

/// C's `atoi`, which tests rely on: what is no number is 0.
fn is_nonzero(word: &[u8]) -> bool {
    word.iter()
        .skip_while(|byte| b" +-".contains(byte))
        .take_while(|b| b.is_ascii_digit())
        .any(|b| *b != b'0')
}

fn set_active_expire(call: &mut Call<'_>) -> Result<(), Failure> {
    call.engine.active_expire = is_nonzero(call.arg(2));
    call.reply.ok();
    Ok(())
}

fn sleep(call: &mut Call<'_>) -> Result<(), Failure> {
    let seconds = text::parse_f64(call.arg(2)).unwrap_or(0.0).max(0.0);
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    call.then(Flow::Job(Job::Sleep(duration)));
    Ok(())
}

/// The address of a value must not reach a reply (it would not repeat), so it is written as 0.
fn object(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(2);
    let (access, now_ms) = (call.engine.access(), call.now.wall.millis());
    let (entry, reply) = call.peek(&key);
    let entry = entry.ok_or(Failure::NO_SUCH_KEY)?;
    let (clock, encoding) = (entry.clock(), entry.encoding());
    let (length, idle) = (serialized_bytes(&entry.value()), access.idle_seconds(clock, now_ms));
    reply.simple(&format!(
        "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{length} lru:{clock} lru_seconds_idle:{idle}"
    ));
    Ok(())
}

/// What Redis prints to its standard output goes to the log here.
fn structure(call: &mut Call<'_>, wanted: &str) -> Result<(), Failure> {
    let key = call.key(2);
    let (entry, reply) = call.peek(&key);
    let entry = entry.ok_or(Failure::NO_SUCH_KEY)?;
    if entry.encoding() != wanted {
        return Err(Failure::new(format!("ERR Not a {wanted} encoded object.")));
    }
    let (elements, bytes) = (entry.value().len(), entry.memory_bytes());
    tracing::info!("{wanted} of {elements} elements, {bytes} bytes with its key");
    let (first, rest) = wanted.split_at(1);
    reply.simple(&format!("{}{rest} structure printed on stdout", first.to_uppercase()));
    Ok(())
}

fn packed_threshold(call: &mut Call<'_>) -> Result<(), Failure> {
    const WRONG: Failure =
        Failure::fixed("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    let size = text::size::parse_size(call.arg(2)).ok_or(WRONG)?;
    if size >= 4 << 30 {
        return Err(WRONG);
    }
    call.reply.ok();
    Ok(())
}

/// How long a value is in an RDB file, uncompressed: integers of up to 32 bits have their own forms, other strings a length
/// of 1, 2, 5 or 9 bytes before them.
fn serialized_bytes(value: &Value<'_>) -> usize {
    match value {
        Value::Int(n) if i8::try_from(*n).is_ok() => 2,
        Value::Int(n) if i16::try_from(*n).is_ok() => 3,
        Value::Int(n) if i32::try_from(*n).is_ok() => 5,
        value => match value.len() {
            length @ ..0x40 => length + 1,
            length @ ..0x4000 => length + 2,
            length @ ..0x1_0000_0000 => length + 5,
            length => length + 9,
        },
    }
}

fn populate(call: &mut Call<'_>) -> Result<(), Failure> {
    const NOT_POSITIVE: Failure = Failure::fixed("ERR value is out of range, must be positive");
    let natural = |at: usize| {
        let number = call.integer(at).ok().and_then(|number| usize::try_from(number).ok());
        number.ok_or(NOT_POSITIVE)
    };
    let count = natural(2)?;
    let prefix = if call.len() > 3 { call.arg(3) } else { b"key" };
    let size = if call.len() > 4 { natural(4)? } else { 0 };
    if size as u64 > call.engine.config.proto_max_bulk_len_bytes {
        return Err(Failure::STRING_TOO_LONG);
    }
    if Vec::<u8>::new().try_reserve_exact(size).is_err() {
        return Err(Failure::NO_MEMORY);
    }
    for number in 0..count {
        add_sample(call, prefix, number, size);
    }
    call.reply.ok();
    Ok(())
}

fn add_sample(call: &mut Call<'_>, prefix: &[u8], number: usize, size: usize) {
    let name = [prefix, b":", number.to_string().as_bytes()].concat();
    let mut value = format!("value:{number}").into_bytes();
    if size != 0 {
        value.resize(size, 0);
    }
    let key = call.engine.keyspace.hasher().key(&name);
    let clock = call.new_clock();
    if let Slot::Vacant(vacant) = call.slot(&key) {
        vacant.insert(NewValue::Bytes(&value), None, clock);
    }
}

/// Redis's sample: close to π, and not meant to be it.
#[expect(clippy::approx_constant)]
const SAMPLE_DOUBLE: f64 = 3.141;

const TYPES: &str = "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false";

fn protocol(call: &mut Call<'_>) -> Result<(), Failure> {
    let resp3 = call.reply.version() == Version::Resp3;
    let reply = &mut call.reply;
    match call.request.arg(2).to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(SAMPLE_DOUBLE),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|i| reply.integer(i));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|i| reply.integer(i));
        }
        b"map" => {
            reply.map(3);
            for i in 0..3 {
                reply.integer(i);
                reply.boolean(i == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !resp3 => return Err(Failure::fixed("ERR RESP2 is not supported by this command")),
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => {
            let text = format!("ERR Wrong protocol type name. Please use one of the following: {TYPES}");
            return Err(Failure::new(text));
        }
    }
    Ok(())
}
