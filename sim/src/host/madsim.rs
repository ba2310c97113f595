//! The world on madsim: its executor picks the next task by the seed, its virtual time is true time, and on its thread
//! libc's clocks and random numbers are virtual and starting a thread panics, so that a library which reaches past the
//! `Runtime` cannot make a run unrepeatable. Its nodes, network and files are not used.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use madsim::runtime::Runtime;
use madsim::time::TimeHandle;

use crate::clock::Nanos;
use crate::tasks::LocalFuture;
use crate::world::{Host, World};

/// madsim, as the world sees it.
pub struct MadsimHost {
    time: TimeHandle,
    driver: RefCell<Option<Waker>>,
}

impl Host for MadsimHost {
    fn now(&self) -> Nanos {
        self.time.elapsed().as_nanos() as Nanos
    }

    fn run_shell(&self, shell: LocalFuture) {
        drop(madsim::task::spawn_local(shell));
    }

    fn kick(&self) {
        if let Some(driver) = self.driver.borrow().as_ref() {
            driver.wake_by_ref();
        }
    }
}

/// Runs `main` on a fresh madsim runtime, which panics when virtual time reaches the limit, or when nothing can ever happen
/// any more. `main` is given the host, and has to return a world, which is then driven, and the future to wait for.
pub fn run<T, F: Future<Output = T>>(
    seed: u64,
    time_limit: Duration,
    main: impl FnOnce(Rc<MadsimHost>) -> (Rc<World>, F),
) -> T {
    let mut runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
    runtime.set_time_limit(time_limit);
    runtime.block_on(async move {
        let host = Rc::new(MadsimHost { time: TimeHandle::current(), driver: RefCell::new(None) });
        let (world, future) = main(Rc::clone(&host));
        let driver = madsim::task::spawn_local(drive(world, host));
        let result = future.await;
        driver.abort();
        result
    })
}

/// Calls the world at each of its events.
async fn drive(world: Rc<World>, host: Rc<MadsimHost>) {
    let start = host.time.now_instant() - host.time.elapsed();
    // A new Sleep may not end within a millisecond; one that is reset may end at any time.
    let mut alarm = pin!(host.time.sleep_until(start));
    let mut set_for = 0;
    poll_fn(|cx| -> Poll<()> {
        *host.driver.borrow_mut() = Some(cx.waker().clone());
        loop {
            world.run_due();
            let Some(at) = world.next_event_at() else { return Poll::Pending };
            // The timer of an earlier poll for the same moment is still set.
            if at == set_for && at > host.now() {
                return Poll::Pending;
            }
            set_for = at;
            alarm.as_mut().reset(start + Duration::from_nanos(at));
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}
