//! LOLWUT: a seawall and the sea before it, different each time.

use crate::engine::command::{Command, Flag, Group};
use crate::engine::{Call, Failure, REDIS_VERSION, SEAWALL_VERSION};

pub(super) const LOLWUT: Command = Command {
    name: "lolwut",
    arity: -1,
    flags: &[Flag::ReadOnly, Flag::Fast],
    group: Group::Server,
    since: "5.0.0",
    summary: "Draws the sea, and tells the version.",
    syntax: "[VERSION version] [columns]",
    handler: lolwut,
    ..Command::DEFAULT
};

const COLUMNS: std::ops::RangeInclusive<i64> = 24..=160;
/// Rows between the sky and the ground.
const HEIGHT: usize = 7;

fn lolwut(call: &mut Call<'_>) -> Result<(), Failure> {
    // The version chooses a picture in Redis; here there is one.
    let mut numbers = 1;
    if call.len() >= 3 && call.arg_is(1, "version") {
        call.integer(2)?;
        numbers = 3;
    }
    let columns = if call.len() > numbers { call.integer(numbers)? } else { 64 };
    let columns = columns.clamp(*COLUMNS.start(), *COLUMNS.end()) as usize;
    let phases = call.engine.random();
    let mut text = picture(columns, phases);
    text.push_str(&format!("\nSeawall ver. {SEAWALL_VERSION}, compatible with Redis ver. {REDIS_VERSION}\n"));
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Two swells run against the wall; `phases` shifts them.
fn picture(columns: usize, phases: u64) -> String {
    let wall = columns * 3 / 4;
    let surface: Vec<usize> = (0..wall).map(|x| surface_at(x, phases)).collect();
    let mut text = String::new();
    for row in 0..HEIGHT {
        let line: String = (0..columns)
            .map(|x| match x.checked_sub(wall) {
                None => water(surface[x], row),
                Some(depth) => masonry(depth, row, columns - wall),
            })
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&"▔".repeat(columns));
    text.push('\n');
    text
}

/// The row of the water's surface at `x`, from the top.
fn surface_at(x: usize, phases: u64) -> usize {
    let shift = |bits: u32| (phases >> bits & 0xff) as f64 / 255.0 * std::f64::consts::TAU;
    let swell = (x as f64 / 5.0 + shift(0)).sin() + 0.6 * (x as f64 / 2.3 + shift(8)).sin();
    (3.5 - swell).round().clamp(1.0, HEIGHT as f64 - 1.0) as usize
}

fn water(surface: usize, row: usize) -> char {
    match row.checked_sub(surface) {
        None => ' ',
        Some(0) => '~',
        Some(1) => '≈',
        Some(_) => '░',
    }
}

/// The wall leans landwards and leaves one row of sky; the land behind it is low.
fn masonry(depth: usize, row: usize, width: usize) -> char {
    let lean = (HEIGHT - row) / 2;
    match depth {
        _ if row == 0 => ' ',
        d if d < lean => ' ',
        d if d > width / 2 + lean => {
            if row == HEIGHT - 1 {
                '▒'
            } else {
                ' '
            }
        }
        d => {
            if (d + row * 2).is_multiple_of(4) {
                '▌'
            } else {
                '█'
            }
        }
    }
}
