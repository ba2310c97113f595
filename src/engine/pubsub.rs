//! Messages to channels: who has subscribed to what, and the way of a message to them.
//!
//! There are three spaces of names: channels, patterns of channels, and shard channels (which a cluster keeps within one
//! shard). A message goes to the subscribers of its channel first, then to those of each matching pattern, in the order of
//! the patterns; it is encoded once for each protocol version that somebody among them speaks.
//!
//! Guarantees: a name is in [`PubSub`] if and only if some session has subscribed to it; a session's `subscriptions` are
//! there if and only if there is one; what a client is sent comes behind the reply of the command that it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Engine;
use super::session::SessionHandle;
use crate::protocol::reply::{Reply, Version};
use crate::text::pattern::{Case, matches};

/// A space of names that clients subscribe to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Space {
    /// SUBSCRIBE.
    Channels,
    /// PSUBSCRIBE.
    Patterns,
    /// SSUBSCRIBE.
    Shards,
}

type Name = Rc<[u8]>;
/// Ordered by handle: any order would do, but it must be the same in every run.
type Subscribers = BTreeMap<Name, BTreeSet<SessionHandle>>;

/// All names that somebody has subscribed to.
#[derive(Debug, Default)]
pub struct PubSub {
    /// By [`Space`].
    spaces: [Subscribers; 3],
    /// How many sessions have subscriptions.
    clients: usize,
    /// The receivers of the message that is being sent: kept for its memory.
    receivers: Vec<SessionHandle>,
}

impl PubSub {
    /// The names of a space that have subscribers, in their order, with how many.
    pub fn names(&self, space: Space) -> impl Iterator<Item = (&[u8], usize)> {
        self.spaces[space as usize].iter().map(|(name, subscribers)| (&**name, subscribers.len()))
    }

    /// How many names of a space have subscribers.
    pub fn len(&self, space: Space) -> usize {
        self.spaces[space as usize].len()
    }

    /// How many have subscribed to a name.
    pub fn subscribers(&self, space: Space, name: &[u8]) -> usize {
        self.spaces[space as usize].get(name).map_or(0, BTreeSet::len)
    }

    /// How many clients have subscriptions.
    pub fn clients(&self) -> usize {
        self.clients
    }
}

/// What one session has subscribed to; never empty.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// By [`Space`].
    names: [BTreeSet<Name>; 3],
    /// The length of all names.
    name_bytes: usize,
}

impl Subscriptions {
    /// How many names of a space.
    pub fn len(&self, space: Space) -> usize {
        self.names[space as usize].len()
    }

    fn is_empty(&self) -> bool {
        self.names.iter().all(BTreeSet::is_empty)
    }

    /// Bytes of memory, roughly: the names are shared with [`PubSub`] and counted here.
    pub fn memory_bytes(&self) -> usize {
        let count: usize = self.names.iter().map(BTreeSet::len).sum();
        size_of::<Subscriptions>() + self.name_bytes + 2 * count * size_of::<Name>()
    }
}

/// A message in the form of each version, made when it is first asked for.
struct Message<'a> {
    parts: &'a [&'a [u8]],
    /// By version; empty until then.
    encoded: [Vec<u8>; 2],
}

impl<'a> Message<'a> {
    fn new(parts: &'a [&'a [u8]]) -> Self {
        Message { parts, encoded: Default::default() }
    }

    fn bytes(&mut self, version: Version) -> &[u8] {
        let encoded = &mut self.encoded[version as usize];
        if encoded.is_empty() {
            let mut reply = Reply::new(encoded, version);
            reply.push(self.parts.len());
            self.parts.iter().for_each(|part| reply.bulk(part));
        }
        encoded
    }
}

impl Engine {
    /// Subscribes a client, if it has not yet.
    pub fn subscribe(&mut self, client: SessionHandle, space: Space, name: &[u8]) {
        let subscribers = &mut self.pubsub.spaces[space as usize];
        let name: Name = match subscribers.get_key_value(name) {
            Some((known, _)) => known.clone(),
            None => name.into(),
        };
        subscribers.entry(name.clone()).or_default().insert(client);
        let session = &mut self.sessions[client];
        self.pubsub.clients += usize::from(session.subscriptions.is_none());
        let subscriptions = session.subscriptions.get_or_insert_default();
        let length = name.len();
        if subscriptions.names[space as usize].insert(name) {
            subscriptions.name_bytes += length;
        }
    }

    /// Ends a subscription, if there is one.
    pub fn unsubscribe(&mut self, client: SessionHandle, space: Space, name: &[u8]) {
        let Some(subscriptions) = &mut self.sessions[client].subscriptions else { return };
        if !subscriptions.names[space as usize].remove(name) {
            return;
        }
        subscriptions.name_bytes -= name.len();
        if subscriptions.is_empty() {
            self.sessions[client].subscriptions = None;
            self.pubsub.clients -= 1;
        }
        let names = &mut self.pubsub.spaces[space as usize];
        if let Some(subscribers) = names.get_mut(name) {
            subscribers.remove(&client);
            if subscribers.is_empty() {
                names.remove(name);
            }
        }
    }

    /// What a client has subscribed to, in the order of the names.
    pub fn subscriptions(&self, client: SessionHandle, space: Space) -> Vec<Rc<[u8]>> {
        let subscriptions = self.sessions[client].subscriptions.as_ref();
        subscriptions.map_or_else(Vec::new, |all| all.names[space as usize].iter().cloned().collect())
    }

    /// How many names of these spaces a client has subscribed to.
    pub fn subscription_count(&self, client: SessionHandle, spaces: &[Space]) -> usize {
        let subscriptions = self.sessions[client].subscriptions.as_ref();
        subscriptions.map_or(0, |all| spaces.iter().map(|space| all.len(*space)).sum())
    }

    /// Ends all subscriptions of a client, without a word to it.
    pub fn unsubscribe_all(&mut self, client: SessionHandle) {
        for space in [Space::Channels, Space::Patterns, Space::Shards] {
            for name in self.subscriptions(client, space) {
                self.unsubscribe(client, space, &name);
            }
        }
    }

    /// Sends a message to those who have subscribed to the channel, or in the space of channels to a pattern that it
    /// matches. How often it was sent.
    pub fn publish(&mut self, space: Space, channel: &[u8], message: &[u8]) -> usize {
        let kind: &[u8] = if space == Space::Shards { b"smessage" } else { b"message" };
        let mut sent = self.send_to_subscribers(space, channel, &[kind, channel, message]);
        if space == Space::Channels && self.pubsub.len(Space::Patterns) > 0 {
            sent += self.publish_to_patterns(channel, message);
        }
        sent
    }

    fn publish_to_patterns(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let patterns = self.pubsub.spaces[Space::Patterns as usize].keys();
        let fitting: Vec<Name> =
            patterns.filter(|pattern| matches(pattern, channel, Case::Matters)).cloned().collect();
        let send = |pattern: &Name| {
            self.send_to_subscribers(Space::Patterns, pattern, &[b"pmessage", pattern, channel, message])
        };
        fitting.iter().map(send).sum()
    }

    fn send_to_subscribers(&mut self, space: Space, name: &[u8], parts: &[&[u8]]) -> usize {
        let Some(subscribers) = self.pubsub.spaces[space as usize].get(name) else { return 0 };
        let mut receivers = std::mem::take(&mut self.pubsub.receivers);
        receivers.extend(subscribers);
        let mut message = Message::new(parts);
        for client in &receivers {
            self.send(*client, message.bytes(self.sessions[*client].version));
        }
        let sent = receivers.len();
        receivers.clear();
        self.pubsub.receivers = receivers;
        sent
    }

    /// Puts bytes that answer nothing into a client's outbox. A client that leaves too much unread is closed instead.
    pub fn send(&mut self, client: SessionHandle, bytes: &[u8]) {
        let session = &mut self.sessions[client];
        if session.closing.is_some() {
            return;
        }
        let first = session.outbox.is_empty();
        session.outbox.extend_from_slice(bytes);
        let unsent = session.outbox.len() + session.traffic.output_bytes;
        let limit = self.config.client_output_buffer_limits.of(session.class());
        if limit.hard_bytes != 0 && unsent as u64 > limit.hard_bytes {
            self.close_over_limit(client, unsent);
        } else if first {
            self.wake(client);
        }
    }
}
