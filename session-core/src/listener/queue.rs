//! Telling the listeners, beside requests and one thing after the other.

use std::collections::VecDeque;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select;

use super::order::{Number, Order, Story};
use super::{DestroyReason, Notices, SessionChange, SessionListener, SessionNotice};
use crate::engine::Engine;
use crate::lifecycle::door::at_once;
use crate::runtime::Runtime;
use crate::session::{Record, SessionHandle};
use crate::sync::Mutex;

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
    order: Order<SessionNotice>,
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

    async fn tell(&self, notice: &SessionNotice, runtime: Option<&dyn Runtime>) {
        let backwards = matches!(notice.change(), SessionChange::Destroyed(_));
        for position in 0..self.listeners.len() {
            let position = match backwards {
                true => self.listeners.len() - 1 - position,
                false => position,
            };
            // A listener that panics is one that was told.
            let telling = async { self.listeners[position].notified(notice).await };
            let telling = pin!(AssertUnwindSafe(telling).catch_unwind());
            match runtime {
                Some(runtime) => drop(select(telling, runtime.sleep(PATIENCE)).await),
                None => drop(telling.await),
            }
        }
    }
}

/// The right to tell what is waiting, so that one notice is told after the other. Given back
/// when it is dropped: a runtime that shuts down drops its tasks, wherever they are.
struct Telling {
    engine: Arc<Engine>,
    is_over: bool,
}

impl Telling {
    /// The next notice; the right is given back with the last one.
    fn next(&mut self) -> Option<SessionNotice> {
        let mut queue = self.engine.listeners.queue.lock();
        let next = queue.waiting.pop_front();
        queue.is_told = next.is_some();
        self.is_over = next.is_none();
        next
    }

    async fn tell_all(mut self, runtime: Option<&dyn Runtime>) {
        while let Some(notice) = self.next() {
            self.engine.listeners.tell(&notice, runtime).await;
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if !self.is_over {
            self.engine.listeners.queue.lock().is_told = false;
        }
    }
}

/// A write of a session that is under way, for as long as this lives: what becomes of the
/// session meanwhile is told after what the write did.
pub(crate) struct WriteUnderWay {
    engine: Arc<Engine>,
    handle: SessionHandle,
    number: Number,
}

impl Drop for WriteUnderWay {
    fn drop(&mut self) {
        {
            let queue = &mut *self.engine.listeners.queue.lock();
            let Queue { order, waiting, .. } = queue;
            order.end(self.handle, self.number, waiting);
        }
        self.engine.tell_waiting();
    }
}

impl Engine {
    /// To be called before a write of the session with this handle. `None` when there is
    /// nobody to tell.
    pub(crate) fn write_begins(
        self: &Arc<Self>,
        handle: SessionHandle,
    ) -> Option<Box<WriteUnderWay>> {
        if self.listeners.is_empty() {
            return None;
        }
        let number = self.listeners.queue.lock().order.begin(handle);
        // In a box, since commits are moved about, and few are listened to.
        Some(Box::new(WriteUnderWay {
            engine: self.clone(),
            handle,
            number,
        }))
    }

    /// Has the listeners told of sessions that ended outside of a commit.
    pub(crate) fn notify_ends<'r>(
        self: &Arc<Self>,
        ends: impl Iterator<Item = (&'r Record, DestroyReason)>,
    ) {
        if !self.listeners.is_empty() {
            let stories = ends.map(|(record, reason)| Notices::of_ended(self, record, reason));
            self.notify(stories.collect());
        }
    }

    /// Has the listeners told. Returns at once where there is a runtime.
    pub(crate) fn notify(self: &Arc<Self>, stories: Vec<Story<SessionNotice>>) {
        if stories.is_empty() {
            return;
        }
        {
            let Queue { order, waiting, .. } = &mut *self.listeners.queue.lock();
            for story in stories {
                order.add(story, waiting);
            }
        }
        self.tell_waiting();
    }

    /// Has what is waiting told, unless somebody does that.
    fn tell_waiting(self: &Arc<Self>) {
        while let Some(telling) = self.claim_telling() {
            match self.runtime.get().cloned() {
                Some(runtime) => {
                    let guard = self.handoffs.begin();
                    let patient = runtime.clone();
                    return runtime.spawn(Box::pin(async move {
                        telling.tell_all(Some(&*patient)).await;
                        drop(guard);
                    }));
                }
                // Without a runtime there is nothing a listener could wait for: one that waits
                // is dropped where it does.
                None => drop(at_once(telling.tell_all(None))),
            }
        }
    }

    fn claim_telling(self: &Arc<Self>) -> Option<Telling> {
        let mut queue = self.listeners.queue.lock();
        if queue.waiting.is_empty() || std::mem::replace(&mut queue.is_told, true) {
            return None;
        }
        Some(Telling {
            engine: self.clone(),
            is_over: false,
        })
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listeners({})", self.listeners.len())
    }
}
