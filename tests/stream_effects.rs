//! The effects of stream commands say all that happened: whoever applies them has the same entries, groups, consumers and
//! pending entries, whatever its clock says. Only when a consumer was seen is each server's own.
//!
//! Random commands run on one engine, whose clock moves; the effects of each are applied to another one with a clock far
//! behind. After each command XINFO STREAM FULL says the same on both.

use proptest::prelude::*;
use proptest::sample::select;
use seawall::commands;
use seawall::config::Config;
use seawall::engine::effects::Reader;
use seawall::engine::session::SessionHandle;
use seawall::engine::{Engine, Identity};
use seawall::protocol::request::{Batch, Limits, OwnedRequest, Parser};
use seawall::runtime::{Address, Monotonic, Now, UnixTime};

const START_MS: i64 = 1_700_000_000_000;
const KEYS: [&str; 2] = ["a", "b"];

/// An engine with one client.
struct Machine {
    engine: Engine,
    client: SessionHandle,
    now: Now,
}

impl Machine {
    fn new(now_ms: i64) -> Machine {
        let mut config = Config::default();
        config.stream_node_max_entries = 3;
        let mut engine = Engine::new(config, commands::table(), Identity::default(), 1);
        let now = Now { mono: Monotonic(1), wall: UnixTime(now_ms * 1000) };
        let nobody = Address::Unix("client".into());
        let client = engine.sessions.open(nobody.clone(), nobody, true, now);
        engine.effects.set_readers(seawall::engine::effects::Audience::ALL);
        Machine { engine, client, now }
    }

    fn run<W: AsRef<[u8]>>(&mut self, words: &[W]) -> String {
        let owned: OwnedRequest = words.iter().collect();
        let prepared = self.engine.prepare(0, owned.request());
        let mut out = Vec::new();
        self.engine.run(self.client, owned.request(), prepared, &mut out, self.now);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Applies a stream of effects.
    fn apply(&mut self, stream: &[u8]) {
        let mut batch = Batch::default();
        let limits = Limits { bulk_bytes_max: 1 << 20, authenticated: true };
        Parser::default().parse(stream, &limits, usize::MAX, &mut batch);
        for request in batch.iter(stream) {
            let words: Vec<&[u8]> = request.iter().collect();
            if !matches!(words[0], b"SELECT" | b"MULTI" | b"EXEC") {
                let reply = self.run(&words);
                assert!(!reply.starts_with('-'), "{words:?} is refused: {reply}");
            }
        }
    }

    /// All that is known of the streams, but when consumers were seen.
    fn data(&mut self) -> Vec<String> {
        let replies = KEYS.map(|key| self.run(&["XINFO", "STREAM", key, "FULL", "COUNT", "0"]));
        let mut lines = Vec::new();
        for reply in replies {
            let mut words = reply.lines();
            while let Some(word) = words.next() {
                lines.push(word.to_owned());
                if word == "seen-time" || word == "active-time" {
                    words.next();
                }
            }
        }
        lines
    }
}

/// `K` a key, `I` an id, `G` a group, `C` a consumer, `N` a number.
fn command() -> impl Strategy<Value = Vec<String>> {
    const TEMPLATES: &[&str] = &[
        "XADD K * f 1",
        "XADD K * f 1",
        "XADD K * f 1 g 2",
        "XADD K I f x",
        "XADD K 1700000000020-* f x",
        "XADD K NOMKSTREAM MAXLEN N * f 1",
        "XADD K MAXLEN ~ N * f 1",
        "XADD K MAXLEN ~ N LIMIT N * f 1",
        "XADD K NOMKSTREAM MINID ~ I LIMIT 4 * f 1",
        "XTRIM K MAXLEN N",
        "XTRIM K MAXLEN ~ N LIMIT 3",
        "XTRIM K MINID ~ I",
        "XTRIM K MINID = I",
        "XDEL K I I I",
        "XSETID K I ENTRIESADDED 100 MAXDELETEDID I",
        "XGROUP CREATE K G I MKSTREAM",
        "XGROUP CREATE K G 0",
        "XGROUP CREATE K G $ ENTRIESREAD N",
        "XGROUP SETID K G I ENTRIESREAD N",
        "XGROUP SETID K G $",
        "XGROUP DESTROY K G",
        "XGROUP CREATECONSUMER K G C",
        "XGROUP DELCONSUMER K G C",
        "XREADGROUP GROUP G C STREAMS K >",
        "XREADGROUP GROUP G C COUNT N STREAMS K >",
        "XREADGROUP GROUP G C COUNT N NOACK STREAMS K >",
        "XREADGROUP GROUP G C STREAMS K 0",
        "XREADGROUP GROUP G C COUNT N STREAMS K K > I",
        "XACK K G I I I",
        "XCLAIM K G C 0 I I",
        "XCLAIM K G C N I I JUSTID",
        "XCLAIM K G C 0 I I FORCE IDLE N RETRYCOUNT N",
        "XCLAIM K G C 0 I FORCE TIME 5 LASTID I",
        "XAUTOCLAIM K G C N 0",
        "XAUTOCLAIM K G C 0 I COUNT 2 JUSTID",
        "XREAD STREAMS K 0",
        "XPENDING K G",
        "DEL K",
        "COPY K K REPLACE",
    ];
    (select(TEMPLATES), proptest::collection::vec(any::<u32>(), 16)).prop_map(|(template, random)| {
        template.split(' ').zip(random).map(|(word, random)| fill(word, random)).collect()
    })
}

fn fill(word: &str, random: u32) -> String {
    let pick = |from: &[&str]| from[random as usize % from.len()].to_owned();
    match word {
        "K" => pick(&KEYS),
        "G" => pick(&["g", "h"]),
        "C" => pick(&["x", "y", "z"]),
        "N" => (random % 8).to_string(),
        "I" => format!("{}-{}", START_MS + i64::from(random % 40), random / 40 % 2),
        word => word.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_effects_say_all_that_happened(steps in proptest::collection::vec((0..2i64, command()), 1..150)) {
        let (mut leader, mut follower) = (Machine::new(START_MS), Machine::new(1));
        for (advance_ms, words) in steps {
            leader.now.wall.0 += advance_ms * 1000;
            leader.run(&words);
            let stream = leader.engine.effects.take();
            let stream = stream.for_reader(Reader::Replicas);
            follower.apply(&stream);
            prop_assert_eq!(
                leader.data(), follower.data(),
                "after {:?}, which left {:?}", words, String::from_utf8_lossy(&stream)
            );
        }
    }
}
