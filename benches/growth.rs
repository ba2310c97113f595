//! Growth without a pause: inserts N keys (argument; 20 million unless told) and removes all but a thousand, timing each
//! single step, and prints the distributions. Then the bytes that a million keys take.
//!
//! Each step is timed twice: by the wall, and by the processor time of this thread, which leaves out what the machine gave
//! to others meanwhile.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::io::{IsTerminal, Write};
use std::time::Instant;

use seawall::keyspace::{Database, Hasher, NewValue, Slot};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const VALUE: [u8; 32] = [b'v'; 32];
const KEEP: u32 = 1000;

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(20_000_000_u32);
    let hasher = Hasher::new(1, 2, false);
    memory(&hasher);
    let mut database = Database::new(hasher);
    Steps::run("insert", count, |n| insert(&mut database, &hasher, n)).print();
    let count = count.saturating_sub(KEEP);
    Steps::run("remove", count, |n| drop(database.remove(&hasher.key(&name(n))))).print();
    println!("left: {} keys, {} bytes accounted", database.len(), database.memory_bytes());
}

fn name(n: u32) -> [u8; 10] {
    let mut name = *b"k000000000";
    let (mut rest, mut at) = (n, 9);
    while rest > 0 {
        name[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        at -= 1;
    }
    name
}

fn insert(database: &mut Database, hasher: &Hasher, n: u32) {
    if let Slot::Vacant(vacant) = database.slot(&hasher.key(&name(n))) {
        vacant.insert(NewValue::Bytes(&VALUE), None, 0);
    }
}

/// What a million keys of 10 bytes with values of 32 bytes take.
fn memory(hasher: &Hasher) {
    let count = 1_000_000;
    let mut database = Database::new(*hasher);
    let before = allocated();
    (0..count).for_each(|n| insert(&mut database, hasher, n));
    let (accounted, real) = (database.memory_bytes() as f64, (allocated() - before) as f64);
    let a_key = |bytes: f64| bytes / f64::from(count);
    println!("bytes a key: {:.2} accounted, {:.2} by the allocator", a_key(accounted), a_key(real));
}

fn allocated() -> usize {
    tikv_jemalloc_ctl::epoch::advance().expect("jemalloc is the allocator");
    tikv_jemalloc_ctl::stats::allocated::read().expect("jemalloc is the allocator")
}

struct Steps {
    what: &'static str,
    wall_ns: Vec<u32>,
    processor_ns: Vec<u32>,
}

impl Steps {
    fn run(what: &'static str, count: u32, mut step: impl FnMut(u32)) -> Self {
        let mut steps = Self { what, wall_ns: touched(count), processor_ns: touched(count) };
        for n in 0..count {
            let (wall, processor) = (Instant::now(), processor_ns());
            step(n);
            steps.processor_ns[n as usize] = (processor_ns() - processor) as u32;
            steps.wall_ns[n as usize] = wall.elapsed().as_nanos() as u32;
            if n % 1_000_000 == 0 && std::io::stderr().is_terminal() {
                eprint!("\r{what} {} of {} million ", n / 1_000_000, count / 1_000_000);
                let _ = std::io::stderr().flush();
            }
        }
        steps
    }

    fn print(self) {
        println!(
            "{} {} keys (each figure includes the reading of the clocks)",
            self.what,
            self.wall_ns.len()
        );
        line("wall     ", &self.wall_ns);
        line("processor", &self.processor_ns);
    }
}

/// Room for so many figures, in memory already, so that writing them costs the same each time.
fn touched(count: u32) -> Vec<u32> {
    vec![u32::MAX; count as usize]
}

fn line(clock: &str, nanoseconds: &[u32]) {
    let mut sorted = nanoseconds.to_vec();
    sorted.sort_unstable();
    let last = sorted.len() - 1;
    let at = |share: f64| f64::from(sorted[(last as f64 * share) as usize]) / 1000.0;
    print!("  {clock} µs: p50 {:.2}, p99 {:.2}, p99.9 {:.2}, ", at(0.5), at(0.99), at(0.999));
    println!("p99.99 {:.2}, max {:.2}", at(0.9999), at(1.0));
    // A step of ours is slow at the same key in every run; the machine's are not.
    let bound = sorted[last.saturating_sub(9)];
    let slow = nanoseconds.iter().enumerate().filter(|(_, ns)| **ns >= bound).take(10);
    let slow: Vec<_> = slow.map(|(n, ns)| format!("{} (key {n})", ns / 1000)).collect();
    println!("            ten slowest: {}", slow.join(", "));
}

fn processor_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    #[allow(unsafe_code)]
    unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time)
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
