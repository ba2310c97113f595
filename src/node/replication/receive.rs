//! The snapshot that a primary sends, in one of three ways (`repl-diskless-load`).
//!
//! ```text
//! file    received into a file, its checksum compared ── then the data goes, and the file is loaded in its place
//! socket  there is no data: loaded as it comes
//! beside  loaded as it comes into databases of its own ── then these take the place of the data
//! ```
//!
//! The data goes only when it is known what comes in its place: a transfer that breaks costs nothing, and the snapshot of an empty
//! primary whose history nobody here knows is refused before (P15). From the first step of loading to its last the node says that
//! it is loading; if that breaks off, the node is empty and says that it has no history.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tracing::{info, warn};

use super::body::Body;
use super::inflow::Inflow;
use crate::config::DisklessLoad;
use crate::dump::Limits;
use crate::dump::footer::Checksum;
use crate::engine::replica::Instead;
use crate::node::now;
use crate::node::persistence::{self, Behind, Intake};
use crate::node::shared::Shared;
use crate::persistence::rdb::{Loader, Part};
use crate::replication::{Form, Link, ReplicationId};
use crate::runtime::{File, Monotonic, OpenMode, Runtime};

/// Where a snapshot is stored until it is loaded.
const FILE: &str = "temp-replica.rdb";
/// Bytes that are written to it at once.
const WRITE_BYTES: usize = 512 * 1024;
/// Bytes of the file that are loaded at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// The longest that clients wait for an answer.
const SLICE: Duration = Duration::from_millis(5);
/// While this node loads, the primary hears so often that it is alive.
const ALIVE: Duration = Duration::from_secs(1);
/// Dumps of versions that have one end with a checksum of so many bytes.
const CHECKSUM_BYTES: usize = 8;
const CHECKSUM_SINCE: u16 = 5;

/// A place in a history, if the primary has said which.
type MaybePlace = Option<(ReplicationId, u64)>;

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// Receives and loads the snapshot; the history then stands at `place`. An error ends the link.
pub(super) async fn receive<R: Runtime>(
    shared: &Rc<Shared<R>>,
    inflow: &mut Inflow<R>,
    place: MaybePlace,
    patience: Duration,
) -> io::Result<()> {
    let form = header(inflow, patience).await?;
    let mut body = Body::new(form);
    let (from_socket, instead) = {
        let mut engine = shared.engine.borrow_mut();
        let link = Link::Transfer { total: body.total(), received: 0, last: R::now() };
        engine.set_link(link, R::now());
        let is_known = place.is_some_and(|(id, _)| engine.replication.history.id() == id);
        match engine.config.repl_diskless_load {
            DisklessLoad::Disabled => (false, Instead::OfAll),
            DisklessLoad::OnEmptyDb => (engine.keyspace.is_empty(), Instead::OfAll),
            DisklessLoad::SwapDb if is_known => (true, Instead::Shown),
            DisklessLoad::SwapDb => (true, Instead::Hidden),
        }
    };
    let sync = Sync { shared, place, patience };
    let what = match (body.total(), from_socket) {
        (Some(bytes), _) => format!("receiving {bytes} bytes from master"),
        (None, _) => "receiving streamed RDB from master".to_owned(),
    };
    info!("MASTER <-> REPLICA sync: {what} {}", if from_socket { "to parser" } else { "to disk" });
    if from_socket {
        sync.as_it_comes(inflow, &mut body, instead).await?;
    } else {
        let taken = sync.by_file(inflow, &mut body).await;
        clear::<R>();
        taken?;
    }
    info!("MASTER <-> REPLICA sync: Finished with success");
    Ok(())
}

/// The line before the snapshot; the primary may take its time to make one.
async fn header<R: Runtime>(inflow: &mut Inflow<R>, patience: Duration) -> io::Result<Form> {
    loop {
        let line = inflow.line(patience).await.map_err(|e| about("reading bulk length from MASTER", &e))?;
        if line.is_empty() {
            continue;
        }
        if let Some(error) = line.strip_prefix(b"-") {
            let text = String::from_utf8_lossy(error);
            return Err(io::Error::other(format!("MASTER aborted replication with an error: {text}")));
        }
        return Form::parse(&line).ok_or_else(|| {
            let text = String::from_utf8_lossy(&line);
            invalid(format!(
                "Bad protocol from MASTER, the first byte is not '$' (we received '{text}'), are you sure the host and port are right?"
            ))
        });
    }
}

fn about(doing: &str, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("I/O error {doing}: {e}"))
}

/// Removes what a transfer has left, if it has.
pub(super) fn clear<R: Runtime>() {
    // If it cannot be removed, the next transfer writes over it.
    let _ = R::remove(Path::new(FILE));
}

/// From when the data goes to when the snapshot is there. If that breaks off, the node is empty.
struct Loading<'a, R: Runtime> {
    shared: &'a Rc<Shared<R>>,
    has_ended: bool,
}

impl<'a, R: Runtime> Loading<'a, R> {
    fn begin(shared: &'a Rc<Shared<R>>, bytes: Option<u64>, instead: Instead) -> Self {
        if instead == Instead::OfAll {
            persistence::leave_log(shared);
            info!("MASTER <-> REPLICA sync: Flushing old data");
        }
        let mut engine = shared.engine.borrow_mut();
        engine.begin_full_sync(bytes.unwrap_or(0), instead, now::<R>());
        drop(engine);
        shared.deliver();
        info!("MASTER <-> REPLICA sync: Loading DB in memory");
        Loading { shared, has_ended: false }
    }

    /// The snapshot is there.
    fn end(mut self, place: MaybePlace, libraries: &[Vec<u8>]) -> io::Result<()> {
        let beside = self.shared.engine.borrow().is_loading_beside();
        if beside {
            persistence::leave_log(self.shared);
        }
        let ended = self.shared.engine.borrow_mut().end_full_sync(place, libraries, now::<R>());
        ended.map_err(|failure| {
            let text = String::from_utf8_lossy(failure.text()).into_owned();
            invalid(format!("Failed trying to load the MASTER synchronization DB: {text}"))
        })?;
        self.has_ended = true;
        persistence::renew_log(self.shared);
        self.shared.deliver();
        Ok(())
    }
}

impl<R: Runtime> Drop for Loading<'_, R> {
    fn drop(&mut self) {
        if !self.has_ended {
            // What there is of an append log stays as it is: it holds the last data that was whole.
            self.shared.engine.borrow_mut().fail_full_sync(now::<R>());
        }
    }
}

struct Sync<'a, R: Runtime> {
    shared: &'a Rc<Shared<R>>,
    place: MaybePlace,
    patience: Duration,
}

impl<R: Runtime> Sync<'_, R> {
    fn hears(&self) -> impl Fn(usize) + '_ {
        |bytes| self.shared.engine.borrow_mut().heard_of_primary(bytes, R::now())
    }

    /// Loads it as it comes.
    async fn as_it_comes(&self, inflow: &mut Inflow<R>, body: &mut Body, instead: Instead) -> io::Result<()> {
        let (mut peek, mut head) = (Peek::new(self.shared), Vec::new());
        while peek.is_empty.is_none() {
            match body.next(inflow, self.patience, self.hears()).await? {
                Some(piece) => {
                    peek.see(piece)?;
                    head.extend_from_slice(piece);
                }
                None => return Err(invalid("the snapshot ends too early")),
            }
        }
        self.refuse_if_empty(&peek)?;
        let loading = Loading::begin(self.shared, body.total(), instead);
        let mut intake = Intake::new(&self.shared.engine.borrow(), body.total().unwrap_or(u64::MAX));
        let mut turns = Turns::new::<R>();
        let applies_early = self.shared.engine.borrow().replication.faults.applies_early;
        let first = if applies_early { head.len() / 2 } else { head.len() };
        let mut is_whole = self.take(&mut intake, &head[..first])?;
        drop(head);
        while let Some(piece) = body.next(inflow, self.patience, self.hears()).await? {
            if applies_early {
                continue;
            }
            if is_whole {
                return Err(invalid("something follows the end of the snapshot"));
            }
            is_whole = self.take(&mut intake, piece)?;
            turns.pass(inflow).await;
        }
        if !is_whole && !applies_early {
            return Err(invalid("the snapshot ends too early"));
        }
        loading.end(self.place, intake.libraries())
    }

    fn take(&self, intake: &mut Intake, piece: &[u8]) -> io::Result<bool> {
        let mut engine = self.shared.engine.borrow_mut();
        let is_whole = intake.take::<R>(&mut engine, piece);
        engine.note_loaded(intake.position());
        is_whole.map_err(|e| invalid(format!("Failed trying to load the MASTER synchronization DB: {e}")))
    }

    /// Receives it into a file, and loads that.
    async fn by_file(&self, inflow: &mut Inflow<R>, body: &mut Body) -> io::Result<()> {
        let opened = R::open(Path::new(FILE), OpenMode::ReadWrite).and_then(|file| {
            file.set_length(0)?;
            Ok(file)
        });
        let about_file = |e: io::Error| {
            let text = format!(
                "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA sync: {e}"
            );
            io::Error::new(e.kind(), text)
        };
        let file = opened.map_err(about_file)?;
        let mut behind = Behind::<R>::new(file, false);
        let (mut peek, mut seal, mut gathered) = (Peek::new(self.shared), Seal::default(), Vec::new());
        while let Some(piece) = body.next(inflow, self.patience, self.hears()).await? {
            if peek.is_empty.is_none() {
                peek.see(piece)?;
            }
            seal.add(piece);
            gathered.extend_from_slice(piece);
            if gathered.len() >= WRITE_BYTES {
                behind.write(std::mem::take(&mut gathered)).await.map_err(about_file)?;
            }
        }
        behind.write(gathered).await.map_err(about_file)?;
        let file = behind.end().await.map_err(about_file)?;
        let verifies = self.shared.engine.borrow().config.rdbchecksum;
        seal.check(peek.version(), verifies)?;
        self.refuse_if_empty(&peek)?;
        self.load(&file, inflow).await
    }

    async fn load(&self, file: &R::File, inflow: &mut Inflow<R>) -> io::Result<()> {
        let bytes = file.length()?;
        let loading = Loading::begin(self.shared, Some(bytes), Instead::OfAll);
        let mut intake = Intake::new(&self.shared.engine.borrow(), bytes);
        let (mut buffer, mut offset, mut turns) = (vec![0; CHUNK_BYTES], 0, Turns::new::<R>());
        let applies_early = self.shared.engine.borrow().replication.faults.applies_early;
        loop {
            let length = file.read_at(&mut buffer, offset)?;
            offset += length as u64;
            let taken = if applies_early { length / 2 } else { length };
            if self.take(&mut intake, &buffer[..taken])? || applies_early {
                break;
            }
            if length == 0 {
                return Err(invalid("the snapshot ends too early"));
            }
            turns.pass(inflow).await;
        }
        loading.end(self.place, &[])
    }

    /// P15
    fn refuse_if_empty(&self, peek: &Peek) -> io::Result<()> {
        let mut engine = self.shared.engine.borrow_mut();
        let id = self.place.map(|(id, _)| id);
        if peek.is_empty != Some(true) || !engine.refuses_empty(id) {
            return Ok(());
        }
        let history =
            id.map_or("no history".to_owned(), |id| format!("a history that is not known here ({id})"));
        let why = format!(
            "The primary is empty and has {history}, while this replica holds {} keys: its snapshot is refused, lest they be lost. If \
             they are to go, set replica-accept-empty-primary to yes.",
            engine.keyspace.len()
        );
        engine.note_refused(&why);
        Err(io::Error::other(why))
    }
}

/// Others' turns, and signs of life, while something long is done.
struct Turns {
    slice: Monotonic,
    alive: Monotonic,
}

impl Turns {
    fn new<R: Runtime>() -> Turns {
        Turns { slice: R::now(), alive: R::now() }
    }

    async fn pass<R: Runtime>(&mut self, inflow: &mut Inflow<R>) {
        let at = R::now();
        if at - self.alive > ALIVE {
            self.alive = at;
            inflow.report(b"\n");
        }
        if at - self.slice > SLICE {
            R::yield_now().await;
            self.slice = R::now();
        }
    }
}

/// Looks at the beginning of a snapshot: whether there is a key in it.
struct Peek {
    loader: Loader,
    is_empty: Option<bool>,
}

impl Peek {
    fn new<R: Runtime>(shared: &Shared<R>) -> Peek {
        let engine = shared.engine.borrow();
        let limits = Limits::of(&engine.config, engine.keyspace.hasher().hash_key());
        Peek { loader: Loader::new(limits, u64::MAX, false), is_empty: None }
    }

    fn see(&mut self, piece: &[u8]) -> io::Result<()> {
        self.loader.feed(piece);
        while self.is_empty.is_none() {
            match self.loader.next().map_err(|broken| invalid(broken.to_string()))? {
                None => return Ok(()),
                Some(Part::End) => self.is_empty = Some(true),
                Some(Part::Entry { .. } | Part::Sizes { keys: 1.., .. }) => self.is_empty = Some(false),
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn version(&self) -> Option<u16> {
        self.loader.version()
    }
}

/// The checksum at the end of a snapshot, compared as it comes.
#[derive(Default)]
struct Seal {
    checksum: Checksum,
    /// The last bytes, which may be the checksum itself.
    tail: Vec<u8>,
}

impl Seal {
    fn add(&mut self, piece: &[u8]) {
        self.tail.extend_from_slice(piece);
        let done = self.tail.len().saturating_sub(CHECKSUM_BYTES);
        self.checksum.add(&self.tail[..done]);
        self.tail.drain(..done);
    }

    fn check(&self, version: Option<u16>, verifies: bool) -> io::Result<()> {
        let Ok(given) = <[u8; CHECKSUM_BYTES]>::try_from(&self.tail[..]) else {
            return Err(invalid("the snapshot ends too early"));
        };
        let given = u64::from_le_bytes(given);
        let has_one = version.is_some_and(|version| version >= CHECKSUM_SINCE) && given != 0;
        if has_one && verifies && self.checksum.value_with(&[]) != given {
            warn!("The snapshot has been damaged on its way");
            return Err(invalid("the checksum of the snapshot is wrong"));
        }
        Ok(())
    }
}
