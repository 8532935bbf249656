//! A long request keeps its session alive by touching it now and then.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::LATE_COMMIT_INTERVAL;
use super::inner::Inner;
use crate::clock::Timestamp;
use crate::lifecycle::door::at_once;
use crate::runtime::BoxFuture;
use crate::session::live::Live;
use crate::store::FORWARD_LIFETIME;

/// The timer of one request; made when the request turns out to be a long one.
#[derive(Default)]
pub(crate) struct KeepAlive {
    since: Option<Timestamp>,
    sleep: Option<BoxFuture<()>>,
    flush: Option<BoxFuture<()>>,
}

impl KeepAlive {
    /// Touches the session each third of its idle limit, up to the configured time. A session
    /// without an idle limit is touched as well, so that a request in flight learns of a
    /// rotation before the forwarding entry is gone; for what it is to end, so that a logout
    /// finds its session however late the response is.
    pub(crate) fn poll(&mut self, inner: &Arc<Inner>, cx: &mut Context<'_>) {
        let engine = &inner.engine;
        let Some(runtime) = engine.runtime.get() else {
            return;
        };
        loop {
            let sleep = match &mut self.sleep {
                Some(sleep) => sleep,
                None => {
                    let Some(pause) = pause(inner) else {
                        return;
                    };
                    let since = *self.since.get_or_insert_with(|| engine.now());
                    let limit = engine.settings.keep_alive_limit;
                    if engine.now().saturating_since(since) >= limit {
                        return;
                    }
                    self.sleep.insert(runtime.sleep(pause))
                }
            };
            if sleep.as_mut().poll(cx) == Poll::Pending {
                return;
            }
            self.sleep = None;
            touch(inner);
        }
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
            touch(inner);
        }
    }
}

fn touch(inner: &Arc<Inner>) {
    if inner.engine.is_immediate() {
        at_once(inner.touch());
    } else if let Some(runtime) = inner.engine.runtime.get() {
        let (inner, guard) = (inner.clone(), inner.engine.handoffs.begin());
        runtime.spawn(Box::pin(async move {
            inner.touch().await;
            // It may be the last one to hold what a task has written meanwhile.
            drop(inner);
            drop(guard);
        }));
    }
}

/// The time between two touches, or `None` for a request that knows no stored session.
fn pause(inner: &Inner) -> Option<Duration> {
    let state = inner.state.lock();
    let live = state.stored().map(Live::max_inactive_interval);
    let endings = state.endings.iter();
    let endings = endings.map(|ending| ending.record.max_inactive_interval);
    let limits = live.into_iter().chain(endings);
    // One without an idle limit has to be asked for in time as well.
    let shortest = limits
        .map(|idle| idle.as_duration().unwrap_or(FORWARD_LIFETIME))
        .min()?
        .min(FORWARD_LIFETIME);
    Some((shortest / 3).max(Duration::from_millis(1)))
}
