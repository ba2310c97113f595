//! Invariants on made-up looks.

use std::time::Duration;

use seawall::replication::{History, Link, ReplicationId};

use super::{View, data, offsets, prefix, resync};
use crate::deployment::{Answered, Look, Number};

fn id(number: u64) -> ReplicationId {
    ReplicationId::from_random([number; 3])
}

/// A primary of this history, all of which it keeps.
fn primary(history: u64, offset: u64) -> Look {
    let mut repeated = History::new(id(history));
    repeated.advance(offset);
    Look {
        life: 1,
        history: repeated,
        offset,
        backlog: Some(0..offset),
        upstream: None,
        is_settled: true,
        is_refusing: false,
        keys: 1,
        replicas: String::new(),
        answered: Answered::default(),
        beginning: Vec::new(),
        streaming: Vec::new(),
    }
}

fn replica(history: u64, offset: u64, link: Link) -> Look {
    Look { upstream: Some((0, link)), ..primary(history, offset) }
}

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn equal_places_have_equal_data() {
    let looks = [Some(primary(1, 30)), Some(replica(1, 30, Link::Connected))];
    let view = View { now: at(1), looks: &looks };
    let judge =
        |sums: [u64; 2]| data::Data::default().check(&view, &[None, None], true, |node| Some(sums[node]));
    assert!(judge([7, 7]).is_ok());
    assert!(judge([7, 8]).is_err());
    let elsewhere = [Some(primary(1, 30)), Some(replica(1, 27, Link::Connected))];
    let view = View { now: at(1), looks: &elsewhere };
    assert!(data::Data::default().check(&view, &[None, None], true, |node| Some(node as u64)).is_ok());
}

#[test]
fn a_promoted_node_has_what_it_had_under_the_old_name() {
    let mut promoted = primary(1, 30);
    promoted.history.promote(id(2));
    let looks = [Some(promoted), Some(replica(1, 30, Link::Connect))];
    let view = View { now: at(1), looks: &looks };
    let judge =
        |sums: [u64; 2]| data::Data::default().check(&view, &[None, None], true, |node| Some(sums[node]));
    assert!(judge([7, 7]).is_ok());
    assert!(judge([7, 8]).is_err());
}

#[test]
fn offsets_go_back_by_a_snapshot_only() {
    let judge =
        |before: Look, now: Look| offsets::check(&View { now: at(2), looks: &[Some(now)] }, &[Some(before)]);
    assert!(judge(primary(1, 30), primary(1, 40)).is_ok());
    assert!(judge(primary(1, 30), primary(1, 20)).is_err());
    assert!(judge(primary(1, 30), primary(2, 20)).is_ok());
    let mut anew = replica(1, 20, Link::Connected);
    anew.backlog = Some(20..20);
    assert!(judge(replica(1, 30, Link::Connect), anew).is_ok());
    let mut promoted = primary(1, 40);
    promoted.history.promote(id(2));
    assert!(judge(primary(1, 40), promoted.clone()).is_ok());
    assert!(judge(primary(1, 41), promoted).is_err());
}

#[test]
fn a_history_has_one_writer_and_nobody_is_beyond() {
    let judge = |looks: [Option<Look>; 2]| prefix::check(&View { now: at(1), looks: &looks });
    assert!(judge([Some(primary(1, 30)), Some(replica(1, 30, Link::Connected))]).is_ok());
    assert!(judge([Some(primary(1, 30)), Some(replica(1, 31, Link::Connected))]).is_err());
    assert!(judge([Some(primary(1, 30)), Some(replica(2, 31, Link::Connected))]).is_ok());
    assert!(judge([Some(primary(1, 30)), Some(primary(1, 30))]).is_err());
    assert!(judge([None, Some(replica(1, 31, Link::Connected))]).is_ok());
}

/// A replica is away from the second moment on, and comes back in the last.
fn resynchronised(back: impl Fn(&mut Look, &mut Look)) -> Result<(), String> {
    let mut resync = resync::Resync::new(2);
    let moments = [
        (primary(1, 30), replica(1, 30, Link::Connected)),
        (primary(1, 40), replica(1, 30, Link::Connected)),
        (primary(1, 50), replica(1, 30, Link::Connect)),
    ];
    let mut before: Vec<Option<Look>> = vec![None, None];
    for (number, (one, other)) in moments.into_iter().enumerate() {
        let looks = vec![Some(one), Some(other)];
        resync.check(&View { now: at(10 * (number as u64 + 1)), looks: &looks }, &before)?;
        before = looks;
    }
    let (mut one, mut other) = (primary(1, 60), replica(1, 30, Link::Handshake));
    back(&mut one, &mut other);
    resync.check(&View { now: at(50), looks: &[Some(one), Some(other)] }, &before)
}

#[test]
fn who_can_go_on_does() {
    const REPLICA: Number = 1;
    assert!(resynchronised(|one, _| one.streaming.push(REPLICA)).is_ok());
    assert!(resynchronised(|one, _| one.beginning.push(REPLICA)).is_err());
    let trimmed = |one: &mut Look, _: &mut Look| {
        one.backlog = Some(31..60);
        one.beginning.push(REPLICA);
    };
    assert!(resynchronised(trimmed).is_ok(), "the backlog does not reach back to 30");
}

#[test]
fn who_goes_on_gets_somewhere() {
    let mut resync = resync::Resync::new(2);
    let mut before: Vec<Option<Look>> = vec![Some(primary(1, 50)), Some(replica(1, 30, Link::Connect))];
    let mut broken = 0;
    for attempt in 0..3 {
        for (moment, streaming) in [(0, vec![1]), (10, Vec::new())] {
            let looks = vec![Some(Look { streaming, ..primary(1, 50) }), Some(replica(1, 30, Link::Connect))];
            let view = View { now: at(1000 * (attempt + 1) + moment), looks: &looks };
            broken += usize::from(resync.check(&view, &before).is_err());
            before = looks;
        }
    }
    assert_eq!(broken, 1, "the third time");
}
