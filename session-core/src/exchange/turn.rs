//! Commits of one request take turns. The turn is a flag under the lock of the state, so that
//! a request which has nothing to commit looks at it for free.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::inner::Inner;

/// Whose turn it is: kept in the state of the request.
#[derive(Default)]
pub(crate) struct Queue {
    taken: bool,
    waiting: Vec<Waker>,
}

impl Queue {
    pub(crate) const fn is_taken(&self) -> bool {
        self.taken
    }
}

/// The right to commit. Given back when it is dropped, whatever happens to its holder.
pub(crate) struct Turn<'a>(&'a Inner);

impl Inner {
    /// The turn, if nobody has it.
    pub(crate) fn try_turn(&self) -> Option<Turn<'_>> {
        let was_taken = std::mem::replace(&mut self.state.lock().queue.taken, true);
        // Lazily: dropping a turn gives it back.
        (!was_taken).then(|| Turn(self))
    }

    /// The turn, once nobody else has it.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        poll_fn(|cx| {
            let queue = &mut self.state.lock().queue;
            if !std::mem::replace(&mut queue.taken, true) {
                return Poll::Ready(Turn(self));
            }
            queue.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let waiting = {
            let queue = &mut self.0.state.lock().queue;
            queue.taken = false;
            std::mem::take(&mut queue.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }
}
