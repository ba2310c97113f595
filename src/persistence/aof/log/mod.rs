//! A log's bytes, read as units: a command, or a transaction as a whole.
//!
//! A log is requests in RESP as the engine's effects leave them, and lines that begin with `#` between them, of which
//! `#TS:<unix seconds>` says when what follows was written (`aof-timestamp-enabled`). It is read more strictly than a client's
//! requests are, as nobody writes one by hand, and without their limits, as effects may be wider than any request.
//!
//! ```text
//!             ┌── all is whole ───────────────────────────────────────► End
//!  reading ───┼── the bytes end in a request or a transaction ────────► Torn: may be cut
//!             ├── malformed ── nothing but zeros to the end ──────────► Torn
//!             │                └─ something else ─────────────────────► Corrupt: refused
//!             └── an argument longer than the rest of the file
//!                              ├─ no whole request in that rest ──────► Torn
//!                              └─ one is there: its length is wrong ──► Corrupt
//! ```
//!
//! **Torn** is what a crash leaves: the end of what was being appended is missing, or the file is longer already, but the
//! data is not there (zeros). What is cut off was in no unit that was whole. Redis calls zeros a bad format and refuses to start;
//! nothing was ever acknowledged of them, so here they are cut as any other tail.
//!
//! **Corrupt** is what no crash leaves. Redis takes an argument's damaged length for a torn end, and with
//! `aof-load-truncated` cuts everything behind it, however much; here the file is refused if commands stand there.
//!
//! Units before the end are given out as they are found, so that a file can turn out to be corrupt when most of it
//! has been given out: it is the caller who then drops what was loaded. Memory: the longest unit and a chunk; a forged length
//! takes none.
//!
//! | file | what stands there |
//! |---|---|
//! | `outcome` | what reading gives |
//! | `annotation` | times between units |
//! | `reader` | the reader, its place, bytes and lengths |
//! | `step` | requests, transactions and annotations |
//! | `damage` | how reading goes on where something was wrong |

mod annotation;
mod damage;
mod outcome;
mod reader;
mod step;

pub use annotation::{Annotator, annotate_place};
pub use outcome::{Corrupt, Next, Torn, TornIn, Unit};
pub use reader::Reader;

use reader::{Found, Obstacle, State};

impl Reader {
    /// The next unit, or how the log ends. A corrupt log stays that.
    #[expect(clippy::should_implement_trait, reason = "it lends")]
    pub fn next(&mut self) -> Result<Next<'_>, Corrupt> {
        self.pass_unit();
        loop {
            match &self.state {
                State::Reading => {}
                State::Zeros(_) => return self.go_on_in_zeros(),
                State::TooLong(_) => return self.go_on_searching(),
                State::Broken(corrupt) => return Err(corrupt.clone()),
            }
            match self.step() {
                Ok(Found::Part) => {}
                Ok(Found::Later) => return Ok(Next::Later { cut_at: self.whole }),
                Ok(Found::Unit) => {
                    self.is_given = true;
                    return Ok(Next::Unit(self.unit()));
                }
                Err(Obstacle::Short) => return Ok(self.on_short()),
                Err(Obstacle::Malformed(at, what)) => {
                    self.state = State::Zeros(self.corrupt(at, what));
                    self.drop_before(at);
                }
                Err(Obstacle::TooLong(at)) => {
                    let what = "an argument's length is wrong: commands stand where it would be";
                    self.state = State::TooLong(self.corrupt(at, what.into()));
                    self.drop_before(at);
                }
            }
        }
    }

    fn on_short(&self) -> Next<'_> {
        if !self.is_all {
            return Next::More;
        }
        if self.fed() == self.whole {
            return Next::End;
        }
        let within = if self.in_transaction { TornIn::Transaction } else { TornIn::Request };
        Next::Torn(self.torn(within))
    }
}
