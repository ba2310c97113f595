//! Whether two replies to the same request say the same.
//!
//! Where Redis promises no order, order is taken away; where chance or time decides, only the shape is compared.

use seawall::protocol::client::Value;

use crate::server::Words;

/// How much of the replies to a request must agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    /// Everything.
    Exact,
    /// Everything, but elements may come in any order.
    Unordered,
    /// The same for pairs, which RESP2 writes as a flat array.
    UnorderedPairs,
    /// A cursor and elements; elements only if both walks are over.
    Scan(bool),
    /// Numbers may differ by a little: time goes on.
    Time,
    /// Only type and length.
    Shape,
    /// Only whether it is an error.
    Kind,
}

fn manner(words: &Words) -> Manner {
    let name = lower(words.first());
    let has = |option: &str| words.iter().any(|word| word.eq_ignore_ascii_case(option.as_bytes()));
    match name.as_str() {
        "smembers" | "sinter" | "sunion" | "sdiff" | "hkeys" | "hvals" | "keys" => Manner::Unordered,
        "hgetall" => Manner::UnorderedPairs,
        "sscan" => Manner::Scan(false),
        "hscan" if has("novalues") => Manner::Scan(false),
        "hscan" | "zscan" => Manner::Scan(true),
        "ttl" | "pttl" | "hpttl" | "httl" => Manner::Time,
        "expiretime" | "pexpiretime" | "hpexpiretime" | "hexpiretime" => Manner::Time,
        "xadd" if has("*") => Manner::Shape,
        "spop" | "srandmember" | "hrandfield" | "zrandmember" => Manner::Shape,
        "sort" | "sort_ro" if has("nosort") => Manner::Kind,
        "xinfo" | "xpending" => Manner::Exact,
        "georadius" | "georadiusbymember" | "geosearch" if has("any") => Manner::Kind,
        "memory" | "object" if has("usage") || has("idletime") || has("freq") => Manner::Kind,
        _ => Manner::Exact,
    }
}

/// Whether both replies to this request say the same.
pub fn agree(words: &Words, ours: &Value, theirs: &Value) -> bool {
    if let (Value::Error(_), _) | (_, Value::Error(_)) = (ours, theirs) {
        return ours == theirs;
    }
    match manner(words) {
        Manner::Exact => same(ours, theirs),
        Manner::Unordered => same(&sorted(ours), &sorted(theirs)),
        Manner::UnorderedPairs => same(&sorted_pairs(ours), &sorted_pairs(theirs)),
        Manner::Scan(pairs) => scans_agree(ours, theirs, pairs),
        Manner::Time => close(ours, theirs),
        Manner::Shape => shape(ours) == shape(theirs),
        Manner::Kind => true,
    }
}

/// The replies of a transaction, each judged as that of the request that it answers.
pub fn transactions_agree(
    inner: &[Words],
    ours: &Value,
    theirs: &Value,
    agree: impl Fn(&Words, &Value, &Value) -> bool,
) -> bool {
    let (Value::Array(a), Value::Array(b)) = (ours, theirs) else { return same(ours, theirs) };
    a.len() == b.len()
        && a.len() == inner.len()
        && inner.iter().zip(a.iter().zip(b)).all(|(words, (ours, theirs))| agree(words, ours, theirs))
}

/// Equal but for what only time tells: figures of streams that are ages or moments.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a == b || a.is_nan() && b.is_nan(),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(x, y)| same(&x.0, &y.0) && (is_age(&x.0) || same(&x.1, &y.1)))
        }
        (Value::Array(a), Value::Array(b)) | (Value::Set(a), Value::Set(b)) => {
            a.len() == b.len()
                && (0..a.len())
                    .all(|i| i > 0 && is_age(&a[i - 1]) && a[i - 1] == b[i - 1] || same(&a[i], &b[i]))
        }
        _ => a == b,
    }
}

fn is_age(name: &Value) -> bool {
    const AGES: &[&[u8]] =
        &[b"idle", b"inactive", b"seen-time", b"active-time", b"radix-tree-keys", b"radix-tree-nodes"];
    name.as_bytes().is_some_and(|name| AGES.contains(&name))
}

fn sorted(value: &Value) -> Value {
    let mut values = match value {
        Value::Array(values) | Value::Set(values) => values.clone(),
        other => return other.clone(),
    };
    values.sort_by_key(|value| format!("{value:?}"));
    match value {
        Value::Set(_) => Value::Set(values),
        _ => Value::Array(values),
    }
}

fn sorted_pairs(value: &Value) -> Value {
    match value {
        Value::Array(flat) if flat.len().is_multiple_of(2) => {
            sorted(&Value::Array(flat.chunks(2).map(|pair| Value::Array(pair.to_vec())).collect()))
        }
        Value::Map(pairs) => {
            let mut pairs = pairs.clone();
            pairs.sort_by_key(|(key, _)| format!("{key:?}"));
            Value::Map(pairs)
        }
        other => other.clone(),
    }
}

fn scans_agree(ours: &Value, theirs: &Value, pairs: bool) -> bool {
    let (Some([a, x]), Some([b, y])) = (ours.as_values(), theirs.as_values()) else { return ours == theirs };
    let over = |cursor: &Value| cursor.as_bytes() == Some(b"0");
    if !over(a) || !over(b) {
        return true;
    }
    let order = if pairs { sorted_pairs } else { sorted };
    same_numbers(&order(x), &order(y))
}

/// Equal, or the same numbers in different digits: Redis's ZSCAN writes more of them for a large sorted set.
fn same_numbers(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| std::str::from_utf8(value.as_bytes()?).ok()?.parse::<f64>().ok();
    match (a.as_values(), b.as_values()) {
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_numbers(a, b)),
        _ => same(a, b) || number(a).is_some() && number(a) == number(b),
    }
}

fn close(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Integer(a), Value::Integer(b)) => (*a < 0) == (*b < 0) && a.abs_diff(*b) <= 5000,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b)),
        _ => ours == theirs,
    }
}

/// Type and length, of nested values as well.
fn shape(value: &Value) -> String {
    match value {
        Value::Array(values) | Value::Set(values) => {
            format!("[{}]", values.iter().map(shape).collect::<Vec<_>>().join(" "))
        }
        Value::Null => "null".to_owned(),
        Value::Integer(_) => "integer".to_owned(),
        Value::Error(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Double(_) => "double".to_owned(),
        _ => "text".to_owned(),
    }
}

/// A request's name, in lower case.
pub fn lower(word: Option<&Vec<u8>>) -> String {
    word.map(|word| String::from_utf8_lossy(word).to_lowercase()).unwrap_or_default()
}
