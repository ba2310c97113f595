//! LATENCY GRAPH: a drawing of the slow moments of an event, one column each, its age below.

use std::fmt::Write;

use crate::stats::Series;

/// Lines of the drawing itself.
const ROWS: u64 = 4;
/// A column's mark in its highest row, by how much of the row it fills.
const MARKS: [char; 3] = ['_', 'o', '#'];

/// Draws the series as seen at this time.
pub(super) fn draw(event: &str, series: &Series, now_seconds: i64) -> String {
    let (low, high) = bounds(series);
    let mut text = format!("{event} - high {high} ms, low {low} ms (all time high {} ms)\n", series.max_ms);
    text.push_str(&"-".repeat(80));
    text.push('\n');
    for row in (0..ROWS).rev() {
        let line: String = series.samples().map(|(_, ms)| mark(ms, low, high, row)).collect();
        push_line(&mut text, &line);
    }
    text.push('\n');
    let ages: Vec<String> = series.samples().map(|(seconds, _)| age(now_seconds - seconds)).collect();
    for i in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        let line: String = ages.iter().map(|age| age.chars().nth(i).unwrap_or(' ')).collect();
        push_line(&mut text, &line);
    }
    text
}

fn push_line(text: &mut String, line: &str) {
    // Writing to memory does not fail.
    let _ = writeln!(text, "{}", line.trim_end());
}

fn bounds(series: &Series) -> (u64, u64) {
    let durations = || series.samples().map(|(_, ms)| ms);
    (durations().min().unwrap_or(0), durations().max().unwrap_or(0))
}

/// What a column shows in a row, counted from the bottom.
fn mark(ms: u64, low: u64, high: u64, row: u64) -> char {
    let steps = ROWS * MARKS.len() as u64;
    let height = if high == low { steps } else { 1 + (ms - low) * (steps - 1) / (high - low) };
    match height.saturating_sub(row * MARKS.len() as u64) {
        0 => ' ',
        part if part > MARKS.len() as u64 => '|',
        part => MARKS[part as usize - 1],
    }
}

/// A span of time in its greatest unit.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
