//! Commits that outlive their request are counted, so that a server can wait for them
//! before it ends.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

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
