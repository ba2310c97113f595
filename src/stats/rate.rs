//! How fast a counter rises: the mean over the last samples, as in INFO's `instantaneous_*`.

use crate::runtime::Monotonic;

/// Samples that the mean is taken over.
const SAMPLES: usize = 16;

/// The rate of one counter.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    samples: [f64; SAMPLES],
    next: usize,
    last: Option<(Monotonic, u64)>,
}

impl Rate {
    /// Notes the counter's value; meant to be called at an even pace of about a tenth of a second.
    pub fn sample(&mut self, now: Monotonic, counter: u64) {
        if let Some((then, before)) = self.last {
            let seconds = (now - then).as_secs_f64();
            if seconds > 0.0 {
                self.samples[self.next] = counter.saturating_sub(before) as f64 / seconds;
                self.next = (self.next + 1) % SAMPLES;
            }
        }
        self.last = Some((now, counter));
    }

    /// The mean rate a second.
    pub fn per_second(&self) -> f64 {
        self.samples.iter().sum::<f64>() / SAMPLES as f64
    }
}
