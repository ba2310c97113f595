//! Writing large values part by part.

use super::{element, field, node, stream, timed_field, valkey_field};
use crate::dump::form::{self, Form};
use crate::dump::writer::Writer;
use crate::types::{Head, Part};

/// A value of which some parts have been written.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    form: Form,
    /// The soonest deadline of a hash's fields, if there is one.
    soonest_ms: Option<i64>,
}

impl Parts {
    /// Before anything is written.
    pub fn new(head: Head) -> Parts {
        let soonest_ms = if let Head::Hash { soonest, .. } = head { soonest } else { None };
        Parts { form: form::of_head(head), soonest_ms }
    }

    /// The same in a form of one's choice, which must be one for such a value.
    pub fn in_form(head: Head, form: Form) -> Parts {
        let soonest_ms = Parts::new(head).soonest_ms.filter(|_| form != Form::HashValkey);
        Parts { form, soonest_ms }
    }

    /// The form of the value.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Adds the head.
    pub fn head(&self, out: &mut Writer, head: Head) {
        if let Some(soonest_ms) = self.soonest_ms {
            out.raw(&soonest_ms.to_le_bytes());
        }
        match head {
            Head::Text { len } | Head::Hash { len, .. } | Head::Set { len } | Head::SortedSet { len } => {
                out.length(len as u64)
            }
            Head::List { nodes } | Head::Stream { nodes, .. } => out.length(nodes as u64),
        }
    }

    /// Adds a part; there must be as many as the head says.
    pub fn part(&self, out: &mut Writer, part: Part<'_>) {
        match part {
            // A length would have to stand before it if it was compressed.
            Part::Text(text) => out.raw(text),
            Part::Field(one) if self.form == Form::HashValkey => valkey_field(out, one),
            Part::Field(one) => match self.soonest_ms {
                Some(soonest_ms) => timed_field(out, one, soonest_ms),
                None => field(out, one),
            },
            Part::Member(member) => out.item(member),
            Part::Element(one) => element(out, one),
            Part::Node(content) => node(out, content),
            Part::Stream(part) => stream::part(out, self.form, part),
        }
    }
}
