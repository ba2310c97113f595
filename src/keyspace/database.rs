//! One database: tables, and the operations on them.

use super::field_deadlines::{Element, FieldDeadlines};
use super::key::{Hasher, Key, SLOT_COUNT};
use super::ledger::Ledger;
use super::slot::Slot;
use super::slots::Slots;
use super::snapshot::{Shown, Snapshot, SnapshotStep, WHOLE_BYTES_MAX, free_tables};
use crate::types::table::{ExpireLimits, ExpireStep, below};
use crate::types::{EntryRef, HashKey, ObjectRef, OwnedEntry, Table, Value, size_class};

/// Bits of a cluster's cursors that name the hash slot.
const SLOT_BITS: u32 = SLOT_COUNT.trailing_zeros();

/// See the module. All methods that take a [`Key`] want one of the hasher that the database was made with.
pub struct Database {
    /// One table, or in a cluster one for each hash slot.
    tables: Vec<Table>,
    /// There if, and only if, the node is a cluster's or a snapshot is under way.
    ledger: Option<Box<Ledger>>,
    /// Hashes that have fields with deadlines.
    fields: FieldDeadlines,
    hash_key: HashKey,
}

impl Database {
    /// An empty database for the keys of `hasher`, with a table for each hash slot if it is a cluster's.
    pub fn new(hasher: Hasher) -> Self {
        let slots = hasher.is_cluster().then(Slots::new);
        let ledger = slots.map(|slots| Box::new(Ledger { snapshot: None, slots: Some(slots) }));
        let count = if hasher.is_cluster() { usize::from(SLOT_COUNT) } else { 1 };
        let (tables, hash_key) = (empty_tables(count, hasher.hash_key()), hasher.hash_key());
        Self { tables, ledger, fields: FieldDeadlines::default(), hash_key }
    }

    fn slots(&self) -> Option<&Slots> {
        self.ledger.as_ref().and_then(|ledger| ledger.slots.as_ref())
    }

    fn snapshot(&self) -> Option<&Snapshot> {
        self.ledger.as_ref().and_then(|ledger| ledger.snapshot.as_ref())
    }

    /// How many keys there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.slots().map_or_else(|| self.tables[0].len(), |slots| slots.len)
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many keys have an expiry.
    pub fn volatile_len(&self) -> usize {
        self.slots().map_or_else(|| self.tables[0].volatile_len(), |slots| slots.volatile)
    }

    /// Bytes allocated for keys, values and tables, by size class. What a snapshot holds back is not among them
    /// (see [`snapshot_memory_bytes`](Self::snapshot_memory_bytes)).
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        let tables = self.slots().map_or_else(|| self.tables[0].memory_bytes(), |slots| slots.bytes);
        self.empty_bytes() + tables + self.fields.memory_bytes()
    }

    /// The part of them that is neither keys nor values: of the tables, and of the index of fields that expire.
    pub fn overhead_bytes(&self) -> (usize, usize) {
        let tables: usize = self.tables.iter().map(Table::overhead_bytes).sum();
        (self.empty_bytes() + tables, self.fields.memory_bytes())
    }

    /// Bytes that an empty database takes.
    #[inline]
    fn empty_bytes(&self) -> usize {
        let slots = if self.slots().is_some() { Slots::MEMORY_BYTES } else { 0 };
        size_class(self.tables.len() * size_of::<Table>()) + slots
    }

    /// How many keys a hash slot holds; 0 outside a cluster.
    pub fn slot_len(&self, slot: u16) -> usize {
        self.slot_table(slot).map_or(0, Table::len)
    }

    /// Shows up to `count` keys of a hash slot; none outside a cluster.
    pub fn slot_keys(&self, slot: u16, count: usize, mut each: impl FnMut(EntryRef<'_>)) {
        let Some(table) = self.slot_table(slot) else { return };
        let (mut left, mut cursor) = (count, 0);
        while left > 0 {
            cursor = table.scan(cursor, |entry| {
                if left > 0 {
                    left -= 1;
                    each(entry);
                }
            });
            if cursor == 0 {
                return;
            }
        }
    }

    fn slot_table(&self, slot: u16) -> Option<&Table> {
        self.slots().and_then(|_| self.tables.get(usize::from(slot)))
    }

    #[inline]
    fn table(&self, key: &Key<'_>) -> &Table {
        // A key of this database's hasher has a slot below the number of its tables.
        &self.tables[usize::from(key.slot)]
    }

    /// Makes room for so many keys, if there are none yet; a cluster's, of which nobody knows the hash slots, grow as they come.
    pub fn expect(&mut self, keys: usize) {
        if let [table] = &mut self.tables[..] {
            table.expect(keys);
        }
    }

    /// Fetches the cache line of a key's bucket: the first pass over a batch of keys.
    #[inline]
    pub fn prefetch_bucket(&self, key: &Key<'_>) {
        self.table(key).prefetch_bucket(key.hash);
    }

    /// Fetches a key's likely entry: the second pass over a batch of keys.
    #[inline]
    pub fn prefetch_entry(&self, key: &Key<'_>) {
        self.table(key).prefetch_entry(key.hash);
    }

    /// The entry of a key, expired or not. To touch it, use [`EntryRef::set_clock`].
    #[inline]
    pub fn get(&self, key: &Key<'_>) -> Option<EntryRef<'_>> {
        self.table(key).get(key.hash, key.bytes)
    }

    /// What stands at a key, to be changed with the same lookup.
    #[inline]
    pub fn slot<'a>(&'a mut self, key: &Key<'a>) -> Slot<'a> {
        Slot::new(&mut self.tables[usize::from(key.slot)], self.ledger.as_deref_mut(), *key)
    }

    /// Takes a key's entry out.
    #[inline]
    pub fn remove(&mut self, key: &Key<'_>) -> Option<OwnedEntry> {
        match self.slot(key) {
            Slot::Occupied(occupied) => Some(occupied.remove()),
            Slot::Vacant(_) => None,
        }
    }

    /// Puts value, expiry and access clock of a removed entry (or of a copy of one) under a key, in place of what stands
    /// there, which comes back.
    #[must_use = "a large value must not be freed at once"]
    pub fn insert_removed(&mut self, key: &Key<'_>, mut removed: OwnedEntry) -> Option<OwnedEntry> {
        let old = self.remove(key);
        let (expiry, clock) = (removed.expiry(), removed.entry().clock());
        if let Slot::Vacant(vacant) = self.slot(key) {
            vacant.insert(removed.take_value(), expiry, clock);
        }
        self.note_fields(key);
        old
    }

    /// Whether a field of a hash may be past its deadline.
    #[inline]
    pub fn fields_may_be_due(&self, now_ms: i64) -> bool {
        !self.fields.is_empty() && self.fields.is_due(now_ms)
    }

    /// Notes that a key holds a hash whose fields have deadlines, if that is so. Whoever gives fields deadlines, or stores a
    /// hash that has some, must say so by this, lest they be hidden when they are due but never go;
    /// [`insert_removed`](Self::insert_removed) does it itself.
    pub fn note_fields(&mut self, key: &Key<'_>) {
        let Some(soonest_ms) = self.get(key).and_then(|entry| fields_soonest(entry)) else { return };
        self.fields.add((soonest_ms, key.slot, key.hash));
        for _ in 0..FIELDS_CHECKED {
            if let Some(element) = self.fields.next_to_check() {
                self.check_fields(element);
            }
        }
    }

    /// One step of the search for fields past their deadline.
    pub fn next_due_fields(&mut self, now_ms: i64) -> DueFields {
        let Some(element) = self.fields.first().filter(|first| first.0 < now_ms) else {
            return DueFields::None;
        };
        match self.check_fields(element) {
            Some((soonest_ms, key)) if soonest_ms < now_ms => DueFields::Of(key),
            _ => DueFields::Stale,
        }
    }

    /// Brings an element of the index up to date; the key, with its soonest deadline, if it has one.
    fn check_fields(&mut self, element: Element) -> Option<(i64, Vec<u8>)> {
        let mut found: Option<(i64, Vec<u8>)> = None;
        self.tables[usize::from(element.1)].each_of_hash(element.2, |entry| {
            let soonest = fields_soonest(entry);
            if let Some(soonest_ms) =
                soonest.filter(|at_ms| found.as_ref().is_none_or(|first| *at_ms < first.0))
            {
                found = Some((soonest_ms, entry.key().to_vec()));
            }
        });
        self.fields.correct(element, found.as_ref().map(|(soonest_ms, _)| *soonest_ms));
        found
    }

    /// Empties the database, and hands out what was in it, to be freed in slices. A snapshot that is under way gets it
    /// instead.
    pub fn clear(&mut self) -> Cleared {
        let fresh = empty_tables(self.tables.len(), self.hash_key);
        let mut tables = Some(std::mem::replace(&mut self.tables, fresh));
        self.fields = FieldDeadlines::default();
        if let Some(ledger) = &mut self.ledger {
            ledger.slots = ledger.slots.as_ref().map(|_| Slots::new());
            if let Some(snapshot) = &mut ledger.snapshot {
                tables = tables.and_then(|tables| snapshot.on_clear(tables));
            }
        }
        Cleared { tables: tables.unwrap_or_default() }
    }

    /// Takes the place of what it holds what another database does; neither of them has been told of it. A snapshot that is under way
    /// shows what was there before.
    pub fn take_over(&mut self, other: Database) -> Cleared {
        let cleared = self.clear();
        (self.tables, self.fields) = (other.tables, other.fields);
        if let Some(ledger) = &mut self.ledger {
            ledger.slots = other.ledger.and_then(|other| other.slots);
        } else {
            self.ledger = other.ledger;
        }
        cleared
    }

    /// Shows one bucket's entries and returns the next cursor. A walk begins at cursor 0 and ends when 0 comes back.
    ///
    /// An entry that is present throughout a walk is shown at least once, whatever happens between the steps; any cursor
    /// may be given.
    pub fn scan(&self, cursor: u64, each: impl FnMut(EntryRef<'_>)) -> u64 {
        let Some(slots) = self.slots() else { return self.tables[0].scan(cursor, each) };
        let slot = cursor as usize & (self.tables.len() - 1);
        let next = self.tables[slot].scan(cursor >> SLOT_BITS, each);
        if next != 0 {
            // A table's cursor is below twice its number of buckets, far below 2^50.
            return next << SLOT_BITS | slot as u64;
        }
        slots.next_with_keys(slot + 1).map_or(0, |slot| slot as u64)
    }

    /// A key, each as likely as any other; `random` gives uniform words.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<EntryRef<'_>> {
        self.tables[self.random_slot(&mut random)?].random(&mut random)
    }

    /// A key with an expiry, each about as likely as any other.
    pub fn random_volatile(&self, mut random: impl FnMut() -> u64) -> Option<EntryRef<'_>> {
        let slot = self.random_slot(&mut random)?;
        self.tables_from(slot).find_map(|table| table.random_volatile(&mut random))
    }

    /// Shows about `count` keys, near each other from a random place on; fewer where keys are few and far between.
    pub fn sample(&self, count: usize, mut random: impl FnMut() -> u64, mut each: impl FnMut(EntryRef<'_>)) {
        let Some(slot) = self.random_slot(&mut random) else { return };
        let mut left = count.min(self.len());
        for table in self.tables_from(slot).filter(|table| !table.is_empty()).take(count) {
            table.sample(left, &mut random, |entry| {
                left -= 1;
                each(entry);
            });
            if left == 0 {
                return;
            }
        }
    }

    /// The number of a table, taken with the likelihood of its length.
    fn random_slot(&self, random: &mut impl FnMut() -> u64) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        match self.slots() {
            None => Some(0),
            Some(slots) => slots.of_rank(below(random(), slots.len)),
        }
    }

    /// All tables, from a number around.
    fn tables_from(&self, slot: usize) -> impl Iterator<Item = &Table> {
        self.tables[slot..].iter().chain(&self.tables[..slot])
    }

    /// Shows keys that have expired at `now_ms` (Unix time in milliseconds), from a cursor on, within limits. The caller
    /// removes them. Cursor 0 begins a walk; it promises nothing about entries that move meanwhile, they wait for the next.
    pub fn expire_step(
        &self,
        cursor: u64,
        now_ms: i64,
        limits: ExpireLimits,
        each: impl FnMut(EntryRef<'_>),
    ) -> ExpireStep {
        let Some(slots) = self.slots() else {
            return self.tables[0].expire_step(cursor, now_ms, limits, each);
        };
        self.expire_slots(slots, cursor, now_ms, limits, each)
    }

    /// The same over the tables of a cluster's slots; each of them counts for one bucket at least.
    fn expire_slots(
        &self,
        slots: &Slots,
        cursor: u64,
        now_ms: i64,
        limits: ExpireLimits,
        mut each: impl FnMut(EntryRef<'_>),
    ) -> ExpireStep {
        let mut all = ExpireStep { cursor, ..ExpireStep::default() };
        while all.buckets < limits.buckets && all.volatile < limits.entries {
            let slot = all.cursor as usize & (self.tables.len() - 1);
            let left = ExpireLimits {
                buckets: limits.buckets - all.buckets,
                entries: limits.entries - all.volatile,
            };
            let step = self.tables[slot].expire_step(all.cursor >> SLOT_BITS, now_ms, left, &mut each);
            all.buckets += step.buckets.max(1);
            all.volatile += step.volatile;
            all.expired += step.expired;
            all.cursor = match step.cursor {
                0 => slots.next_with_keys(slot + 1).map_or(0, |slot| slot as u64),
                cursor => cursor << SLOT_BITS | slot as u64,
            };
            if all.cursor == 0 {
                break;
            }
        }
        all
    }

    /// Begins a point-in-time iteration over the database as it is now; false if the last one is not over.
    /// `label` comes back from [`snapshot_label`](Self::snapshot_label), whatever SWAPDB does meanwhile.
    pub fn snapshot_begin(&mut self, label: usize) -> bool {
        self.snapshot_begin_parting(label, WHOLE_BYTES_MAX)
    }

    /// The same; values that take more bytes are shown in parts.
    pub(super) fn snapshot_begin_parting(&mut self, label: usize, whole_bytes_max: usize) -> bool {
        let ledger = self.ledger.get_or_insert_with(|| Box::new(Ledger { snapshot: None, slots: None }));
        if ledger.snapshot.is_some() {
            return false;
        }
        ledger.snapshot = Some(Snapshot::new(label, whole_bytes_max));
        true
    }

    /// Goes on with the iteration for so many buckets, or for eight times as many elements of a large value; `sink` gets every
    /// entry that was there when it began, each once, in no particular order.
    pub fn snapshot_step(&mut self, buckets: usize, sink: impl FnMut(Shown<'_>)) -> SnapshotStep {
        let Some(ledger) = &mut self.ledger else { return SnapshotStep::Done };
        let Some(snapshot) = &mut ledger.snapshot else { return SnapshotStep::Done };
        let step = snapshot.step(&mut self.tables, buckets, sink);
        if step == SnapshotStep::Done {
            ledger.snapshot = None;
            if ledger.slots.is_none() {
                self.ledger = None;
            }
        }
        step
    }

    /// Gives up the iteration; it must still be stepped until it is `Done`.
    pub fn snapshot_abort(&mut self) {
        if let Some(snapshot) = self.ledger.as_mut().and_then(|ledger| ledger.snapshot.as_mut()) {
            snapshot.abort();
        }
    }

    /// The label of the iteration, while it has something to show.
    pub fn snapshot_label(&self) -> Option<usize> {
        self.snapshot().filter(|snapshot| snapshot.is_live()).map(Snapshot::label)
    }

    /// Whether the iteration has shown some parts of a value, but not all.
    pub fn snapshot_is_within_value(&self) -> bool {
        self.snapshot().is_some_and(Snapshot::is_within_value)
    }

    #[cfg(test)]
    pub(super) fn tables_for_tests(&self) -> &[Table] {
        &self.tables
    }

    /// Bytes that the iteration holds back: copies of old entries and of parts of large values, large values that nobody else
    /// has any more, tables of a database that was cleared.
    pub fn snapshot_memory_bytes(&self) -> usize {
        self.snapshot().map_or(0, Snapshot::memory_bytes)
    }
}

/// Elements of the index of fields' deadlines that are looked at for each one that is added.
const FIELDS_CHECKED: usize = 2;

/// What a step of the search for fields past their deadline found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DueFields {
    /// There are none.
    None,
    /// The key that was looked at has none any more; go on.
    Stale,
    /// This key holds a hash that has some.
    Of(Vec<u8>),
}

/// The soonest deadline of the fields of what is stored, if it is a hash that has any.
fn fields_soonest(entry: EntryRef<'_>) -> Option<i64> {
    match entry.value() {
        Value::Object(ObjectRef::Hash(hash)) => hash.soonest(),
        _ => None,
    }
}

fn empty_tables(count: usize, hash_key: HashKey) -> Vec<Table> {
    (0..count).map(|_| Table::new(hash_key)).collect()
}

/// What was in a database; dropping it frees it at once.
pub struct Cleared {
    tables: Vec<Table>,
}

impl Cleared {
    /// How many keys are left.
    pub fn len(&self) -> usize {
        self.tables.iter().map(Table::len).sum()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frees up to so many buckets with their entries; true when nothing is left.
    pub fn free_step(&mut self, buckets: usize) -> bool {
        free_tables(&mut self.tables, buckets)
    }
}
