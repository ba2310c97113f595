//! Replies written by [`Reply`] and read back by [`Decoder`]; bytes that are no replies.

use proptest::prelude::*;

use super::{DecodeError, DecodeLimits, Decoder, Value};
use crate::protocol::reply::{Reply, Version};

const LIMITS: DecodeLimits = DecodeLimits { depth_max: 8, bulk_bytes_max: 100_000, elements_max: 1000 };

/// Gives the decoder `input` in pieces that end at `cuts`.
fn decode(input: &[u8], cuts: &[usize]) -> Result<Vec<Value>, DecodeError> {
    let mut decoder = Decoder::new(LIMITS);
    let (mut values, mut start) = (Vec::new(), 0);
    for end in cuts.iter().copied().chain([input.len()]) {
        decoder.feed(&input[start..end]);
        start = end;
        while let Some(value) = decoder.next()? {
            values.push(value);
        }
    }
    Ok(values)
}

fn write(reply: &mut Reply<'_>, value: &Value) {
    match value {
        Value::Simple(text) => reply.simple(std::str::from_utf8(text).unwrap()),
        Value::Error(text) => reply.error(text),
        Value::Integer(value) => reply.integer(*value),
        Value::Bulk(bytes) => reply.bulk(bytes),
        Value::Null => reply.null(),
        Value::Array(values) => {
            reply.array(values.len());
            values.iter().for_each(|value| write(reply, value));
        }
        Value::Set(values) => {
            let mark = reply.deferred_set();
            values.iter().for_each(|value| write(reply, value));
            reply.close(mark, values.len());
        }
        Value::Push(values) => {
            reply.push(values.len());
            values.iter().for_each(|value| write(reply, value));
        }
        Value::Map(pairs) => {
            let mark = reply.deferred_map();
            pairs.iter().flat_map(|(key, value)| [key, value]).for_each(|value| write(reply, value));
            reply.close(mark, pairs.len());
        }
        Value::Double(value) => reply.double(*value),
        Value::Boolean(value) => reply.boolean(*value),
        Value::BigNumber(digits) => reply.big_number(std::str::from_utf8(digits).unwrap()),
        Value::Verbatim { format, text } => reply.verbatim(std::str::from_utf8(format).unwrap(), text),
    }
}

/// What RESP2 makes of a value.
fn in_resp2(value: Value) -> Value {
    let all = |values: Vec<Value>| Value::Array(values.into_iter().map(in_resp2).collect());
    match value {
        Value::Array(values) | Value::Set(values) | Value::Push(values) => all(values),
        Value::Map(pairs) => all(pairs.into_iter().flat_map(|(key, value)| [key, value]).collect()),
        Value::Double(value) => {
            let mut text = Vec::new();
            crate::text::write_f64(&mut text, value);
            Value::Bulk(text)
        }
        Value::Boolean(value) => Value::Integer(i64::from(value)),
        Value::BigNumber(text) | Value::Verbatim { text, .. } => Value::Bulk(text),
        other => other,
    }
}

fn a_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        "[ -~]{0,9}".prop_map(|text| Value::Simple(text.into_bytes())),
        "[A-Z]{1,9} [ -~]{0,9}".prop_map(|text| Value::Error(text.into_bytes())),
        prop_oneof![any::<i64>(), -5i64..200].prop_map(Value::Integer),
        prop_oneof![prop::collection::vec(any::<u8>(), 0..20), prop::collection::vec(any::<u8>(), 95..105)]
            .prop_map(Value::Bulk),
        Just(Value::Null),
        prop::num::f64::NORMAL.prop_map(Value::Double),
        prop::sample::select(vec![f64::INFINITY, -f64::INFINITY, 0.0, 1.0]).prop_map(Value::Double),
        any::<bool>().prop_map(Value::Boolean),
        "-?[0-9]{1,40}".prop_map(|digits| Value::BigNumber(digits.into_bytes())),
        any::<Vec<u8>>().prop_map(|text| Value::Verbatim { format: *b"txt", text }),
    ];
    scalar.prop_recursive(4, 60, 12, |inner| {
        let values = prop::collection::vec(inner.clone(), 0..12);
        prop_oneof![
            values.clone().prop_map(Value::Array),
            values.clone().prop_map(Value::Set),
            values.prop_map(Value::Push),
            prop::collection::vec((inner.clone(), inner), 0..6).prop_map(Value::Map),
        ]
    })
}

fn cuts(input: &[u8], picks: Vec<prop::sample::Index>) -> Vec<usize> {
    let mut cuts: Vec<usize> = picks.into_iter().map(|pick| pick.index(input.len() + 1)).collect();
    cuts.sort_unstable();
    cuts
}

proptest! {
    #[test]
    fn what_is_written_is_decoded(values in prop::collection::vec(a_value(), 1..5), picks: Vec<prop::sample::Index>) {
        for version in [Version::Resp2, Version::Resp3] {
            let mut out = Vec::new();
            values.iter().for_each(|value| write(&mut Reply::new(&mut out, version), value));
            let expected = match version {
                Version::Resp2 => values.iter().cloned().map(in_resp2).collect(),
                Version::Resp3 => values.clone(),
            };
            prop_assert_eq!(decode(&out, &cuts(&out, picks.clone())), Ok(expected));
        }
    }

    #[test]
    fn no_bytes_are_too_odd(
        bits in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec!["*2\r\n", "%1\r\n", "|1\r\n", "~0\r\n", ">1\r\n", "$3\r\n", "abc\r\n", ":1\r\n", "_\r\n",
                    "=5\r\n", "txt:a\r\n", ",1.5\r\n", "#t\r\n", "(12\r\n", "!1\r\n", "x\r\n", "$-1\r\n", "-", "+\r\n", "\n"])
                    .prop_map(|bit| bit.as_bytes().to_vec()),
                prop::collection::vec(any::<u8>(), 0..4),
            ],
            0..20,
        ),
        picks: Vec<prop::sample::Index>,
    ) {
        let input = bits.concat();
        let whole = decode(&input, &[]);
        prop_assert_eq!(format!("{:?}", decode(&input, &cuts(&input, picks))), format!("{whole:?}"));
    }
}

#[test]
fn limits_hold() {
    assert_eq!(decode(b"$100001\r\n", &[]), Err(DecodeError::TooLong));
    assert_eq!(decode(b"*1001\r\n", &[]), Err(DecodeError::TooLong));
    assert_eq!(decode(b"%501\r\n", &[]), Err(DecodeError::TooLong));
    assert_eq!(decode(&b"*1\r\n".repeat(9), &[]), Err(DecodeError::TooDeep));
    assert_eq!(decode(&[b'+'; 65 * 1024 + 2], &[]), Err(DecodeError::LineTooLong));
    assert_eq!(decode(b"$9223372036854775808\r\n", &[]), Err(DecodeError::InvalidLine));
    assert_eq!(decode(b"$3\r\nabcd\r\n", &[]), Err(DecodeError::MissingLineEnd));
    assert_eq!(decode(b"?\r\n", &[]), Err(DecodeError::UnknownType(b'?')));
}

#[test]
fn attributes_are_left_out() {
    let input = b"|1\r\n+ttl\r\n:3\r\n*2\r\n|1\r\n$1\r\na\r\n|0\r\n*0\r\n:1\r\n:2\r\n";
    let expected = Value::Array(vec![Value::Integer(1), Value::Integer(2)]);
    assert_eq!(decode(input, &[]), Ok(vec![expected]));
}

#[test]
fn what_follows_the_replies_can_be_taken_back() {
    let mut decoder = Decoder::default();
    decoder.feed(b"+CONTINUE\r\nsomething else");
    assert_eq!(decoder.next(), Ok(Some(Value::Simple(b"CONTINUE".to_vec()))));
    assert_eq!(decoder.take_rest(), b"something else");
    decoder.feed(b":1\r\n");
    assert_eq!(decoder.next(), Ok(Some(Value::Integer(1))));
}
