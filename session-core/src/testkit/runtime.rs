//! A runtime that does nothing until a test tells it to.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, Stream};
use parking_lot::Mutex;

use super::clock::ManualClock;
use crate::runtime::{BoxFuture, Runtime};

/// A [`Runtime`] whose tasks run, and whose sleeps end, only when a test says so. Clones are
/// one runtime.
///
/// Sleeps are measured in the time that [`advance`](Self::advance) lets pass; a clock that is
/// [set](ManualClock::set) back makes no sleep longer, as on a real runtime.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::time::Duration;
/// use session_core::Runtime;
/// use session_core::testkit::{ManualClock, ManualRuntime};
///
/// let runtime = ManualRuntime::new(ManualClock::new());
/// let done = Arc::new(AtomicBool::new(false));
/// let (sleep, flag) = (runtime.sleep(Duration::from_secs(60)), done.clone());
/// runtime.spawn(Box::pin(async move {
///     sleep.await;
///     flag.store(true, Ordering::SeqCst);
/// }));
///
/// runtime.advance(Duration::from_secs(59));
/// assert_eq!(runtime.pending_tasks(), 1);
/// runtime.advance(Duration::from_secs(1));
/// assert!(done.load(Ordering::SeqCst));
/// ```
#[derive(Clone)]
pub struct ManualRuntime {
    clock: ManualClock,
    tasks: Arc<Mutex<FuturesUnordered<BoxFuture<()>>>>,
    /// Tasks that were spawned, perhaps by a task that is running, and have not begun.
    spawned: Arc<Mutex<Vec<BoxFuture<()>>>>,
    timers: Arc<Mutex<Timers>>,
}

#[derive(Default)]
struct Timers {
    /// How much time has passed since the runtime was made.
    elapsed: Duration,
    next_id: u64,
    /// Who waits, ordered by when the wait ends and then by when it began.
    waiting: BTreeMap<(Duration, u64), Option<Waker>>,
}

impl ManualRuntime {
    /// A runtime without tasks that moves `clock` along when time passes.
    #[must_use]
    pub fn new(clock: ManualClock) -> Self {
        Self {
            clock,
            tasks: Arc::default(),
            spawned: Arc::default(),
            timers: Arc::default(),
        }
    }

    /// Runs the tasks until each of them is done or waits for something.
    ///
    /// # Panics
    /// When a task panics.
    pub fn run_until_stalled(&self) {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        // Taken out, so that a task may spawn, sleep and ask how many tasks there are.
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        loop {
            tasks.extend(std::mem::take(&mut *self.spawned.lock()));
            let progress = Pin::new(&mut tasks).poll_next(&mut context);
            let new_tasks = !self.spawned.lock().is_empty();
            if !matches!(progress, Poll::Ready(Some(()))) && !woken.take() && !new_tasks {
                break;
            }
        }
        *self.tasks.lock() = tasks;
    }

    /// Lets `duration` pass: sleeps end in order, each at its own time, and after each of
    /// them the tasks run until they are stalled.
    pub fn advance(&self, duration: Duration) {
        self.run_until_stalled();
        let target = self.timers.lock().elapsed.saturating_add(duration);
        loop {
            let next = self.next_deadline().filter(|next| *next <= target);
            self.step_to(next.unwrap_or(target));
            self.run_until_stalled();
            if next.is_none() {
                return;
            }
        }
    }

    /// Runs `future` together with the tasks, without letting time pass.
    ///
    /// # Panics
    /// When nothing can make progress and `future` is not done: it waits for something that
    /// never comes, or for time to pass.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            self.run_until_stalled();
            assert!(
                woken.take(),
                "the future waits for something that no task will do; does time have to pass?"
            );
        }
    }

    /// How many spawned tasks are not done.
    #[must_use]
    pub fn pending_tasks(&self) -> usize {
        self.tasks.lock().len() + self.spawned.lock().len()
    }

    /// How many sleeps have not ended.
    #[must_use]
    pub fn pending_sleeps(&self) -> usize {
        self.timers.lock().waiting.len()
    }

    fn next_deadline(&self) -> Option<Duration> {
        let timers = self.timers.lock();
        timers.waiting.keys().next().map(|(deadline, _)| *deadline)
    }

    fn step_to(&self, time: Duration) {
        let mut timers = self.timers.lock();
        self.clock.advance(time.saturating_sub(timers.elapsed));
        timers.elapsed = timers.elapsed.max(time);
        let later = timers.waiting.split_off(&(time, u64::MAX));
        let due = std::mem::replace(&mut timers.waiting, later);
        drop(timers);
        due.into_values().flatten().for_each(Waker::wake);
    }
}

impl Runtime for ManualRuntime {
    fn spawn(&self, task: BoxFuture<()>) {
        self.spawned.lock().push(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let mut timers = self.timers.lock();
        let id = timers.next_id;
        timers.next_id += 1;
        let sleep = Sleep {
            timers: self.timers.clone(),
            key: (timers.elapsed.saturating_add(duration), id),
        };
        if duration > Duration::ZERO {
            timers.waiting.insert(sleep.key, None);
        }
        Box::pin(sleep)
    }
}

impl fmt::Debug for ManualRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualRuntime")
            .field("pending_tasks", &self.pending_tasks())
            .field("pending_sleeps", &self.pending_sleeps())
            .finish()
    }
}

/// A sleep; one that is dropped early is no longer counted.
struct Sleep {
    timers: Arc<Mutex<Timers>>,
    key: (Duration, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.timers.lock().waiting.get_mut(&self.key) {
            None => Poll::Ready(()),
            Some(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.timers.lock().waiting.remove(&self.key);
    }
}

/// Remembers that something was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Woken {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::runtime::yield_once;

    fn runtime() -> (ManualRuntime, ManualClock) {
        let clock = ManualClock::new();
        (ManualRuntime::new(clock.clone()), clock)
    }

    #[test]
    fn a_task_may_spawn_another_one() {
        let (runtime, _) = runtime();
        let inner = runtime.clone();
        runtime.spawn(Box::pin(async move {
            yield_once().await;
            inner.spawn(Box::pin(yield_once()));
        }));
        assert_eq!(runtime.pending_tasks(), 1);
        runtime.run_until_stalled();
        assert_eq!(runtime.pending_tasks(), 0);
    }

    #[test]
    fn a_loop_of_sleeps_wakes_at_every_one_of_its_times() {
        let (runtime, clock) = runtime();
        let times = Arc::new(Mutex::new(Vec::new()));
        let (sleeper, noted) = (runtime.clone(), times.clone());
        runtime.spawn(Box::pin(async move {
            loop {
                sleeper.sleep(Duration::from_secs(10)).await;
                let passed = clock.now().saturating_since(ManualClock::START);
                noted.lock().push(passed.as_secs());
            }
        }));
        runtime.advance(Duration::from_secs(35));
        assert_eq!(*times.lock(), [10, 20, 30]);
        assert_eq!(runtime.pending_sleeps(), 1);
    }

    #[test]
    fn a_dropped_sleep_is_no_longer_counted() {
        let (runtime, _) = runtime();
        let sleep = runtime.sleep(Duration::MAX);
        assert_eq!(runtime.pending_sleeps(), 1);
        drop(sleep);
        assert_eq!(runtime.pending_sleeps(), 0);
    }

    #[test]
    fn blocking_on_a_future_runs_the_tasks_that_it_waits_for() {
        let (runtime, _) = runtime();
        let done = Arc::new(AtomicBool::new(false));
        let flag = done.clone();
        runtime.spawn(Box::pin(async move {
            yield_once().await;
            flag.store(true, Ordering::SeqCst);
        }));
        runtime.block_on(async {
            while !done.load(Ordering::SeqCst) {
                yield_once().await;
            }
        });
    }

    #[test]
    #[should_panic(expected = "waits for something that no task will do")]
    fn blocking_on_a_sleep_says_that_time_does_not_pass() {
        let (runtime, _) = runtime();
        runtime.block_on(runtime.sleep(Duration::from_secs(1)));
    }
}
