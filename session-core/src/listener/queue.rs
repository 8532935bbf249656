//! Telling the listeners, beside requests and one thing after the other.

use std::collections::VecDeque;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select;
use parking_lot::Mutex;

use super::{DestroyReason, Notices, SessionChange, SessionListener, SessionNotice};
use crate::engine::Engine;
use crate::lifecycle::door::at_once;
use crate::runtime::Runtime;
use crate::session::Record;

/// How long one listener may take for one notice before it is dropped where it waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The listeners of one manager, and what they have not been told yet.
#[derive(Default)]
pub(crate) struct Listeners {
    listeners: Vec<Arc<dyn SessionListener>>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<SessionNotice>,
    /// True while somebody tells what is waiting.
    is_told: bool,
}

impl Listeners {
    pub(crate) fn new(listeners: Vec<Arc<dyn SessionListener>>) -> Self {
        Self {
            listeners,
            queue: Mutex::default(),
        }
    }

    /// True when there is nobody to tell, so that nothing needs to be found out either.
    pub(crate) const fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    fn next(&self) -> Option<SessionNotice> {
        let mut queue = self.queue.lock();
        let next = queue.waiting.pop_front();
        queue.is_told = next.is_some();
        next
    }

    async fn tell_all(&self, runtime: Option<&dyn Runtime>) {
        while let Some(notice) = self.next() {
            self.tell(&notice, runtime).await;
        }
    }

    async fn tell(&self, notice: &SessionNotice, runtime: Option<&dyn Runtime>) {
        let backwards = matches!(notice.change(), SessionChange::Destroyed(_));
        for position in 0..self.listeners.len() {
            let position = match backwards {
                true => self.listeners.len() - 1 - position,
                false => position,
            };
            // A listener that panics is one that was told.
            let telling = self.listeners[position].notified(notice);
            let telling = AssertUnwindSafe(telling).catch_unwind();
            match runtime {
                Some(runtime) => drop(select(telling, runtime.sleep(PATIENCE)).await),
                None => drop(telling.await),
            }
        }
    }
}

impl Engine {
    /// Has the listeners told of sessions that ended outside of a commit.
    pub(crate) fn notify_ends<'r>(
        self: &Arc<Self>,
        ends: impl Iterator<Item = (&'r Record, DestroyReason)>,
    ) {
        if self.listeners.is_empty() {
            return;
        }
        let mut notices = Notices::new(self);
        for (record, reason) in ends {
            notices.destroyed(record, reason);
        }
        self.notify(notices.into_list());
    }

    /// Has the listeners told. Returns at once where there is a runtime.
    pub(crate) fn notify(self: &Arc<Self>, notices: Vec<SessionNotice>) {
        if notices.is_empty() {
            return;
        }
        {
            let mut queue = self.listeners.queue.lock();
            queue.waiting.extend(notices);
            if std::mem::replace(&mut queue.is_told, true) {
                return;
            }
        }
        let engine = self.clone();
        match self.runtime.get().cloned() {
            Some(runtime) => {
                let guard = self.handoffs.begin();
                let telling = runtime.clone();
                runtime.spawn(Box::pin(async move {
                    engine.listeners.tell_all(Some(&*telling)).await;
                    drop(guard);
                }));
            }
            // Without a runtime there is nothing a listener could wait for.
            None => while at_once(engine.listeners.tell_all(None)).is_none() {},
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listeners({})", self.listeners.len())
    }
}
