//! Loading the append log at the start: its base, then each increment, unit by unit.
//!
//! A unit runs whole or not at all. What a crash may have left at the end of the file that was written to last is cut off, if
//! the operator has not forbidden it; anything else that is wrong ends the node, before it has served anything.

use std::io;
use std::path::Path;
use std::rc::Rc;

use tracing::{info, warn};

use super::load::{self, CHUNK_BYTES, Found, PROGRESS, SLICE};
use crate::engine::session::SessionHandle;
use crate::node::now;
use crate::node::shared::Shared;
use crate::persistence::aof::{Corrupt, Manifest, Next, Reader, Torn, Unit};
use crate::runtime::{Address, File, OpenMode, Runtime};

/// How a file in dump form begins.
const DUMP_MAGIC: [&[u8]; 2] = [b"REDIS", b"VALKEY"];

/// The files of a log, in the order in which they are loaded.
pub(super) struct Files<R: Runtime> {
    files: Vec<Found<R>>,
    /// The first one cannot be torn by a crash.
    has_whole_base: bool,
}

impl<R: Runtime> Files<R> {
    /// Opens all that the manifest names. An error: one is not there.
    pub fn open(directory: &Path, manifest: &Manifest) -> io::Result<Files<R>> {
        let mut files = Vec::new();
        for entry in manifest.live() {
            let about = |e: io::Error| {
                io::Error::new(e.kind(), format!("Can't open the append log file {}: {e}", entry.name))
            };
            let path = directory.join(&entry.name);
            let bytes = R::open(&path, OpenMode::Read).and_then(|file| file.length()).map_err(about)?;
            // Its torn end may have to be cut off.
            let file = R::open(&path, OpenMode::ReadWrite).map_err(about)?;
            files.push(Found { name: entry.name.clone(), file, bytes });
        }
        // A base is whole before a manifest names it, unless it is an old log that was taken over.
        let base = manifest.base.as_ref().filter(|base| base.name != manifest.names.file);
        Ok(Files { files, has_whole_base: base.is_some() })
    }

    /// Makes durable what may be so only in part: each is a file that is not written to any more, or the last one.
    pub async fn sync(&self) -> io::Result<()> {
        for found in &self.files {
            found.file.sync().await?;
        }
        Ok(())
    }

    /// How long they are together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Loads them; what is torn is cut off, and the cut is durable.
pub(super) async fn load<R: Runtime>(shared: &Rc<Shared<R>>, files: &Files<R>) -> io::Result<()> {
    let client = {
        let mut engine = shared.engine.borrow_mut();
        engine.begin_replay(now::<R>());
        let nowhere = Address::Unix("append-log".into());
        engine.sessions.open(nowhere.clone(), nowhere, true, now::<R>())
    };
    let loaded = load_all(shared, files, client).await;
    let mut engine = shared.engine.borrow_mut();
    engine.disconnect(client);
    // What the log's commands counted, no client has asked for.
    engine.stats.reset();
    loaded
}

async fn load_all<R: Runtime>(
    shared: &Rc<Shared<R>>,
    Files { files, has_whole_base }: &Files<R>,
    client: SessionHandle,
) -> io::Result<()> {
    let (mut before, started) = (0, R::now());
    for (index, found) in files.iter().enumerate() {
        // Nothing goes into a file before the one before it is durable: so that one may be torn only if nothing has.
        let is_whole = index == 0 && *has_whole_base;
        let is_last = !is_whole && files[index + 1..].iter().all(|file| file.bytes == 0);
        let mut loading = Loading { shared, found, client, before, refused: 0 };
        loading.load(is_last).await.map_err(|e| {
            let text = format!("Bad append log: {}: {e}. Not starting, lest data be lost.", found.name);
            io::Error::new(e.kind(), text)
        })?;
        before += found.bytes;
    }
    info!("DB loaded from append only file: {:.3} seconds", (R::now() - started).as_secs_f64());
    Ok(())
}

/// A file that is being loaded.
struct Loading<'a, R: Runtime> {
    shared: &'a Rc<Shared<R>>,
    found: &'a Found<R>,
    client: SessionHandle,
    /// Bytes of the files before it.
    before: u64,
    /// Commands that answered with an error.
    refused: u64,
}

impl<R: Runtime> Loading<'_, R> {
    async fn load(&mut self, is_last: bool) -> io::Result<()> {
        if self.found.bytes > 0 {
            // What was said before of a place in a history has something behind it.
            self.shared.engine.borrow_mut().forget_loaded_history();
        }
        let origin = if self.begins_as_dump()? {
            info!("Reading {} as a dump file", self.found.name);
            let end = load::read(self.shared, self.found, self.before).await?;
            self.shared.engine.borrow_mut().forget_loaded_history();
            end
        } else {
            0
        };
        // Each file begins in database 0.
        self.shared.engine.borrow_mut().sessions[self.client].db = 0;
        let torn = self.load_units(origin).await?;
        if self.refused > 0 {
            warn!("{} commands of {} answered with an error", self.refused, self.found.name);
        }
        match torn {
            Some(torn) => self.cut(torn, is_last).await,
            None => Ok(()),
        }
    }

    fn begins_as_dump(&self) -> io::Result<bool> {
        let mut head = [0; 6];
        let length = self.found.file.read_at(&mut head, 0)?;
        Ok(DUMP_MAGIC.iter().any(|magic| head[..length].starts_with(magic)))
    }

    /// Runs all whole units; what is behind them, if something is.
    async fn load_units(&mut self, origin: u64) -> io::Result<Option<Torn>> {
        let mut reader = Reader::new(origin, self.found.bytes);
        let mut buffer = vec![0; CHUNK_BYTES];
        let (mut offset, mut slice, mut said) = (origin, R::now(), R::now());
        loop {
            match self.found.file.read_at(&mut buffer, offset)? {
                0 => reader.end(),
                length => reader.feed(&buffer[..length]),
            }
            offset = reader.fed();
            loop {
                let next = reader.next();
                if self.shared.faults.load_past_torn
                    && let Some(wrong_at) = wrong_at(&next)
                {
                    let Some(behind) = self.request_behind(wrong_at)? else { return Ok(None) };
                    reader = Reader::new(behind, self.found.bytes);
                    offset = behind;
                    break;
                }
                match next.map_err(invalid)? {
                    Next::Unit(unit) => self.run(unit)?,
                    Next::More => break,
                    Next::Torn(torn) => return Ok(Some(torn)),
                    Next::End => {
                        if let Some(place) = reader.place_at_end() {
                            self.shared.engine.borrow_mut().note_loaded_place(place);
                        }
                        return Ok(None);
                    }
                    Next::Later { .. } => return Ok(None),
                }
                if R::now() - slice > SLICE {
                    R::yield_now().await;
                    slice = R::now();
                }
            }
            self.shared.engine.borrow_mut().note_loaded(self.before + offset);
            if R::now() - said > PROGRESS {
                said = R::now();
                info!("Loading {}: {offset} of {} bytes", self.found.name, self.found.bytes);
            }
        }
    }

    /// Where something begins behind this that looks like a request ([`Faults::load_past_torn`](crate::node::Faults)).
    fn request_behind(&self, position: u64) -> io::Result<Option<u64>> {
        let mut rest = vec![0; self.found.bytes.saturating_sub(position) as usize];
        let length = self.found.file.read_at(&mut rest, position)?;
        let found = memchr::memmem::find(&rest[..length], b"\r\n*");
        Ok(found.map(|at| position + at as u64 + 2))
    }

    fn run(&mut self, unit: Unit<'_>) -> io::Result<()> {
        let mut engine = self.shared.engine.borrow_mut();
        let (mut reply, at) = (Vec::new(), now::<R>());
        for request in unit.commands() {
            reply.clear();
            engine.replay(self.client, request, &mut reply, at).map_err(|failure| {
                invalid(format!("at offset {}: {}", unit.start, String::from_utf8_lossy(failure.text())))
            })?;
            if reply.starts_with(b"-") {
                self.refused += 1;
            }
        }
        Ok(())
    }

    /// Cuts off what a crash has left.
    async fn cut(&self, torn: Torn, is_last: bool) -> io::Result<()> {
        if !is_last {
            return Err(invalid(format!("it {torn}, which no crash can have done to this file")));
        }
        if !self.shared.engine.borrow().config.aof_load_truncated {
            return Err(invalid(format!(
                "it {torn}. You can: 1) make a backup of the file, then use seawall --check-aof --fix. 2) Set the \
                 'aof-load-truncated' configuration option to yes and start again"
            )));
        }
        warn!("{} {torn}: cut off", self.found.name);
        self.found.file.set_length(torn.cut_at)?;
        self.found.file.sync().await
    }
}

/// Where a log is not well-formed.
fn wrong_at(next: &Result<Next<'_>, Corrupt>) -> Option<u64> {
    match next {
        Ok(Next::Torn(torn)) => Some(torn.cut_at),
        Err(corrupt) => Some(corrupt.at),
        Ok(_) => None,
    }
}

fn invalid(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}
