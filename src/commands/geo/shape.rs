//! What is searched: a circle, a box or a polygon on the earth, and the cells that cover it.

use super::cell::{Area, Cell, Place, STEP_MAX};

/// The earth as a ball, in metres.
const EARTH_RADIUS: f64 = 6_372_797.560856;
/// Half the width of the Mercator map, in metres.
const MERCATOR_MAX: f64 = 20_037_726.37;
/// Below this, the sine of half a difference of longitudes is taken for 0: about 6 nm.
const SINE_MIN: f64 = 1e-15;

/// The same as C programs compute it: a product with a rounded quotient.
const RADIANS_PER_DEGREE: f64 = std::f64::consts::PI / 180.0;

fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_PER_DEGREE
}

fn degrees(radians: f64) -> f64 {
    radians / RADIANS_PER_DEGREE
}

/// Distance of two places on one meridian, in metres.
fn meridian_distance(one: f64, other: f64) -> f64 {
    EARTH_RADIUS * (radians(other) - radians(one)).abs()
}

/// Distance of two places in metres, by the haversine formula.
pub(super) fn distance(one: Place, other: Place) -> f64 {
    let v = ((radians(other.longitude) - radians(one.longitude)) / 2.0).sin();
    if v.abs() <= SINE_MIN {
        return meridian_distance(one.latitude, other.latitude);
    }
    let (one, other) = (radians(one.latitude), radians(other.latitude));
    let u = ((other - one) / 2.0).sin();
    let a = u * u + one.cos() * other.cos() * v * v;
    2.0 * EARTH_RADIUS * a.sqrt().asin()
}

/// A shape; lengths are in metres.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Shape {
    Circle {
        centre: Place,
        radius: f64,
    },
    Box {
        centre: Place,
        width: f64,
        height: f64,
    },
    /// At least three corners.
    Polygon {
        centre: Place,
        corners: Vec<Place>,
    },
}

impl Shape {
    /// A polygon; its centre is that of its corners as points in space, seen from the centre of the earth.
    pub(super) fn polygon(corners: Vec<Place>) -> Shape {
        let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
        for corner in &corners {
            let (longitude, latitude) = (radians(corner.longitude), radians(corner.latitude));
            x += latitude.cos() * longitude.cos();
            y += latitude.cos() * longitude.sin();
            z += latitude.sin();
        }
        let latitude = f64::atan2(z, f64::sqrt(x * x + y * y));
        let centre = Place { longitude: degrees(f64::atan2(y, x)), latitude: degrees(latitude) };
        Shape::Polygon { centre, corners }
    }

    /// From where distances are measured.
    pub(super) fn centre(&self) -> Place {
        match self {
            Shape::Circle { centre, .. } | Shape::Box { centre, .. } | Shape::Polygon { centre, .. } => {
                *centre
            }
        }
    }

    /// The distance of a place from the centre, if it is in the shape.
    pub(super) fn distance_within(&self, place: Place) -> Option<f64> {
        match self {
            Shape::Circle { centre, radius } => {
                Some(distance(*centre, place)).filter(|distance| distance <= radius)
            }
            Shape::Box { centre, width, height } => {
                let level = Place { longitude: centre.longitude, ..place };
                let inside = meridian_distance(place.latitude, centre.latitude) <= height / 2.0
                    && distance(place, level) <= width / 2.0;
                inside.then(|| distance(*centre, place))
            }
            Shape::Polygon { centre, corners } => encloses(corners, place).then(|| distance(*centre, place)),
        }
    }

    /// An area that holds the shape.
    fn bounds(&self) -> Area {
        match self {
            Shape::Circle { centre, radius } => around(*centre, *radius, *radius),
            Shape::Box { centre, width, height } => around(*centre, width / 2.0, height / 2.0),
            Shape::Polygon { corners, .. } => {
                let least = |of: fn(&Place) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
                let most = |of: fn(&Place) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
                Area {
                    west: least(|corner| corner.longitude),
                    east: most(|corner| corner.longitude),
                    south: least(|corner| corner.latitude),
                    north: most(|corner| corner.latitude),
                }
            }
        }
    }

    /// No place of the shape is farther from the centre, in metres.
    fn radius(&self, bounds: Area) -> f64 {
        match self {
            Shape::Circle { radius, .. } => *radius,
            Shape::Box { width, height, .. } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
            Shape::Polygon { centre, .. } => [bounds.west, bounds.east]
                .into_iter()
                .flat_map(|longitude| {
                    [bounds.south, bounds.north].map(|latitude| Place { longitude, latitude })
                })
                .fold(0.0, |radius, corner| distance(*centre, corner).max(radius)),
        }
    }

    /// The cells in which places of the shape may be: the one of the centre, then those around it that the shape reaches. The
    /// order is that in which results come that nobody sorts.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let (bounds, centre) = (self.bounds(), self.centre());
        let mut step = step_for(self.radius(bounds), centre.latitude);
        let mut middle = Cell::of(centre, step);
        if step > 1 && !reaches(middle, bounds) {
            step -= 1;
            middle = Cell::of(centre, step);
        }
        let mut cells = vec![middle];
        for (east, north) in AROUND {
            let cell = middle.neighbour(east, north);
            // Where the map has few columns, one cell may stand on both sides.
            if (step < 2 || !is_beyond(middle.area(), bounds, east, north)) && cells.last() != Some(&cell) {
                cells.push(cell);
            }
        }
        cells
    }
}

/// The neighbours of a cell, as columns to the east and rows to the north.
const AROUND: [(i32, i32); 8] = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// An area around a place; lengths in metres.
fn around(centre: Place, width: f64, height: f64) -> Area {
    let Place { longitude, latitude } = centre;
    let tall = degrees(height / EARTH_RADIUS);
    // Towards the pole the same length is more degrees.
    let edge = if latitude < 0.0 { latitude - tall } else { latitude + tall };
    let wide = degrees(width / EARTH_RADIUS / radians(edge).cos());
    Area { west: longitude - wide, east: longitude + wide, south: latitude - tall, north: latitude + tall }
}

/// The finest step at which nine cells cover a circle, about.
fn step_for(radius: f64, latitude: f64) -> u32 {
    if radius == 0.0 {
        return STEP_MAX;
    }
    let (mut step, mut radius) = (1_i32, radius);
    while radius < MERCATOR_MAX {
        radius *= 2.0;
        step += 1;
    }
    // Two coarser, so that the cells around cover it from any place of the middle one; near the poles cells are narrow.
    step -= 2;
    if latitude.abs() > 66.0 {
        step -= if latitude.abs() > 80.0 { 2 } else { 1 };
    }
    step.clamp(1, STEP_MAX as i32) as u32
}

/// Whether the cells around the middle one reach to the ends of the area.
fn reaches(middle: Cell, bounds: Area) -> bool {
    middle.neighbour(0, 1).area().north >= bounds.north
        && middle.neighbour(0, -1).area().south <= bounds.south
        && middle.neighbour(1, 0).area().east >= bounds.east
        && middle.neighbour(-1, 0).area().west <= bounds.west
}

/// Whether a neighbour lies on a side on which the middle cell reaches beyond the bounds already.
fn is_beyond(middle: Area, bounds: Area, east: i32, north: i32) -> bool {
    (north < 0 && middle.south < bounds.south)
        || (north > 0 && middle.north > bounds.north)
        || (east < 0 && middle.west < bounds.west)
        || (east > 0 && middle.east > bounds.east)
}

/// Whether a polygon has a place inside: a ray from it to the east crosses an odd number of edges.
fn encloses(corners: &[Place], place: Place) -> bool {
    let before = corners.iter().cycle().skip(corners.len() - 1);
    let crossed = corners.iter().zip(before).filter(|(one, other)| {
        let spans = (one.latitude > place.latitude) != (other.latitude > place.latitude);
        spans && place.longitude < crossing(**one, **other, place.latitude)
    });
    crossed.count() % 2 == 1
}

/// Where an edge crosses a latitude that it spans.
fn crossing(one: Place, other: Place, latitude: f64) -> f64 {
    (other.longitude - one.longitude) * (latitude - one.latitude) / (other.latitude - one.latitude)
        + one.longitude
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place() -> impl Strategy<Value = Place> {
        (-170.0..170.0_f64, -60.0..60.0_f64).prop_map(|(longitude, latitude)| Place { longitude, latitude })
    }

    proptest! {
        #[test]
        // Not at the very edge of the map: the place at 180 degrees has a cell beyond it, there as in Redis.
        fn cells_cover_what_is_within(centre in place(), radius in 1.0..1e6_f64, dx in -1.0..1.0_f64, dy in -1.0..1.0_f64) {
            let far = radius / 111_000.0;
            let near = Place {
                longitude: (centre.longitude + dx * far).clamp(-179.99, 179.99),
                latitude: (centre.latitude + dy * far).clamp(-85.0, 85.0),
            };
            let shapes = [
                Shape::Circle { centre, radius },
                Shape::Box { centre, width: radius, height: 2.0 * radius },
            ];
            for shape in shapes {
                let covered = shape.cells().iter().any(|cell| cell.scores().contains(&(Cell::of(near, 26).number() as f64)));
                prop_assert!(covered || shape.distance_within(near).is_none());
            }
        }
    }
}
