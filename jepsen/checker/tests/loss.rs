//! The loss meter accepts honest failovers, tells what they cost, and finds what must not be lost.

mod failovers;

use failovers::{Ended, Shape, run};
use proptest::prelude::*;
use seawall_checker::durability::{Content, Effect, Found, Reading};
use seawall_checker::loss::{
    Cause, Durability, Fate, Kept, Ledger, Promise, Promotion, Report, Settings, WriteId, measure,
};
use std::time::Duration;

const fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A history written by hand: elements of one list, each answered 5 ms after it was sent.
struct Story {
    ledger: Ledger,
}

impl Story {
    /// Three nodes, of which 0 is the primary.
    fn new() -> Story {
        Story { ledger: Ledger::new(3, 0) }
    }

    fn append(&mut self, node: u32, element: &str, sent: u64) -> WriteId {
        let effect = Effect::Append { key: b"list".to_vec(), element: element.into() };
        let write = self.ledger.begin(1, node, vec![effect], at(sent));
        self.ledger.acknowledge(write, &[], at(sent + 5));
        write
    }

    fn append_and_wait(&mut self, node: u32, element: &str, sent: u64, durability: Durability) {
        let write = self.append(node, element, sent);
        self.ledger.assure(write, durability, at(sent + 8));
    }

    fn promote(&mut self, node: u32, compared: &[u32], is_furthest: bool, decided: u64) {
        self.ledger.promoted(Promotion {
            node,
            compared: compared.to_vec(),
            is_furthest,
            decided: at(decided),
            done: at(decided + 10),
            handed_over_by: None,
        });
    }

    fn ends_with(&mut self, elements: &[&str]) -> Report {
        self.read(elements);
        measure(&self.ledger, &Settings::default())
    }

    fn read(&mut self, elements: &[&str]) {
        let mut reading = Reading::default();
        let list = elements.iter().map(|element| element.as_bytes().to_vec()).collect();
        reading.keys.insert(b"list".to_vec(), Found { content: Content::List(list), deadline_ms: None });
        self.ledger.read(at(100_000), reading);
    }
}

fn promises(report: &Report) -> Vec<Promise> {
    report.broken.iter().map(|broken| broken.promise).collect()
}

fn causes(report: &Report) -> Vec<Cause> {
    report.rows.iter().map(|row| row.cause).collect()
}

#[test]
fn a_failover_may_lose_the_last_part() {
    let mut story = Story::new();
    story.append(0, "a", 10);
    story.append(0, "b", 20);
    story.append(0, "c", 30);
    let cut = story.ledger.fault_begins("partition", at(15));
    story.promote(1, &[1, 2], true, 1000);
    story.append(1, "d", 1020);
    story.ledger.fault_ends(cut, at(2000));
    let report = story.ends_with(&["a", "d"]);
    assert_eq!((promises(&report), causes(&report)), (vec![], vec![Cause::PromotedFurthest]));
    let total = report.total();
    assert_eq!((total.acknowledged, total.survived, total.lost), (4, 2, 2));
    assert_eq!(report.oldest(), at(975), "b was acknowledged at 25");
    assert_eq!(report.rows[0].window.as_deref(), Some("partition"));
}

#[test]
fn a_hole_is_found() {
    let mut story = Story::new();
    for (element, sent) in ["a", "b", "c"].into_iter().zip([10, 20, 30]) {
        story.append(0, element, sent);
    }
    story.promote(1, &[1, 2], true, 1000);
    let report = story.ends_with(&["a", "c"]);
    assert_eq!(promises(&report), [Promise::P4], "{report}");
}

#[test]
fn what_no_failover_explains_is_found() {
    let mut story = Story::new();
    story.append(0, "a", 10);
    story.append(0, "b", 20);
    let report = story.ends_with(&["a"]);
    assert_eq!((promises(&report), causes(&report)), (vec![Promise::P4], vec![Cause::Unexplained]));
}

#[test]
fn wait_holds_where_the_furthest_of_enough_is_promoted() {
    let judge = |replicas: u32, compared: &[u32], is_furthest: bool| {
        let mut story = Story::new();
        story.append_and_wait(0, "a", 10, Durability::Wait(replicas));
        story.promote(1, compared, is_furthest, 1000);
        promises(&story.ends_with(&[]))
    };
    assert_eq!(judge(1, &[1, 2], true), [Promise::P6]);
    assert_eq!(judge(2, &[1], true), [Promise::P6]);
    assert_eq!(judge(1, &[1], true), [], "it may be on the other one");
    assert_eq!(judge(2, &[1, 2], false), [], "another was further");
    assert_eq!(judge(0, &[1, 2], true), [], "nobody had it");
}

#[test]
fn what_wait_said_after_the_choice_is_worth_nothing() {
    let mut story = Story::new();
    let write = story.append(0, "a", 900);
    story.promote(1, &[1, 2], true, 1000);
    story.ledger.assure(write, Durability::Wait(1), at(1003));
    let report = story.ends_with(&[]);
    assert_eq!((promises(&report), causes(&report)), (vec![], vec![Cause::PromotedFurthest]));
}

#[test]
fn a_replica_that_came_back_empty_counts_no_more() {
    let judge = |durability: Durability, kept: Kept| {
        let mut story = Story::new();
        story.append_and_wait(0, "a", 10, durability);
        story.ledger.restarted(1, kept, at(500));
        story.promote(2, &[1, 2], true, 1000);
        promises(&story.ends_with(&[]))
    };
    assert_eq!(judge(Durability::Wait(1), Kept::Nothing), []);
    assert_eq!(judge(Durability::Wait(1), Kept::Synced), []);
    assert_eq!(judge(Durability::Wait(1), Kept::All), [Promise::P6]);
    assert_eq!(judge(Durability::Wait(2), Kept::Nothing), [Promise::P6]);
    assert_eq!(judge(Durability::WaitAof { local: 1, replicas: 1 }, Kept::Synced), [Promise::P7]);
}

#[test]
fn what_the_primary_synced_survives_its_restart() {
    let judge = |durability: Durability, kept: Kept| {
        let mut story = Story::new();
        story.append_and_wait(0, "a", 10, durability);
        story.ledger.restarted(0, kept, at(500));
        promises(&story.ends_with(&[]))
    };
    assert_eq!(judge(Durability::WaitAof { local: 1, replicas: 0 }, Kept::Synced), [Promise::P7]);
    assert_eq!(judge(Durability::WaitAof { local: 1, replicas: 0 }, Kept::Nothing), []);
    assert_eq!(judge(Durability::Async, Kept::Synced), []);
    assert_eq!(judge(Durability::Async, Kept::All), [Promise::P4]);
}

#[test]
fn a_deposed_primary_answers_in_vain() {
    let mut story = Story::new();
    story.append(0, "a", 10);
    story.promote(1, &[1, 2], true, 1000);
    story.append_and_wait(0, "b", 1500, Durability::Wait(1));
    story.append(1, "c", 1500);
    let report = story.ends_with(&["a", "c"]);
    assert_eq!((promises(&report), causes(&report)), (vec![], vec![Cause::Deposed]));
    assert_eq!(report.rows[0].newest_after, at(505));
}

#[test]
fn a_handover_loses_nothing() {
    let mut story = Story::new();
    let handover = Promotion {
        node: 1,
        compared: vec![0, 1, 2],
        is_furthest: true,
        decided: at(1000),
        done: at(1100),
        handed_over_by: Some(0),
    };
    story.append(0, "a", 10);
    story.append(0, "b", 1010);
    story.ledger.promoted(handover);
    story.append(1, "c", 1050);
    story.append(1, "d", 1200);
    assert_eq!(promises(&story.ends_with(&["a", "b", "c", "d"])), []);
    assert_eq!(promises(&story.ends_with(&["a", "c", "d"])), [Promise::P4]);
    assert_eq!(promises(&story.ends_with(&["b", "c", "d"])), [Promise::P4, Promise::P4], "and a hole");
}

#[test]
fn what_comes_back_is_recovered() {
    let mut story = Story::new();
    story.append(0, "a", 10);
    story.read(&[]);
    let report = story.ends_with(&["a"]);
    assert_eq!(report.fates, [Some(Fate::Recovered)]);
}

#[test]
fn a_window_is_measured() {
    let judge = |last: u64| {
        let mut story = Story::new();
        story.append(0, "a", 1000);
        story.append(0, "b", last);
        story.promote(1, &[1, 2], true, 60_000);
        story.read(&[]);
        let settings = Settings { window_max: Some(at(11_000)) };
        promises(&measure(&story.ledger, &settings))
    };
    assert_eq!(judge(12_000), []);
    assert_eq!(judge(12_001), [Promise::P5]);
}

#[test]
fn what_cannot_be_there_is_found() {
    let judge = |elements: &[&str]| {
        let mut story = Story::new();
        story.append(0, "a", 10);
        story.append(0, "b", 20);
        let refused = story.append(0, "c", 30);
        story.ledger.refuse(refused);
        promises(&story.ends_with(elements))
    };
    assert_eq!(judge(&["a", "b"]), []);
    assert_eq!(judge(&["a", "b", "b"]), [Promise::P4]);
    assert_eq!(judge(&["b", "a"]), [Promise::P4]);
    assert_eq!(judge(&["a", "b", "c"]), [Promise::P4]);
    assert_eq!(judge(&["a", "b", "x"]), [Promise::P4]);
}

#[test]
fn half_a_transaction_is_found() {
    let mut story = Story::new();
    let effects = ["x", "y"].map(|element| Effect::Append { key: b"list".to_vec(), element: element.into() });
    let write = story.ledger.begin(1, 0, effects.to_vec(), at(10));
    story.ledger.acknowledge(write, &[], at(15));
    story.promote(1, &[1, 2], true, 1000);
    assert_eq!(promises(&story.ends_with(&["x"])), [Promise::P12]);
}

#[test]
fn the_table_can_be_read() {
    let mut story = Story::new();
    story.append(0, "a", 10);
    story.append_and_wait(0, "b", 20, Durability::Wait(1));
    story.append(0, "c", 30);
    let crash = story.ledger.fault_begins("crash of the primary", at(500));
    story.promote(1, &[1, 2], true, 1000);
    story.ledger.fault_ends(crash, at(1500));
    let expected = "\
durability     acknowledged  survived  recovered   open   lost  percent
async                     2         1          0      0      1   50.00%
wait 1                    1         1          0      0      0    0.00%
lost           cause                          during                  count  acknowledged
async          furthest promoted              crash of the primary        1  up to 0.965 s before
";
    assert_eq!(story.ends_with(&["a", "b"]).to_string(), expected);
}

fn shape() -> impl Strategy<Value = Shape> {
    (2..5_u32, 1..150_u32, 0..30_u64).prop_map(|(nodes, steps, trouble_percent)| Shape {
        nodes,
        steps,
        trouble_percent,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn honest_failovers_are_accepted(shape in shape(), seed: u64) {
        let Ended { mut ledger, reading, now, .. } = run(shape, seed);
        ledger.read(now, reading);
        let report = measure(&ledger, &Settings::default());
        prop_assert!(report.broken.is_empty(), "{report}\n{ledger:#?}");
        let total = report.total();
        prop_assert_eq!(total.acknowledged, total.survived + total.recovered + total.open + total.lost);
    }

    #[test]
    fn what_is_taken_out_of_the_middle_leaves_a_hole(shape in shape(), seed: u64, choice: prop::sample::Index) {
        let Ended { mut ledger, mut reading, now, epochs } = run(shape, seed);
        let Some(Found { content: Content::List(list), .. }) = reading.keys.get_mut(&b"list"[..]) else { return Ok(()) };
        let position = |element: &Vec<u8>| ledger.writes().iter().position(|write| {
            matches!(&write.effects[0], Effect::Append { element: other, .. } if other == element)
        }).expect("all elements were written");
        let followed: Vec<usize> = (1..list.len()).map(|next| next - 1).filter(|at| {
            let [one, next] = [position(&list[*at]), position(&list[at + 1])];
            let [first, second] = [&ledger.writes()[one], &ledger.writes()[next]];
            first.acknowledged.is_some() && second.acknowledged.is_some() && epochs[one] == epochs[next]
                && first.node == second.node
        }).collect();
        prop_assume!(!followed.is_empty());
        list.remove(*choice.get(&followed));
        ledger.read(now, reading);
        let report = measure(&ledger, &Settings::default());
        prop_assert!(report.broken.iter().any(|broken| broken.text.contains("a hole")), "{report}");
    }
}
