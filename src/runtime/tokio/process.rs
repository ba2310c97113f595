//! What the operating system and the allocator tell of this process.
#![allow(clippy::disallowed_methods, reason = "see the module above")]

use super::super::{ProcessCpu, ProcessMemory};

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use tikv_jemalloc_ctl::{Access, AsName, epoch, stats};

pub(super) fn memory() -> ProcessMemory {
    // The allocator's figures are a snapshot that advancing the epoch renews; where jemalloc is not the allocator they
    // stay near zero.
    let _ = epoch::advance();
    let figure = |result: Result<usize, _>| result.map_or(0, |bytes: usize| bytes as u64);
    ProcessMemory {
        allocated: figure(stats::allocated::read().map_err(drop)),
        active: figure(stats::active::read().map_err(drop)),
        resident: figure(stats::resident::read().map_err(drop)),
        rss: rss().unwrap_or(0),
    }
}

/// The second figure of /proc/self/statm counts resident pages.
fn rss() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * page as u64)
}

pub(super) fn cpu() -> ProcessCpu {
    let (user, system) = used_by(UsageWho::RUSAGE_SELF);
    // Only Linux tells what a thread has used; elsewhere the process's figures are the nearest.
    #[cfg(target_os = "linux")]
    let (thread_user, thread_system) = used_by(UsageWho::RUSAGE_THREAD);
    #[cfg(not(target_os = "linux"))]
    let (thread_user, thread_system) = (user, system);
    ProcessCpu { user, system, thread_user, thread_system }
}

/// In user mode and in the kernel.
fn used_by(who: UsageWho) -> (Duration, Duration) {
    let duration = |t: TimeVal| Duration::new(t.tv_sec() as u64, t.tv_usec() as u32 * 1000);
    getrusage(who).map_or_else(
        |_| Default::default(),
        |usage| (duration(usage.user_time()), duration(usage.system_time())),
    )
}

/// Asks jemalloc to return dirty pages: an arena whose pages decay in no time purges them at once.
pub(super) fn purge() {
    let arenas = tikv_jemalloc_ctl::arenas::narenas::read().unwrap_or(0);
    for arena in 0..arenas {
        let name = format!("arena.{arena}.dirty_decay_ms\0");
        let name = name.as_bytes().name();
        let usual: Result<isize, _> = name.read();
        if let Ok(usual) = usual {
            // An arena that has gone meanwhile has nothing to purge.
            let _ = name.write(0isize);
            let _ = name.write(usual);
        }
    }
}
