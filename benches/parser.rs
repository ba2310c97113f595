//! What parsing a pipeline costs, and what writing its replies does. `ci/bench` runs this.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seawall::protocol::{Batch, Limits, Parser, Reply, Version, encode};

const REQUESTS: usize = 64;
const LIMITS: Limits = Limits { bulk_bytes_max: 512 << 20, authenticated: true };

fn pipeline(arguments: &[&[u8]]) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..REQUESTS {
        encode(&mut input, arguments);
    }
    input
}

fn parse(criterion: &mut Criterion) {
    let value = [b'x'; 32];
    let inputs = [
        ("SET", pipeline(&[b"SET", b"key:000001", &value])),
        ("GET", pipeline(&[b"GET", b"key:000001"])),
        ("PING inline", b"PING\r\n".repeat(REQUESTS)),
    ];
    let mut group = criterion.benchmark_group("parse a pipeline of 64");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    for (name, input) in &inputs {
        let (mut parser, mut batch) = (Parser::default(), Batch::default());
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let parsed = parser.parse(black_box(input), &LIMITS, usize::MAX, &mut batch);
                assert_eq!(parsed.consumed, input.len());
                batch.len()
            });
        });
    }
    group.finish();
}

fn reply(criterion: &mut Criterion) {
    let value = [b'x'; 32];
    let mut group = criterion.benchmark_group("write 64 replies");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    let mut out = Vec::new();
    let mut bench = |name: &str, write: &dyn Fn(&mut Reply<'_>)| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                let mut reply = Reply::new(&mut out, Version::Resp2);
                (0..REQUESTS).for_each(|_| write(black_box(&mut reply)));
                out.len()
            });
        });
    };
    bench("bulk of 32 bytes", &|reply| reply.bulk(black_box(&value)));
    bench("OK", &|reply| reply.ok());
    bench("integer", &|reply| reply.integer(black_box(123_456)));
    bench("double", &|reply| reply.double(black_box(3.25)));
    group.finish();
}

criterion_group!(benches, parse, reply);
criterion_main!(benches);
