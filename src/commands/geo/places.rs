//! Places put into a sorted set and asked for.

use super::cell::{self, Cell, LATITUDE_MAX, LONGITUDE_MAX, Place, STEP_MAX};
use super::shape::distance;
use super::{BASE, answer_distance, answer_place, unit};
use crate::commands::sorted_set::limits;
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{SortedSet, SortedSetRef};
use crate::text::parse_f64;

pub(super) const GEOADD: Command = Command {
    name: "geoadd",
    arity: -5,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    summary: "Adds members with their places, and moves those that are there.",
    complexity: "O(log N) for each member",
    syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
    handler: geoadd,
    ..BASE
};

/// A place from two arguments.
pub(super) fn place(call: &Call<'_>, i: usize) -> Result<Place, Failure> {
    let degrees = |i: usize| parse_f64(call.arg(i)).ok_or(Failure::NOT_FLOAT);
    let place = Place { longitude: degrees(i)?, latitude: degrees(i + 1)? };
    if place.longitude.abs() > LONGITUDE_MAX || place.latitude.abs() > LATITUDE_MAX {
        let Place { longitude, latitude } = place;
        return Err(Failure::new(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        )));
    }
    Ok(place)
}

/// The score that stands for a place.
fn score(place: Place) -> f64 {
    Cell::of(place, STEP_MAX).number() as f64
}

/// The place of a member.
pub(super) fn place_of(set: Option<SortedSetRef<'_>>, member: &[u8]) -> Option<Place> {
    Some(Cell::of_score(set?.score(member)?).centre())
}

fn geoadd(call: &mut Call<'_>) -> Result<(), Failure> {
    let (mut nx, mut xx, mut ch, mut first) = (false, false, false, 2);
    while first < call.len() {
        match () {
            () if call.arg_is(first, "nx") => nx = true,
            () if call.arg_is(first, "xx") => xx = true,
            () if call.arg_is(first, "ch") => ch = true,
            () => break,
        }
        first += 1;
    }
    let arguments = call.len() - first;
    if arguments == 0 || !arguments.is_multiple_of(3) || (nx && xx) {
        return Err(Failure::SYNTAX);
    }
    let places = (first..call.len()).step_by(3).map(|i| place(call, i));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let (key, request) = (call.key(1), call.request);
    let edited = call.edit_or_create::<SortedSet, _>(&key, |set, around| {
        let limits = limits(around);
        set.expect(places.len(), &limits);
        let (mut added, mut moved) = (0, 0);
        for (n, place) in places.iter().enumerate() {
            let update = set.update(request.arg(first + 3 * n + 2), &limits, |old| {
                let refused = if old.is_some() { nx } else { xx };
                (!refused).then(|| score(*place))
            });
            added += i64::from(update.added());
            moved += i64::from(update.rescored());
        }
        (added, moved)
    })?;
    let (added, moved) = edited.result;
    if added + moved > 0 {
        call.changed(Class::SortedSet, "zadd", &key);
    }
    call.reply.integer(if ch { added + moved } else { added });
    Ok(())
}

pub(super) const GEOPOS: Command = Command {
    name: "geopos",
    arity: -2,
    summary: "Returns the places of members.",
    complexity: "O(1) for each member",
    syntax: "key [member [member ...]]",
    handler: geopos,
    ..BASE
};

fn geopos(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    reply.array(request.len() - 2);
    for member in request.iter_from(2) {
        match place_of(set, member) {
            Some(place) => answer_place(reply, place),
            None => reply.null_array(),
        }
    }
    Ok(())
}

pub(super) const GEOHASH: Command = Command {
    name: "geohash",
    arity: -2,
    summary: "Returns the geohashes of members as texts.",
    complexity: "O(1) for each member",
    syntax: "key [member [member ...]]",
    handler: geohash,
    ..BASE
};

fn geohash(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    reply.array(request.len() - 2);
    for member in request.iter_from(2) {
        match place_of(set, member) {
            Some(place) => reply.bulk(&cell::text(place)),
            None => reply.null(),
        }
    }
    Ok(())
}

pub(super) const GEODIST: Command = Command {
    name: "geodist",
    arity: -4,
    summary: "Returns the distance between two members.",
    syntax: "key member1 member2 [M | KM | FT | MI]",
    handler: geodist,
    ..BASE
};

fn geodist(call: &mut Call<'_>) -> Result<(), Failure> {
    let metres = match call.len() {
        4 => 1.0,
        5 => unit(call.arg(4))?,
        _ => return Err(Failure::SYNTAX),
    };
    let (key, one, other) = (call.key(1), call.arg(2), call.arg(3));
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    match (place_of(set, one), place_of(set, other)) {
        (Some(one), Some(other)) => answer_distance(reply, distance(one, other) / metres),
        _ => reply.null(),
    }
    Ok(())
}
