//! What running a pipeline costs in the engine, from parsed requests to replies: look-up, prefetch, gates, handler. No node,
//! no clock, no network. A pipeline of 64 over a million keys of 10 bytes. `ci/bench` runs this.
#![allow(missing_docs)]

use std::cell::Cell;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use seawall::commands;
use seawall::config::Config;
use seawall::engine::session::SessionHandle;
use seawall::engine::{Engine, Identity, Prepared};
use seawall::protocol::{Batch, Limits, Parser, encode};
use seawall::runtime::{Address, Monotonic, Now, UnixTime};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const KEYS: u64 = 1_000_000;
const REQUESTS: usize = 64;
const VALUE: [u8; 32] = [b'v'; 32];
const LIMITS: Limits = Limits { bulk_bytes_max: 512 << 20, authenticated: true };
const NOW: Now = Now { mono: Monotonic(1), wall: UnixTime(1_700_000_000_000_000) };

/// An engine with one client, and the buffers that a node would lend it.
struct Machine {
    engine: Engine,
    client: SessionHandle,
    prepared: Vec<Prepared>,
    output: Vec<u8>,
}

/// A pipeline as it was read and parsed.
#[derive(Default)]
struct Pipeline {
    input: Vec<u8>,
    batch: Batch,
}

impl Machine {
    fn new() -> Self {
        let mut engine = Engine::new(Config::default(), commands::table(), Identity::default(), 1);
        let nobody = Address::Unix("client".into());
        let client = engine.sessions.open(nobody.clone(), nobody, true, NOW);
        Machine { engine, client, prepared: Vec::new(), output: Vec::new() }
    }

    /// A machine with a million keys, set by a command.
    fn filled(request: impl Fn(&[u8]) -> Pipeline) -> Self {
        let mut machine = Machine::new();
        (0..KEYS).for_each(|n| assert_ne!(machine.run(&request(&name(n)))[0], b'-'));
        machine
    }

    /// As a node runs a batch. The replies.
    fn run(&mut self, Pipeline { input, batch }: &Pipeline) -> &[u8] {
        let Machine { engine, client, prepared, output } = self;
        output.clear();
        prepared.clear();
        prepared.extend(batch.iter(input).map(|request| engine.prepare(0, request)));
        prepared.iter().for_each(|prepared| engine.prefetch(0, prepared));
        for (request, prepared) in batch.iter(input).zip(prepared) {
            engine.run(*client, request, *prepared, output, NOW);
        }
        output
    }
}

fn name(n: u64) -> Vec<u8> {
    format!("k{n:09}").into_bytes()
}

fn parsed(requests: impl Iterator<Item = Vec<Vec<u8>>>) -> Pipeline {
    let mut pipeline = Pipeline::default();
    for request in requests {
        encode(&mut pipeline.input, &request.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    let parsed = Parser::default().parse(&pipeline.input, &LIMITS, usize::MAX, &mut pipeline.batch);
    assert_eq!(parsed.consumed, pipeline.input.len(), "the pipeline is whole");
    pipeline
}

/// Pipelines on keys in an order that no cache foresees.
fn pipelines(request: &dyn Fn(&[u8]) -> Vec<Vec<u8>>) -> impl FnMut() -> Pipeline {
    let state = Cell::new(1_u64);
    let next = move || {
        state.set(state.get().wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
        (state.get() >> 33) % KEYS
    };
    move || parsed((0..REQUESTS).map(|_| request(&name(next()))))
}

fn words(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

fn dispatch(c: &mut Criterion) {
    let set = |key: &[u8]| words(&[b"SET", key, &VALUE]);
    let number = |key: &[u8]| words(&[b"SET", key, b"1"]);
    let mut strings = Machine::filled(|key| parsed([set(key)].into_iter()));
    let mut numbers = Machine::filled(|key| parsed([number(key)].into_iter()));
    let mut group = c.benchmark_group("run a pipeline of 64");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    let mut bench = |what: &str, machine: &mut Machine, request: &dyn Fn(&[u8]) -> Vec<Vec<u8>>| {
        let mut next = pipelines(request);
        group.bench_function(what, |bencher| {
            bencher.iter_batched_ref(
                &mut next,
                |pipeline| black_box(machine.run(pipeline)).len(),
                BatchSize::SmallInput,
            );
        });
    };
    bench("GET", &mut strings, &|key| words(&[b"GET", key]));
    bench("SET", &mut strings, &set);
    bench("INCR", &mut numbers, &|key| words(&[b"INCR", key]));
    bench("PING", &mut strings, &|_| words(&[b"PING"]));
    group.finish();
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
