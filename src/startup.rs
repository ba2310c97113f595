//! What happens before a node serves: reading the configuration, leaving the terminal, the pid file, the first lines of the log.

use std::io::Read;
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use seawall::config::arguments::{COMMAND_LINE, STANDARD_INPUT, Sources};
use seawall::config::{Apply, Config, LogLevel, Supervised, Warning};
use seawall::dump::Limits;
use seawall::engine::{Identity, REDIS_VERSION, Shutdown};
use seawall::persistence::rdb::{Check, Report};
use seawall::runtime::tokio::Tokio;
use seawall::runtime::tokio::host::{self, Supervisor};
use seawall::runtime::tokio::log::{self, Verbosity};
use seawall::runtime::{File, OpenMode, Runtime};
use seawall::text::pattern::{Case, matches};
use seawall::types::HashKey;

/// How much of a file is read at once where it is checked.
const CHECK_CHUNK_BYTES: usize = 1 << 20;

/// A configuration, and what there is to say of it.
pub struct Loaded {
    pub config: Config,
    /// Absolute path; empty for none.
    pub config_file: String,
    /// Whether nobody gave a file or an option.
    pub is_default: bool,
    pub warnings: Vec<Warning>,
}

/// What `shutdown-on-sigterm` or `shutdown-on-sigint` asks for.
pub fn on_signal(config: &Config, signal: &str) -> Shutdown {
    let name = if signal == "SIGINT" { "shutdown-on-sigint" } else { "shutdown-on-sigterm" };
    let wanted = config.get(&[name.as_bytes()]);
    let words = wanted.first().map_or(&b""[..], |(_, words)| words);
    let has = |word: &str| words.split(|byte| *byte == b' ').any(|given| given == word.as_bytes());
    let save = (has("save") || has("nosave")).then(|| has("save"));
    Shutdown { save, force: has("force") }
}

/// A panic is a mistake of this program: it must not go on with data that it may have half changed.
pub fn die_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("=== SEAWALL BUG REPORT: {panic} ===");
        report(panic);
        host::abort();
    }));
}

/// `seawall --version`
pub fn version_line() -> String {
    format!("Seawall server v={} redis={REDIS_VERSION} malloc=jemalloc bits=64", env!("CARGO_PKG_VERSION"))
}

/// `seawall --check-rdb FILE`. The error is a text for the operator.
pub fn check_rdb(name: &str) -> Result<Report, String> {
    let unreadable = |e| format!("Cannot read {name}: {e}");
    let file = Tokio::open(Path::new(name), OpenMode::Read).map_err(unreadable)?;
    let limits = Limits::of(&Config::default(), HashKey::new(Tokio::random(), Tokio::random()));
    let length = file.length().map_err(unreadable)?;
    let mut check = Check::new(limits, length, Tokio::wall_clock().millis());
    let (mut buffer, mut offset) = (vec![0; CHECK_CHUNK_BYTES], 0);
    loop {
        let count = file.read_at(&mut buffer, offset).map_err(unreadable)?;
        offset += count as u64;
        if count == 0 || !check.feed(&buffer[..count]) {
            return Ok(check.finish());
        }
    }
}

/// Reads file, standard input and options, in this order. The error is a text for the operator.
pub fn load(sources: &Sources) -> Result<Loaded, String> {
    let mut loaded = Loaded {
        config: Config::default(),
        config_file: String::new(),
        is_default: *sources == Sources::default(),
        warnings: Vec::new(),
    };
    if let Some(file) = &sources.file {
        let unreadable = |e| format!("Fatal error, can't open config file '{file}': {e}");
        let path = host::absolute_path(Path::new(file)).map_err(unreadable)?;
        let text = Tokio::read_file(&path).map_err(unreadable)?;
        loaded.config_file = path.display().to_string();
        loaded.read(file, &text)?;
    }
    if sources.stdin {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).map_err(|e| format!("Can't read standard input: {e}"))?;
        loaded.read(STANDARD_INPUT, &text)?;
    }
    loaded.read(COMMAND_LINE, &sources.directives)?;
    check_renames(&loaded.config)?;
    Ok(loaded)
}

impl Loaded {
    fn read(&mut self, source: &str, text: &[u8]) -> Result<(), String> {
        let warnings = self.config.load(source, text, &mut included).map_err(|e| e.to_string())?;
        self.warnings.extend(warnings);
        Ok(())
    }
}

/// The files that an `include` names: one path, or all that match a pattern in the last part of it.
fn included(name: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    let read = |path: &Path| {
        let text = Tokio::read_file(path).map_err(|e| format!("can't read {}: {e}", path.display()))?;
        Ok((path.display().to_string(), text))
    };
    if !name.contains(['*', '?', '[']) {
        return Ok(vec![read(Path::new(name))?]);
    }
    let (directory, pattern) = name.rsplit_once('/').unwrap_or((".", name));
    let Ok(names) = Tokio::list(Path::new(directory)) else { return Ok(Vec::new()) };
    let wanted = |name: &&String| matches(pattern.as_bytes(), name.as_bytes(), Case::Matters);
    // The names come sorted.
    let paths = names.iter().filter(wanted).map(|name| Path::new(directory).join(name));
    paths.map(|path| read(&path)).collect()
}

/// Only the command table can tell whether `rename-command` makes sense.
fn check_renames(config: &Config) -> Result<(), String> {
    let mut table = seawall::commands::table();
    for rename in &config.renames {
        if table.find(&rename.from).is_none() {
            return Err(rename.place.error("No such command in rename-command").to_string());
        }
        if !table.rename(&rename.from, &rename.to) {
            return Err(rename.place.error("Target command name already exists").to_string());
        }
    }
    Ok(())
}

/// Working directory, background, log. The error is a text for the operator.
pub fn prepare_process(config: &Config) -> Result<(), String> {
    let supervised = supervisor(config.supervised) != Supervisor::Nobody;
    if config.daemonize && !supervised {
        host::daemonize().map_err(|e| format!("Can't daemonize: {e}"))?;
    }
    if !config.dir.is_empty() {
        let path = Path::new(&config.dir);
        host::change_directory(path).map_err(|e| format!("Can't chdir to '{}': {e}", config.dir))?;
    }
    let file = Some(&config.logfile).filter(|file| !file.is_empty()).map(PathBuf::from);
    if let Some(file) = &file {
        let opened = Tokio::open(file, OpenMode::ReadWrite);
        opened.map_err(|e| format!("Can't open the log file {}: {e}", file.display()))?;
    }
    log::start(file, verbosity(config.loglevel));
    Ok(())
}

fn verbosity(level: LogLevel) -> Verbosity {
    match level {
        LogLevel::Debug => Verbosity::Debug,
        LogLevel::Verbose => Verbosity::Verbose,
        LogLevel::Notice => Verbosity::Notice,
        LogLevel::Warning => Verbosity::Warning,
    }
}

/// The first lines of the log.
pub fn announce(loaded: &Loaded) {
    info!("oO0OoO0OoO0Oo Seawall is starting oO0OoO0OoO0Oo");
    let (version, pid) = (env!("CARGO_PKG_VERSION"), host::process_id());
    info!("Seawall version={version}, redis={REDIS_VERSION}, bits=64, pid={pid}, just started");
    match loaded.config_file.as_str() {
        "" if loaded.is_default => warn!(
            "Warning: no config file specified, using the default config. In order to specify a config file use \
             seawall /path/to/redis.conf"
        ),
        "" => info!("Configuration loaded"),
        file => info!("Configuration loaded from {file}"),
    }
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    info!("Running mode=standalone, port={}.", loaded.config.port);
}

/// Who supervises, as `supervised` says.
pub fn supervisor(configured: Supervised) -> Supervisor {
    match configured {
        Supervised::No => Supervisor::Nobody,
        Supervised::Auto => Supervisor::Auto,
        Supervised::Systemd => Supervisor::Systemd,
        Supervised::Upstart => Supervisor::Upstart,
    }
}

/// As Redis: there is a pid file if one is named or the process runs in the background.
pub fn pid_file(config: &Config) -> Option<PathBuf> {
    const IN_BACKGROUND: &str = "/var/run/seawall.pid";
    match config.pidfile.as_str() {
        "" => config.daemonize.then(|| IN_BACKGROUND.into()),
        path => Some(path.into()),
    }
}

/// Writes it; false if that is not possible.
pub fn write_pid_file(path: &Path) -> bool {
    let text = format!("{}\n", host::process_id());
    let written = Tokio::open(path, OpenMode::ReadWrite).and_then(|file| {
        file.set_length(0)?;
        file.append(text.as_bytes())
    });
    if let Err(e) = &written {
        warn!("Failed to write PID file {}: {e}", path.display());
    }
    written.is_ok()
}

/// Removes it when the node has ended.
pub fn remove_pid_file(path: &Path) {
    info!("Removing the pid file.");
    // If somebody else has removed it, all the better.
    let _ = Tokio::remove(path);
}

/// What the node knows of its process.
pub fn identity(config_file: &str) -> Identity {
    let executable = host::executable();
    Identity {
        process_id: host::process_id(),
        executable,
        config_file: config_file.to_owned(),
        os: host::os_name(),
        system_memory_bytes: host::system_memory_bytes(),
        ..Identity::default()
    }
}

/// `proc-title-template` filled in: what `ps` shows.
fn process_title(config: &Config, config_file: &str) -> String {
    let first = config.bind.first().map_or("*", |address| address.trim_start_matches('-'));
    let listens = match (config.port, config.unixsocket.as_str()) {
        (0, path) => path.to_owned(),
        (port, _) => format!("{first}:{port}"),
    };
    let values = [
        ("{title}", "seawall".to_owned()),
        ("{listen-addr}", listens),
        ("{server-mode}", String::new()),
        ("{port}", config.port.to_string()),
        ("{tls-port}", "0".to_owned()),
        ("{unixsocket}", config.unixsocket.clone()),
        ("{config-file}", config_file.to_owned()),
    ];
    let fill = |title: String, (name, value): &(&str, String)| title.replace(name, value);
    values.iter().fold(config.proc_title_template.clone(), fill).trim_end().to_owned()
}

/// Shows what this process is, if `set-proc-title` allows it.
pub fn set_process_title(config: &Config, config_file: &str) {
    if config.set_proc_title
        && let Err(e) = host::set_process_title(&process_title(config, config_file))
    {
        tracing::debug!("Can't set the process title: {e}");
    }
}

/// Puts a change by CONFIG SET into force where it concerns the process.
pub fn apply_change(apply: Apply, config: &Config, config_file: &str) {
    match apply {
        Apply::ProcessTitle | Apply::Listeners => set_process_title(config, config_file),
        Apply::Logging => log::set_verbosity(verbosity(config.loglevel)),
        Apply::Directory => {
            if let Err(e) = host::change_directory(Path::new(&config.dir)) {
                warn!("Can't chdir to '{}': {e}", config.dir);
            }
        }
        Apply::MaxClients => {
            let served = host::allow_clients(config.maxclients);
            if served < config.maxclients {
                warn!("The limit of open files allows only {served} clients.");
            }
        }
        _ => {}
    }
}
