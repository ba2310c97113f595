//! The count, from how many registers hold which value, and registers of several sketches together.
//!
//! The estimator is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284), which needs
//! no correction for small or large counts. Its steps are done in the order in which Redis does them, so that counts agree.

use super::{Corrupted, HEADER_BYTES, PATTERN_BITS, REGISTERS, dense, is_dense, sparse};

/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// The count that goes with a histogram of the registers' values.
pub(super) fn estimate(histogram: &[u32; 64]) -> u64 {
    let (m, q) = (REGISTERS as f64, PATTERN_BITS as usize);
    let mut z = m * tau((m - f64::from(histogram[q + 1])) / m);
    for value in (1..=q).rev() {
        z = (z + f64::from(histogram[value])) * 0.5;
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    (ALPHA * m * m / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

/// All registers of a sketch, or the greatest ones of several.
pub struct Registers(Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Registers {
        Registers(Box::new([0; REGISTERS]))
    }
}

impl Registers {
    /// Raises them to those of a sketch. Those of a malformed one may be taken in part.
    pub fn merge(&mut self, sketch: &[u8]) -> Result<(), Corrupted> {
        let registers = &mut self.0;
        if is_dense(sketch) {
            dense::each(&sketch[HEADER_BYTES..], |index, value| {
                registers[index] = registers[index].max(value);
            });
            return Ok(());
        }
        sparse::each_run(sketch, |run, first| {
            for register in &mut registers[first..first + run.length] {
                *register = (*register).max(run.value);
            }
        })
    }

    /// The registers by index.
    pub fn iter(&self) -> impl Iterator<Item = u8> {
        self.0.iter().copied()
    }

    /// About how many different texts they have seen.
    pub fn count(&self) -> u64 {
        let mut histogram = [0; 64];
        self.iter().for_each(|value| histogram[usize::from(value)] += 1);
        estimate(&histogram)
    }
}
