//! The figures: by durability, and of what is lost by cause and fault window.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::ledger::{Durability, Ledger};
use super::trial::Broken;

/// What cost an acknowledged write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The furthest of the compared nodes was promoted, and none that was compared need have had it.
    PromotedFurthest,
    /// A node was promoted although another was further, or nobody compared.
    PromotedBehind,
    /// The primary came back with less than it had.
    Restarted,
    /// A node acknowledged it that was not the primary any more.
    Deposed,
    /// Nothing: it had to survive.
    Unexplained,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cause::PromotedFurthest => "furthest promoted",
            Cause::PromotedBehind => "another promoted",
            Cause::Restarted => "restart of the primary",
            Cause::Deposed => "answered by a deposed primary",
            Cause::Unexplained => "UNEXPLAINED",
        })
    }
}

/// How a write was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What cost it.
    pub cause: Cause,
    /// Which event of the ledger, by its position.
    pub event: Option<usize>,
    /// The latest fault that reached from the acknowledgement to the event.
    pub window: Option<String>,
    /// How long before the event it was acknowledged.
    pub before: Duration,
    /// Or how long after it, by a deposed primary.
    pub after: Duration,
}

/// What became of an acknowledged write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is there.
    Survived,
    /// It is there, and was not at an earlier reading.
    Recovered,
    /// Nobody can tell.
    Open,
    /// It is gone.
    Lost(Loss),
}

/// Counts of acknowledged writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All.
    pub acknowledged: usize,
    /// There in the end.
    pub survived: usize,
    /// There in the end, and missing before.
    pub recovered: usize,
    /// Unknown.
    pub open: usize,
    /// Gone.
    pub lost: usize,
}

impl Tally {
    /// Lost of acknowledged, in percent.
    pub fn lost_percent(&self) -> f64 {
        if self.acknowledged == 0 { 0.0 } else { 100.0 * self.lost as f64 / self.acknowledged as f64 }
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: Tally) {
        self.acknowledged += other.acknowledged;
        self.survived += other.survived;
        self.recovered += other.recovered;
        self.open += other.open;
        self.lost += other.lost;
    }

    fn count(&mut self, fate: &Fate) {
        self.acknowledged += 1;
        match fate {
            Fate::Survived => self.survived += 1,
            Fate::Recovered => self.recovered += 1,
            Fate::Open => self.open += 1,
            Fate::Lost(_) => self.lost += 1,
        }
    }
}

/// Lost writes of one durability, cause and fault window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What they were given.
    pub durability: Durability,
    /// What cost them.
    pub cause: Cause,
    /// During which fault.
    pub window: Option<String>,
    /// How many.
    pub lost: usize,
    /// How long before the failover or restart the oldest was acknowledged.
    pub oldest: Duration,
    /// How long after it the newest was, by a deposed primary.
    pub newest_after: Duration,
}

/// See [`super::measure`]. `Display` prints a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By durability.
    pub tallies: BTreeMap<Durability, Tally>,
    /// What is lost, by durability, cause and window.
    pub rows: Vec<Row>,
    /// Broken promises; empty if all held.
    pub broken: Vec<Broken>,
    /// Of each write of the ledger; `None` where it was not acknowledged.
    pub fates: Vec<Option<Fate>>,
}

impl Report {
    /// All durabilities together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.tallies.values().for_each(|tally| total.add(*tally));
        total
    }

    /// How long before its failover or restart the oldest lost write was acknowledged.
    pub fn oldest(&self) -> Duration {
        self.rows.iter().map(|row| row.oldest).max().unwrap_or_default()
    }

    /// Adds another run's figures; what is said of single writes is left out.
    pub fn add(&mut self, other: &Report) {
        for (durability, tally) in &other.tallies {
            self.tallies.entry(*durability).or_default().add(*tally);
        }
        for row in &other.rows {
            add_row(&mut self.rows, row.clone());
        }
        self.broken.extend(other.broken.iter().cloned());
    }
}

fn add_row(rows: &mut Vec<Row>, row: Row) {
    let name = |row: &Row| (row.durability, row.cause, row.window.clone());
    match rows.iter_mut().find(|other| name(other) == name(&row)) {
        Some(other) => {
            other.lost += row.lost;
            other.oldest = other.oldest.max(row.oldest);
            other.newest_after = other.newest_after.max(row.newest_after);
        }
        None => rows.push(row),
    }
    rows.sort_by_key(name);
}

pub(super) fn compile(ledger: &Ledger, fates: &[Option<Fate>], broken: Vec<Broken>) -> Report {
    let mut report = Report { broken, fates: fates.to_vec(), ..Report::default() };
    for (write, fate) in ledger.writes.iter().zip(fates) {
        let Some(fate) = fate else { continue };
        report.tallies.entry(write.durability).or_default().count(fate);
        if let Fate::Lost(loss) = fate {
            let row = Row {
                durability: write.durability,
                cause: loss.cause,
                window: loss.window.clone(),
                lost: 1,
                oldest: loss.before,
                newest_after: loss.after,
            };
            add_row(&mut report.rows, row);
        }
    }
    report
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14} {:>12} {:>9} {:>10} {:>6} {:>6} {:>8}",
            "durability", "acknowledged", "survived", "recovered", "open", "lost", "percent"
        )?;
        for (durability, tally) in &self.tallies {
            let Tally { acknowledged, survived, recovered, open, lost } = tally;
            let percent = tally.lost_percent();
            writeln!(
                f,
                "{durability:<14} {acknowledged:>12} {survived:>9} {recovered:>10} {open:>6} {lost:>6} {percent:>7.2}%"
            )?;
        }
        if !self.rows.is_empty() {
            writeln!(f, "lost           {:<30} {:<22} {:>6}  acknowledged", "cause", "during", "count")?;
        }
        for row in &self.rows {
            let window = row.window.as_deref().unwrap_or("no fault");
            let when = match row.cause {
                Cause::Deposed => {
                    format!("up to {:.3} s after the other was chosen", row.newest_after.as_secs_f64())
                }
                _ => format!("up to {:.3} s before", row.oldest.as_secs_f64()),
            };
            writeln!(f, "{:<14} {:<30} {window:<22} {:>6}  {when}", row.durability, row.cause, row.lost)?;
        }
        self.broken.iter().try_for_each(|broken| writeln!(f, "broken: {broken}"))
    }
}
