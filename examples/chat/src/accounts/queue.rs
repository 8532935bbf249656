//! Work that is expensive on purpose, done by few at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Lets in so much expensive work as the machine can bear, whoever asks for it: some is done at
/// once on threads of its own, some waits, and the rest is turned away.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// One for whatever is done or waits.
    places: Arc<Semaphore>,
    /// One for whatever is done.
    runs: Arc<Semaphore>,
}

/// The work was not done: too much of it is waiting, or the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Queue {
    /// Does `runs` at once and lets `waiting` wait.
    pub(super) fn new(runs: usize, waiting: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(runs + waiting)),
            runs: Arc::new(Semaphore::new(runs)),
        }
    }

    /// Does `work` when it is its turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Busy)?;
        let run = self.runs.clone().acquire_owned().await.map_err(|_| Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            // Given back when the work ends and not when its caller does: a thread cannot be
            // stopped, and whoever hung up could else begin any number.
            let _held = (place, run);
            work()
        });
        done.await.map_err(|_| Busy)
    }

    /// Lets nobody else run until the answer is dropped.
    #[cfg(test)]
    pub(super) fn occupy(&self) -> tokio::sync::OwnedSemaphorePermit {
        let runs = u32::try_from(self.runs.available_permits()).unwrap();
        self.runs.clone().try_acquire_many_owned(runs).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use futures_util::FutureExt;
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    /// Work that begins when it is its turn and ends when it is told to.
    struct Work {
        begun: oneshot::Receiver<()>,
        end: Sender<()>,
        caller: JoinHandle<Result<(), Busy>>,
    }

    fn begin(queue: &Queue) -> Work {
        let (begins, begun) = oneshot::channel();
        let (end, ended): (_, Receiver<()>) = channel();
        let queue = queue.clone();
        let work = move || {
            begins.send(()).unwrap();
            ended.recv().unwrap();
        };
        let caller = tokio::spawn(async move { queue.run(work).await });
        Work { begun, end, caller }
    }

    #[tokio::test]
    async fn no_more_is_done_at_once_than_the_machine_can_bear() {
        let queue = Queue::new(1, 1);
        let first = begin(&queue);
        first.begun.await.unwrap();
        let mut second = queue.run(|| 2).boxed();
        assert_eq!((&mut second).now_or_never(), None, "it waits");
        first.end.send(()).unwrap();
        assert_eq!(first.caller.await.unwrap(), Ok(()));
        assert_eq!(second.await, Ok(2));
    }

    #[tokio::test]
    async fn what_would_wait_too_long_is_turned_away_until_there_is_room() {
        let queue = Queue::new(1, 1);
        let first = begin(&queue);
        first.begun.await.unwrap();
        let mut second = queue.run(|| 2).boxed();
        assert_eq!((&mut second).now_or_never(), None);
        assert_eq!(queue.run(|| 3).now_or_never(), Some(Err(Busy)));
        drop(second);
        let mut fourth = queue.run(|| 4).boxed();
        assert_eq!((&mut fourth).now_or_never(), None, "there is room to wait");
        first.end.send(()).unwrap();
        assert_eq!(fourth.await, Ok(4));
    }

    #[tokio::test]
    async fn whoever_hangs_up_makes_no_room_before_the_work_has_ended() {
        let queue = Queue::new(1, 1);
        let first = begin(&queue);
        first.begun.await.unwrap();
        first.caller.abort();
        assert!(first.caller.await.unwrap_err().is_cancelled());
        let mut second = queue.run(|| 2).boxed();
        assert_eq!((&mut second).now_or_never(), None, "it waits all the same");
        first.end.send(()).unwrap();
        assert_eq!(second.await, Ok(2));
    }
}
