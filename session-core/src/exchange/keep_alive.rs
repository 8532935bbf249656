//! A long request keeps its session alive by touching it now and then.

use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use super::LATE_COMMIT_INTERVAL;
use super::inner::Inner;
use crate::clock::Timestamp;
use crate::lifecycle::door::at_once;
use crate::runtime::BoxFuture;
use crate::session::live::Live;
use crate::store::FORWARD_LIFETIME;

/// What one touch is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Beat {
    /// The session is kept alive, and what is to end is asked for.
    #[default]
    KeepAlive,
    /// What is to end is asked for: where another request moved it.
    Ask,
}

/// The timer of one request; made when the request turns out to be a long one.
#[derive(Default)]
pub(crate) struct KeepAlive {
    since: Option<Timestamp>,
    beat: Beat,
    sleep: Option<BoxFuture<()>>,
    flush: Option<BoxFuture<()>>,
}

impl KeepAlive {
    /// Touches the session each third of its idle limit, up to the configured time. A session
    /// without an idle limit is touched as well, so that a request in flight learns of a
    /// rotation before the forwarding entry is gone. What the request is to end is asked for as
    /// long as it takes, so that a logout finds its session however late the response is.
    pub(crate) fn poll(&mut self, inner: &Arc<Inner>, cx: &mut Context<'_>) {
        let Some(runtime) = inner.engine.runtime.get() else {
            return;
        };
        loop {
            let sleep = match &mut self.sleep {
                Some(sleep) => sleep,
                None => {
                    let Some(pause) = self.pause(inner, cx.waker()) else {
                        return;
                    };
                    self.sleep.insert(runtime.sleep(pause))
                }
            };
            if sleep.as_mut().poll(cx) == Poll::Pending {
                return;
            }
            self.sleep = None;
            touch(inner, self.beat);
        }
    }

    /// The time until the next touch. `None` for a request that has nothing to touch; a task of
    /// it that opens the session later wakes `keeper`.
    fn pause(&mut self, inner: &Inner, keeper: &Waker) -> Option<Duration> {
        let (engine, mut state) = (&inner.engine, inner.state.lock());
        let live = state.stored().map(Live::max_inactive_interval);
        let asks = state.endings_to_find().next().is_some();
        if live.is_none() && !asks {
            state.await_session(keeper);
            return None;
        }
        let now = engine.now();
        let since = *self.since.get_or_insert(now);
        self.beat = match now.saturating_since(since) < engine.settings.keep_alive_limit {
            true => Beat::KeepAlive,
            false => Beat::Ask,
        };
        let kept = live.filter(|_| self.beat == Beat::KeepAlive);
        let idle = kept.map(|limit| limit.as_duration().unwrap_or(FORWARD_LIFETIME));
        let asked = asks.then_some(FORWARD_LIFETIME);
        let shortest = idle.into_iter().chain(asked).min()?;
        Some((shortest.min(FORWARD_LIFETIME) / 3).max(Duration::from_millis(1)))
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
