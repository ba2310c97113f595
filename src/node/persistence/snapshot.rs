//! A snapshot of the data set becomes bytes, slice by slice: for a file, or for replicas.

use std::time::Duration;

use super::form::Form;
use crate::engine::Engine;
use crate::engine::persistence::SaveHead;
use crate::keyspace::SnapshotStep;
use crate::node::Faults;
use crate::persistence::aof::BaseForm;
use crate::replication::Parts;
use crate::runtime::Runtime;

/// Buckets between two looks at the clock.
const BUCKETS: usize = 16;
/// The longest that clients wait for a slice of the work.
const SLICE: Duration = Duration::from_micros(300);
/// However slow the clock (in a simulation it stands still meanwhile), no slice takes more steps.
pub(super) const STEPS_MAX: usize = 64;
/// So many bytes may wait for whoever takes them.
pub(super) const WAITING_BYTES_MAX: usize = 1 << 20;

/// The bytes of a snapshot under way.
pub(in crate::node) struct Snapshot {
    form: Form,
    head: SaveHead,
    parts: Parts,
    faults: Faults,
}

impl Snapshot {
    /// Of what the engine has begun to save.
    pub fn begin(form: BaseForm, engine: &Engine, mut head: SaveHead, parts: Parts, faults: Faults) -> Self {
        if !parts.functions {
            head.libraries.clear();
        }
        Snapshot { form: Form::begin(form, engine, &head, parts.for_valkey), head, parts, faults }
    }

    /// As much as may be done before others have their turn.
    pub fn slice<R: Runtime>(&mut self, engine: &mut Engine) -> SnapshotStep {
        let started = R::now();
        let access = engine.saves_use().then(|| engine.access());
        for _ in 0..STEPS_MAX {
            let step = engine.save_step(BUCKETS, |database, shown| {
                if self.parts.data {
                    self.form.show(&self.head, database, shown, access, self.faults.forget_expiry);
                }
            });
            if step == SnapshotStep::Done
                || self.form.buffered() >= WAITING_BYTES_MAX
                || R::now() - started > SLICE
            {
                return step;
            }
        }
        SnapshotStep::More
    }

    /// Bytes that wait to be taken.
    pub fn buffered(&self) -> usize {
        self.form.buffered()
    }

    /// The bytes since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        self.form.take()
    }

    /// Nothing comes any more. What the first bytes have to be, if not what they are: for who can still change them.
    pub fn end(&mut self) -> Option<[u8; 9]> {
        self.form.end();
        self.form.final_header()
    }

    /// Nothing comes any more, and the first bytes have left.
    pub fn end_as_it_is(&mut self) {
        self.form.end_as_it_is();
    }
}

/// What was held back for a save that has ended too early goes.
pub(super) fn clear_slice(engine: &mut Engine) -> SnapshotStep {
    engine.save_step(BUCKETS * STEPS_MAX, |_, _| ())
}
