//! Random commands against Seawall and a real server, side by side.
//!
//! The real server's COMMAND DOCS is the grammar; every case starts on empty servers, sends a sequence, compares the replies
//! one by one, then all data. A difference is made as short as it gets and printed as a transcript. The same seed makes the
//! same sequences.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a tool with sockets, processes and clocks"
)]

mod case;
mod compare;
mod generate;
mod grammar;
mod known;
mod random;
mod report;
mod server;
mod shrink;
mod values;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use case::{Case, Pair};
use generate::Generator;
use grammar::Grammar;
use random::Random;
use server::{Server, Words};

/// Servers to compare with, the best first.
const PEERS: &[&str] = &["redis8-server", "valkey9-server", "redis-server", "valkey-server"];

/// Random commands against Seawall and a real server, side by side.
#[derive(Parser)]
struct Options {
    /// For how long.
    seconds: u64,
    /// Decides the commands.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server under test.
    #[arg(long, default_value = "target/release/seawall")]
    ours: String,
    /// The server that is right; the first of redis8-server, valkey9-server, redis-server that is found.
    #[arg(long)]
    theirs: Option<String>,
    /// Only commands of these groups, or of these names.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Neither transactions nor scripts.
    #[arg(long)]
    plain: bool,
    /// Steps of a case.
    #[arg(long, default_value_t = 60)]
    length: usize,
    /// Ends at so many differences of different kinds.
    #[arg(long, default_value_t = 20)]
    differences: usize,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(2)
        }
    }
}

fn start(options: &Options) -> Result<Pair, String> {
    let peer = options.theirs.clone().or_else(|| {
        PEERS.iter().find(|program| server::exists(program)).map(|program| (*program).to_owned())
    });
    let peer = peer.ok_or("no real server is found: install redis-server, or name one with --theirs")?;
    Ok(Pair { ours: Server::start(&options.ours)?, theirs: Server::start(&peer)? })
}

fn command(words: &[&str]) -> Words {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// The forms that both servers know.
fn forms(options: &Options, pair: &mut Pair) -> Result<(Grammar, Vec<grammar::Form>), String> {
    let docs = pair.theirs.ask(&[command(&["COMMAND", "DOCS"])])?.remove(0);
    let grammar = Grammar::read(&docs);
    let mut forms = Vec::new();
    let wanted = |form: &grammar::Form| {
        options.only.is_empty() || options.only.contains(&form.group) || options.only.contains(&form.name[0])
    };
    for form in grammar.forms.iter().filter(|form| generate::is_tried(form) && wanted(form)) {
        let info = pair.ours.ask(&[command(&["COMMAND", "INFO", &form.name.join("|")])])?;
        let known =
            info[0].as_values().is_some_and(|infos| infos.iter().any(|info| info.as_values().is_some()));
        if known {
            forms.push(form.clone());
        } else {
            println!("not known to ours: {}", form.name.join(" "));
        }
    }
    if forms.is_empty() { Err("no command is left to try".to_owned()) } else { Ok((grammar, forms)) }
}

/// True if nothing differs.
fn run(options: &Options) -> Result<bool, String> {
    let mut pair = start(options)?;
    let (grammar, forms) = forms(options, &mut pair)?;
    let mut generator = Generator::new(&grammar, forms);
    let mut random = Random::new(options.seed);
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let (mut cases, mut found) = (0_u64, BTreeMap::new());
    while Instant::now() < end && found.len() < options.differences {
        let case = Case::make(&mut generator, &mut random, options.length, options.plain);
        cases += 1;
        match case.play(&mut pair) {
            Ok(None) => {}
            Ok(Some(difference)) => {
                let count = found.entry(difference.signature()).or_insert(0_u64);
                *count += 1;
                if *count == 1 {
                    let (case, difference) = shrink::shrink(&case, difference, &mut pair)?;
                    println!("--- {}\n{}\n", difference.signature(), report::transcript(&case, &difference));
                }
            }
            Err(reason) => {
                println!("--- {reason}{}", if pair.ours.lives() { "" } else { " (ours has died)" });
                case.steps.iter().for_each(|step| println!("> {}", report::quoted(&step.words)));
                *found.entry(reason).or_insert(0) += 1;
                pair = start(options)?;
            }
        }
    }
    conclude(options, &generator, &grammar, cases, &found);
    Ok(found.is_empty())
}

fn conclude(
    options: &Options,
    generator: &Generator,
    grammar: &Grammar,
    cases: u64,
    found: &BTreeMap<String, u64>,
) {
    let (requests, choices) = (generator.made.iter().sum::<u64>(), report::choices(generator));
    let untried = report::untried(generator, grammar);
    println!(
        "seed {}: {cases} cases, {requests} requests of {} commands, {} of {choices} arguments and options given",
        options.seed,
        generator.forms.len(),
        choices - untried.len().min(choices),
    );
    if !untried.is_empty() {
        println!("never given: {}", untried.join(", "));
    }
    for (signature, count) in found {
        println!("{count:6} x {signature}");
    }
    println!("{}", if found.is_empty() { "no difference" } else { "DIFFERENT" });
}
