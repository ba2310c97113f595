//! The checker of durability accepts what honest crashes leave, and finds each kind of loss.

mod crashes;

use crashes::{Dice, Run, Shape, run};
use proptest::prelude::*;
use seawall_checker::durability::{Broken, Content, Effect, Fate, Found, Kind, Log, Promise, Reading, check};
use std::time::Duration;

const EVERY_SECOND: Promise = Promise::EverySec { window: Duration::from_secs(2) };
const ALL: [Promise; 5] =
    [Promise::None, Promise::Unsynced, EVERY_SECOND, Promise::Always, Promise::SnapshotOnly];

fn shape(promise: impl Strategy<Value = Promise>) -> impl Strategy<Value = Shape> {
    (promise, 1..6_u32, 1..4_u64, 1..40_u64, 0..30_u64).prop_map(
        |(promise, clients, lives, batches, unknown_percent)| Shape {
            promise,
            clients,
            lives,
            batches,
            unknown_percent,
        },
    )
}

fn found(run: &Run) -> Option<Box<Broken>> {
    check(&run.log()).err()
}

/// The element that a unit of nothing else appends to the list.
fn appends(run: &Run, unit: usize) -> Option<&[u8]> {
    match &run.units[unit].effects[..] {
        [Effect::Append { key, element }] if key == b"list" => Some(element),
        _ => None,
    }
}

fn list(run: &mut Run) -> &mut Vec<Vec<u8>> {
    let empty = Found { content: Content::List(Vec::new()), deadline_ms: None };
    match &mut run.last_reading().keys.entry(b"list".to_vec()).or_insert(empty).content {
        Content::List(list) => list,
        _ => panic!("the list is a list"),
    }
}

fn drop_element(run: &mut Run, unit: usize) {
    let element = appends(run, unit).expect("only such units are chosen").to_vec();
    list(run).retain(|other| *other != element);
}

fn restore_element(run: &mut Run, unit: usize) {
    let element = appends(run, unit).expect("only such units are chosen").to_vec();
    list(run).push(element);
}

/// Units of one append among these.
fn appending(run: &Run, units: &[usize]) -> Vec<usize> {
    units.iter().copied().filter(|unit| appends(run, *unit).is_some()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn honest_crashes_are_accepted(shape in shape(prop::sample::select(ALL.to_vec())), seed: u64) {
        let run = run(shape, seed);
        if let Some(broken) = found(&run) {
            panic!("{broken}\n{:#?}", run.log());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_lost_acknowledged_write_is_found(shape in shape(Just(Promise::Always)), seed: u64) {
        let mut run = run(shape, seed);
        let kept = appending(&run, &run.last_cut().0);
        let kept: Vec<usize> =
            kept.into_iter().filter(|unit| run.units[*unit].fate == Fate::Acknowledged).collect();
        prop_assume!(!kept.is_empty());
        let unit = Dice::new(seed).pick(&kept).unwrap();
        drop_element(&mut run, unit);
        let broken = found(&run).expect("it is lost");
        prop_assert_eq!(broken.kind, Kind::Lost, "{}", broken);
    }

    #[test]
    fn a_hole_is_found(shape in shape(prop::sample::select(vec![Promise::Unsynced, EVERY_SECOND])), seed: u64) {
        let mut run = run(shape, seed);
        let kept = appending(&run, &run.last_cut().0);
        let before_another = |unit: &usize| kept.iter().any(|later| run.precedes(*unit, *later));
        let holes: Vec<usize> = kept.iter().copied().filter(before_another).collect();
        prop_assume!(!holes.is_empty());
        let unit = Dice::new(seed).pick(&holes).unwrap();
        drop_element(&mut run, unit);
        let broken = found(&run).expect("there is a hole");
        prop_assert!(matches!(broken.kind, Kind::Hole | Kind::Lost), "{}", broken);
    }

    #[test]
    fn a_later_write_that_is_kept_is_found(
        shape in shape(prop::sample::select(vec![Promise::Unsynced, EVERY_SECOND, Promise::SnapshotOnly])),
        seed: u64,
    ) {
        let mut run = run(shape, seed);
        let lost = appending(&run, &run.last_cut().1);
        let after_another = |unit: &usize| lost.iter().any(|earlier| run.precedes(*earlier, *unit));
        let late: Vec<usize> = lost.iter().copied().filter(after_another).collect();
        prop_assume!(!late.is_empty());
        let unit = Dice::new(seed).pick(&late).unwrap();
        restore_element(&mut run, unit);
        let broken = found(&run).expect("something before it is lost");
        prop_assert!(matches!(broken.kind, Kind::Hole | Kind::TooNew), "{}", broken);
    }

    #[test]
    fn half_a_transaction_is_found(shape in shape(prop::sample::select(ALL[1..].to_vec())), seed: u64) {
        let mut run = run(shape, seed);
        let (kept, _) = run.last_cut();
        let both = |unit: &usize| run.units[*unit].effects.iter().filter(|e| matches!(e, Effect::Append { .. })).count() == 2;
        let kept: Vec<usize> = kept.into_iter().filter(both).collect();
        prop_assume!(!kept.is_empty());
        let unit = Dice::new(seed).pick(&kept).unwrap();
        let element = format!("a{unit}").into_bytes();
        list(&mut run).retain(|other| *other != element);
        let broken = found(&run).expect("the set has its part of it");
        prop_assert_eq!(broken.kind, Kind::Half, "{}", broken);
    }

    #[test]
    fn a_write_that_is_too_old_to_be_lost_is_found(shape in shape(Just(EVERY_SECOND)), seed: u64) {
        let mut run = run(Shape { lives: 1, unknown_percent: 0, ..shape }, seed);
        // All of the list, and all that was executed at the same time or later, goes: a suffix, and too long a one.
        let (kept, _) = run.last_cut();
        let crashed = run.events.iter().find_map(|(_, event)| match event {
            crashes::Event::Restart { crashed, .. } => Some(*crashed),
            _ => None,
        });
        let is_old = |unit: &usize| run.units[*unit].completed + 2000 < crashed.unwrap_or(0);
        // A deletion leaves no trace, nor does what expires.
        let leaves_a_trace = |effect: &Effect| matches!(effect, Effect::Append { .. } | Effect::Increment { .. });
        let is_seen = |unit: &usize| run.units[*unit].effects.iter().any(leaves_a_trace);
        prop_assume!(kept.iter().any(|unit| is_old(unit) && is_seen(unit)));
        run.last_reading().keys.clear();
        let broken = found(&run).expect("all is lost");
        prop_assert_eq!(broken.kind, Kind::Lost, "{}", broken);
    }

    #[test]
    fn what_came_after_the_last_save_is_found(shape in shape(Just(Promise::SnapshotOnly)), seed: u64) {
        let mut run = run(Shape { lives: 1, ..shape }, seed);
        // No save is left: nothing can be there.
        run.events.retain(|(_, event)| !matches!(event, crashes::Event::Save(_) | crashes::Event::Saved(_)));
        let kept = appending(&run, &run.last_cut().0);
        prop_assume!(!kept.is_empty());
        prop_assert_eq!(found(&run).expect("nothing was saved").kind, Kind::TooNew);
    }

    #[test]
    fn what_is_kept_by_nothing_is_found(shape in shape(Just(Promise::None)), seed: u64) {
        let mut run = run(shape, seed);
        let lost = appending(&run, &run.last_cut().1);
        prop_assume!(!lost.is_empty());
        restore_element(&mut run, lost[0]);
        prop_assert_eq!(found(&run).expect("nothing is kept").kind, Kind::TooNew);
    }

    #[test]
    fn what_an_earlier_crash_took_does_not_come_back(
        shape in shape(prop::sample::select(vec![Promise::Unsynced, EVERY_SECOND, Promise::None])),
        seed: u64,
    ) {
        let mut run = run(Shape { lives: 3, ..shape }, seed);
        let (sequence, kept) = run.cuts[0].clone();
        let lost = appending(&run, &sequence[kept..]);
        prop_assume!(!lost.is_empty());
        restore_element(&mut run, lost[0]);
        let broken = found(&run).expect("it was lost");
        prop_assert!(matches!(broken.kind, Kind::Strange | Kind::Order), "{}", broken);
    }

    #[test]
    fn what_nobody_wrote_is_found(shape in shape(prop::sample::select(ALL.to_vec())), seed: u64, which in 0..4) {
        let mut run = run(shape, seed);
        let text = |text: &str| Found { content: Content::Text(text.into()), deadline_ms: None };
        let reading = run.last_reading();
        match which {
            0 => drop(reading.keys.insert(b"register:0".to_vec(), text("never"))),
            1 => drop(reading.keys.insert(b"unheard".to_vec(), text("v"))),
            2 => drop(reading.keys.insert(b"counter:0".to_vec(), text("1000000"))),
            _ => list(&mut run).push(b"never".to_vec()),
        }
        let broken = found(&run).expect("nobody wrote that");
        // A count too high names the increments that it would need.
        prop_assert!(which == 2 || broken.kind == Kind::Strange, "{}", broken);
    }

    #[test]
    fn a_count_that_lacks_one_is_found(shape in shape(Just(Promise::Always)), seed: u64) {
        let mut run = run(Shape { unknown_percent: 0, ..shape }, seed);
        let text = match run.last_reading().keys.get_mut(b"counter:1".as_slice()) {
            Some(Found { content: Content::Text(text), .. }) => text,
            _ => return Ok(()),
        };
        let count: u64 = String::from_utf8_lossy(text).parse().unwrap();
        *text = (count - 1).to_string().into_bytes();
        let (sequence, kept) = run.cuts.last().unwrap();
        let counts = |unit: &&usize| {
            run.units[**unit].effects.iter().any(|effect| effect.key() == b"counter:1")
        };
        let last = *sequence[..*kept].iter().rfind(counts).unwrap();
        prop_assume!(run.units[last].fate == Fate::Acknowledged);
        let broken = found(&run).expect("one is lost");
        prop_assert!(matches!(broken.kind, Kind::Lost | Kind::Half), "{}", broken);
    }

    #[test]
    fn an_older_value_is_found(shape in shape(Just(Promise::Always)), seed: u64) {
        let mut run = run(shape, seed);
        let (kept, _) = run.last_cut();
        let writes = |unit: &&usize| match run.units[**unit].effects.last() {
            Some(Effect::Write { key, value, .. }) if key == b"register:0" => Some((**unit, value.clone())),
            _ => None,
        };
        let writers: Vec<(usize, Vec<u8>)> = kept.iter().filter_map(|unit| writes(&unit)).collect();
        let Some((last, _)) = writers.last().cloned() else { return Ok(()) };
        let earlier = writers.iter().find(|(unit, _)| run.precedes(*unit, last));
        let (Some((_, value)), Fate::Acknowledged) = (earlier.cloned(), run.units[last].fate) else { return Ok(()) };
        let old = Found { content: Content::Text(value), deadline_ms: None };
        run.last_reading().keys.insert(b"register:0".to_vec(), old);
        let broken = found(&run).expect("a later one was acknowledged");
        prop_assert!(matches!(broken.kind, Kind::Lost | Kind::Half | Kind::Hole), "{}", broken);
    }

    #[test]
    fn deadlines_are_kept(shape in shape(prop::sample::select(ALL[1..].to_vec())), seed: u64) {
        let mut run = run(shape, seed);
        let mut short = run.last_reading().keys.values_mut().filter(|found| found.deadline_ms.is_some());
        let Some(first) = short.next() else { return Ok(()) };
        first.deadline_ms = None;
        prop_assert_eq!(found(&run).expect("it has lost its deadline").kind, Kind::Deadline);
    }

    #[test]
    fn what_has_expired_stays_away(shape in shape(prop::sample::select(ALL[1..].to_vec())), seed: u64) {
        let mut run = run(shape, seed);
        let now = run.last_reading().began_ms;
        let effects = run.units.iter().flat_map(|unit| &unit.effects);
        let expired = effects.filter_map(|effect| match effect {
            Effect::Write { key, value, deadline_ms: Some(deadline) } if *deadline < now => {
                let content = Content::Text(value.clone());
                Some((key.clone(), Found { content, deadline_ms: Some(*deadline) }))
            }
            _ => None,
        });
        let Some((key, expired)) = expired.collect::<Vec<_>>().pop() else { return Ok(()) };
        run.last_reading().keys.insert(key, expired);
        prop_assert_eq!(found(&run).expect("it has expired").kind, Kind::Expired);
    }
}

/// The shortest story of each loss, and how it is told.
#[test]
fn a_loss_is_explained() {
    let at = Duration::from_millis;
    let append = |element: &str| vec![Effect::Append { key: b"list".to_vec(), element: element.into() }];
    let mut log = seawall_checker::durability::Log::default();
    let first = log.begin(1, append("a"), at(10));
    log.acknowledge(first, &[], at(20));
    let second = log.begin(2, append("b"), at(30));
    log.unknown(second, at(100));
    let content = Content::List(vec![b"b".to_vec()]);
    let mut reading = seawall_checker::durability::Reading::default();
    reading.keys.insert(b"list".to_vec(), Found { content, deadline_ms: None });
    log.restart(at(90), Promise::Unsynced, at(200), reading);
    let broken = check(&log).expect_err("a is lost and b is kept");
    assert_eq!((broken.kind, broken.restart), (Kind::Hole, 0));
    let expected = "\
After the crash at 90ms: a hole: lost, and something later is kept; promised: what is kept is what was there at some moment
  unit 0: client 1 at 10ms, acknowledged at 20ms: append a to list
  has to be kept:
    so is unit 1, on the other side of it: client 2 at 30ms, never answered: append b to list
    key list is a list of 1
  is lost:
    key list is a list of 1
";
    assert_eq!(broken.text, expected);
}

/// Three writes, a save between the first and the second that is known to have succeeded.
#[test]
fn a_node_that_saves_by_itself_may_have_saved_later() {
    let at = Duration::from_millis;
    let judge = |left: &[&str], saves_itself: bool| {
        let mut log = seawall_checker::durability::Log::default();
        if saves_itself {
            log.saves_itself(at(1));
        }
        for (number, element) in ["a", "b", "c"].into_iter().enumerate() {
            let began = 10 + 100 * number as u64;
            let effect = Effect::Append { key: b"list".to_vec(), element: element.into() };
            let unit = log.begin(1, vec![effect], at(began));
            log.acknowledge(unit, &[], at(began + 10));
            if number == 0 {
                let save = log.save(at(50));
                log.saved(save, at(60));
            }
        }
        let content = Content::List(left.iter().map(|element| element.as_bytes().to_vec()).collect());
        let mut reading = seawall_checker::durability::Reading::default();
        reading.keys.insert(b"list".to_vec(), Found { content, deadline_ms: None });
        log.restart(at(400), Promise::SnapshotOnly, at(500), reading);
        check(&log).map_err(|broken| broken.kind)
    };
    assert!(judge(&["a"], false).is_ok() && judge(&["a"], true).is_ok());
    assert_eq!(judge(&["a", "b"], false), Err(Kind::TooNew));
    assert!(judge(&["a", "b"], true).is_ok() && judge(&["a", "b", "c"], true).is_ok());
    assert_eq!(judge(&[], true), Err(Kind::Lost), "the save that succeeded counts");
}

/// A write that is never answered, its deletion, which is, and between them the snapshot of a save that may have succeeded.
#[test]
fn what_an_earlier_restart_left_open_is_not_demanded_later() {
    let at = Duration::from_millis;
    let key = || b"register".to_vec();
    let mut reading = seawall_checker::durability::Reading::default();
    reading.keys.insert(key(), Found { content: Content::Text(b"v".to_vec()), deadline_ms: None });
    let mut log = seawall_checker::durability::Log::default();
    let certain = log.save(at(1));
    log.saved(certain, at(2));
    let (first, second) = (log.save(at(3)), log.save(at(4)));
    let written =
        log.begin(1, vec![Effect::Write { key: key(), value: b"v".to_vec(), deadline_ms: None }], at(10));
    let deleted = log.begin(1, vec![Effect::Delete { key: key() }], at(11));
    log.unknown(written, at(12));
    log.acknowledge(deleted, &[], at(13));
    log.restart(at(90), Promise::SnapshotOnly, at(100), reading.clone());
    let again = log.save(at(110));
    log.saved(again, at(120));
    log.restart(at(190), Promise::SnapshotOnly, at(200), reading);
    assert_eq!(
        check(&log).map(|_| ()),
        Ok(()),
        "{first:?} or {second:?} was loaded, and the deletion is gone"
    );
}

/// One write at 0, others as given, nothing is left.
#[test]
fn every_second_counts_up_to_the_crash() {
    let at = Duration::from_millis;
    let judge = |others: &[u64], crashed: u64| {
        let mut log = seawall_checker::durability::Log::default();
        for (number, sent) in std::iter::once(&0).chain(others).enumerate() {
            let element = number.to_string().into_bytes();
            let unit = log.begin(1, vec![Effect::Append { key: b"list".to_vec(), element }], at(*sent));
            log.acknowledge(unit, &[], at(*sent + 10));
        }
        log.restart(at(crashed), EVERY_SECOND, at(crashed + 100), Default::default());
        check(&log).map_err(|broken| broken.kind)
    };
    assert!(judge(&[1000, 1900], 2000).is_ok());
    assert_eq!(judge(&[1000, 2100], 2200), Err(Kind::Lost), "two seconds and more");
    assert_eq!(judge(&[1000, 1900], 9000), Err(Kind::Lost), "whether more is acknowledged or not");
}

/// A unit that is acknowledged after a second, a crash at the fifth that takes it, and what happened to the disk between.
fn verdict(disk: impl FnOnce(&mut Log)) -> Result<(), Kind> {
    let at = Duration::from_secs;
    let mut log = Log::default();
    let append = |element: &[u8]| vec![Effect::Append { key: b"list".to_vec(), element: element.to_vec() }];
    let unit = log.begin(1, append(b"a"), at(1));
    log.acknowledge(unit, &[], at(1));
    disk(&mut log);
    log.restart(at(5), EVERY_SECOND, at(6), Reading::default());
    check(&log).map(drop).map_err(|broken| broken.kind)
}

#[test]
fn two_seconds_count_only_while_the_disk_works() {
    let at = Duration::from_millis;
    assert_eq!(verdict(|_| ()), Err(Kind::Lost));
    assert_eq!(verdict(|log| log.disk_stood(at(1000), at(2900))), Err(Kind::Lost));
    assert_eq!(verdict(|log| log.disk_stood(at(1000), at(3100))), Ok(()));
    // What overlaps counts once; what was before, or comes after the crash, does not count.
    let overlapping = |log: &mut Log| {
        for (from, to) in [(0, 1500), (2000, 3000), (2500, 3200), (4900, 9000)] {
            log.disk_stood(at(from), at(to));
        }
    };
    assert_eq!(verdict(overlapping), Err(Kind::Lost));
}

#[test]
fn an_error_excuses_nothing_once_a_later_write_is_acknowledged() {
    let at = Duration::from_millis;
    let later = |sent: u64, answered: u64| {
        move |log: &mut Log| {
            log.disk_failed(at(1500));
            let effect = Effect::Append { key: b"other".to_vec(), element: b"b".to_vec() };
            let unit = log.begin(2, vec![effect], at(sent));
            log.acknowledge(unit, &[], at(answered));
        }
    };
    assert_eq!(verdict(|log| log.disk_failed(at(1500))), Ok(()));
    assert_eq!(verdict(later(2000, 4000)), Ok(()));
    assert_eq!(verdict(later(2000, 2500)), Err(Kind::Lost));
    assert_eq!(verdict(later(1400, 2500)), Ok(()), "it was sent before");
}
