//! XCLAIM and XAUTOCLAIM: a consumer takes over what is pending for others.

use super::effects::{Delivery, Party};
use super::{ids, write};
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Around, Call, Class, Failure};
use crate::protocol::request::Request;
use crate::text::number::parse_i64;
use crate::types::stream::{ConsumerId, Group, Log, Pending, Stream, StreamId};

/// XAUTOCLAIM looks at so many pending entries for each that it may return.
const LOOKS_EACH: usize = 10;
const AUTO_COUNT: i64 = 100;

pub(super) const XCLAIM: Command = Command {
    name: "xclaim",
    arity: -6,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    summary: "Gives pending entries to a consumer, if nobody has asked for them for some time.",
    complexity: "O(log N) for each id, with N the entries that are pending in the group",
    syntax: "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] \
             [JUSTID] [LASTID lastid]",
    tips: &["nondeterministic_output"],
    handler: xclaim,
    ..super::BASE
};

fn xclaim(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let (wanted, now_ms) = (call.engine.effects.wanted(), call.stamp_ms());
    let is_loading = call.engine.persistence.replaying().is_some();
    let edited = call.edit(&key, |stream: &mut Stream, around| {
        let (mut group, log) = stream.group_with_log(request.arg(2)).ok_or_else(|| no_group(request))?;
        let options = Options::parse(request, now_ms, is_loading)?;
        Ok(claim(&mut group, log, request, &options, around, (wanted, now_ms)))
    })?;
    let claimed = edited.ok_or_else(|| no_group(request))?.result?;
    let party = Party { key, group: call.arg(2), consumer: call.arg(3) };
    say(call, party, &claimed);
    Ok(())
}

fn no_group(request: Request<'_>) -> Failure {
    ids::no_group(request.arg(1), request.arg(2))
}

/// The options of XCLAIM.
#[derive(Clone, Copy, Debug)]
struct Options {
    idle_ms_min: i64,
    /// Behind the last id.
    ids_end: usize,
    delivered_ms: i64,
    deliveries: Option<i64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
}

impl Options {
    fn parse(request: Request<'_>, now_ms: i64, is_loading: bool) -> Result<Options, Failure> {
        let idle_ms_min = number(request.arg(4), "min-idle-time")?;
        let ids = request.iter_from(5).take_while(|text| ids::id(text).is_ok()).count();
        let mut options = Options {
            idle_ms_min,
            ids_end: 5 + ids,
            delivered_ms: -1,
            deliveries: None,
            force: false,
            just_id: false,
            last_id: StreamId::MIN,
        };
        let (mut i, mut is_effect) = (options.ids_end, is_loading);
        while i < request.len() {
            is_effect |= request.arg(i).eq_ignore_ascii_case(b"lastid");
            i += options.take(request, i, now_ms)?;
        }
        // A time that makes no sense is taken for now; but in an append log, and where LASTID stands, which only effects carry,
        // the clock by which the time was taken may be ahead of ours.
        if options.delivered_ms < 0 || options.delivered_ms > now_ms && !is_effect {
            options.delivered_ms = now_ms;
        }
        Ok(options)
    }

    /// Takes the option at argument `i`; tells how many arguments that were.
    fn take(&mut self, request: Request<'_>, i: usize, now_ms: i64) -> Result<usize, Failure> {
        let is = |word: &str| request.arg(i).eq_ignore_ascii_case(word.as_bytes());
        match request.get(i + 1) {
            _ if is("force") => self.force = true,
            _ if is("justid") => self.just_id = true,
            Some(next) if is("idle") => {
                self.delivered_ms = now_ms.wrapping_sub(number(next, "IDLE option")?);
                return Ok(2);
            }
            Some(next) if is("time") => {
                self.delivered_ms = number(next, "TIME option")?;
                return Ok(2);
            }
            Some(next) if is("retrycount") => {
                self.deliveries = Some(number(next, "RETRYCOUNT option")?).filter(|count| *count >= 0);
                return Ok(2);
            }
            Some(next) if is("lastid") => {
                self.last_id = ids::id(next)?;
                return Ok(2);
            }
            _ => {
                let text = [b"ERR Unrecognized XCLAIM option '", request.arg(i), b"'"].concat();
                return Err(Failure::new(text));
            }
        }
        Ok(1)
    }
}

fn number(text: &[u8], what: &str) -> Result<i64, Failure> {
    parse_i64(text).ok_or_else(|| Failure::new(format!("ERR Invalid {what} argument for XCLAIM")))
}

/// What claiming did.
#[derive(Debug, Default)]
struct Claimed {
    /// Whether the consumer was made.
    created: bool,
    /// How many entries were given to the consumer, and which, if somebody wants the effects.
    given: usize,
    deliveries: Vec<Delivery>,
    /// Entries that were pending and deleted.
    forgotten: Vec<StreamId>,
    /// Whether the group's last id was set.
    moved: bool,
    last_id: StreamId,
    entries_read: Option<i64>,
}

fn claim(
    group: &mut Group,
    log: &Log,
    request: Request<'_>,
    options: &Options,
    around: &mut Around<'_, '_>,
    (wanted, now_ms): (bool, i64),
) -> Claimed {
    let (id, created) = group.consumer_or_new(request.arg(3), now_ms);
    group.consumer_mut(id).seen_ms = now_ms;
    let moved = options.last_id > group.last_id;
    group.last_id = group.last_id.max(options.last_id);
    let mut claimed = Claimed {
        created,
        moved,
        last_id: group.last_id,
        entries_read: group.entries_read,
        ..Claimed::default()
    };
    let mut taker = Taker { group, log, consumer: id, options: *options, now_ms, wanted };
    let mark = around.reply.deferred_array();
    for text in request.iter_from(5).take(options.ids_end - 5) {
        // Only ids stand before the end of the ids.
        let Ok(id) = ids::id(text) else { break };
        taker.take(id, around, &mut claimed);
    }
    around.reply.close(mark, claimed.given);
    claimed
}

/// A consumer taking entries over.
struct Taker<'r> {
    group: &'r mut Group,
    log: &'r Log,
    consumer: ConsumerId,
    options: Options,
    now_ms: i64,
    wanted: bool,
}

impl Taker<'_> {
    /// Takes an entry if it may, and answers with it; forgets it if it is deleted.
    fn take(&mut self, id: StreamId, around: &mut Around<'_, '_>, claimed: &mut Claimed) {
        let pending = self.group.pending(id).copied();
        let Some(entry) = self.log.get(id) else {
            if self.group.acknowledge(id) {
                claimed.forgotten.push(id);
            }
            return;
        };
        let Some(before) =
            pending.map_or(self.options.force.then_some(1), |pending| self.deliveries(&pending))
        else {
            return;
        };
        let again = i64::from(!self.options.just_id);
        let deliveries = self.options.deliveries.unwrap_or(before.wrapping_add(again));
        let delivered_ms = self.options.delivered_ms;
        self.group.assign(id, Pending { consumer: self.consumer, delivered_ms, deliveries });
        self.group.consumer_mut(self.consumer).active_ms = Some(self.now_ms);
        match self.options.just_id {
            true => write::id(around.reply, id),
            false => write::entry(around.reply, &entry),
        }
        claimed.given += 1;
        if self.wanted {
            claimed.deliveries.push((id, delivered_ms, deliveries));
        }
    }

    /// How often a pending entry was delivered, if nobody has asked for it for long enough.
    fn deliveries(&self, pending: &Pending) -> Option<i64> {
        let least = self.options.idle_ms_min;
        let idle = self.now_ms.saturating_sub(pending.delivered_ms);
        (least <= 0 || idle >= least).then_some(pending.deliveries)
    }
}

/// Reports what was done. Watchers do not hear of it: the entries are as they were.
fn say(call: &mut Call<'_>, party: Party<'_>, claimed: &Claimed) {
    call.propagate_nothing();
    if claimed.created {
        call.engine.changes += 1;
        call.event(Class::Stream, "xgroup-createconsumer", &party.key);
        party.say_created(call);
    }
    call.engine.changes += (claimed.given + claimed.forgotten.len()) as u64;
    party.say_delivered(call, &claimed.deliveries, claimed.last_id);
    party.say_forgotten(call, &claimed.forgotten);
    if claimed.moved && claimed.given == 0 {
        call.engine.changes += 1;
        party.say_progress(call, claimed.last_id, claimed.entries_read);
    }
}

pub(super) const XAUTOCLAIM: Command = Command {
    name: "xautoclaim",
    arity: -6,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "delete"])],
    since: "6.2.0",
    summary: "Gives a consumer the pending entries for which nobody has asked for some time.",
    complexity: "O(1) if COUNT is small",
    syntax: "key group consumer min-idle-time start:string [COUNT count] [JUSTID]",
    tips: &["nondeterministic_output"],
    handler: xautoclaim,
    ..super::BASE
};

fn xautoclaim(call: &mut Call<'_>) -> Result<(), Failure> {
    let auto = Auto::parse(call)?;
    let (key, request) = (call.key(1), call.request);
    let wanted = call.engine.effects.wanted();
    let edited = call.edit(&key, |stream: &mut Stream, around| {
        let (mut group, log) = stream.group_with_log(request.arg(2))?;
        Some(auto.claim(&mut group, log, request.arg(3), around, wanted))
    })?;
    let claimed = edited.and_then(|edited| edited.result).ok_or_else(|| no_group(request))?;
    let party = Party { key, group: call.arg(2), consumer: call.arg(3) };
    say(call, party, &claimed);
    Ok(())
}

/// What XAUTOCLAIM is to claim.
struct Auto {
    start: StreamId,
    count: usize,
    options: Options,
}

impl Auto {
    fn parse(call: &Call<'_>) -> Result<Auto, Failure> {
        const BAD_COUNT: Failure = Failure::fixed("ERR COUNT must be > 0");
        let idle = parse_i64(call.arg(4));
        let idle_ms_min = idle.ok_or(Failure::fixed("ERR Invalid min-idle-time argument for XAUTOCLAIM"))?;
        let start = ids::start(call.arg(5))?;
        let (mut count, mut just_id, mut i) = (AUTO_COUNT, false, 6);
        while i < call.len() {
            if call.arg_is(i, "count") && i + 1 < call.len() {
                // The upper end is Redis's: ids of so many entries must be addressable.
                let found = parse_i64(call.arg(i + 1)).filter(|count| (1..=i64::MAX / 16).contains(count));
                count = found.ok_or(BAD_COUNT)?;
                i += 2;
            } else if call.arg_is(i, "justid") {
                just_id = true;
                i += 1;
            } else {
                return Err(Failure::SYNTAX);
            }
        }
        let delivered_ms = call.now.wall.millis();
        let options = Options {
            idle_ms_min,
            ids_end: 0,
            delivered_ms,
            deliveries: None,
            force: false,
            just_id,
            last_id: StreamId::MIN,
        };
        Ok(Auto { start, count: count as usize, options })
    }

    /// Claims, and answers with where to go on, what was claimed, and what was found to be deleted.
    fn claim(
        &self,
        group: &mut Group,
        log: &Log,
        consumer: &[u8],
        around: &mut Around<'_, '_>,
        wanted: bool,
    ) -> Claimed {
        let now_ms = around.now.wall.millis();
        let (id, created) = group.consumer_or_new(consumer, now_ms);
        group.consumer_mut(id).seen_ms = now_ms;
        let (found, next) = self.choose(group, log, now_ms);
        let mut claimed = Claimed { created, last_id: group.last_id, ..Claimed::default() };
        let mut taker = Taker { group, log, consumer: id, options: self.options, now_ms, wanted };
        around.reply.array(3);
        write::id(around.reply, next);
        let mark = around.reply.deferred_array();
        found.into_iter().for_each(|id| taker.take(id, around, &mut claimed));
        around.reply.close(mark, claimed.given);
        around.reply.array(claimed.forgotten.len());
        claimed.forgotten.iter().for_each(|id| write::id(around.reply, *id));
        claimed
    }

    /// The entries to take or to forget, and the first one that was not looked at (0-0 if there is none).
    fn choose(&self, group: &Group, log: &Log, now_ms: i64) -> (Vec<StreamId>, StreamId) {
        let mut pending = group.pending_from(self.start);
        let mut looks = self.count.saturating_mul(LOOKS_EACH);
        let mut found = Vec::new();
        while looks > 0 && found.len() < self.count {
            let Some((id, entry)) = pending.next() else { break };
            let idle = now_ms.saturating_sub(entry.delivered_ms);
            if self.options.idle_ms_min <= 0 || idle >= self.options.idle_ms_min || log.get(id).is_none() {
                found.push(id);
            }
            looks -= 1;
        }
        (found, pending.next().map_or(StreamId::MIN, |(id, _)| id))
    }
}
