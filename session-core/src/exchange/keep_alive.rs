//! A long request keeps its session alive by touching it now and then.

use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use super::LATE_COMMIT_INTERVAL;
use super::inner::Inner;
use crate::clock::Timestamp;
use crate::lifecycle::door::at_once;
use crate::runtime::BoxFuture;
use crate::store::FORWARD_LIFETIME;

/// What one touch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// The session is kept alive.
    KeepAlive,
    /// The session is asked for: where another request moved it, or whether it is gone.
    Ask,
}

/// The timer of one request; made when the request turns out to be a long one.
#[derive(Default)]
pub(crate) struct KeepAlive {
    since: Option<Timestamp>,
    next: Option<Next>,
    flush: Option<BoxFuture<()>>,
}

/// The next touch.
struct Next {
    beat: Beat,
    pause: Duration,
    sleep: BoxFuture<()>,
}

impl KeepAlive {
    /// Touches the session each third of its idle limit, up to the configured time. A session
    /// without an idle limit, one that is not kept alive any more and one that is to end are
    /// asked for as well, so that a request in flight learns of a rotation before the forwarding
    /// entry is gone: a write or a logout finds its session however late it is.
    pub(crate) fn poll(&mut self, inner: &Arc<Inner>, cx: &mut Context<'_>) {
        let Some(runtime) = inner.engine.runtime.get() else {
            return;
        };
        loop {
            let Some((beat, pause)) = self.plan(inner, cx.waker()) else {
                self.next = None;
                return;
            };
            // A shorter limit counts from now on.
            let planned = self.next.take().filter(|next| next.pause <= pause);
            let next = self.next.insert(planned.unwrap_or_else(|| Next {
                beat,
                pause,
                sleep: runtime.sleep(pause),
            }));
            if next.sleep.as_mut().poll(cx) == Poll::Pending {
                return;
            }
            let beat = next.beat;
            self.next = None;
            touch(inner, beat);
        }
    }

    /// What the next touch is for, and how long to wait for it. `None` for a request that has
    /// nothing to touch; a task of it that opens the session later wakes `keeper`.
    fn plan(&mut self, inner: &Inner, keeper: &Waker) -> Option<(Beat, Duration)> {
        let (engine, mut state) = (&inner.engine, inner.state.lock());
        if !state.has_something_to_touch() {
            let before = state.await_session(keeper);
            drop(state);
            drop(before);
            return None;
        }
        let now = engine.now();
        let since = *self.since.get_or_insert(now);
        let is_kept = now.saturating_since(since) < engine.settings.keep_alive_limit;
        let idle = state.stored().filter(|_| is_kept).map(|live| {
            let limit = live.max_inactive_interval().as_duration();
            limit.unwrap_or(FORWARD_LIFETIME)
        });
        let shortest = idle.unwrap_or(FORWARD_LIFETIME).min(FORWARD_LIFETIME);
        let beat = if is_kept { Beat::KeepAlive } else { Beat::Ask };
        Some((beat, (shortest / 3).max(Duration::from_millis(1))))
    }

    /// Completes now and then while a body is silent, so that what a task of the handler wrote
    /// meanwhile does not wait for the next frame.
    pub(crate) fn poll_flush_due(&mut self, inner: &Inner, cx: &mut Context<'_>) -> Poll<()> {
        let Some(runtime) = inner.engine.runtime.get() else {
            return Poll::Pending;
        };
        let flush = self
            .flush
            .get_or_insert_with(|| runtime.sleep(LATE_COMMIT_INTERVAL));
        ready!(flush.as_mut().poll(cx));
        self.flush = None;
        Poll::Ready(())
    }

    /// Idle time counts from the end of a long request.
    pub(crate) fn end(&self, inner: &Arc<Inner>) {
        let keeper = inner.state.lock().forget_keeper();
        drop(keeper);
        if self.since.is_some() && inner.access_is_due() {
            touch(inner, Beat::KeepAlive);
        }
    }
}

fn touch(inner: &Arc<Inner>, beat: Beat) {
    if inner.engine.is_immediate() {
        at_once(inner.touch(beat));
    } else if let Some(runtime) = inner.engine.runtime.get() {
        let (inner, guard) = (inner.clone(), inner.engine.handoffs.begin());
        runtime.spawn(Box::pin(async move {
            inner.touch(beat).await;
            // It may be the last one to hold what a task has written meanwhile.
            drop(inner);
            drop(guard);
        }));
    }
}
