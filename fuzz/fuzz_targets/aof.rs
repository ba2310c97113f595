//! Whatever an append log or a manifest holds: no panic; the same units and the same end wherever the bytes are cut; memory by what
//! is there, not by what a length says; a torn log, cut where it says, is whole; a manifest that reads writes the same.
//!
//! Loading it, as the node does at its start, with a base in either form: no panic; what comes of it makes, as a base in log form,
//! the same again.
//!
//! Input: the size of the pieces, a time to read up to (0: all), and a log, which is read as a manifest as well.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::commands;
use seawall::config::Config;
use seawall::dump::Limits;
use seawall::engine::persistence::Purpose;
use seawall::engine::session::SessionHandle;
use seawall::engine::{Engine, Existing, Identity};
use seawall::keyspace::{Shown, SnapshotStep};
use seawall::persistence::aof::{LogBase, Manifest, Names, Next, Reader};
use seawall::persistence::rdb::{Loader, Part};
use seawall::runtime::{Address, Monotonic, Now, UnixTime};

const NOW: Now = Now { mono: Monotonic(1), wall: UnixTime(1_700_000_000_000_000) };
/// Commands that do as they are told when they stop or take long, and readers that answer as much as they are asked for.
const SKIPPED: &[&str] =
    &["debug", "shutdown", "eval", "fcall", "srandmember", "hrandfield", "zrandmember", "memory"];

#[derive(PartialEq, Debug)]
enum End {
    Whole,
    Torn(u64),
    Later(u64),
    Corrupt(u64, u64),
}

/// Where each unit ends and how many commands it has, and the end.
type Outcome = (Vec<(u64, usize)>, End);

fn read(log: &[u8], piece_bytes: usize, until: i64) -> Outcome {
    let mut reader = Reader::new(0, log.len() as u64);
    if until > 0 {
        reader = reader.until(until);
    }
    let (mut pieces, mut units) = (log.chunks(piece_bytes), Vec::new());
    let end = loop {
        match reader.next() {
            Ok(Next::Unit(unit)) => units.push((unit.end(), unit.commands().count())),
            Ok(Next::More) => match pieces.next() {
                Some(piece) => reader.feed(piece),
                None => reader.end(),
            },
            Ok(Next::End) => break End::Whole,
            Ok(Next::Torn(torn)) => break End::Torn(torn.cut_at),
            Ok(Next::Later { cut_at }) => break End::Later(cut_at),
            Err(corrupt) => break End::Corrupt(corrupt.at, corrupt.whole),
        }
    };
    assert!(units.iter().all(|(end, _)| *end <= log.len() as u64));
    (units, end)
}

fn check_log(log: &[u8], piece_bytes: usize, until: i64) {
    let whole = read(log, log.len().max(1), until);
    assert_eq!(read(log, piece_bytes, until), whole);
    if let End::Torn(cut_at) | End::Later(cut_at) | End::Corrupt(_, cut_at) = whole.1 {
        let cut = read(&log[..cut_at as usize], piece_bytes, until);
        assert_eq!(cut, (whole.0, End::Whole));
    }
}

fn check_manifest(text: &[u8]) {
    let names = || Names { file: "appendonly.aof".into() };
    let Ok(manifest) = Manifest::parse(names(), text) else { return };
    if manifest.is_empty() && manifest.history.is_empty() {
        return;
    }
    assert_eq!(Manifest::parse(names(), &manifest.text()).as_ref(), Ok(&manifest));
    let next = manifest.begin_rewrite().after;
    let opened = next.last_increment().expect("a rewrite opens one");
    assert!(!manifest.is_live(&opened.name));
}

/// A node's engine, and the client as which it loads.
struct Loading {
    engine: Engine,
    client: SessionHandle,
    refused: usize,
}

impl Loading {
    fn new() -> Loading {
        let mut config = Config::default();
        config.proto_max_bulk_len_bytes = 1 << 20;
        (config.hash_max_listpack_entries, config.zset_max_listpack_entries) = (4, 4);
        (config.set_max_listpack_entries, config.set_max_intset_entries) = (4, 4);
        let mut engine = Engine::new(config, commands::table(), Identity::default(), 1);
        engine.begin_load(0, NOW);
        engine.begin_replay(NOW);
        let nowhere = Address::Unix("append-log".into());
        let client = engine.sessions.open(nowhere.clone(), nowhere, true, NOW);
        Loading { engine, client, refused: 0 }
    }

    /// Loads a file as far as it goes.
    fn load(&mut self, file: &[u8]) {
        let begins_as_dump = file.starts_with(b"REDIS") || file.starts_with(b"VALKEY");
        let Some(origin) = (if begins_as_dump { self.load_dump(file) } else { Some(0) }) else { return };
        let mut reader = Reader::new(origin, file.len() as u64);
        reader.feed(&file[origin as usize..]);
        reader.end();
        while let Ok(Next::Unit(unit)) = reader.next() {
            for request in unit.commands() {
                let name = request.name().to_ascii_lowercase();
                if SKIPPED.iter().any(|skipped| name.starts_with(skipped.as_bytes())) {
                    continue;
                }
                let mut reply = Vec::new();
                if self.engine.replay(self.client, request, &mut reply, NOW).is_err() {
                    return;
                }
                self.refused += usize::from(reply.starts_with(b"-"));
            }
        }
    }

    /// Where the part in dump form ends, if it is whole.
    fn load_dump(&mut self, file: &[u8]) -> Option<u64> {
        let limits = Limits::of(&self.engine.config, self.engine.keyspace.hasher().hash_key());
        let mut loader = Loader::new(limits, file.len() as u64, false);
        loader.feed(file);
        let mut db = 0;
        loop {
            match loader.next().ok()?? {
                Part::End => return Some(loader.position()),
                Part::Database(number) => db = usize::try_from(number).ok()?,
                Part::Entry { key, value, expiry_ms, .. } => {
                    let place = self.engine.expect_entry(db, &key);
                    self.engine.load_entry(db, place.key(&key), value, expiry_ms, 0, NOW).ok()?;
                }
                Part::Library(code) => drop(self.engine.load_library(&code, Existing::Stays).ok()?),
                Part::Aux { .. } | Part::Sizes { .. } => {}
            }
        }
    }

    /// Each key with its database, its deadline, and how long the commands are that make it; and all of them.
    fn base(&mut self) -> (Vec<(usize, Vec<u8>, Option<i64>, usize)>, Vec<u8>) {
        let Ok(head) = self.engine.begin_save(Purpose::Base, NOW) else { return Default::default() };
        let (mut base, mut entries, mut log) = (LogBase::new(None), Vec::new(), Vec::new());
        head.libraries.iter().for_each(|library| base.library(library));
        let sink = |db, shown: Shown<'_>| {
            base.database(db);
            log.extend(base.take());
            match shown {
                Shown::Whole(entry) => {
                    base.entry(entry.key(), entry.value(), entry.expiry());
                    entries.push((db, entry.key().to_vec(), entry.expiry(), 0));
                }
                Shown::Begin(begun) => {
                    base.begin(begun.key, begun.head, begun.expiry);
                    entries.push((db, begun.key.to_vec(), begun.expiry, 0));
                }
                Shown::Part(part) => base.part(part),
            }
            let commands = base.take();
            entries.last_mut().expect("parts have a beginning").3 += commands.len();
            log.extend(commands);
        };
        assert_eq!(self.engine.save_step(1 << 20, sink), SnapshotStep::Done);
        self.engine.end_save(true, NOW);
        log.extend(base.take());
        entries.sort();
        (entries, log)
    }
}

fn check_loading(log: &[u8]) {
    let mut loading = Loading::new();
    loading.load(log);
    let (entries, base) = loading.base();
    let mut again = Loading::new();
    again.load(&base);
    assert_eq!(again.refused, 0);
    assert_eq!(again.base().0, entries);
}

fuzz_target!(|data: &[u8]| {
    let [piece_bytes, until, log @ ..] = data else { return };
    check_log(log, usize::from(*piece_bytes) + 1, i64::from(*until));
    check_manifest(log);
    check_loading(log);
});
