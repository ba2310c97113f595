//! When effects are written, synced and answered for; when writes are refused; when the log is rewritten. Pure: it is told what
//! happened, and says what to do.
//!
//! ```text
//!  Off ──turn_on──► Waiting ──rewrite started──► Fresh ──it ended well──► On ◄─────────────────────┐
//!   ▲                  ▲                           │                      │ rewrite (beside) started │
//!   │                  ├────── a failure ──────────┘                      ▼                          │
//!   │                  ├────── a sync failed ────────────────────────── On, Switching ── left file ──┘
//!   │                  │                                                  │              is durable
//!   └── Closing ◄──────┼────────────────────── turn_off ──────────────────┘
//!        └─ turn_on ───┘          always: a failed write or sync in On, Switching, Closing: Exit
//! ```
//!
//! - **Off**: nothing is collected. **Closing**: what was collected is being written and synced.
//! - **Waiting**: what the disk holds can't be gone on with. A fresh rewrite has been asked for; until its snapshot
//!   begins, effects need not be collected, as they will be in it.
//! - **Fresh**: they go to a temporary file beside the base that is being written; both together become the log.
//! - **On**: they are appended to the last increment. A rewrite may be running.
//! - **Switching**: a rewrite has just begun, with a new increment. Effects up to the boundary belong to the file that is
//!   left, and later ones are held until that is durable: else a crash could keep the later ones without the earlier ones.
//!
//! Positions count the bytes of effects since the node started, through all files:
//! `acknowledged`, `synced` ≤ `written` ≤ `accepted`.
//!
//! **Acknowledging.** The replies to whatever was done when `accepted` was X may leave once [`Action::Acknowledge`] says X.
//!
//! - `always`: when a sync that began after X was written has ended well. While one sync runs, further effects are written
//!   behind it; the next covers them all.
//! - `everysec`: at once, as long as the oldest byte that is not durable was accepted less than two seconds ago; otherwise
//!   when it is durable. So at most what was done within two seconds is lost, however slow the disk. (Redis goes on acknowledging.)
//! - `no`, or a rewrite under `no-appendfsync-on-rewrite`: at once.
//!
//! **After a failed sync nothing is known** of what was written since the last good one, and a later sync that ends well says nothing of
//! it. It is cut off the file (under `always` nobody was told of it, under `everysec` it is what a crash may take), which is
//! never written to again. `always` exits, as Redis does. Otherwise writes are refused (MISCONF) and a fresh
//! rewrite brings all that is in memory into new files; when these are in force, writes are accepted again. (Redis accepts them
//! again after the next good sync of the same file.) Replies that were being held stay held until then.
//!
//! **After a failed write** the file ends in half a unit at worst. `always` exits; otherwise writes are refused, and the rest is tried
//! again every second where the first attempt ended.
//!
//! | file | what stands there |
//! |---|---|
//! | `actions` | what it is told of, and what it says to do |
//! | `state` | figures and states, and the steps that several inputs have in common |
//! | `pump` | what falls due after every input |
//! | `rewrite` | how rewrites begin, end, and are tried again |
//! | `inputs` | all other inputs |
//!
//! Each uses those above it only.

mod actions;
mod gather;
mod inputs;
mod pump;
mod rewrite;
mod state;

pub use actions::{Action, Fsync, Rewrite, Settings, Written};
pub use state::AppendLog;
