//! Calls that wait until a test lets them go on.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

/// A call that waits to be released.
#[derive(Default)]
pub(super) struct Held(Mutex<State>);

#[derive(Default)]
struct State {
    is_released: bool,
    waker: Option<Waker>,
}

impl Held {
    pub(super) fn release(&self) {
        let mut state = self.0.lock();
        state.is_released = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) async fn released(&self) {
        poll_fn(|context| {
            let mut state = self.0.lock();
            if state.is_released {
                return Poll::Ready(());
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
