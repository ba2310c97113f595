//! Reads a command's syntax, as the documentation writes it, into a tree of arguments.
//!
//! Notation: a word in capitals stands for itself (a token), any other word names an argument; `[ ]` encloses what may be
//! left out, `< >` groups, `|` separates alternatives. What an argument is follows from its name, or stands behind it:
//! `timeout:double`. `key [key ...]` is an argument that may be repeated, and
//! `field value [field value ...]` a group of them; `<a | b ...>` may be repeated with another choice. A token and what follows it belong together, up to the next bracket or token:
//! `EX seconds` is one argument, `LIMIT offset count` one group.

/// One argument.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Argument {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The word that comes before it, or that it is.
    pub token: Option<String>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether there may be several.
    pub multiple: bool,
    /// Whether each of several has the token before it.
    pub multiple_token: bool,
    /// Alternatives or parts.
    pub parts: Vec<Argument>,
}

/// What an argument is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Kind {
    #[default]
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    /// Only its token.
    PureToken,
    /// One of its parts.
    OneOf,
    /// All of its parts.
    Block,
}

impl Kind {
    /// Redis's name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Key => "key",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::PureToken => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }

    /// The kind of that name, if an argument may say that it is of it.
    fn named(name: &str) -> Option<Kind> {
        let kinds = [Kind::String, Kind::Integer, Kind::Double, Kind::Key, Kind::Pattern];
        kinds.into_iter().find(|kind| kind.name() == name)
    }

    /// By the name of the argument, where the notation does not say it.
    fn of_name(name: &str) -> Kind {
        match name {
            "key" | "newkey" | "key1" | "key2" | "source" | "destination" | "destkey" | "sourcekey" => {
                Kind::Key
            }
            "pattern" => Kind::Pattern,
            "score" | "longitude" | "latitude" | "radius" | "width" | "height" => Kind::Double,
            _ if name.starts_with("unix-time") => Kind::UnixTime,
            "seconds" | "milliseconds" | "timeout" | "count" | "offset" | "start" | "end" | "stop"
            | "index" | "index1" | "index2" | "cursor" | "numkeys" | "increment" | "decrement"
            | "client-id" | "db" | "destination-db" | "ttl" | "len" | "version" | "columns" | "maxage"
            | "protover" | "frequency" | "bit" | "numreplicas" | "numlocal" | "rank" | "maxlen"
            | "min-match-len" | "num-matches" | "numfields" | "limit" | "weight" | "vertices"
            | "entries-read" | "entries-added" | "ms" => Kind::Integer,
            _ => Kind::String,
        }
    }
}

/// Reads a syntax. What does not follow the notation gives a tree all the same; the table's tests look for that.
pub(super) fn parse(syntax: &str) -> Vec<Argument> {
    let mut parser = Parser { words: split(syntax), at: 0 };
    let arguments = parser.alternatives(None);
    match arguments {
        Scope { mut alternatives, .. } if alternatives.len() == 1 => alternatives.remove(0),
        Scope { alternatives, .. } => vec![one_of(alternatives)],
    }
}

/// Brackets, bars and words.
fn split(syntax: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for chunk in syntax.split_whitespace() {
        let mut rest = chunk;
        while let Some(at) = rest.find(['[', ']', '<', '>', '|']) {
            let (before, after) = rest.split_at(at);
            words.extend(Some(before).filter(|word| !word.is_empty()));
            words.push(&after[..1]);
            rest = &after[1..];
        }
        words.extend(Some(rest).filter(|word| !word.is_empty()));
    }
    words
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
}

/// What stands between two brackets.
struct Scope {
    alternatives: Vec<Vec<Argument>>,
    /// Whether it ends with an ellipsis: it says that what it shows may be repeated.
    repeats: bool,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word
    }

    /// Reads up to the closing bracket, or to the end.
    fn alternatives(&mut self, close: Option<&str>) -> Scope {
        let mut scope = Scope { alternatives: vec![Vec::new()], repeats: false };
        // A token that waits for the arguments it belongs to, and those that have come.
        let mut pending = Pending::default();
        while let Some(word) = self.next().filter(|word| Some(*word) != close) {
            // There is always a last alternative.
            let Some(list) = scope.alternatives.last_mut() else { break };
            match word {
                "|" => {
                    pending.flush(list);
                    scope.alternatives.push(Vec::new());
                }
                "..." => scope.repeats = true,
                "[" => {
                    let inner = self.alternatives(Some("]"));
                    self.optional(inner, &mut pending, list);
                }
                "<" => {
                    let inner = self.alternatives(Some(">"));
                    pending.take_or_push(group(inner), list);
                }
                word if is_token(word) => {
                    pending.flush(list);
                    pending.token = Some(word.to_owned());
                }
                word => pending.take_or_push(plain(word), list),
            }
        }
        if let Some(list) = scope.alternatives.last_mut() {
            pending.flush(list);
        }
        scope
    }

    /// What is in square brackets either repeats what is before it, or may be left out.
    fn optional(&mut self, inner: Scope, pending: &mut Pending, list: &mut Vec<Argument>) {
        if let (true, [repeated], Some(token)) =
            (inner.repeats, inner.alternatives.as_slice(), &pending.token)
            && matches!(repeated.as_slice(), [one] if one.token.as_ref() == Some(token))
        {
            pending.flush(list);
            if repeat_last(list, repeated) {
                list.iter_mut().last().into_iter().for_each(|last| last.multiple_token = true);
            }
            return;
        }
        let before = if pending.token.is_some() { &mut pending.arguments } else { &mut *list };
        if let (true, [repeated]) = (inner.repeats, inner.alternatives.as_slice())
            && repeat_last(before, repeated)
        {
            return;
        }
        pending.flush(list);
        let repeats = inner.repeats;
        let argument = group(inner);
        list.push(Argument { optional: true, multiple: repeats || argument.multiple, ..argument });
    }
}

/// A token and its arguments so far.
#[derive(Default)]
struct Pending {
    token: Option<String>,
    arguments: Vec<Argument>,
}

impl Pending {
    fn take_or_push(&mut self, argument: Argument, list: &mut Vec<Argument>) {
        if self.token.is_some() { self.arguments.push(argument) } else { list.push(argument) }
    }

    fn flush(&mut self, list: &mut Vec<Argument>) {
        let Some(token) = self.token.take() else { return };
        let name = token.to_ascii_lowercase();
        let mut parts = std::mem::take(&mut self.arguments);
        list.push(match parts.len() {
            0 => Argument { name, kind: Kind::PureToken, token: Some(token), ..Argument::default() },
            1 if parts[0].kind == Kind::OneOf => Argument { name, token: Some(token), ..parts.remove(0) },
            1 if parts[0].token.is_none() => Argument { token: Some(token), ..parts.remove(0) },
            _ => Argument { name, kind: Kind::Block, token: Some(token), parts, ..Argument::default() },
        });
    }
}

fn plain(word: &str) -> Argument {
    if let Some((name, kind)) = word.rsplit_once(':')
        && let Some(kind) = Kind::named(kind)
    {
        return Argument { name: name.to_owned(), kind, ..Argument::default() };
    }
    Argument { name: word.to_owned(), kind: Kind::of_name(word), ..Argument::default() }
}

fn is_token(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_alphanumeric() || byte.is_ascii_punctuation())
        && !word.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// What is between brackets as one argument. `[key [key ...]]` may be left out as a whole and is repeatable for its part.
fn group(scope: Scope) -> Argument {
    let mut alternatives = scope.alternatives;
    let argument = match alternatives.len() {
        0 | 1 => block(alternatives.pop().unwrap_or_default()),
        _ => one_of(alternatives),
    };
    Argument { multiple: argument.multiple || scope.repeats, ..argument }
}

/// A single argument stands for itself.
fn block(mut parts: Vec<Argument>) -> Argument {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    Argument { name: joined(&parts), kind: Kind::Block, parts, ..Argument::default() }
}

fn one_of(alternatives: Vec<Vec<Argument>>) -> Argument {
    let parts: Vec<Argument> = alternatives.into_iter().map(block).collect();
    Argument { name: joined(&parts), kind: Kind::OneOf, parts, ..Argument::default() }
}

fn joined(parts: &[Argument]) -> String {
    parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join("_")
}

/// Marks the last arguments as repeatable if they are those that are repeated.
fn repeat_last(list: &mut Vec<Argument>, repeated: &[Argument]) -> bool {
    let Some(start) = list.len().checked_sub(repeated.len()) else { return false };
    if repeated.is_empty() || list[start..] != *repeated {
        return false;
    }
    let last = list.split_off(start);
    list.push(Argument { multiple: true, ..block(last) });
    true
}

#[cfg(test)]
mod tests {
    use super::{Argument, Kind, parse};

    /// The tree on one line: `name:kind`, the token before it, `?` for optional, `+` for multiple.
    fn shown(syntax: &str) -> String {
        parse(syntax).iter().map(show).collect::<Vec<_>>().join(" ")
    }

    fn show(argument: &Argument) -> String {
        let token = argument.token.as_ref().map_or(String::new(), |token| format!("{token}="));
        let parts: Vec<String> = argument.parts.iter().map(show).collect();
        let (open, close) = if argument.kind == Kind::OneOf { ("<", ">") } else { ("(", ")") };
        let what = match argument.kind {
            Kind::PureToken => String::new(),
            Kind::OneOf | Kind::Block => format!("{open}{}{close}", parts.join(" ")),
            kind => format!("{}:{}", argument.name, kind.name()),
        };
        let optional = if argument.optional { "?" } else { "" };
        let multiple = if argument.multiple { "+" } else { "" };
        format!("{token}{what}{optional}{multiple}")
    }

    #[test]
    fn words_and_their_kinds() {
        assert_eq!(shown(""), "");
        assert_eq!(shown("key seconds"), "key:key seconds:integer");
        assert_eq!(shown("[message]"), "message:string?");
        assert_eq!(shown("[NOW] [FORCE]"), "NOW=? FORCE=?");
    }

    #[test]
    fn repetitions() {
        assert_eq!(shown("key [key ...]"), "key:key+");
        assert_eq!(shown("key value [key value ...]"), "(key:key value:string)+");
        assert_eq!(shown("[section [section ...]]"), "section:string?+");
        assert_eq!(
            shown("numkeys key [key ...] [WEIGHTS weight [weight ...]]"),
            "numkeys:integer key:key+ WEIGHTS=weight:integer?+"
        );
        assert_eq!(shown("command [arg [arg ...]]"), "command:string arg:string?+");
    }

    #[test]
    fn tokens_take_what_follows_them() {
        assert_eq!(shown("[LIMIT offset count]"), "LIMIT=(offset:integer count:integer)?");
        assert_eq!(shown("key [SAMPLES count]"), "key:key SAMPLES=count:integer?");
        assert_eq!(
            shown("[TYPE <A | B>] [ID client-id [client-id ...]]"),
            "TYPE=<A= B=>? ID=client-id:integer?+"
        );
    }

    #[test]
    fn alternatives() {
        assert_eq!(shown("<ON | OFF>"), "<ON= OFF=>");
        assert_eq!(
            shown("key value [NX | XX] [GET] [EX seconds | PXAT unix-time-milliseconds | KEEPTTL]"),
            "key:key value:string <NX= XX=>? GET=? \
             <EX=seconds:integer PXAT=unix-time-milliseconds:unix-time KEEPTTL=>?"
        );
        assert_eq!(
            shown("ip:port | <[ID client-id] | [SKIPME yes/no]>"),
            "<ip:port:string <ID=client-id:integer? SKIPME=yes/no:string?>>"
        );
        assert_eq!(shown("<ON | OFF ...>"), "<ON= OFF=>+");
    }

    #[test]
    fn what_breaks_the_notation_still_ends() {
        for syntax in ["[", "]", "<a", "a | ", "...", "[...]", "| |", "<[a> b]"] {
            let _ = shown(syntax);
        }
    }
}
