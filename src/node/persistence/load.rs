//! Loading a dump file at the start: in slices, so that clients hear that the node is loading.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tracing::{info, warn};

use crate::dump::Limits;
use crate::engine::{Engine, Existing};
use crate::keyspace::{Access, Place};
use crate::node::now;
use crate::node::shared::Shared;
use crate::persistence::rdb::{Broken, Loader, Part, Used};
use crate::runtime::{File, Now, OpenMode, Runtime};

/// Bytes that are read at once.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;
/// Parts that are taken together.
const BATCH: usize = 16;
/// Form, key and value of an entry take a byte each at least.
const ENTRY_BYTES_MIN: u64 = 3;
/// The longest that clients wait for an answer.
pub(super) const SLICE: Duration = Duration::from_millis(5);
/// Between two lines of progress in the log.
pub(super) const PROGRESS: Duration = Duration::from_secs(5);

/// A file that has to be loaded before the node serves.
pub(in crate::node) struct Found<R: Runtime> {
    pub(super) name: String,
    pub(super) file: R::File,
    pub(super) bytes: u64,
}

/// The dump file, if there is one.
pub(super) fn find<R: Runtime>(engine: &Engine) -> io::Result<Option<Found<R>>> {
    let name = engine.config.dbfilename.clone();
    let about = |e: io::Error| io::Error::new(e.kind(), format!("Can't open {name}: {e}"));
    let file = match R::open(Path::new(&name), OpenMode::Read) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(about)?,
    };
    let bytes = file.length().map_err(about)?;
    Ok(Some(Found { name, file, bytes }))
}

/// Loads it. An error: the node must not serve, since there is data that cannot be read.
pub(super) async fn load<R: Runtime>(shared: &Rc<Shared<R>>, found: &Found<R>) -> io::Result<()> {
    let started = R::now();
    if let Err(e) = read(shared, found, 0).await {
        let text = format!("Error loading {}: {e}. Not starting, lest the file be replaced.", found.name);
        return Err(io::Error::new(e.kind(), text));
    }
    let figures = shared.engine.borrow().persistence.loaded;
    info!(
        "DB loaded from disk: {:.3} seconds, {} keys, {} expired",
        (R::now() - started).as_secs_f64(),
        figures.keys,
        figures.expired
    );
    Ok(())
}

/// Reads a file in dump form, or what of it is in that form: it ends where the result says. `before`: how many bytes of other
/// files have been loaded.
pub(super) async fn read<R: Runtime>(
    shared: &Rc<Shared<R>>,
    found: &Found<R>,
    before: u64,
) -> io::Result<u64> {
    let file = &found.file;
    let mut intake = Intake::new(&shared.engine.borrow(), found.bytes);
    let mut buffer = vec![0; CHUNK_BYTES];
    let (mut offset, mut slice, mut said) = (0, R::now(), R::now());
    loop {
        let length = file.read_at(&mut buffer, offset)?;
        offset += length as u64;
        let ended = intake.take::<R>(&mut shared.engine.borrow_mut(), &buffer[..length])?;
        shared.engine.borrow_mut().note_loaded(before + offset);
        if ended {
            return Ok(intake.position());
        }
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends too early"));
        }
        if R::now() - said > PROGRESS {
            said = R::now();
            info!("Loading {}: {offset} of {} bytes", found.name, found.bytes);
        }
        if R::now() - slice > SLICE {
            R::yield_now().await;
            slice = R::now();
        }
    }
}

/// A dump that comes in pieces and goes into the data set.
pub(in crate::node) struct Intake {
    loader: Loader,
    taking: Taking,
}

impl Intake {
    /// One of so many bytes; of a gigabyte or so if that is not known.
    pub fn new(engine: &Engine, bytes: u64) -> Intake {
        let limits = Limits::of(&engine.config, engine.keyspace.hasher().hash_key());
        let loader = Loader::new(limits, bytes, engine.config.rdbchecksum);
        let room = bytes.min(UNKNOWN_BYTES) / ENTRY_BYTES_MIN;
        Intake { loader, taking: Taking { db: 0, room, libraries: Vec::new() } }
    }

    /// Takes the next piece; true when all of the dump is there.
    pub fn take<R: Runtime>(&mut self, engine: &mut Engine, piece: &[u8]) -> io::Result<bool> {
        self.loader.feed(piece);
        self.taking.take_all::<R>(engine, &mut self.loader)
    }

    /// How many bytes have been taken.
    pub fn position(&self) -> u64 {
        self.loader.position()
    }

    /// The libraries of a dump that is loaded beside the data.
    pub fn libraries(&self) -> &[Vec<u8>] {
        &self.taking.libraries
    }
}

/// So many bytes are expected where nobody says how many come.
const UNKNOWN_BYTES: u64 = 1 << 30;

/// Where the loader's parts go.
struct Taking {
    db: usize,
    /// For so many more entries room may be made before they come, whatever the file says, and in how many databases.
    room: u64,
    /// Those that are held until the rest is there.
    libraries: Vec<Vec<u8>>,
}

impl Taking {
    /// Takes all parts that are there; true at the end of the file.
    fn take_all<R: Runtime>(&mut self, engine: &mut Engine, loader: &mut Loader) -> io::Result<bool> {
        let at = now::<R>();
        loop {
            let position = loader.position();
            let refused = |what: String| {
                let text = format!("{what} (behind offset {position})");
                io::Error::new(io::ErrorKind::InvalidData, text)
            };
            // The processor fetches where they belong while others are read.
            let mut places = [None; BATCH];
            let expect = |number: usize, part: &Part<'_>| {
                if let Part::Entry { key, .. } = part {
                    places[number] = Some(engine.expect_entry(self.db, key));
                }
            };
            let parts = loader.batch(BATCH, expect).map_err(broken)?;
            if parts.is_empty() {
                return Ok(false);
            }
            for (part, place) in parts.into_iter().zip(places) {
                if self.take(engine, part, place, at).map_err(refused)? {
                    return Ok(true);
                }
            }
        }
    }

    /// Takes a part; true at the end of the file.
    fn take(
        &mut self,
        engine: &mut Engine,
        part: Part<'_>,
        place: Option<Place>,
        at: Now,
    ) -> Result<bool, String> {
        match part {
            Part::End => return Ok(true),
            Part::Database(db) => self.db = usize::try_from(db).unwrap_or(usize::MAX),
            Part::Entry { key, value, expiry_ms, used } => {
                let place = place.unwrap_or_else(|| engine.expect_entry(self.db, &key));
                let clock = clock(engine.access(), used, at.wall.millis());
                engine.load_entry(self.db, place.key(&key), value, expiry_ms, clock, at)?;
            }
            Part::Library(code) if engine.is_loading_beside() => self.libraries.push(code.into_owned()),
            Part::Library(code) => {
                engine.load_library(&code, Existing::Stays).map_err(|e| {
                    format!("a library of functions is refused: {}", String::from_utf8_lossy(e.text()))
                })?;
            }
            Part::Aux { name, value } => note(engine, &name, &value),
            Part::Sizes { keys, volatile } => {
                // Those with an expiry may be past it.
                let keys = keys.saturating_sub(volatile).min(self.room);
                self.room -= keys;
                engine.expect_entries(self.db, keys as usize);
            }
        }
        Ok(false)
    }
}

fn broken(broken: Broken) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, broken.to_string())
}

/// What a file says of itself.
fn note(engine: &mut Engine, name: &[u8], value: &[u8]) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match name {
        b"redis-ver" => info!("Loading RDB produced by version {}", text(value)),
        b"valkey-ver" => info!("Loading RDB produced by Valkey version {}", text(value)),
        b"ctime" | b"used-mem" | b"redis-bits" => {}
        b"repl-stream-db" | b"repl-id" | b"repl-offset" => engine.note_loaded_history(name, value),
        b"aof-base" | b"aof-preamble" => {}
        _ => warn!("Unrecognized RDB AUX field: '{}' '{}'", text(name), text(value)),
    }
}

/// The access clock of a key, from what the file knows of its use.
fn clock(access: Access, used: Used, now_ms: i64) -> u32 {
    match (access, used) {
        (Access::Lru, Used::IdleSeconds(seconds)) => {
            access.clock_restored(u32::try_from(seconds.min(0xff_ffff)).unwrap_or(0xff_ffff), 0, now_ms)
        }
        (Access::Lfu { .. }, Used::Frequency(frequency)) => access.clock_restored(0, frequency, now_ms),
        _ => access.clock_on_create(now_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::engine::Identity;
    use crate::runtime::{Monotonic, UnixTime};

    #[test]
    fn numbers_that_lie_make_no_more_room_than_a_file_can_fill() {
        let at = Now { mono: Monotonic(1), wall: UnixTime(1) };
        let mut engine = Engine::new(Config::default(), crate::commands::table(), Identity::default(), 1);
        let (before, mut taking) =
            (engine.keyspace.memory_bytes(), Taking { db: 0, room: 100_000, libraries: Vec::new() });
        for db in 0..16 {
            taking.take(&mut engine, Part::Database(db), None, at).expect("a database");
            let sizes = Part::Sizes { keys: u64::MAX, volatile: 0 };
            taking.take(&mut engine, sizes, None, at).expect("numbers");
        }
        assert!(engine.keyspace.memory_bytes() - before < 16 * 100_000);
    }
}
