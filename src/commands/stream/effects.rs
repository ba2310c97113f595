//! What commands of groups leave in the effects: as in Redis, not the request, but who has which entries now.
//!
//! XREADGROUP, XCLAIM and XAUTOCLAIM depend on the clock and on each other. They leave XCLAIM with the time and the number of
//! deliveries for what was given to a consumer, XACK for what was found to be deleted, XGROUP SETID for how far the group
//! has come, and XGROUP CREATECONSUMER.

use crate::engine::Call;
use crate::keyspace::Key;
use crate::types::stream::{IdText, StreamId};

/// A delivery: the entry, its time in Unix milliseconds, how many there have been.
pub(super) type Delivery = (StreamId, i64, i64);

/// Whom the effects are about.
#[derive(Clone, Copy)]
pub(super) struct Party<'a> {
    pub(super) key: Key<'a>,
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
}

impl Party<'_> {
    /// A consumer was made.
    pub(super) fn say_created(&self, call: &mut Call<'_>) {
        call.propagate(&[b"XGROUP", b"CREATECONSUMER", self.key.bytes, self.group, self.consumer]);
    }

    /// Entries were given to the consumer of a group that has come so far.
    pub(super) fn say_delivered(&self, call: &mut Call<'_>, deliveries: &[Delivery], last_id: StreamId) {
        for alike in deliveries.chunk_by(|a, b| (a.1, a.2) == (b.1, b.2)) {
            self.say_alike(call, alike, last_id);
        }
    }

    /// The same for entries that agree in time and number.
    fn say_alike(&self, call: &mut Call<'_>, alike: &[Delivery], last_id: StreamId) {
        let Some((_, delivered_ms, deliveries)) = alike.first() else { return };
        let texts: Vec<Vec<u8>> = alike.iter().map(|(id, ..)| text(*id)).collect();
        let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
        let mut words: Vec<&[u8]> = vec![b"XCLAIM", self.key.bytes, self.group, self.consumer, b"0"];
        words.extend(texts.iter().map(Vec::as_slice));
        words.extend([b"TIME", time.format(*delivered_ms).as_bytes()]);
        words.extend([b"RETRYCOUNT", count.format(*deliveries).as_bytes()]);
        let mut last = IdText::default();
        words.extend([&b"FORCE"[..], b"JUSTID", b"LASTID", last_id.text(&mut last)]);
        call.propagate(&words);
    }

    /// Pending entries were found to be deleted, and are pending no more.
    pub(super) fn say_forgotten(&self, call: &mut Call<'_>, ids: &[StreamId]) {
        if ids.is_empty() {
            return;
        }
        let texts: Vec<Vec<u8>> = ids.iter().map(|id| text(*id)).collect();
        let mut words: Vec<&[u8]> = vec![b"XACK", self.key.bytes, self.group];
        words.extend(texts.iter().map(Vec::as_slice));
        call.propagate(&words);
    }

    /// The group has come so far.
    pub(super) fn say_progress(&self, call: &mut Call<'_>, last_id: StreamId, entries_read: Option<i64>) {
        let (mut last, mut read) = (IdText::default(), itoa::Buffer::new());
        let read = read.format(entries_read.unwrap_or(-1)).as_bytes();
        let last = last_id.text(&mut last);
        call.propagate(&[b"XGROUP", b"SETID", self.key.bytes, self.group, last, b"ENTRIESREAD", read]);
    }
}

fn text(id: StreamId) -> Vec<u8> {
    id.text(&mut IdText::default()).to_vec()
}
