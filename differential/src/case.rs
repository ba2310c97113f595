//! A case: a short sequence of requests on an empty server, and what both servers make of it.

use seawall::protocol::client::Value;

use crate::compare::{agree, lower, transactions_agree};
use crate::generate::Generator;
use crate::known;
use crate::random::Random;
use crate::server::{Server, Words};

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is sent.
    pub words: Words,
    /// The request that it comes down to: of a script the one that it runs.
    pub meant: Words,
}

impl Step {
    fn plain(words: Words) -> Step {
        Step { meant: words.clone(), words }
    }
}

/// A sequence, in one of the two protocols.
#[derive(Clone, Debug)]
pub struct Case {
    /// 2 or 3.
    pub protocol: u8,
    /// What is sent, in order.
    pub steps: Vec<Step>,
}

/// The two servers.
pub struct Pair {
    /// Under test.
    pub ours: Server,
    /// The one that is right.
    pub theirs: Server,
}

/// Where the servers disagree.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The number of the step; that of the last one if it only shows in the data.
    pub step: usize,
    /// What was asked.
    pub asked: Words,
    /// What it comes down to.
    pub meant: Words,
    /// Our reply.
    pub ours: Value,
    /// Theirs.
    pub theirs: Value,
}

impl Difference {
    /// What is alike in differences that have one cause: the command, and the errors if there are any.
    pub fn signature(&self) -> String {
        let kind = |value: &Value| match value {
            Value::Error(text) => {
                String::from_utf8_lossy(text).split('\'').next().unwrap_or_default().to_owned()
            }
            _ => "reply".to_owned(),
        };
        format!("{}: {} / {}", lower(self.meant.first()), kind(&self.ours), kind(&self.theirs))
    }
}

/// Lets keys with a short life expire.
const PAUSE: [&str; 3] = ["DEBUG", "SLEEP", "0.003"];

/// A library of one function that runs the request that it is given.
const LIBRARY: &str = "#!lua name=differential\nredis.register_function('run', function(keys, args) return redis.call(unpack(args)) end)";

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

impl Case {
    /// A case of so many steps or a few more; a plain one has neither transactions nor scripts.
    pub fn make(generator: &mut Generator, random: &mut Random, length: usize, plain: bool) -> Case {
        let mut steps = Vec::new();
        while steps.len() < length {
            match random.below(100) + if plain { 8 } else { 0 } {
                0..=3 => transaction(generator, random, &mut steps),
                4..=6 => steps.push(script(generator.request(random), "eval")),
                7 => steps.push(script(generator.request(random), "fcall")),
                8 => steps.push(Step::plain(words(&PAUSE))),
                9 => {
                    steps.push(Step::plain(short_life(random)));
                    steps.push(Step::plain(words(&PAUSE)));
                }
                _ => steps.push(Step::plain(generator.request(random))),
            }
        }
        Case { protocol: if random.percent(50) { 2 } else { 3 }, steps }
    }

    /// Whether these replies to a request of the case are as good as equal.
    fn accepts(&self, asked: &Words, ours: &Value, theirs: &Value) -> bool {
        let has = |name: &str| self.steps.iter().any(|step| lower(step.meant.first()) == name);
        agree(asked, ours, theirs)
            || known::is_explained(asked, ours, theirs, &has)
            || known::is_by_text(asked) && self.has_several_scores()
    }

    /// Whether sorted sets may have been given more than one score: then Redis leaves open what ranges by text give.
    fn has_several_scores(&self) -> bool {
        let scores =
            self.steps.iter().filter(|step| lower(step.meant.first()).starts_with('z')).flat_map(|step| {
                step.meant.iter().filter_map(|word| std::str::from_utf8(word).ok()?.parse::<f64>().ok())
            });
        let mut scores = scores.map(f64::to_bits);
        scores.next().is_some_and(|first| scores.any(|score| score != first))
    }

    /// Plays it from an empty database; the first difference that nothing explains.
    pub fn play(&self, pair: &mut Pair) -> Result<Option<Difference>, String> {
        let before = [
            words(&["RESET"]),
            words(&["HELLO", if self.protocol == 3 { "3" } else { "2" }]),
            words(&["FLUSHALL"]),
            words(&["FUNCTION", "FLUSH"]),
            words(&["FUNCTION", "LOAD", LIBRARY]),
        ];
        pair.both(&before)?;
        let requests: Vec<Words> = self.steps.iter().map(|step| step.words.clone()).collect();
        let (ours, theirs) = pair.both(&requests)?;
        let mut queued: Vec<Words> = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let (a, b) = (&ours[number], &theirs[number]);
            if let Value::Simple(text) = b
                && text == b"QUEUED"
            {
                queued.push(step.meant.clone());
            }
            let is_exec = lower(step.words.first()) == "exec";
            let agrees = if is_exec {
                let queued = std::mem::take(&mut queued);
                transactions_agree(&queued, a, b, |asked, a, b| self.accepts(asked, a, b))
            } else {
                self.accepts(&step.meant, a, b)
            };
            if lower(step.words.first()) == "discard" {
                queued.clear();
            }
            if !agrees {
                return Ok(Some(self.difference(number, a, b)));
            }
            let name = lower(step.meant.first());
            let is_open = known::is_by_text(&step.meant) && self.has_several_scores();
            let writes = matches!(name.as_str(), "zremrangebylex" | "zrangestore");
            if name == "spop" || is_open && writes || known::diverges(&step.meant, a, b) {
                // From here on the data is a matter of chance.
                return Ok(None);
            }
        }
        self.compare_data(pair)
    }

    fn difference(&self, step: usize, ours: &Value, theirs: &Value) -> Difference {
        let Step { words, meant } = self.steps[step].clone();
        Difference { step, asked: words, meant, ours: ours.clone(), theirs: theirs.clone() }
    }

    /// Reads all data back from both.
    fn compare_data(&self, pair: &mut Pair) -> Result<Option<Difference>, String> {
        pair.both(&[words(&["DISCARD"]), words(&["SELECT", "0"]), words(&PAUSE)])?;
        let (ours, theirs) = pair.both(&[words(&["KEYS", "*"])])?;
        let step = self.steps.len().saturating_sub(1);
        let differ = |asked: Words, ours: &Value, theirs: &Value| {
            Ok(Some(Difference {
                step,
                meant: asked.clone(),
                asked,
                ours: ours.clone(),
                theirs: theirs.clone(),
            }))
        };
        if !agree(&words(&["KEYS", "*"]), &ours[0], &theirs[0]) {
            return differ(words(&["KEYS", "*"]), &ours[0], &theirs[0]);
        }
        for key in theirs[0].as_values().unwrap_or_default() {
            let key = String::from_utf8_lossy(key.as_bytes().unwrap_or_default()).into_owned();
            let asked = questions(&key, pair)?;
            let (ours, theirs) = pair.both(&asked)?;
            for (asked, (a, b)) in asked.iter().zip(ours.iter().zip(&theirs)) {
                if !self.accepts(asked, a, b) {
                    return differ(asked.clone(), a, b);
                }
            }
        }
        Ok(None)
    }
}

/// What is asked of a key to see all of it.
fn questions(key: &str, pair: &mut Pair) -> Result<Vec<Words>, String> {
    let kind = pair.theirs.ask(&[words(&["TYPE", key])])?.remove(0);
    let content: &[&[&str]] = match kind.as_bytes().unwrap_or_default() {
        b"string" => &[&["GET", key]],
        b"list" => &[&["LRANGE", key, "0", "-1"]],
        b"set" => &[&["SMEMBERS", key]],
        b"hash" => &[&["HGETALL", key]],
        b"zset" => &[&["ZRANGE", key, "0", "-1", "WITHSCORES"]],
        b"stream" => &[&["XRANGE", key, "-", "+"], &["XINFO", "STREAM", key, "FULL", "COUNT", "0"]],
        _ => &[],
    };
    let general = [words(&["TYPE", key]), words(&["OBJECT", "ENCODING", key]), words(&["PTTL", key])];
    Ok(general.into_iter().chain(content.iter().map(|asked| words(asked))).collect())
}

impl Pair {
    /// Asks both; theirs works while ours does.
    pub fn both(&mut self, requests: &[Words]) -> Result<(Vec<Value>, Vec<Value>), String> {
        self.ours.send(requests).map_err(|e| format!("ours: {e}"))?;
        self.theirs.send(requests).map_err(|e| format!("theirs: {e}"))?;
        let ours = self.ours.receive(requests.len()).map_err(|e| format!("ours: {e}"))?;
        let theirs = self.theirs.receive(requests.len()).map_err(|e| format!("theirs: {e}"))?;
        Ok((ours, theirs))
    }
}

fn transaction(generator: &mut Generator, random: &mut Random, steps: &mut Vec<Step>) {
    if random.percent(30) {
        let key = generator.request(random).get(1).cloned().unwrap_or_default();
        steps.push(Step::plain(vec![b"WATCH".to_vec(), key]));
        if random.percent(50) {
            steps.push(Step::plain(generator.request(random)));
        }
    }
    steps.push(Step::plain(words(&["MULTI"])));
    for _ in 0..1 + random.below(4) {
        steps.push(Step::plain(generator.request(random)));
    }
    steps.push(Step::plain(words(&[if random.percent(90) { "EXEC" } else { "DISCARD" }])));
}

/// A request by way of a script or function.
fn script(meant: Words, how: &str) -> Step {
    let start = match how {
        "eval" => words(&["EVAL", "return redis.call(unpack(ARGV))", "0"]),
        _ => words(&["FCALL", "run", "0"]),
    };
    Step { words: start.into_iter().chain(meant.clone()).collect(), meant }
}

/// A key that is gone when the next steps look.
fn short_life(random: &mut Random) -> Words {
    let key =
        format!("{}:{}", random.pick(&["str", "list", "set", "hash", "zset", "stream"]), random.below(3));
    words(&["PEXPIRE", &key, "1"])
}
