//! What a server process asks of its host before and beside serving: signals, the limit of open files, the background, the
//! supervisor, its title.
#![allow(clippy::disallowed_methods, reason = "see the module above")]

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ::tokio::signal::unix::{SignalKind, signal};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors that a node needs beside its clients': listeners, files, the event loop.
const RESERVED_DESCRIPTORS: u64 = 32;

/// Waits for SIGTERM or SIGINT, and says which. SIGHUP and SIGPIPE are ignored from then on, as in Redis.
pub async fn termination() -> io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // A stream of them that nobody reads: the signal has no other effect any more.
    let _hangup = signal(SignalKind::hangup())?;
    let name = std::future::poll_fn(|cx| {
        if terminate.poll_recv(cx).is_ready() {
            return std::task::Poll::Ready("SIGTERM");
        }
        interrupt.poll_recv(cx).map(|_| "SIGINT")
    });
    Ok(name.await)
}

/// Raises the limit of open files for so many clients. How many can be served.
pub fn allow_clients(wanted: u32) -> u32 {
    let needed = u64::from(wanted) + RESERVED_DESCRIPTORS;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return wanted };
    if soft >= needed {
        return wanted;
    }
    let mut granted = soft;
    for limit in [needed, hard.min(needed)] {
        if setrlimit(Resource::RLIMIT_NOFILE, limit, hard.max(limit)).is_ok() {
            granted = limit;
            break;
        }
    }
    granted.saturating_sub(RESERVED_DESCRIPTORS).min(wanted.into()).max(1) as u32
}

/// Leaves the terminal: the process goes on in the background, with /dev/null for input and output.
pub fn daemonize() -> io::Result<()> {
    nix::unistd::daemon(true, false).map_err(io::Error::from)
}

/// Changes the working directory.
pub fn change_directory(path: &Path) -> io::Result<()> {
    std::env::set_current_dir(path)
}

/// The process's number.
pub fn process_id() -> u32 {
    std::process::id()
}

/// The program's path; empty if the system does not tell.
pub fn executable() -> String {
    std::env::current_exe().map_or_else(|_| String::new(), |path| path.display().to_string())
}

/// Ends the process at once, with a core dump where the system makes them.
pub fn abort() -> ! {
    std::process::abort()
}

/// A path that stays right when the working directory changes; the file must exist.
pub fn absolute_path(path: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(path)
}

/// Tells the supervisor that named itself in the environment that the node is ready. Which one it was.
pub fn notify_supervisor(kind: Supervisor) -> Option<&'static str> {
    let systemd = std::env::var_os("NOTIFY_SOCKET").is_some();
    let upstart = std::env::var_os("UPSTART_JOB").is_some();
    match kind {
        Supervisor::Systemd | Supervisor::Auto if systemd => {
            sd_notify::notify(&[sd_notify::NotifyState::Ready]).ok().map(|()| "systemd")
        }
        Supervisor::Upstart | Supervisor::Auto if upstart => {
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP).ok().map(|()| "upstart")
        }
        _ => None,
    }
}

/// Who supervises the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Supervisor {
    /// systemd, by its notification socket.
    Systemd,
    /// upstart, which waits for SIGSTOP.
    Upstart,
    /// Whichever of them the environment names.
    Auto,
    /// None.
    Nobody,
}

/// Changes what `ps` shows for this process. Linux keeps the arguments in the process's own memory, where they are written over;
/// what does not fit there is cut off. Arguments that are still wanted must have been read before.
pub fn set_process_title(title: &str) -> io::Result<()> {
    // Behind the program's name, which is in parentheses and may hold blanks, come field 3 and the rest; the bounds of the
    // arguments are fields 48 and 49 (proc_pid_stat(5)).
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap_or(0)..].split(' ').collect();
    let bound = |field: usize| fields.get(field - 2).and_then(|text| text.trim().parse::<u64>().ok());
    let (Some(start), Some(end)) = (bound(48), bound(49)) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let room = end.saturating_sub(start) as usize;
    let mut bytes: Vec<u8> = title.bytes().filter(|byte| *byte != 0).take(room.saturating_sub(1)).collect();
    // The last byte stays zero: by that the kernel knows that nothing follows.
    bytes.resize(room, 0);
    std::fs::OpenOptions::new().write(true).open("/proc/self/mem")?.write_all_at(&bytes, start)
}

/// The operating system as INFO names it.
pub fn os_name() -> String {
    nix::sys::utsname::uname().map_or_else(
        |_| String::new(),
        |name| {
            let part = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
            format!("{} {} {}", part(name.sysname()), part(name.release()), part(name.machine()))
        },
    )
}

/// Physical memory in bytes.
pub fn system_memory_bytes() -> u64 {
    use nix::unistd::{SysconfVar, sysconf};
    let value = |name| sysconf(name).ok().flatten().unwrap_or(0) as u64;
    value(SysconfVar::_PHYS_PAGES) * value(SysconfVar::PAGE_SIZE)
}
