//! Random requests by the grammar.

use crate::grammar::{Argument, Form, Grammar};
use crate::random::Random;
use crate::server::Words;
use crate::values::{self, Context};

/// Chapters whose commands are tried.
pub const GROUPS: &[&str] = &[
    "string",
    "list",
    "set",
    "hash",
    "sorted-set",
    "stream",
    "bitmap",
    "hyperloglog",
    "geo",
    "generic",
    "transactions",
    "scripting",
];

/// Commands that are not, and why it would tell nothing.
const LEFT_OUT: &[(&str, &str)] = &[
    ("multi", "made with the transactions"),
    ("exec", "the same"),
    ("discard", "the same"),
    ("watch", "the same"),
    ("eval", "made with the scripts"),
    ("eval_ro", "the same"),
    ("evalsha", "the same"),
    ("evalsha_ro", "the same"),
    ("fcall", "made with the functions"),
    ("fcall_ro", "the same"),
    ("script", "concerns the server"),
    ("function", "concerns the server"),
    ("scan", "its order is the server's own"),
    ("randomkey", "chance"),
    ("wait", "needs replicas"),
    ("waitaof", "needs an append log"),
    ("migrate", "needs a third server"),
    ("dump", "the format is a later concern"),
    ("restore", "the same"),
    ("restore-asking", "the same"),
    ("pfdebug", "shows the inside"),
    ("pfselftest", "takes long"),
    ("object|idletime", "time"),
    ("object|freq", "needs another policy"),
    ("sort_ro", "tried as sort"),
];

/// Whether a form is tried, of those that the server under test knows.
pub fn is_tried(form: &Form) -> bool {
    let (first, whole) = (form.name[0].as_str(), form.name.join("|"));
    let out = |name: &str| LEFT_OUT.iter().any(|(left_out, _)| *left_out == name);
    GROUPS.contains(&form.group.as_str()) && !out(first) && !out(&whole) && !whole.ends_with("|help")
}

/// Makes requests, and counts what it has made.
pub struct Generator {
    /// The forms to choose from.
    pub forms: Vec<Form>,
    /// How often each argument of the grammar was given.
    pub given: Vec<u64>,
    /// How often each form was made.
    pub made: Vec<u64>,
}

impl Generator {
    /// One that has made nothing yet.
    pub fn new(grammar: &Grammar, forms: Vec<Form>) -> Generator {
        Generator { made: vec![0; forms.len()], given: vec![0; grammar.paths.len()], forms }
    }

    /// A request.
    pub fn request(&mut self, random: &mut Random) -> Words {
        let index = random.below(self.forms.len());
        self.made[index] += 1;
        let form = self.forms[index].clone();
        let mut words: Words = form.name.iter().map(|word| word.clone().into_bytes()).collect();
        let name = form.name.join("|");
        let context = Context { group: &form.group, command: &name };
        self.all(&form.arguments, &context, &mut words, random);
        if random.percent(1) {
            words.truncate(1 + random.below(words.len()));
        }
        words
    }

    /// The arguments of a level. A number of those that follow is filled in when they are there.
    fn all(&mut self, arguments: &[Argument], context: &Context<'_>, words: &mut Words, random: &mut Random) {
        let mut number_at = None;
        for argument in arguments {
            if argument.kind == "integer" && argument.name.starts_with("num") && !argument.optional {
                self.given[argument.id] += 1;
                words.extend(argument.token.clone().map(String::into_bytes));
                number_at = Some(words.len());
                words.push(b"1".to_vec());
                continue;
            }
            let count = self.one(argument, context, words, random);
            if argument.multiple
                && let Some(at) = number_at.take()
                && !random.percent(3)
            {
                words[at] = count.to_string().into_bytes();
            }
        }
    }

    /// One argument, if it is there at all, and how often it is.
    fn one(
        &mut self,
        argument: &Argument,
        context: &Context<'_>,
        words: &mut Words,
        random: &mut Random,
    ) -> usize {
        if argument.optional && random.percent(60) {
            return 0;
        }
        self.given[argument.id] += 1;
        let count = if argument.multiple { 1 + random.below(4) } else { 1 };
        for i in 0..count {
            if let Some(token) = &argument.token
                && (i == 0 || argument.multiple_token)
            {
                words.push(token.clone().into_bytes());
            }
            match argument.kind.as_str() {
                "pure-token" => {}
                "oneof" => {
                    let part = random.pick(&argument.parts).clone();
                    self.one(&Argument { optional: false, ..part }, context, words, random);
                }
                "block" if argument.name == "streams" => self.streams(argument, context, words, random),
                "block" => self.all(&argument.parts, context, words, random),
                _ => words.push(values::word(argument, context, random)),
            }
        }
        count
    }

    /// As many ids as keys.
    fn streams(
        &mut self,
        argument: &Argument,
        context: &Context<'_>,
        words: &mut Words,
        random: &mut Random,
    ) {
        let count = 1 + random.below(2);
        for part in &argument.parts {
            self.given[part.id] += 1;
            (0..count).for_each(|_| words.push(values::word(part, context, random)));
        }
    }
}
