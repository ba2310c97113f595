//! Values of several words, each with a grammar of its own.
//!
//! Each function takes the words and gives the canonical text, or Redis's sentence about what is wrong.
use super::values::KeyspaceEvents;
use crate::text::number::parse_i64;
use crate::text::size::parse_size;

/// Where arguments come from. It matters to parameters that a file may name several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The first line of this parameter in files and command line.
    First,
    /// A further line of it.
    Further,
    /// CONFIG SET, where all words are one argument.
    Set,
}

/// Pairs of seconds and changes. Lines of a file add up; an empty argument forgets all before it.
pub(super) fn save(args: &[&[u8]], current: &[u8], origin: Origin) -> Result<Vec<u8>, String> {
    if args.is_empty() || args == [b""] {
        return Ok(Vec::new());
    }
    let numbers: Option<Vec<i64>> = args.iter().map(|arg| parse_i64(arg)).collect();
    let valid = |numbers: &Vec<i64>| {
        numbers.len().is_multiple_of(2) && numbers.chunks_exact(2).all(|pair| pair[0] >= 1 && pair[1] >= 0)
    };
    let numbers = numbers.filter(valid).ok_or("Invalid save parameters")?;
    let mut words: Vec<String> = numbers.iter().map(i64::to_string).collect();
    if origin == Origin::Further && !current.is_empty() {
        words.insert(0, String::from_utf8_lossy(current).into_owned());
    }
    Ok(words.join(" ").into_bytes())
}

/// Classes of clients, in the order of the canonical text.
const CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

/// Limits of the classes named; the others keep theirs.
pub(super) fn buffer_limits(args: &[&[u8]], current: &[u8]) -> Result<Vec<u8>, String> {
    if !args.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
    }
    let mut words: Vec<Vec<u8>> = current.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect();
    for group in args.chunks_exact(4) {
        let class = class(group[0]).ok_or("Invalid client class specified in buffer limit configuration.")?;
        let limits = limits(group)
            .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
        // The current text is canonical: it names all classes, four words each.
        words.splice(class * 4 + 1..class * 4 + 4, limits);
    }
    Ok(words.join(&b' '))
}

fn class(name: &[u8]) -> Option<usize> {
    let name = if name.eq_ignore_ascii_case(b"replica") { b"slave" } else { name };
    CLASSES.iter().position(|class| class.as_bytes().eq_ignore_ascii_case(name))
}

fn limits(group: &[&[u8]]) -> Option<[Vec<u8>; 3]> {
    let hard = parse_size(group[1])?;
    let soft = parse_size(group[2])?;
    let seconds: u64 = std::str::from_utf8(group[3]).ok()?.parse().ok()?;
    Some([hard, soft, seconds].map(|number| number.to_string().into_bytes()))
}

/// Scores for primary, replica and a child that saves.
pub(super) fn oom_scores(args: &[&[u8]]) -> Result<Vec<u8>, String> {
    if args.len() != 3 {
        return Err("wrong number of arguments".to_owned());
    }
    let scores: Option<Vec<i64>> =
        args.iter().map(|arg| parse_i64(arg).filter(|score| (-2000..=2000).contains(score))).collect();
    let scores = scores.ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
    Ok(scores.iter().map(i64::to_string).collect::<Vec<_>>().join(" ").into_bytes())
}

/// Percentiles, shown without needless zeros.
pub(super) fn percentiles(args: &[&[u8]]) -> Result<Vec<u8>, String> {
    if args == [b""] {
        return Ok(Vec::new());
    }
    let mut shown = Vec::new();
    for arg in args {
        let number = std::str::from_utf8(arg).ok().and_then(|text| text.parse::<f64>().ok());
        let number =
            number.filter(|n| !n.is_nan()).ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if !(0.0..=100.0).contains(&number) {
            return Err(
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".to_owned()
            );
        }
        shown.push(number.to_string());
    }
    Ok(shown.join(" ").into_bytes())
}

/// Letters of classes of events, in canonical order.
pub(super) fn keyspace_events(arg: &[u8]) -> Result<Vec<u8>, String> {
    let events = KeyspaceEvents::from_letters(arg);
    let events = events.ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
    Ok(events.letters())
}

/// `host port`, or nothing for `no one`.
pub(super) fn replica_of(args: &[&[u8]]) -> Result<Vec<u8>, String> {
    let [host, port] = args else {
        return Err("wrong number of arguments".to_owned());
    };
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(Vec::new());
    }
    parse_i64(port).filter(|port| (0..=65_535).contains(port)).ok_or("Invalid master port")?;
    Ok([*host, *port].join(&b' '))
}
