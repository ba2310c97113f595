//! Going on where something was wrong: is that the end that a crash leaves, or damage?

use memchr::memmem;

use super::outcome::{Corrupt, Next, TornIn};
use super::reader::{Obstacle, Reader, State};

/// Within so many bytes a request behind a damaged length is recognised.
const SEARCH_BYTES: usize = 64 * 1024;

impl Reader {
    /// Something was wrong: was that because the rest is not there?
    pub(super) fn go_on_in_zeros(&mut self) -> Result<Next<'_>, Corrupt> {
        if let State::Zeros(corrupt) = &self.state
            && self.buffer[self.start..].iter().any(|byte| *byte != 0)
        {
            let corrupt = corrupt.clone();
            self.state = State::Broken(corrupt.clone());
            return Err(corrupt);
        }
        self.drop_before(self.buffer.len() - self.start);
        Ok(if self.is_all { Next::Torn(self.torn(TornIn::Zeros)) } else { Next::More })
    }

    /// An argument is longer than the file: is it torn, or is its length wrong?
    pub(super) fn go_on_searching(&mut self) -> Result<Next<'_>, Corrupt> {
        const BEGINNING: &[u8] = b"\r\n*";
        while let Some(found) = memmem::find(&self.buffer[self.start..], BEGINNING) {
            let at = found + BEGINNING.len() - 1;
            match self.skip_request(at) {
                Ok(()) => {
                    let State::TooLong(corrupt) = std::mem::replace(&mut self.state, State::Reading) else {
                        unreachable!("only called while searching")
                    };
                    self.state = State::Broken(corrupt.clone());
                    return Err(corrupt);
                }
                Err(Obstacle::Short)
                    if !self.is_all && self.buffer.len() - self.start - at < SEARCH_BYTES =>
                {
                    self.drop_before(found);
                    return Ok(Next::More);
                }
                Err(_) => self.drop_before(at),
            }
        }
        let rest = self.buffer.len() - self.start;
        self.drop_before(rest.saturating_sub(BEGINNING.len() - 1));
        let within = if self.in_transaction { TornIn::Transaction } else { TornIn::Request };
        Ok(if self.is_all { Next::Torn(self.torn(within)) } else { Next::More })
    }

    /// Whether a whole request stands at `at`.
    fn skip_request(&self, at: usize) -> Result<(), Obstacle> {
        let (count, mut at) = self.length(at, b'*')?;
        for _ in 0..count {
            let (length, argument) = self.length(at, b'$')?;
            at = argument.saturating_add(length);
            if at > self.buffer.len() {
                return Err(Obstacle::Short);
            }
            self.require(at, b"\r\n")?;
            at += 2;
        }
        if count == 0 { Err(Obstacle::Malformed(at, String::new())) } else { Ok(()) }
    }
}
