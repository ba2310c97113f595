//! The command line: `[FILE] [-] [--option value ...]`.
//!
//! Options become directives, one line each, to be read after the file and standard input. An argument that begins with
//! `--` starts a directive unless the last one still waits for its first value, so that a password may begin with `--`.
use crate::text::number::parse_i64;
use crate::text::quote::{split_args, write_quoted};

/// The name of the directives from the command line in messages.
pub const COMMAND_LINE: &str = "(command line)";
/// The name of standard input in messages.
pub const STANDARD_INPUT: &str = "(standard input)";

/// What to do, as the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Startup {
    /// Run a server.
    Run(Sources),
    /// Print the version.
    Version,
    /// Print the [`usage`].
    Help,
    /// Tell what is in this dump file, and what is wrong with it.
    CheckRdb(String),
    /// Check an append log.
    CheckAof(CheckAof),
}

/// `--check-aof PATH [--fix] [--truncate-to-timestamp SECONDS]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckAof {
    /// The log's directory, its manifest, or one of its files.
    pub path: String,
    /// Whether what is not well-formed is to be cut off.
    pub fix: bool,
    /// What was written after this time, in seconds since 1970, is to be cut off.
    pub until: Option<i64>,
}

/// Where the configuration comes from, in the order in which it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// First, this file.
    pub file: Option<String>,
    /// Then, standard input.
    pub stdin: bool,
    /// Last, these directives.
    pub directives: Vec<u8>,
}

/// Reads the arguments after the program's name. The error is a message for the operator.
pub fn parse(args: &[&[u8]]) -> Result<Startup, String> {
    match args {
        [b"-v" | b"--version", ..] => return Ok(Startup::Version),
        [b"-h" | b"--help", ..] => return Ok(Startup::Help),
        [b"--check-rdb", file] => return file_name(file).map(Startup::CheckRdb),
        [b"--check-rdb", ..] => return Err("'--check-rdb' wants one file".to_owned()),
        [b"--check-aof", rest @ ..] => return check_aof(rest).map(Startup::CheckAof),
        _ => {}
    }
    for unsupported in ["--sentinel", "--test-memory", "--check-system"] {
        if args.contains(&unsupported.as_bytes()) {
            return Err(format!("'{unsupported}' is not supported yet"));
        }
    }
    sources(args).map(Startup::Run)
}

fn check_aof(args: &[&[u8]]) -> Result<CheckAof, String> {
    let (mut check, mut rest, mut path) = (CheckAof::default(), args, None);
    while let [first, others @ ..] = rest {
        rest = match (*first, others) {
            (b"--fix", _) => {
                check.fix = true;
                others
            }
            (b"--truncate-to-timestamp", [seconds, others @ ..]) => {
                check.until = Some(parse_i64(seconds).ok_or("the timestamp is no number of seconds")?);
                others
            }
            (word, _) if path.is_none() && !word.starts_with(b"--") => {
                path = Some(word);
                others
            }
            (word, _) => return Err(format!("'{}' is not expected here", String::from_utf8_lossy(word))),
        };
    }
    let path = path.ok_or("--check-aof needs a directory, a manifest or a file")?;
    check.path = std::str::from_utf8(path).map_err(|_| "the file's name is not UTF-8")?.to_owned();
    Ok(check)
}

/// How to call the program.
pub fn usage(program: &str) -> String {
    let lines = [
        "[/path/to/redis.conf] [options] [-]",
        "-                   read directives from standard input",
        "-v or --version     print the version",
        "-h or --help        print this help",
        "--check-rdb <file>  tell what is in a dump file, and what is wrong with it",
        "--check-aof <path> [--fix] [--truncate-to-timestamp <seconds>]",
        "                    the same of an append log: its directory, manifest or one file",
        "",
        "Every directive of redis.conf is an option:",
        "--port 7777 --maxmemory 100mb",
        "/etc/redis/redis.conf --loglevel verbose",
    ];
    let mut usage = format!("Usage: {program} {}\n", lines[0]);
    for line in &lines[1..] {
        let (indent, program) =
            if line.is_empty() || line.starts_with("Every") { ("", "") } else { ("       ", program) };
        usage.push_str(format!("{indent}{program} {line}").trim_end());
        usage.push('\n');
    }
    usage
}

fn file_name(word: &[u8]) -> Result<String, String> {
    std::str::from_utf8(word).map(str::to_owned).map_err(|_| "the file's name is not UTF-8".to_owned())
}

fn sources(args: &[&[u8]]) -> Result<Sources, String> {
    let mut sources = Sources::default();
    let mut rest = args;
    if let [file, others @ ..] = args
        && !file.starts_with(b"-")
    {
        let file = std::str::from_utf8(file).map_err(|_| "the configuration file's name is not UTF-8")?;
        sources.file = Some(file.to_owned()).filter(|file| !file.is_empty());
        rest = others;
    }
    let mut options = Options::default();
    for (index, arg) in rest.iter().enumerate() {
        let at_an_end = index + 1 == rest.len() || (index == 0 && sources.file.is_none());
        if *arg == b"-" && at_an_end {
            sources.stdin = true;
        } else {
            options.take(arg, rest.get(index + 1).copied());
        }
    }
    sources.directives = options.text;
    Ok(sources)
}

#[derive(Default)]
struct Options {
    text: Vec<u8>,
    /// The last option has no value yet, so that whatever follows is its value.
    waits_for_value: bool,
}

impl Options {
    fn take(&mut self, arg: &[u8], next: Option<&[u8]>) {
        match arg.strip_prefix(b"--") {
            Some(option) if !self.waits_for_value => self.start(option, next),
            _ => {
                self.waits_for_value = false;
                write_quoted(&mut self.text, arg);
                self.text.push(b' ');
            }
        }
    }

    fn start(&mut self, option: &[u8], next: Option<&[u8]>) {
        if !self.text.is_empty() {
            self.text.push(b'\n');
        }
        self.text.extend_from_slice(option);
        self.text.push(b' ');
        // An option may carry its values in the same argument: "--port 6380".
        let is_bare = split_args(option).is_ok_and(|words| words.len() == 1);
        self.waits_for_value = is_bare;
        let lacks_value = next.is_none_or(|next| next.starts_with(b"--"));
        if is_bare && lacks_value && option.eq_ignore_ascii_case(b"save") {
            self.text.extend_from_slice(b"\"\"");
            self.waits_for_value = false;
        }
    }
}
