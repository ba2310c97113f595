//! The forms in which values are written: the byte that stands before each, and since when it is known.

use crate::types::stream::Stream;
use crate::types::{HashRef, Head, ListRef, ObjectRef, SetRef, SortedSetRef, Value};

/// A version of Redis's dump file format.
pub type Version = u16;

/// The oldest version that we write: that of Redis 7.0. Every later server reads it.
pub const VERSION_MIN: Version = 10;
/// That of Redis 7.2 and Valkey 7.2 and 8.
const VERSION_7_2: Version = 11;
/// That of Redis 7.4 and 8, the newest of Redis's that we read.
const VERSION_7_4: Version = 12;
/// That of Valkey 9, which left the numbers between to Redis.
pub const VERSION_VALKEY_9: Version = 80;

/// Whether we know all that a file of this version may hold.
pub fn is_known(version: Version) -> bool {
    version <= VERSION_7_4 || version == VERSION_VALKEY_9
}

macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// How a value is written. The numbers are those of Redis's `rdb.h`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Form {
            $($(#[$doc])* $name = $code),*
        }

        impl Form {
            /// The form that a byte stands for; `None` for those that we do not know, modules' values among them.
            pub fn of_code(code: u8) -> Option<Form> {
                match code {
                    $($code => Some(Form::$name),)*
                    _ => None,
                }
            }
        }
    };
}

forms! {
    /// A text.
    Text = 0,
    /// Texts.
    List = 1,
    /// Texts.
    Set = 2,
    /// Members, with scores in decimal.
    SortedSetDecimal = 3,
    /// Fields and values.
    Hash = 4,
    /// Members, with scores in binary.
    SortedSet = 5,
    /// Redis 2.2 to 2.4.
    HashZipmap = 9,
    /// Up to Redis 3.0.
    ListZiplist = 10,
    /// Integers.
    SetIntset = 11,
    /// Up to Redis 6.2.
    SortedSetZiplist = 12,
    /// Up to Redis 6.2.
    HashZiplist = 13,
    /// Redis 3.2 to 6.2: nodes.
    ListZiplists = 14,
    /// Redis 5.0 to 6.2.
    StreamOld = 15,
    /// Fields and values.
    HashListpack = 16,
    /// Members and scores.
    SortedSetListpack = 17,
    /// Nodes, each a listpack or a long text.
    ListNodes = 18,
    /// Redis 7.0.
    Stream = 19,
    /// Since Redis 7.2.
    SetListpack = 20,
    /// Since Redis 7.2: consumers say when they were last active.
    StreamActive = 21,
    /// Valkey 9: fields, values and deadlines.
    HashValkey = 22,
    /// Since Redis 7.4: deadlines, fields and values.
    HashTimed = 24,
    /// Since Redis 7.4: fields, values and deadlines.
    HashTimedListpack = 25,
}

impl Form {
    /// The byte that says so.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The oldest version, but not below [`VERSION_MIN`], that knows the form.
    pub fn version(self) -> Version {
        match self {
            Form::SetListpack | Form::StreamActive => VERSION_7_2,
            Form::HashTimed | Form::HashTimedListpack => VERSION_7_4,
            Form::HashValkey => VERSION_VALKEY_9,
            _ => VERSION_MIN,
        }
    }

    /// The form in which a value is written for readers of a version: the closest to how it is stored. What older versions
    /// cannot say at all takes a newer form: deadlines of fields, and when consumers were active.
    pub fn of(value: Value<'_>, version: Version) -> Form {
        let Value::Object(object) = value else { return Form::Text };
        match object {
            ObjectRef::List(ListRef::Small(_) | ListRef::Large(_)) => Form::ListNodes,
            ObjectRef::Set(SetRef::Ints(_)) => Form::SetIntset,
            ObjectRef::Set(SetRef::Small(_)) if version >= VERSION_7_2 => Form::SetListpack,
            ObjectRef::Set(_) => Form::Set,
            ObjectRef::SortedSet(SortedSetRef::Small(_)) => Form::SortedSetListpack,
            ObjectRef::SortedSet(SortedSetRef::Large(_)) => Form::SortedSet,
            ObjectRef::Hash(hash) => of_hash(hash),
            ObjectRef::Stream(stream) if version >= VERSION_7_2 || !active_when_seen(stream) => {
                Form::StreamActive
            }
            ObjectRef::Stream(_) => Form::Stream,
        }
    }
}

/// The form of a large value that comes in parts.
pub(super) fn of_head(head: Head) -> Form {
    match head {
        Head::Text { .. } => Form::Text,
        Head::Hash { soonest: None, .. } => Form::Hash,
        Head::Hash { soonest: Some(_), .. } => Form::HashTimed,
        Head::Set { .. } => Form::Set,
        Head::SortedSet { .. } => Form::SortedSet,
        Head::List { .. } => Form::ListNodes,
        Head::Stream { active_when_seen: true, .. } => Form::Stream,
        Head::Stream { active_when_seen: false, .. } => Form::StreamActive,
    }
}

fn of_hash(hash: HashRef<'_>) -> Form {
    match (hash, hash.soonest()) {
        (HashRef::Large(_), None) => Form::Hash,
        (HashRef::Large(_), Some(_)) => Form::HashTimed,
        (_, None) => Form::HashListpack,
        (_, Some(_)) => Form::HashTimedListpack,
    }
}

/// Whether every consumer was active when it was last seen, which is what is taken for granted where a form does not say it.
fn active_when_seen(stream: &Stream) -> bool {
    stream.groups().iter().all(|(_, group)| group.active_when_seen())
}
