//! What must happen beside a request. The engine neither spawns nor sleeps by itself.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// A future that is owned and can move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// An async runtime, as far as the engine needs one: for commits of bodies and handles that
/// were dropped, for keeping the session of a long request alive, for deadlines of store
/// calls, and for sweeping remote stores.
///
/// An adapter hands its framework's runtime to
/// [`SessionManager::attach_runtime`](crate::SessionManager::attach_runtime).
pub trait Runtime: Send + Sync + 'static {
    /// Runs `task` to its end beside whatever else happens.
    fn spawn(&self, task: BoxFuture<()>);

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<()>;
}

/// Suspends the calling task once, so that others get a turn.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
