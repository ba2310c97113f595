//! BITFIELD: integers of any width at any bit of a string, read, set and added to.
//!
//! All steps are read before the first is run, so that a request with a mistake changes nothing.

use super::value::{edit, offset};
use crate::commands::string::value::text;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::bitmap::{Field, Overflow};
use crate::protocol::reply::Reply;
use crate::text::number::parse_i64;

const BASE: Command = Command {
    arity: -2,
    group: Group::Bitmap,
    categories: &[Category::Bitmap],
    complexity: "O(1) for each step",
    ..Command::DEFAULT
};

pub(super) const BITFIELD: Command = Command {
    name: "bitfield",
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RW", "access", "update", "variable_flags"])
        .noted("only read where all steps are GET")],
    since: "3.2.0",
    summary: "Reads, sets and adds to integers of any width within a string.",
    syntax: "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value:integer | \
             INCRBY encoding offset increment> ...]",
    handler: |call| bitfield(call, false),
    ..BASE
};

pub(super) const BITFIELD_RO: Command = Command {
    name: "bitfield_ro",
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "6.0.0",
    summary: "Reads integers of any width within a string.",
    syntax: "key [GET encoding offset [GET encoding offset ...]]",
    handler: |call| bitfield(call, true),
    ..BASE
};

#[derive(Clone, Copy)]
enum Act {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

#[derive(Clone, Copy)]
struct Step {
    act: Act,
    field: Field,
    offset: u64,
}

impl Step {
    /// The last bit that it needs.
    fn last_bit(&self) -> u64 {
        self.offset + u64::from(self.field.bits) - 1
    }

    /// Runs the step and answers; true if it has changed something.
    fn run(&self, bytes: &mut [u8], reply: &mut Reply<'_>) -> bool {
        let old = self.field.read(bytes, self.offset);
        let (new, answer) = match self.act {
            Act::Get => (None, Some(old)),
            Act::Set(number, overflow) => {
                let new = self.field.fit(number, overflow);
                (new, new.map(|_| old))
            }
            Act::Add(number, overflow) => {
                let new = self.field.add(old, number, overflow);
                (new, new)
            }
        };
        match answer {
            Some(number) => reply.integer(number),
            None => reply.null(),
        }
        let Some(new) = new else { return false };
        self.field.write(bytes, self.offset, new);
        new != old
    }
}

fn bitfield(call: &mut Call<'_>, is_read_only: bool) -> Result<(), Failure> {
    let steps = parse(call)?;
    let key = call.key(1);
    let writes = steps.iter().filter(|step| !matches!(step.act, Act::Get));
    let Some(last_bit) = writes.map(Step::last_bit).max() else { return read(call, &steps) };
    if is_read_only {
        return Err(Failure::fixed("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    let mut answers = Vec::new();
    let version = call.reply.version();
    let (changed, grown) = edit(call, &key, last_bit, |bytes| {
        let mut reply = Reply::new(&mut answers, version);
        steps.iter().filter(|step| step.run(bytes, &mut reply)).count() > 0
    })?;
    call.reply.array(steps.len());
    call.reply.raw(&answers);
    if changed || grown {
        call.changed(Class::String, "setbit", &key);
    }
    Ok(())
}

/// Runs steps that only read.
fn read(call: &mut Call<'_>, steps: &[Step]) -> Result<(), Failure> {
    let key = call.key(1);
    let (entry, reply) = call.read(&key);
    let mut digits = itoa::Buffer::new();
    let bytes = entry.map_or(Ok(&b""[..]), |entry| text(entry.value(), &mut digits))?;
    reply.array(steps.len());
    steps.iter().for_each(|step| reply.integer(step.field.read(bytes, step.offset)));
    Ok(())
}

fn parse(call: &Call<'_>) -> Result<Vec<Step>, Failure> {
    let (mut steps, mut overflow, mut i) = (Vec::new(), Overflow::Wrap, 2);
    while i < call.len() {
        let left = call.len() - i;
        if call.arg_is(i, "overflow") && left >= 2 {
            overflow = parse_overflow(call, i + 1)?;
            i += 2;
            continue;
        }
        let takes_number = !call.arg_is(i, "get");
        let is_step = !takes_number || call.arg_is(i, "set") || call.arg_is(i, "incrby");
        if !is_step || left < 3 + usize::from(takes_number) {
            return Err(Failure::SYNTAX);
        }
        let field = parse_field(call.arg(i + 1))?;
        let offset = offset(call, i + 2, Some(field.bits))?;
        let act = if !takes_number {
            Act::Get
        } else if call.arg_is(i, "set") {
            Act::Set(call.integer(i + 3)?, overflow)
        } else {
            Act::Add(call.integer(i + 3)?, overflow)
        };
        steps.push(Step { act, field, offset });
        i += 3 + usize::from(takes_number);
    }
    Ok(steps)
}

fn parse_overflow(call: &Call<'_>, i: usize) -> Result<Overflow, Failure> {
    const NAMES: [(&str, Overflow); 3] =
        [("wrap", Overflow::Wrap), ("sat", Overflow::Saturate), ("fail", Overflow::Fail)];
    let named = NAMES.iter().find(|(name, _)| call.arg_is(i, name));
    named.map(|(_, overflow)| *overflow).ok_or(Failure::fixed("ERR Invalid OVERFLOW type specified"))
}

/// A field's kind: `i` or `u` and its width in bits.
fn parse_field(text: &[u8]) -> Result<Field, Failure> {
    const BAD: Failure = Failure::fixed(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
    let (signed, digits, most) = match text {
        [b'i', digits @ ..] => (true, digits, 64),
        [b'u', digits @ ..] => (false, digits, 63),
        _ => return Err(BAD),
    };
    let bits = parse_i64(digits).filter(|bits| (1..=most).contains(bits)).ok_or(BAD)?;
    Ok(Field { signed, bits: bits as u32 })
}
