//! LATENCY DOCTOR: what the figures mean, for people.

use std::fmt::Write;

use crate::engine::Engine;
use crate::stats::Series;

/// The report on all events.
pub(super) fn write(engine: &Engine) -> String {
    if engine.config.latency_monitor_threshold_ms == 0 {
        return "Nothing is known: latency is not monitored. CONFIG SET latency-monitor-threshold <milliseconds> starts it.\n"
            .to_owned();
    }
    if engine.latency.events().len() == 0 {
        return "Nothing was slow since monitoring began, or since the last LATENCY RESET.\n".to_owned();
    }
    let mut text = String::from("What was slow lately:\n\n");
    for (number, (event, series)) in engine.latency.events().enumerate() {
        let _ = write_event(&mut text, number + 1, event, series);
    }
    text.push_str("\nWhat may help:\n\n");
    for (event, _) in engine.latency.events() {
        let _ = writeln!(text, "- {event}: {}", advice(event));
    }
    text
}

fn write_event(text: &mut String, number: usize, event: &str, series: &Series) -> std::fmt::Result {
    let count = series.samples().len() as u64;
    let sum: u64 = series.samples().map(|(_, ms)| ms).sum();
    let mean = sum / count.max(1);
    let deviation = series.samples().map(|(_, ms)| ms.abs_diff(mean)).sum::<u64>() / count.max(1);
    writeln!(
        text,
        "{number}. {event}: {count} slow moments, {mean} ms on average (mean deviation {deviation} ms), {} ms at worst.",
        series.max_ms
    )
}

fn advice(event: &str) -> &'static str {
    match event {
        "command" => {
            "look at SLOWLOG GET; KEYS, SORT or large ranges are the usual reasons. SCAN works in small steps."
        }
        "fast-command" => {
            "a quick command took long, so the machine is likely short of processor time or memory (swapping)."
        }
        "expire-cycle" => {
            "many keys expire at the same time; spread their deadlines, or lower active-expire-effort."
        }
        "eviction-cycle" => {
            "many keys are evicted at a time; raise maxmemory, or delete large values in parts."
        }
        _ => "compare the moments with what else ran on the machine then.",
    }
}
