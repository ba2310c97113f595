//! The bytes of a snapshot as they come: so many, or up to a mark.

use std::io;
use std::time::Duration;

use memchr::memmem;

use super::inflow::Inflow;
use crate::replication::Form;
use crate::runtime::Runtime;

/// See the module.
pub(super) struct Body {
    form: Form,
    /// Of the first form: how many are to come.
    left: u64,
    /// Of what has come so much has been given out.
    given: usize,
    /// The mark stands behind it.
    is_last: bool,
}

impl Body {
    pub fn new(form: Form) -> Body {
        let left = match form {
            Form::Sized(bytes) => bytes,
            Form::Marked(_) => u64::MAX,
        };
        Body { form, left, given: 0, is_last: false }
    }

    /// How many there are, if that is known.
    pub fn total(&self) -> Option<u64> {
        match self.form {
            Form::Sized(bytes) => Some(bytes),
            Form::Marked(_) => None,
        }
    }

    /// The next piece; `None`: there is no more. What stands behind the snapshot stays in the inflow.
    pub async fn next<'a, R: Runtime>(
        &mut self,
        inflow: &'a mut Inflow<R>,
        patience: Duration,
        mut heard: impl FnMut(usize),
    ) -> io::Result<Option<&'a [u8]>> {
        inflow.pass(std::mem::take(&mut self.given));
        loop {
            if self.is_last || self.left == 0 {
                return Ok(None);
            }
            let length = self.ready(inflow.bytes());
            if length > 0 {
                self.left -= length as u64;
                self.given = length;
                if let (true, Form::Marked(_)) = (self.is_last, &self.form) {
                    self.given += Form::MARK_BYTES;
                }
                return Ok(Some(&inflow.bytes()[..length]));
            }
            if self.is_last {
                inflow.pass(Form::MARK_BYTES);
                return Ok(None);
            }
            heard(inflow.fill(patience).await?);
        }
    }

    /// How much of what has come belongs to the snapshot for sure.
    fn ready(&mut self, bytes: &[u8]) -> usize {
        match &self.form {
            Form::Sized(_) => bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX)),
            Form::Marked(mark) => match memmem::find(bytes, mark) {
                Some(at) => {
                    self.is_last = true;
                    at
                }
                None => bytes.len().saturating_sub(Form::MARK_BYTES - 1),
            },
        }
    }
}
