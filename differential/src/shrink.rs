//! The shortest sequence that still shows a difference.

use crate::case::{Case, Difference, Pair};

/// Plays at most so often.
const PLAYS_MAX: usize = 600;

/// Leaves out steps, halves first, then single ones, as long as a difference of the same signature remains.
pub fn shrink(case: &Case, difference: Difference, pair: &mut Pair) -> Result<(Case, Difference), String> {
    let signature = difference.signature();
    let mut best = (case.clone(), difference);
    best.0.steps.truncate(best.1.step + 1);
    let (mut plays, mut width) = (0, best.0.steps.len() / 2);
    while width > 0 {
        let mut start = 0;
        while start < best.0.steps.len() && plays < PLAYS_MAX {
            let mut shorter = best.0.clone();
            shorter.steps.drain(start..(start + width).min(best.0.steps.len()));
            plays += 1;
            match shorter.play(pair)? {
                Some(found) if found.signature() == signature => best = (shorter, found),
                _ => start += width,
            }
        }
        width /= 2;
    }
    Ok(best)
}
