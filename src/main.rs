//! Arguments → configuration → a node on tokio.

mod check;
mod startup;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use tracing::{error, info, warn};

use seawall::commands;
use seawall::config::arguments::{self, Startup};
use seawall::node::{Faults, Node, Options};
use seawall::runtime::File;
use seawall::runtime::tokio::{Tokio, host};

/// Redis's allocator: its size classes are those that the accounting of memory assumes.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    startup::die_on_panic();
    let words: Vec<Vec<u8>> = std::env::args_os().map(|word| word.into_encoded_bytes()).collect();
    let program = words.first().map_or("seawall".into(), |word| String::from_utf8_lossy(word).into_owned());
    let arguments: Vec<&[u8]> = words.iter().skip(1).map(Vec::as_slice).collect();
    match arguments::parse(&arguments) {
        Ok(Startup::Version) => say(&startup::version_line()),
        Ok(Startup::CheckRdb(file)) => match startup::check_rdb(&file) {
            Ok(report) if report.is_sound() => say(&report.to_string()),
            Ok(report) => {
                say(&report.to_string());
                ExitCode::FAILURE
            }
            Err(text) => complain(&text),
        },
        Ok(Startup::Help) => say(&arguments::usage(&program)),
        Ok(Startup::CheckAof(wanted)) => check_aof(&wanted),
        Ok(Startup::Run(sources)) => match startup::load(&sources) {
            Ok(loaded) => serve(loaded),
            Err(text) => complain(&text),
        },
        Err(text) => complain(&format!("{text}\n\n{}", arguments::usage(&program))),
    }
}

/// Checks an append log, and makes durable what was cut off.
fn check_aof(wanted: &arguments::CheckAof) -> ExitCode {
    let checked = check::aof(wanted).and_then(|outcome| {
        if let Some(file) = outcome.changed {
            let synced = Tokio::run(async move { file.sync().await });
            synced.and_then(|synced| synced).map_err(|e| format!("Can't sync what was cut: {e}"))?;
        }
        Ok((outcome.text, outcome.is_valid))
    });
    match checked {
        Ok((text, true)) => say(&text),
        Ok((text, false)) => {
            say(&text);
            ExitCode::FAILURE
        }
        Err(text) => complain(&text),
    }
}

fn say(text: &str) -> ExitCode {
    // A reader that has gone away needs no text.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    ExitCode::SUCCESS
}

fn complain(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
    ExitCode::FAILURE
}

/// Runs the node until it is told to end.
fn serve(loaded: startup::Loaded) -> ExitCode {
    if let Err(text) = startup::prepare_process(&loaded.config) {
        return complain(&text);
    }
    startup::announce(&loaded);
    let mut config = loaded.config;
    let served = host::allow_clients(config.maxclients);
    if served < config.maxclients {
        warn!(
            "You requested maxclients of {} but the limit of open files allows only {served}.",
            config.maxclients
        );
        config.maxclients = served;
    }
    let supervisor = startup::supervisor(config.supervised);
    let pid_file = startup::pid_file(&config);
    let log_is_file = !config.logfile.is_empty();
    let config_file = loaded.config_file.clone();
    startup::set_process_title(&config, &config_file);
    let options = Options {
        identity: startup::identity(&loaded.config_file),
        table: commands::table(),
        host: Box::new(move |apply, config| startup::apply_change(apply, config, &config_file)),
        config,
        faults: Faults::default(),
    };
    match Tokio::run(run_node(options, supervisor, pid_file)) {
        Ok(Ok(())) => {
            info!("Seawall is now ready to exit, bye bye...");
            ExitCode::SUCCESS
        }
        Ok(Err(e)) | Err(e) => {
            error!("{e}");
            if log_is_file {
                // Whoever started the program looks here.
                complain(&e.to_string());
            }
            ExitCode::FAILURE
        }
    }
}

async fn run_node(
    options: Options,
    supervisor: host::Supervisor,
    pid_file: Option<PathBuf>,
) -> std::io::Result<()> {
    let node = Node::<Tokio>::start(options)?;
    // Only now: a node that already holds our addresses keeps its file.
    let pid_file = pid_file.filter(|path| startup::write_pid_file(path));
    if let Some(name) = host::notify_supervisor(supervisor) {
        info!("supervised by {name}: told it that the node is ready");
    }
    let ended = end_of(&node).await;
    if let Some(path) = pid_file {
        startup::remove_pid_file(&path);
    }
    // The end of the process frees all memory at once. Freed key by key, millions of them take seconds.
    std::mem::forget(node);
    ended
}

/// Waits until a client or a signal ends the node. A signal does not, if something has to be saved and cannot be.
async fn end_of(node: &Node<Tokio>) -> std::io::Result<()> {
    loop {
        let mut stopped = std::pin::pin!(node.stopped());
        let mut signalled = std::pin::pin!(host::termination());
        let first = std::future::poll_fn(|cx| match stopped.as_mut().poll(cx) {
            std::task::Poll::Ready(ended) => std::task::Poll::Ready(Err(ended)),
            std::task::Poll::Pending => signalled.as_mut().poll(cx).map(Ok),
        });
        let signal = match first.await {
            Ok(signal) => signal?,
            Err(ended) => return ended,
        };
        info!("Received {signal} scheduling shutdown...");
        let how = node.inspect(|engine| startup::on_signal(&engine.config, signal));
        if node.prepare_to_stop(how).await {
            info!("User requested shutdown...");
            return Ok(());
        }
        warn!(
            "Received {signal} but errors trying to shut down the server, check the logs for more information"
        );
    }
}
