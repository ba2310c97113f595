//! Differences that are meant, each with its reason.

use seawall::protocol::client::Value;

use crate::compare::lower;
use crate::server::Words;

/// Whether a difference in the replies to this request is meant; `did` tells whether the case has a command of this name.
pub fn is_explained(words: &Words, ours: &Value, theirs: &Value, did: &impl Fn(&str) -> bool) -> bool {
    let name = lower(words.first());
    let has = |wanted: &str| words.iter().any(|word| word.eq_ignore_ascii_case(wanted.as_bytes()));
    let text = |value: &Value| value.as_error().map(|text| String::from_utf8_lossy(text).into_owned());
    match (name.as_str(), text(ours), text(theirs)) {
        // Both refuse: the words in which scripts repeat an error name the line of a script, not of ours.
        (_, Some(ours), Some(theirs)) => before_script(&ours) == before_script(&theirs),
        // Redis shares small integers among keys, and says so by a great number.
        ("object", None, None) if has("refcount") => true,
        // SORT leaves a sorted set behind in its large form.
        ("object", None, None) if did("sort") && is_sorted_set_form(ours) && is_sorted_set_form(theirs) => {
            true
        }
        // HSETEX with a deadline that is past writes no field, but Redis has made room for a long value by then.
        ("object", None, None) if did("hsetex") && is_small_or_large(ours) && is_small_or_large(theirs) => {
            true
        }
        // Redis turns a hash into the form with deadlines when one is asked for, even if no field gets any.
        ("object", None, None) if is_hash_form(ours) && is_hash_form(theirs) => true,
        // Whether a zero in a sorted set has a sign hangs on the forms that the set has had.
        (command, None, None) if command.starts_with('z') => unsigned(ours) == unsigned(theirs),
        // Redis looks at the low 32 bits of an index only.
        ("lset", Some(_), None) => words.get(2).is_some_and(|index| is_beyond_32_bits(index)),
        _ => false,
    }
}

/// Whether a request is about a range of a sorted set by the members' texts.
pub fn is_by_text(words: &Words) -> bool {
    let name = lower(words.first());
    name.starts_with('z')
        && (name.contains("lex") || words.iter().any(|word| word.eq_ignore_ascii_case(b"bylex")))
}

fn is_sorted_set_form(name: &Value) -> bool {
    matches!(name.as_bytes(), Some(b"listpack" | b"skiplist"))
}

fn is_hash_form(name: &Value) -> bool {
    matches!(name.as_bytes(), Some(b"listpack" | b"listpackex"))
}

/// The reply with all zeros without a sign.
fn unsigned(value: &Value) -> Value {
    match value {
        Value::Bulk(text) if text == b"-0" => Value::Bulk(b"0".to_vec()),
        Value::Array(values) => Value::Array(values.iter().map(unsigned).collect()),
        other => other.clone(),
    }
}

fn is_beyond_32_bits(index: &[u8]) -> bool {
    let number = std::str::from_utf8(index).ok().and_then(|text| text.parse::<i64>().ok());
    number.is_some_and(|number| i32::try_from(number).is_err())
}

fn is_small_or_large(name: &Value) -> bool {
    matches!(name.as_bytes(), Some(b"listpack" | b"listpackex" | b"hashtable"))
}

/// The part of an error that comes before the place in a script.
fn before_script(error: &str) -> &str {
    error.split(" script: ").next().unwrap_or(error)
}

/// Whether the data may differ from here on although the replies agree: chance or time has decided.
pub fn diverges(words: &Words, _ours: &Value, _theirs: &Value) -> bool {
    let star = words.iter().any(|word| word == b"*");
    match lower(words.first()).as_str() {
        "xadd" => star,
        // Elements with equal keys, or none, are stored in the order in which they were found.
        "sort" => ["by", "alpha", "store"]
            .iter()
            .all(|option| words.iter().any(|word| word.eq_ignore_ascii_case(option.as_bytes()))),
        // Theirs has set another element.
        "lset" => words.get(2).is_some_and(|index| is_beyond_32_bits(index)),
        _ => false,
    }
}
