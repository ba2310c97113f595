//! Whatever a client sends: no panic, and the same requests and error wherever the network cuts it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::protocol::{Batch, Limits, Parser, ProtocolError};

type Outcome = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>, usize);

/// Parses `input` as it arrives, in reads of `read_bytes`.
fn read(input: &[u8], read_bytes: usize, limits: &Limits, batch_max: usize) -> Outcome {
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    let (mut requests, mut start, mut end) = (Vec::new(), 0, 0);
    while end < input.len() {
        end = input.len().min(end + read_bytes);
        loop {
            let buffer = &input[start..end];
            let parsed = parser.parse(buffer, limits, batch_max, &mut batch);
            requests.extend(batch.iter(buffer).map(|request| request.iter().map(<[u8]>::to_vec).collect()));
            start += parsed.consumed;
            if parsed.error.is_some() {
                return (requests, parsed.error, start);
            }
            if batch.len() < batch_max {
                break;
            }
        }
    }
    (requests, None, start)
}

fuzz_target!(|data: &[u8]| {
    let [choice, read_bytes, input @ ..] = data else { return };
    let limits = Limits { bulk_bytes_max: 1 << 20, authenticated: choice & 1 == 0 };
    let batch_max = usize::from(choice >> 1) + 1;
    let whole = read(input, input.len(), &limits, usize::MAX);
    let pieces = read(input, usize::from(*read_bytes) + 1, &limits, batch_max);
    assert_eq!(pieces, whole);
});
