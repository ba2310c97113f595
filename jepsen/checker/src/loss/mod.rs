//! The loss meter: which acknowledged writes are gone after failovers, crashes and partitions, why, and whether the promises allow it.
//!
//! A [`Ledger`] notes what clients wrote, by which node they were answered, which durability each acknowledgement was given
//! ([`Durability`]: plain, or the reply of WAIT or WAITAOF), and what was done to the deployment: faults from..to, promotions,
//! restarts. When all is healed, somebody reads everything and the ledger is told. [`measure`] then says of each acknowledged
//! write what became of it, and of each lost one what cost it:
//!
//! | fate | meaning |
//! |---|---|
//! | survived | the last reading shows it, or shows what came after it in the same reign |
//! | recovered | the same, and an earlier reading, or one of another node, did not |
//! | lost | the last reading cannot be explained if it were kept |
//! | open | nothing tells: it was overwritten |
//!
//! A *reign* is the time in which one node, in one life, is the primary. What a reign wrote is one sequence; a failover keeps
//! a first part of it. So a lost write that was answered before a kept one of the same reign was sent is a *hole*, and breaks P4.
//!
//! **Who has to survive** (P4, P6, P7, P10). A write with the reply `n` of WAIT stands on n+1 of the N nodes. A promotion keeps
//! it if the promoted node is the furthest of those that were compared, and so many were compared that one of them has it:
//! `n + 1 > N - compared`. A node that came back with less than it had counts as none of those n+1; with WAITAOF only if it lost
//! what it had synced. What is acknowledged by a node while, or after, another is chosen is not covered: the node is *deposed*
//! and does not know it. A loss with no such event after it is always a violation.
//!
//! The checks accuse nobody wrongly: where evidence is missing they let pass. Pure, as the whole crate.

mod evidence;
mod ledger;
mod report;
mod trial;

pub use ledger::{Durability, FaultId, Kept, Ledger, Promotion, Write, WriteId};
pub use report::{Cause, Fate, Loss, Report, Row, Tally};
pub use trial::{Broken, Promise, Settings};

/// What became of every acknowledged write, and which promises are broken.
pub fn measure(ledger: &Ledger, settings: &Settings) -> Report {
    let evidence = evidence::weigh(ledger);
    let fates = trial::try_all(ledger, &evidence);
    let broken = trial::broken(ledger, settings, &evidence, &fates);
    report::compile(ledger, &fates, broken)
}
