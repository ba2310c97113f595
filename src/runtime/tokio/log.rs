//! The log: tracing's events as lines that a Redis operator recognises.
//!
//! `4711:M 20 Nov 2026 13:15:18.123 * Ready to accept connections`: process, role, local time, level mark (`.` debug, `-` verbose,
//! `*` notice, `#` warning), text, then the event's fields as `name=value`. The file is opened for each line, as Redis does, so it
//! may be moved away at any time.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "see the module above")]

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, filter};

/// How much is logged, in Redis's steps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Verbosity {
    /// Only what needs attention.
    Warning,
    /// What an operator wants to know.
    Notice,
    /// More than that.
    Verbose,
    /// All.
    Debug,
    /// Nothing.
    Nothing,
}

static VERBOSITY: AtomicU8 = AtomicU8::new(Verbosity::Notice as u8);
static LOG_FILE: OnceLock<Option<PathBuf>> = OnceLock::new();

/// Starts logging to a file, or to standard output.
pub fn start(file: Option<PathBuf>, verbosity: Verbosity) {
    set_verbosity(verbosity);
    // Only the first call counts; a process starts one log.
    let _ = LOG_FILE.set(file);
    let lines = tracing_subscriber::fmt::layer().event_format(Line).with_ansi(false).with_writer(Target);
    let enabled = filter::dynamic_filter_fn(|metadata, _| is_logged(*metadata.level()));
    let _ = tracing::subscriber::set_global_default(
        tracing_subscriber::registry().with(lines.with_filter(enabled)),
    );
}

/// Changes how much is logged (CONFIG SET loglevel).
pub fn set_verbosity(verbosity: Verbosity) {
    VERBOSITY.store(verbosity as u8, Ordering::Relaxed);
}

fn is_logged(level: Level) -> bool {
    let verbosity = VERBOSITY.load(Ordering::Relaxed);
    verbosity != Verbosity::Nothing as u8 && verbosity_of(level) as u8 <= verbosity
}

fn verbosity_of(level: Level) -> Verbosity {
    match level {
        Level::ERROR | Level::WARN => Verbosity::Warning,
        Level::INFO => Verbosity::Notice,
        Level::DEBUG => Verbosity::Verbose,
        Level::TRACE => Verbosity::Debug,
    }
}

fn mark(level: Level) -> char {
    match verbosity_of(level) {
        Verbosity::Warning => '#',
        Verbosity::Notice => '*',
        Verbosity::Verbose => '-',
        Verbosity::Debug | Verbosity::Nothing => '.',
    }
}

/// Where lines go.
struct Target;

impl<'a> MakeWriter<'a> for Target {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Box<dyn Write> {
        let Some(Some(path)) = LOG_FILE.get() else { return Box::new(io::stdout()) };
        match std::fs::OpenOptions::new().append(true).create(true).open(path) {
            Ok(file) => Box::new(file),
            Err(_) => Box::new(io::sink()),
        }
    }
}

/// Whether the node is a replica.
static IS_REPLICA: AtomicBool = AtomicBool::new(false);

/// Lines say from now on that the node is a replica, or a primary.
pub(super) fn tell_role(is_replica: bool) {
    IS_REPLICA.store(is_replica, Ordering::Relaxed);
}

/// Redis's line.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = chrono::Local::now().format("%d %b %Y %H:%M:%S%.3f");
        let role = if IS_REPLICA.load(Ordering::Relaxed) { 'S' } else { 'M' };
        write!(line, "{}:{role} {now} {} ", std::process::id(), mark(*event.metadata().level()))?;
        context.format_fields(line.by_ref(), event)?;
        writeln!(line)
    }
}
