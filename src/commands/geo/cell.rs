//! Geohashes: cells of the map, halved again and again (Niemeyer, <https://en.wikipedia.org/wiki/Geohash>).
//!
//! At step `s` the map is a grid of 2^s columns by 2^s rows. A cell's number weaves the bits of its row (even bits) with those of
//! its column (odd bits), so that all cells of step 26 within a larger one have numbers in one run. The number of a place at step
//! 26 is its score in a sorted set: 52 bits, which a double holds exactly.

use std::ops::Range;

/// The finest step.
pub(super) const STEP_MAX: u32 = 26;
/// How far the map goes in longitude, in degrees.
pub(super) const LONGITUDE_MAX: f64 = 180.0;
/// How far it goes in latitude: where the Mercator projection makes it a square (EPSG:900913).
pub(super) const LATITUDE_MAX: f64 = 85.05112878;

/// A place, in degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Place {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

/// What an area covers, in degrees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

/// A cell of the map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    column: u32,
    row: u32,
    step: u32,
}

impl Cell {
    /// The cell of a place on the map.
    pub(super) fn of(place: Place, step: u32) -> Cell {
        Cell::within(place, step, LATITUDE_MAX)
    }

    /// The same on a map that goes to another latitude.
    pub(super) fn within(place: Place, step: u32, latitude_max: f64) -> Cell {
        let cells = (1_u64 << step) as f64;
        let column = (place.longitude + LONGITUDE_MAX) / (2.0 * LONGITUDE_MAX) * cells;
        let row = (place.latitude + latitude_max) / (2.0 * latitude_max) * cells;
        Cell { column: column as u32, row: row as u32, step }
    }

    /// The cell that a score of a sorted set names.
    pub(super) fn of_score(score: f64) -> Cell {
        let number = score as u64;
        Cell { column: unweave(number >> 1), row: unweave(number), step: STEP_MAX }
    }

    /// Its number among those of its step.
    pub(super) fn number(self) -> u64 {
        weave(self.row) | weave(self.column) << 1
    }

    /// The scores of the places within.
    pub(super) fn scores(self) -> Range<f64> {
        let shift = 2 * (STEP_MAX - self.step);
        (self.number() << shift) as f64..((self.number() + 1) << shift) as f64
    }

    /// The cell so many columns to the east and rows to the north, around the map.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Cell {
        let mask = ((1_u64 << self.step) - 1) as u32;
        Cell {
            column: self.column.wrapping_add_signed(east) & mask,
            row: self.row.wrapping_add_signed(north) & mask,
            ..self
        }
    }

    /// What it covers.
    pub(super) fn area(self) -> Area {
        let cells = (1_u64 << self.step) as f64;
        let longitude = |column: f64| -LONGITUDE_MAX + column / cells * (2.0 * LONGITUDE_MAX);
        let latitude = |row: f64| -LATITUDE_MAX + row / cells * (2.0 * LATITUDE_MAX);
        Area {
            west: longitude(f64::from(self.column)),
            east: longitude(f64::from(self.column) + 1.0),
            south: latitude(f64::from(self.row)),
            north: latitude(f64::from(self.row) + 1.0),
        }
    }

    /// Its middle.
    pub(super) fn centre(self) -> Place {
        let area = self.area();
        Place {
            longitude: ((area.west + area.east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((area.south + area.north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }
}

/// Parts the bits of a word, so that they stand at the even places.
fn weave(word: u32) -> u64 {
    let mut bits = u64::from(word);
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Brings the bits at the even places together.
fn unweave(woven: u64) -> u32 {
    let mut bits = woven & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}

/// The letters of a geohash that is written out.
const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// The standard text of a place's geohash: eleven letters, on a map that goes to the poles. 52 bits give ten of them; the
/// eleventh is always 0.
pub(super) fn text(place: Place) -> [u8; 11] {
    let number = Cell::within(place, STEP_MAX, 90.0).number();
    let mut text = [b'0'; 11];
    for (i, letter) in text[..10].iter_mut().enumerate() {
        *letter = LETTERS[(number >> (52 - 5 * (i + 1))) as usize & 31];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_place_is_within_its_cell(longitude in -180.0..180.0_f64, latitude in -85.05..85.05_f64, step in 1_u32..27) {
            let place = Place { longitude, latitude };
            let cell = Cell::of(place, step);
            let area = cell.area();
            prop_assert!(area.west <= longitude && longitude <= area.east);
            prop_assert!(area.south <= latitude && latitude <= area.north);
            let finest = Cell::of(place, STEP_MAX);
            prop_assert!(cell.scores().contains(&(finest.number() as f64)));
            prop_assert_eq!(Cell::of_score(finest.number() as f64), finest);
            prop_assert_eq!(cell.neighbour(1, -1).neighbour(-1, 1), cell);
        }
    }
}
