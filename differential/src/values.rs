//! Words for arguments: few keys and elements, so that commands meet; boundaries, so that they err.

use crate::grammar::Argument;
use crate::random::Random;

/// The kinds of keys, by the first part of their names.
const KINDS: &[&str] = &["str", "list", "set", "hash", "zset", "stream", "geo", "hll", "bits"];
/// Keys of each kind.
const KEYS_OF_A_KIND: usize = 3;

/// Elements, members, fields, values.
const TEXTS: &[&str] =
    &["a", "b", "c", "d", "e", "f", "1", "2", "3", "10", "-5", "3.5", "foo", "bar", "Hello", "héllo", ""];
const INTEGERS: &[&str] = &["0", "1", "2", "3", "-1", "-2", "5", "10"];
const ODD_INTEGERS: &[&str] = &[
    "100",
    "-100",
    "1000",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "x",
    "1.5",
    "",
    "+1",
    " 1",
    "01",
];
const DOUBLES: &[&str] = &["0", "1", "2", "3", "1.5", "-1", "0.1", "-2.25", "10", "3.0", "1e3"];
const ODD_DOUBLES: &[&str] =
    &["inf", "-inf", "+inf", "nan", "x", "", "1e300", "1e-7", "123456789012345678", "0x10", " 1"];
const PATTERNS: &[&str] = &["*", "a*", "?", "[a-c]", "h*llo", "[^a]*", "\\*", "*1*"];
const BOUNDS: &[&str] = &[
    "0", "1", "-1", "2", "3", "10", "(1", "(3", "-inf", "+inf", "inf", "-", "+", "[a", "(a", "[c", "(e", "[",
    "a", "(x", "1.5", "-2", "100",
];
const IDS: &[&str] = &[
    "1-1",
    "1-2",
    "2-1",
    "2-2",
    "3-1",
    "4-4",
    "5-1",
    "7",
    "0",
    "0-1",
    "9-0",
    "18446744073709551615-18446744073709551615",
];
const RANGE_IDS: &[&str] = &["-", "+", "1-1", "2-1", "2", "(2-1", "(1", "5", "0", "x", "(-"];

/// What the words of a command depend on.
pub struct Context<'a> {
    /// Its chapter.
    pub group: &'a str,
    /// Its name.
    pub command: &'a str,
}

/// A key that suits the command; now and then any other.
pub fn key(context: &Context<'_>, random: &mut Random) -> Vec<u8> {
    let own: &[&str] = match context.group {
        "string" => &["str"],
        "list" => &["list"],
        "set" => &["set"],
        "hash" => &["hash"],
        "sorted-set" => &["zset", "zset", "zset", "set", "geo"],
        "stream" => &["stream"],
        "geo" => &["geo"],
        "hyperloglog" => &["hll"],
        "bitmap" => &["bits", "bits", "str"],
        _ => KINDS,
    };
    // Set operations on sorted sets alone read sets as well.
    let own = if context.group == "sorted-set" && !reads_sets(context.command) { &own[..1] } else { own };
    let kind = if random.percent(4) { random.pick(KINDS) } else { random.pick(own) };
    format!("{kind}:{}", random.below(KEYS_OF_A_KIND)).into_bytes()
}

fn reads_sets(command: &str) -> bool {
    ["zunion", "zinter", "zdiff"].iter().any(|start| command.starts_with(start))
}

/// A word for an argument that is neither a choice, a block nor a fixed word.
pub fn word(argument: &Argument, context: &Context<'_>, random: &mut Random) -> Vec<u8> {
    if let Some(words) = by_name(argument, context, random) {
        return words;
    }
    match argument.kind.as_str() {
        "key" => key(context, random),
        "integer" => integer(random),
        "double" => pick(DOUBLES, ODD_DOUBLES, 6, random),
        "pattern" => random.pick(PATTERNS).as_bytes().to_vec(),
        "unix-time" => unix_time(&argument.name, random),
        _ => text(random),
    }
}

fn by_name(argument: &Argument, context: &Context<'_>, random: &mut Random) -> Option<Vec<u8>> {
    let stream = context.group == "stream";
    let from = |words: &[&str], random: &mut Random| Some(random.pick(words).as_bytes().to_vec());
    match (argument.name.as_str(), context.command) {
        ("timeout", _) => from(&["0.01", "0.01", "0.01", "-1", "x"], random),
        ("milliseconds", "xread" | "xreadgroup") => from(&["1", "5"], random),
        ("cursor", _) => from(&["0"], random),
        ("min" | "max" | "start" | "stop", "zrange" | "zrangestore") => from(BOUNDS, random),
        ("min" | "max", _) if context.group == "sorted-set" => from(BOUNDS, random),
        ("start" | "end", "xrange" | "xrevrange" | "xpending") => from(RANGE_IDS, random),
        ("start", "xautoclaim") => from(RANGE_IDS, random),
        ("threshold", "xadd" | "xtrim") => from(&["0", "1", "2", "3", "2-1", "3", "100", "-1", "x"], random),
        ("id", "xreadgroup") => from(&[">", ">", ">", "0", "1-1", "x"], random),
        ("id", "xread") => from(&["0", "1-1", "2", "$", "+", "x"], random),
        ("id" | "last-id" | "lastid" | "max-deleted-id", _) if stream => from(IDS, random),
        ("group", _) if stream => from(&["g1", "g2"], random),
        ("consumer", _) if stream => from(&["c1", "c2", "c3"], random),
        ("min-idle-time" | "ms", _) if stream => from(&["0", "0", "1", "100000"], random),
        ("unix-time-milliseconds", _) if stream => from(&["0", "1", "1000"], random),
        ("longitude", _) => {
            from(&["13.361389", "15.087269", "0", "-122.27652", "180", "200", "13.4"], random)
        }
        ("latitude", _) => from(&["38.115556", "37.502669", "0", "37.805186", "-85", "90", "38.2"], random),
        ("radius" | "width" | "height", _) => {
            from(&["1", "100", "200", "400", "20000", "0", "-1", "x"], random)
        }
        ("encoding", _) => from(&["u8", "i8", "u4", "i16", "u63", "i64", "u1", "u64", "x1"], random),
        ("offset", "bitfield" | "bitfield_ro") => {
            from(&["0", "8", "#1", "#0", "7", "100", "-1", "#x"], random)
        }
        ("offset", "setbit" | "getbit" | "setrange") => {
            from(&["0", "1", "7", "8", "9", "31", "100", "-1", "x"], random)
        }
        ("value", "setbit") | ("bit", "bitpos") => from(&["0", "1", "0", "1", "2"], random),
        ("seconds" | "milliseconds", _) => from(&["1000", "100000", "1000000", "0", "-1", "x"], random),
        ("index", "copy") | ("destination-db" | "db", _) => from(&["0", "0", "1", "x"], random),
        ("len" | "numpat", _) => None,
        ("by-pattern", _) => from(&["str:*", "hash:*->a", "nosort", "str:*->x", "#"], random),
        ("get-pattern", _) => from(&["#", "str:*", "hash:*->a", "hash:*->b"], random),
        ("type", "scan") => from(&["string", "list", "set", "zset", "hash", "stream", "x"], random),
        ("entriesread" | "entries-read" | "entries-added", _) => from(&["0", "1", "5", "-1", "100"], random),
        _ => None,
    }
}

/// Any text.
pub fn text(random: &mut Random) -> Vec<u8> {
    match random.below(40) {
        0 => vec![b'x'; 70],
        1 => vec![b'y'; 300],
        2 => vec![0, 255, b'\r', b'\n'],
        3 => (random.word() as i64).to_string().into_bytes(),
        4 => format!("e{}", random.below(500)).into_bytes(),
        _ => random.pick(TEXTS).as_bytes().to_vec(),
    }
}

fn integer(random: &mut Random) -> Vec<u8> {
    pick(INTEGERS, ODD_INTEGERS, 7, random)
}

fn pick(usual: &[&str], odd: &[&str], odd_percent: usize, random: &mut Random) -> Vec<u8> {
    let from = if random.percent(odd_percent) { odd } else { usual };
    random.pick(from).as_bytes().to_vec()
}

/// Long ago, or in a hundred years: the same for both servers, whenever they see it.
fn unix_time(name: &str, random: &mut Random) -> Vec<u8> {
    let future = if name.contains("milli") { "4900000000000" } else { "4900000000" };
    random.pick(&[future, future, future, "1", "0", "-1", "x"]).as_bytes().to_vec()
}
