//! What the runs have shown, in numbers.

use std::fmt;
use std::time::Duration;

use seawall_checker::durability::Statistics;

/// Sums over runs.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Kills after which everything was read and judged.
    pub kills: u64,
    /// Of them, how many came while something was being saved or rewritten because somebody had asked for it.
    pub keeping: u64,
    /// Of them, how many left unfinished files.
    pub unfinished: u64,
    /// Of them, how many came within milliseconds of the restart.
    pub soon: u64,
    /// Kills while what there is was being loaded.
    pub loading: u64,
    /// Units that were answered.
    pub acknowledged: usize,
    /// Of them, how many were lost, as the promise allows.
    pub lost: usize,
    /// Units that were not answered and are there.
    pub kept_unanswered: usize,
    /// The longest that a restart took.
    pub restart: Duration,
}

impl Tally {
    /// Adds another.
    pub fn add(&mut self, other: &Tally) {
        self.runs += other.runs;
        self.kills += other.kills;
        self.keeping += other.keeping;
        self.unfinished += other.unfinished;
        self.soon += other.soon;
        self.loading += other.loading;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.kept_unanswered += other.kept_unanswered;
        self.restart = self.restart.max(other.restart);
    }

    /// The judge's figures of a run.
    pub fn judged(&mut self, statistics: Statistics) {
        self.acknowledged = statistics.acknowledged;
        self.lost = statistics.lost;
        self.kept_unanswered = statistics.kept_unanswered;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs; {} kills under load ({} while saving or rewriting, {} left unfinished files, {} right after a restart) \
             and {} while loading; {} units answered, {} of them lost, {} kept that were not answered; longest restart {} ms",
            self.runs,
            self.kills,
            self.keeping,
            self.unfinished,
            self.soon,
            self.loading,
            self.acknowledged,
            self.lost,
            self.kept_unanswered,
            self.restart.as_millis()
        )
    }
}
