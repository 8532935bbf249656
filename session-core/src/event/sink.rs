//! Who is told what the engine notices.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::SessionEvent;

/// Hands each [`SessionEvent`] to all who want to be told; see
/// [`SessionManagerBuilder::on_event`](crate::SessionManagerBuilder::on_event).
#[derive(Default)]
pub(crate) struct EventSink(Vec<Observer>);

type Observer = Box<dyn Fn(SessionEvent) + Send + Sync>;

impl EventSink {
    pub(crate) fn add(&mut self, observer: impl Fn(SessionEvent) + Send + Sync + 'static) {
        self.0.push(Box::new(observer));
    }

    /// Tells the subscriber of `tracing` too.
    #[cfg(feature = "tracing")]
    pub(crate) fn add_trace(&mut self) {
        self.add(super::trace::trace);
    }

    pub(crate) const fn is_heard(&self) -> bool {
        !self.0.is_empty()
    }

    /// What an observer is told of has happened: one that panics is one that was told, and neither
    /// a request nor the next observer or listener is the worse for it.
    pub(crate) fn send(&self, event: SessionEvent) {
        for observer in &self.0 {
            drop(catch_unwind(AssertUnwindSafe(|| observer(event))));
        }
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventSink")
    }
}
