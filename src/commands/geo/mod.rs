//! Places on the earth, in sorted sets: a member's score is the number of the cell of the map in which it is (`cell`). Searches look
//! through the cells that cover a `shape`.

mod cell;
mod places;
mod search;
mod shape;

use cell::Place;

use crate::engine::Failure;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::protocol::reply::Reply;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    places::GEOADD,
    places::GEODIST,
    places::GEOHASH,
    places::GEOPOS,
    search::GEORADIUS,
    search::GEORADIUSBYMEMBER,
    search::GEORADIUSBYMEMBER_RO,
    search::GEORADIUS_RO,
    search::GEOSEARCH,
    search::GEOSEARCHSTORE,
];

const BASE: Command = Command {
    group: Group::Geo,
    categories: &[Category::Geo],
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "3.2.0",
    ..Command::DEFAULT
};

/// A unit of length in metres.
fn unit(word: &[u8]) -> Result<f64, Failure> {
    match word.to_ascii_lowercase().as_slice() {
        b"m" => Ok(1.0),
        b"km" => Ok(1000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1609.34),
        _ => Err(Failure::fixed("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// Answers with a length: four digits behind the point.
fn answer_distance(reply: &mut Reply<'_>, length: f64) {
    let scaled = (length * 10_000.0).round_ties_even() as i64;
    reply.bulk(format!("{}.{:04}", scaled / 10_000, scaled % 10_000).as_bytes());
}

/// Answers with a place: longitude and latitude.
fn answer_place(reply: &mut Reply<'_>, place: Place) {
    reply.array(2);
    reply.double(place.longitude);
    reply.double(place.latitude);
}
