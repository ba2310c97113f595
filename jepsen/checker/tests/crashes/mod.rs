//! Random executions of a server that crashes honestly: the logs that the checker of durability must accept.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use seawall_checker::durability::{Content, Effect, Fate, Found, Log, Promise, Reading};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What an execution is made of.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub promise: Promise,
    pub clients: u32,
    pub lives: u64,
    /// Batches of each client in each life, at most.
    pub batches: u64,
    /// Units in a hundred whose outcome nobody knows.
    pub unknown_percent: u64,
}

/// Unix milliseconds at the beginning of a run.
const EPOCH_MS: i64 = 1_700_000_000_000;
/// How long a life lasts.
const LIFE_MS: u64 = 6000;

/// Something that the log is told.
#[derive(Clone, Debug)]
pub enum Event {
    Begin(usize),
    End(usize),
    Save(usize),
    Saved(usize),
    Restart { crashed: u64, reading: Reading },
}

/// One unit, and all that is true of it.
#[derive(Clone, Debug)]
pub struct Planned {
    pub client: u32,
    pub effects: Vec<Effect>,
    pub fate: Fate,
    pub invoked: u64,
    executed: Option<u64>,
    pub completed: u64,
    numbers: Vec<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Snapshot {
    invoked: u64,
    taken: u64,
    completed: Option<u64>,
    /// Units in it.
    length: usize,
}

/// An execution.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub units: Vec<Planned>,
    pub events: Vec<(u64, Event)>,
    /// What was executed before each restart and is kept or lost by it: positions in the order of execution, and how many of
    /// the first are kept.
    pub cuts: Vec<(Vec<usize>, usize)>,
    /// From when to when processes served.
    lives: Vec<(u64, u64)>,
    snapshots: Vec<Snapshot>,
    sequence: Vec<usize>,
    promise: Option<Promise>,
}

impl Run {
    /// What the checker is given.
    pub fn log(&self) -> Log {
        let mut log = Log::default();
        let (mut units, mut saves) = (BTreeMap::new(), BTreeMap::new());
        for (at, event) in &self.events {
            let at = Duration::from_millis(*at);
            match event {
                Event::Begin(unit) => {
                    let planned = &self.units[*unit];
                    units.insert(*unit, log.begin(planned.client, planned.effects.clone(), at));
                }
                Event::End(unit) => match self.units[*unit].fate {
                    Fate::Acknowledged => log.acknowledge(units[unit], &self.units[*unit].numbers, at),
                    Fate::Refused => log.refuse(units[unit], at),
                    Fate::Unknown => log.unknown(units[unit], at),
                },
                Event::Save(save) => drop(saves.insert(*save, log.save(at))),
                Event::Saved(save) => log.saved(saves[save], at),
                Event::Restart { crashed, reading } => {
                    let promise = self.promise.expect("it is set when a run is made");
                    log.restart(Duration::from_millis(*crashed), promise, at, reading.clone());
                }
            }
        }
        log
    }

    /// What was read after the last restart.
    pub fn last_reading(&mut self) -> &mut Reading {
        let readings = self.events.iter_mut().rev().find_map(|(_, event)| match event {
            Event::Restart { reading, .. } => Some(reading),
            _ => None,
        });
        readings.expect("every run ends with a restart")
    }

    /// Units that the last restart kept, and those that it lost, each in the order of execution.
    pub fn last_cut(&self) -> (Vec<usize>, Vec<usize>) {
        let (sequence, kept) = self.cuts.last().expect("every run ends with a restart");
        (sequence[..*kept].to_vec(), sequence[*kept..].to_vec())
    }

    /// Whether one unit was answered before the other was sent.
    pub fn precedes(&self, one: usize, other: usize) -> bool {
        let one = &self.units[one];
        one.fate == Fate::Acknowledged && one.completed < self.units[other].invoked
    }
}

pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit.max(1)
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let index = self.below(of.len() as u64) as usize;
        of.get(index).cloned()
    }
}

/// A run of some lives, each ended by a crash that keeps what the promise demands and, by chance, more.
pub fn run(shape: Shape, seed: u64) -> Run {
    let dice = &mut Dice::new(seed);
    let mut run = Run { promise: Some(shape.promise), ..Run::default() };
    for life in 0..shape.lives {
        live(&mut run, shape, life, dice);
    }
    // Events of one millisecond: ends before beginnings, so that what looks ordered is.
    run.events.sort_by_key(|(at, event)| (*at, !matches!(event, Event::End(_) | Event::Saved(_))));
    run
}

fn live(run: &mut Run, shape: Shape, life: u64, dice: &mut Dice) {
    let begin = life * 2 * LIFE_MS + 1;
    let crash = begin + LIFE_MS / 2 + dice.below(LIFE_MS / 2);
    let first = run.units.len();
    for client in 0..shape.clients {
        plan_client(run, shape, (life as u32) * 1000 + client * 100, (begin, crash), dice);
    }
    if shape.promise == Promise::SnapshotOnly {
        plan_saves(run, (begin, crash), dice);
    }
    execute(run, first, begin, crash);
    let since = run.lives.pop().map_or(0, |(since, _)| since);
    run.lives.push((since, crash));
    let served = crash + 1 + dice.below(LIFE_MS / 2);
    let kept = cut(run, shape.promise, dice);
    // The next one begins to serve then.
    run.lives.push((served, served));
    run.cuts.push((run.sequence.clone(), kept));
    run.sequence.truncate(kept);
    run.snapshots.retain(|snapshot| snapshot.length <= kept);
    let reading = read(run, served);
    for position in first..run.units.len() {
        run.events.push((run.units[position].invoked, Event::Begin(position)));
        run.events.push((run.units[position].completed, Event::End(position)));
    }
    run.events.push((served, Event::Restart { crashed: crash, reading }));
}

fn plan_client(run: &mut Run, shape: Shape, client: u32, (begin, crash): (u64, u64), dice: &mut Dice) {
    let (mut now, mut connection) = (begin, client);
    for _ in 0..1 + dice.below(shape.batches) {
        now += 1 + dice.below(150);
        let invoked = now;
        let mut batch = Vec::new();
        for _ in 0..1 + dice.below(3) {
            now += 1 + dice.below(40);
            batch.push(now);
        }
        for executed in batch {
            now += 1 + dice.below(40);
            if invoked >= crash {
                return;
            }
            let roll = dice.below(100);
            let (mut fate, mut happens) = match roll {
                roll if roll >= shape.unknown_percent => (Fate::Acknowledged, true),
                0 => (Fate::Refused, false),
                roll => (Fate::Unknown, roll % 2 == 0),
            };
            if executed >= crash {
                (fate, happens) = (Fate::Unknown, false);
            }
            // A reply that is on its way when the process ends may still come.
            if now >= crash + 50 && fate == Fate::Acknowledged {
                fate = Fate::Unknown;
            }
            let completed = now.min(crash + 50);
            let effects = effects(run.units.len(), invoked, dice);
            let executed = happens.then_some(executed);
            run.units.push(Planned {
                client: connection,
                effects,
                fate,
                invoked,
                executed,
                completed,
                numbers: Vec::new(),
            });
        }
        if dice.below(10) == 0 {
            connection += 1;
        }
    }
}

/// One command, or a transaction of several, on different keys but for the list.
fn effects(unit: usize, now: u64, dice: &mut Dice) -> Vec<Effect> {
    let unique = |what: &str| format!("{what}{unit}").into_bytes();
    let numbered = |dice: &mut Dice, name: &str| format!("{name}:{}", dice.below(3)).into_bytes();
    let append = |key: &str, element: Vec<u8>| Effect::Append { key: key.into(), element };
    let deadline = EPOCH_MS + now as i64 + dice.below(2 * LIFE_MS) as i64;
    let register = match dice.below(5) {
        0 => Effect::Delete { key: numbered(dice, "register") },
        1 => Effect::Write { key: numbered(dice, "short"), value: unique("v"), deadline_ms: Some(deadline) },
        _ => Effect::Write { key: numbered(dice, "register"), value: unique("v"), deadline_ms: None },
    };
    let increment = Effect::Increment { key: numbered(dice, "counter"), reply: None };
    match dice.below(8) {
        0 => vec![register, increment, append("list", unique("a")), append("set", unique("b"))],
        1 => vec![append("list", unique("a")), append("set", unique("b"))],
        2 => vec![increment, register],
        3 => vec![increment],
        4 | 5 => vec![append("list", unique("a"))],
        _ => vec![register],
    }
}

fn plan_saves(run: &mut Run, (begin, crash): (u64, u64), dice: &mut Dice) {
    let mut now = begin;
    while dice.below(4) > 0 {
        let invoked = now + 1 + dice.below(1500);
        let taken = invoked + dice.below(200);
        now = taken + 1 + dice.below(200);
        if now >= crash {
            return;
        }
        let completed = (dice.below(4) > 0).then_some(now);
        let number = run.events.iter().filter(|(_, event)| matches!(event, Event::Save(_))).count();
        run.events.push((invoked, Event::Save(number)));
        completed.into_iter().for_each(|at| run.events.push((at, Event::Saved(number))));
        run.snapshots.push(Snapshot { invoked, taken, completed, length: usize::MAX });
    }
}

/// Gives the life's units their place in the sequence, increments their numbers, and snapshots their lengths.
fn execute(run: &mut Run, first: usize, begin: u64, crash: u64) {
    let mut order: Vec<(u64, usize)> = (first..run.units.len())
        .filter_map(|unit| Some((run.units[unit].executed.filter(|at| *at < crash)?, unit)))
        .collect();
    order.sort_by_key(|(at, unit)| (*at, run.units[*unit].client, *unit));
    for snapshot in run.snapshots.iter_mut().filter(|snapshot| snapshot.invoked >= begin) {
        let before = order.iter().filter(|(at, _)| *at < snapshot.taken).count();
        snapshot.length = run.sequence.len() + before;
    }
    let mut counts: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    let all: Vec<usize> = run.sequence.iter().copied().chain(order.iter().map(|(_, unit)| *unit)).collect();
    for unit in all {
        let planned = &mut run.units[unit];
        planned.numbers.clear();
        for effect in &planned.effects {
            if let Effect::Increment { key, .. } = effect {
                let count = counts.entry(key.clone()).or_default();
                *count += 1;
                planned.numbers.push(*count);
            }
        }
    }
    run.sequence.extend(order.iter().map(|(_, unit)| *unit));
}

/// How much of the sequence a crash keeps: as little as the promise allows, or more.
fn cut(run: &Run, promise: Promise, dice: &mut Dice) -> usize {
    let after = |is_demanded: &dyn Fn(&Planned) -> bool| {
        let demanded = |unit: &usize| is_demanded(&run.units[*unit]);
        run.sequence.iter().rposition(demanded).map_or(0, |last| last + 1)
    };
    let acknowledged = |unit: &Planned| unit.fate == Fate::Acknowledged;
    let least = match promise {
        Promise::None => return 0,
        Promise::SnapshotOnly => {
            let last = run.snapshots.iter().rposition(|snapshot| snapshot.completed.is_some());
            let first = last.map_or(0, |last| run.snapshots[last].length);
            let later =
                run.snapshots[last.map_or(0, |last| last + 1)..].iter().map(|snapshot| snapshot.length);
            let all: Vec<usize> = std::iter::once(first).chain(later).collect();
            return dice.pick(&all).unwrap_or(0);
        }
        Promise::Unsynced => 0,
        Promise::Before { at } => {
            after(&|unit| acknowledged(unit) && u128::from(unit.completed) < at.as_millis())
        }
        Promise::Always => after(&acknowledged),
        Promise::EverySec { window } => {
            let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
            let served = |unit: &Planned| -> u64 {
                let since = |(begin, end): &(u64, u64)| end.saturating_sub(unit.completed.max(*begin));
                run.lives.iter().map(since).sum()
            };
            after(&|unit| acknowledged(unit) && served(unit) > window)
        }
    };
    least + dice.below((run.sequence.len() - least) as u64 + 1) as usize
}

/// What the units of the sequence leave.
fn read(run: &Run, served: u64) -> Reading {
    let now = EPOCH_MS + served as i64;
    let mut keys: BTreeMap<Vec<u8>, Found> = BTreeMap::new();
    for effect in run.sequence.iter().flat_map(|unit| &run.units[*unit].effects) {
        let key = effect.key().to_vec();
        match effect {
            Effect::Write { value, deadline_ms, .. } => {
                let content = Content::Text(value.clone());
                keys.insert(key, Found { content, deadline_ms: *deadline_ms });
            }
            Effect::Delete { .. } => drop(keys.remove(&key)),
            Effect::Increment { .. } => count_up(keys.entry(key)),
            Effect::Append { element, .. } => append(keys.entry(key), element),
        }
    }
    keys.retain(|_, found| found.deadline_ms.is_none_or(|deadline| deadline >= now));
    Reading { keys, began_ms: now, ended_ms: now }
}

type Entry<'a> = std::collections::btree_map::Entry<'a, Vec<u8>, Found>;

fn count_up(entry: Entry<'_>) {
    let zero = || Found { content: Content::Text(b"0".to_vec()), deadline_ms: None };
    if let Content::Text(text) = &mut entry.or_insert_with(zero).content {
        let count: i64 = String::from_utf8_lossy(text).parse().unwrap_or(0);
        *text = (count + 1).to_string().into_bytes();
    }
}

fn append(entry: Entry<'_>, element: &[u8]) {
    let content = match entry.key().as_slice() {
        b"set" => Content::Set(BTreeSet::new()),
        _ => Content::List(Vec::new()),
    };
    match &mut entry.or_insert(Found { content, deadline_ms: None }).content {
        Content::List(list) => list.push(element.to_vec()),
        Content::Set(set) => drop(set.insert(element.to_vec())),
        Content::Text(_) => {}
    }
}
