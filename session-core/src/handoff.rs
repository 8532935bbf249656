//! Commits that outlive their request are counted, so that a server can wait for them
//! before it ends.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};

use futures_channel::oneshot;

use crate::engine::Engine;
use crate::error::SessionError;
use crate::sync::Mutex;

/// The commits that were handed to the runtime and have not ended yet.
#[derive(Clone, Default)]
pub(crate) struct Handoffs(Arc<Mutex<Pending>>);

#[derive(Default)]
struct Pending {
    count: usize,
    waiting: Vec<Waker>,
}

impl Handoffs {
    /// Counts one more until the guard is dropped.
    pub(crate) fn begin(&self) -> HandoffGuard {
        self.0.lock().count += 1;
        HandoffGuard(self.clone())
    }

    /// Completes when none is left.
    pub(crate) async fn drained(&self) {
        poll_fn(|cx| {
            let mut pending = self.0.lock();
            if pending.count == 0 {
                return Poll::Ready(());
            }
            pending.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// One commit that was handed off. Ends the count also when its task is dropped unfinished.
pub(crate) struct HandoffGuard(Handoffs);

impl Drop for HandoffGuard {
    fn drop(&mut self) {
        let waiting = {
            let mut pending = self.0.0.lock();
            pending.count -= 1;
            if pending.count > 0 {
                return;
            }
            std::mem::take(&mut pending.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }
}

impl Engine {
    /// Runs `work` to its end on the runtime, also when whoever waits for it goes away. Without
    /// a runtime it ends with them.
    ///
    /// # Errors
    /// What `work` answers; [`SessionError::Interrupted`] when the runtime dropped it.
    pub(crate) async fn see_through<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SessionError>> + Send + 'static,
    ) -> Result<T, SessionError> {
        let Some(runtime) = self.runtime.get() else {
            return work.await;
        };
        let (done, outcome) = oneshot::channel();
        let guard = self.handoffs.begin();
        runtime.spawn(Box::pin(async move {
            let outcome = work.await;
            // Nobody may be waiting any more.
            let _ = done.send(outcome);
            drop(guard);
        }));
        // A runtime that is shutting down drops its tasks, wherever they are.
        outcome.await.unwrap_or(Err(SessionError::Interrupted))
    }
}
