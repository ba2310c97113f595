//! The table at a million keys of 10 bytes with values of 32 bytes: what one operation costs, hashing included.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use seawall::keyspace::{Database, Expiry, Hasher, Key, NewValue, Slot};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const KEYS: u64 = 1_000_000;
const BATCH: usize = 64;
const VALUE: [u8; 32] = [b'v'; 32];

fn name(n: u64) -> [u8; 10] {
    let mut name = *b"k000000000";
    let (mut rest, mut at) = (n, 9);
    while rest > 0 {
        name[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        at -= 1;
    }
    name
}

fn set(database: &mut Database, key: &Key<'_>) {
    match database.slot(key) {
        Slot::Occupied(mut occupied) => drop(occupied.set(NewValue::Bytes(&VALUE), Expiry::Clear)),
        Slot::Vacant(vacant) => vacant.insert(NewValue::Bytes(&VALUE), None, 0),
    }
}

fn filled(hasher: &Hasher) -> Database {
    let mut database = Database::new(*hasher);
    (0..KEYS).for_each(|n| set(&mut database, &hasher.key(&name(n))));
    database
}

/// Key numbers in an order that no cache foresees.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % KEYS
    }

    fn batch(&mut self) -> [[u8; 10]; BATCH] {
        std::array::from_fn(|_| name(self.next()))
    }
}

fn single(c: &mut Criterion) {
    let hasher = Hasher::new(1, 2, false);
    let mut database = filled(&hasher);
    let mut numbers = Numbers(1);
    let mut group = c.benchmark_group("table");
    group.throughput(Throughput::Elements(1));
    group.bench_function("hash", |b| b.iter(|| hasher.key(black_box(&name(numbers.next()))).hash));
    group.bench_function("get_hit", |b| {
        b.iter(|| database.get(&hasher.key(&name(numbers.next()))).map(|entry| entry.value().len()))
    });
    group.bench_function("get_miss", |b| {
        b.iter(|| database.get(&hasher.key(&name(KEYS + numbers.next()))).is_some())
    });
    group.bench_function("overwrite", |b| b.iter(|| set(&mut database, &hasher.key(&name(numbers.next())))));
    group.bench_function("remove_and_insert", |b| {
        b.iter(|| {
            let name = name(numbers.next());
            let key = hasher.key(&name);
            drop(database.remove(&key));
            set(&mut database, &key);
        })
    });
    group.finish();
}

fn batches(c: &mut Criterion) {
    let hasher = Hasher::new(1, 2, false);
    let mut database = filled(&hasher);
    let mut numbers = Numbers(2);
    let mut group = c.benchmark_group("batch_of_64");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (how, prefetch) in [("plain", false), ("prefetched", true)] {
        group.bench_function(format!("get_{how}"), |b| {
            b.iter(|| {
                let names = numbers.batch();
                let keys = ready(&database, &hasher, &names, prefetch);
                let found = keys.iter().filter_map(|key| database.get(key));
                found.map(|entry| entry.value().len()).sum::<usize>()
            })
        });
        group.bench_function(format!("set_{how}"), |b| {
            b.iter(|| {
                let names = numbers.batch();
                let keys = ready(&database, &hasher, &names, prefetch);
                keys.iter().for_each(|key| set(&mut database, key));
            })
        });
    }
    group.finish();
}

fn ready<'a>(
    database: &Database,
    hasher: &Hasher,
    names: &'a [[u8; 10]; BATCH],
    prefetch: bool,
) -> [Key<'a>; BATCH] {
    let keys = std::array::from_fn(|n| hasher.key(&names[n]));
    if prefetch {
        keys.iter().for_each(|key| database.prefetch_bucket(key));
        keys.iter().for_each(|key| database.prefetch_entry(key));
    }
    keys
}

fn fill(c: &mut Criterion) {
    let hasher = Hasher::new(1, 2, false);
    let mut group = c.benchmark_group("fill");
    group.sample_size(10).throughput(Throughput::Elements(KEYS));
    group.bench_function("insert_a_million", |b| {
        b.iter_batched(|| (), |()| filled(&hasher), BatchSize::PerIteration)
    });
    group.finish();
}

criterion_group!(benches, single, batches, fill);
criterion_main!(benches);
