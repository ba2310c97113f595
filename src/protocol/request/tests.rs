//! The parser at its boundary: bytes in, requests and error texts out.

use proptest::prelude::*;

use super::{ARGUMENTS_MAX, Batch, INLINE_BYTES_MAX, Limits, OwnedRequest, Parser};
use crate::protocol::client::encode;
use crate::text::quote::write_quoted;

const BULK_BYTES_MAX: usize = 512 << 20;
const AUTHENTICATED: Limits = Limits { bulk_bytes_max: BULK_BYTES_MAX, authenticated: true };
const UNAUTHENTICATED: Limits = Limits { authenticated: false, ..AUTHENTICATED };

type Arguments = Vec<Vec<u8>>;

/// What a connection's bytes came to.
#[derive(PartialEq, Eq, Debug, Default)]
struct Outcome {
    requests: Vec<Arguments>,
    /// The error reply, if there was one.
    error: Option<String>,
    /// Bytes of an unfinished request.
    rest: usize,
    /// The sizes on the wire of the requests.
    wire_bytes: usize,
}

/// Gives the parser `input` as a connection would, in reads that end at `cuts`, until an error.
fn read(input: &[u8], cuts: &[usize], limits: &Limits, batch_max: usize) -> Outcome {
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    let (mut outcome, mut start) = (Outcome::default(), 0);
    for end in cuts.iter().copied().chain([input.len()]) {
        loop {
            let buffer = &input[start..end];
            let parsed = parser.parse(buffer, limits, batch_max, &mut batch);
            for request in batch.iter(buffer) {
                outcome.requests.push(request.iter().map(<[u8]>::to_vec).collect());
                outcome.wire_bytes += request.bytes();
            }
            if let Some(error) = parsed.error {
                let mut reply = Vec::new();
                error.write(&mut reply);
                outcome.error = Some(String::from_utf8_lossy(&reply).into_owned());
                return outcome;
            }
            assert!(parser.needs() == 0 || parsed.consumed < buffer.len());
            start += parsed.consumed;
            if batch.len() < batch_max {
                break;
            }
        }
    }
    outcome.rest = input.len() - start;
    outcome
}

fn read_whole(input: &[u8]) -> Outcome {
    read(input, &[], &AUTHENTICATED, usize::MAX)
}

fn arguments(texts: &[&str]) -> Arguments {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn error_of(input: &[u8], limits: &Limits) -> Option<String> {
    read(input, &[], limits, 1).error
}

#[test]
fn pipelined_and_inline_requests_are_told_apart() {
    let outcome = read_whole(
        b"*2\r\n$3\r\nGET\r\n$0\r\n\r\nset \"a b\" 'c'\n\r\n  \n*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n*1\r\n$2",
    );
    let expected = [arguments(&["GET", ""]), arguments(&["set", "a b", "c"]), arguments(&["PING"])];
    assert_eq!(outcome.requests, expected);
    assert_eq!((outcome.error, outcome.rest), (None, 6));
}

/// What redis-server 7.0.15 answers, byte for byte (but for the number of arguments, which it limits to 2^31 - 1).
#[test]
fn errors_have_the_texts_that_clients_know() {
    let long = b"1".repeat(INLINE_BYTES_MAX + 1);
    let errors: [(Vec<u8>, &str); 18] = [
        (b"*a\r\n".to_vec(), "invalid multibulk length"),
        (b"*\r\n".to_vec(), "invalid multibulk length"),
        (b"*03\r\n".to_vec(), "invalid multibulk length"),
        (b"*+1\r\n".to_vec(), "invalid multibulk length"),
        (format!("*{}\r\n", ARGUMENTS_MAX + 1).into_bytes(), "invalid multibulk length"),
        (b"*1\r\nPING\r\n".to_vec(), "expected '$', got 'P'"),
        (b"*1\r\n\r\n".to_vec(), "expected '$', got ' '"),
        (b"*1\r\n\n\r\n".to_vec(), "expected '$', got ' '"),
        (b"*1\r\n$\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$04\r\nPING\r\n".to_vec(), "invalid bulk length"),
        (format!("*1\r\n${}\r\n", BULK_BYTES_MAX + 1).into_bytes(), "invalid bulk length"),
        ([b"*", &long[..]].concat(), "too big mbulk count string"),
        ([b"*1\r\n$", &long[..]].concat(), "too big bulk count string"),
        (long.clone(), "too big inline request"),
        ([&long[..], b"\n"].concat(), "too big inline request"),
        (b"PING \"a\r\n".to_vec(), "unbalanced quotes in request"),
        (b"PING 'a'b\r\n".to_vec(), "unbalanced quotes in request"),
    ];
    for (input, text) in errors {
        let expected = format!("-ERR Protocol error: {text}\r\n");
        assert_eq!(
            error_of(&input, &AUTHENTICATED),
            Some(expected),
            "{}",
            input[..input.len().min(40)].escape_ascii()
        );
    }
}

#[test]
fn the_largest_that_is_allowed_is_allowed() {
    let longest_line = [b'x'; INLINE_BYTES_MAX];
    let fine = [
        format!("*{ARGUMENTS_MAX}\r\n").into_bytes(),
        format!("*1\r\n${BULK_BYTES_MAX}\r\n").into_bytes(),
        longest_line.to_vec(),
        [&longest_line[..], b"\n"].concat(),
    ];
    for input in fine {
        assert_eq!(error_of(&input, &AUTHENTICATED), None);
    }
}

#[test]
fn less_is_allowed_before_authentication() {
    let error = |input: &[u8]| error_of(input, &UNAUTHENTICATED);
    assert_eq!(error(b"*10\r\n"), None);
    assert_eq!(error(b"*1\r\n$16384\r\n"), None);
    assert_eq!(error(b"a b c d e f g h i j k l\r\n"), None);
    let count = "-ERR Protocol error: unauthenticated multibulk length\r\n";
    assert_eq!(error(b"*11\r\n").as_deref(), Some(count));
    let bulk = "-ERR Protocol error: unauthenticated bulk length\r\n";
    assert_eq!(error(b"*1\r\n$16385\r\n").as_deref(), Some(bulk));
}

#[test]
fn requests_before_an_error_are_delivered() {
    let outcome = read_whole(b"PING\r\n*1\r\n$4\r\nECHO\r\n*1\r\n!\r\nPING\r\n");
    assert_eq!(outcome.requests, [arguments(&["PING"]), arguments(&["ECHO"])]);
    assert_eq!(outcome.error.as_deref(), Some("-ERR Protocol error: expected '$', got '!'\r\n"));
}

#[test]
fn the_buffer_for_a_big_argument_can_be_sized() {
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    let input = b"*2\r\n$4\r\nECHO\r\n$1000000\r\nabc";
    let parsed = parser.parse(input, &AUTHENTICATED, usize::MAX, &mut batch);
    assert_eq!((parsed.consumed, parser.needs()), (0, 1_000_000 + 2 - 3));
    assert!(parser.is_within_request());
    let input = [&input[..], &[b'x'; 1_000_000 - 3], b"\r\n"].concat();
    let parsed = parser.parse(&input, &AUTHENTICATED, usize::MAX, &mut batch);
    assert_eq!((parsed.consumed, parser.needs(), batch.len()), (input.len(), 0, 1));
    assert_eq!(batch.request(0, &input).arg(1).len(), 1_000_000);
    assert!(!parser.is_within_request());
}

/// A byte at a time, a hundred thousand arguments would take minutes if each read began at the front.
#[test]
fn an_unfinished_request_is_not_read_again() {
    let mut input = Vec::new();
    encode(&mut input, &vec!["x"; 100_000]);
    let cuts: Vec<usize> = (0..input.len()).collect();
    let outcome = read(&input, &cuts, &AUTHENTICATED, usize::MAX);
    assert_eq!(outcome.requests.len(), 1);
    assert_eq!(outcome.requests[0].len(), 100_000);
    let line = [&[b'x'; INLINE_BYTES_MAX - 1][..], b"\n"].concat();
    let cuts: Vec<usize> = (0..line.len()).collect();
    assert_eq!(read(&line, &cuts, &AUTHENTICATED, usize::MAX).requests.len(), 1);
}

#[test]
fn an_owned_request_is_the_same_request() {
    let input = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    parser.parse(input, &AUTHENTICATED, usize::MAX, &mut batch);
    let owned = batch.request(0, input).to_owned();
    let request = owned.request();
    assert_eq!((request.name(), &request[1], request.get(3)), (&b"SET"[..], &b"k"[..], None));
    assert_eq!((request.len(), request.bytes()), (3, input.len()));
    assert!(request.iter_from(2).eq([b"v"]) && request.iter_from(9).eq([b""; 0]));
    let built: OwnedRequest = ["SET", "k", "v"].into_iter().collect();
    assert!(built.request().iter().eq(request.iter()));
}

/// One request's bytes, with the arguments that it means.
fn a_request() -> impl Strategy<Value = (Vec<u8>, Arguments)> {
    let argument = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..12),
        1 => prop::collection::vec(any::<u8>(), 90..130),
        1 => prop::collection::vec(any::<u8>(), 990..1010),
    ];
    (prop::collection::vec(argument, 1..14), any::<bool>()).prop_map(|(arguments, inline)| {
        let mut bytes = Vec::new();
        if !inline {
            encode(&mut bytes, &arguments);
            return (bytes, arguments);
        }
        for argument in &arguments {
            write_quoted(&mut bytes, argument);
            bytes.push(b' ');
        }
        bytes.extend_from_slice(b"\r\n");
        (bytes, arguments)
    })
}

/// Bytes that are requests with faults, or near to some.
fn near_requests() -> impl Strategy<Value = Vec<u8>> {
    let bits = [
        &b"*1\r\n"[..],
        b"*2\r\n",
        b"*12\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"$4\r\nPING\r\n",
        b"$0\r\n\r\n",
        b"$20000\r\n",
        b"$-1\r\n",
        b"*",
        b"$",
        b"\r",
        b"\n",
        b"\r\n",
        b"\"",
        b"'a b'",
        b"PING\r\n",
        b"PING",
        b" ",
        b"\0",
        b"1",
        b"03",
        b"\xff",
        b"99999999999999999999",
    ];
    let bit =
        prop_oneof![9 => prop::sample::select(bits.to_vec()).prop_map(<[u8]>::to_vec), 1 => any::<Vec<u8>>()];
    prop::collection::vec(bit, 0..12).prop_map(|bits| bits.concat())
}

fn cuts(input: &[u8], picks: Vec<prop::sample::Index>) -> Vec<usize> {
    let mut cuts: Vec<usize> = picks.into_iter().map(|pick| pick.index(input.len() + 1)).collect();
    cuts.sort_unstable();
    cuts
}

proptest! {
    #[test]
    fn what_is_encoded_is_parsed(requests in prop::collection::vec(a_request(), 0..8), batch_max in 1usize..10) {
        let (bytes, expected): (Vec<Vec<u8>>, Vec<Arguments>) = requests.into_iter().unzip();
        let input = bytes.concat();
        let outcome = read(&input, &[], &AUTHENTICATED, batch_max);
        prop_assert_eq!(&outcome.requests, &expected);
        prop_assert_eq!((outcome.error, outcome.rest, outcome.wire_bytes), (None, 0, input.len()));
    }

    #[test]
    fn where_requests_are_cut_does_not_matter(
        requests in prop::collection::vec(a_request(), 1..6),
        picks: Vec<prop::sample::Index>,
        end: prop::sample::Index,
    ) {
        let mut input: Vec<u8> = requests.into_iter().flat_map(|(bytes, _)| bytes).collect();
        input.truncate(end.index(input.len() + 1).max(input.len() / 2));
        let cuts = cuts(&input, picks);
        prop_assert_eq!(read(&input, &cuts, &AUTHENTICATED, usize::MAX), read_whole(&input));
    }

    #[test]
    fn where_garbage_is_cut_does_not_matter(
        input in near_requests(),
        picks: Vec<prop::sample::Index>,
        authenticated: bool,
        batch_max in 1usize..4,
    ) {
        let limits = Limits { bulk_bytes_max: 30_000, authenticated };
        let cuts = cuts(&input, picks);
        let every: Vec<usize> = (0..input.len()).collect();
        let whole = read(&input, &[], &limits, usize::MAX);
        prop_assert_eq!(&read(&input, &cuts, &limits, batch_max), &whole);
        prop_assert_eq!(&read(&input, &every, &limits, usize::MAX), &whole);
    }
}
