//! Handlers that wait in a known place until the test lets them go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use crate::wait::in_time;

/// A place in a handler where the test holds it. Clones are one gate.
#[derive(Clone)]
pub(crate) struct Gate(Arc<State>);

struct State {
    arrived: Semaphore,
    open: Semaphore,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            arrived: Semaphore::new(0),
            open: Semaphore::new(0),
        }))
    }

    /// The handler's side: says that it is here, and waits.
    pub(crate) async fn pass(&self) {
        self.0.arrived.add_permits(1);
        self.0.open.acquire().await.unwrap().forget();
    }

    /// The test's side: waits until as many handlers are here.
    pub(crate) async fn arrived(&self, handlers: u32) {
        let arrived = self.0.arrived.acquire_many(handlers);
        in_time("the handlers reach the gate", arrived)
            .await
            .unwrap()
            .forget();
    }

    /// Lets as many handlers pass.
    pub(crate) fn open(&self, handlers: usize) {
        self.0.open.add_permits(handlers);
    }
}

/// Tells whether something that a handler holds was dropped.
#[derive(Clone, Default)]
pub(crate) struct Dropped(Arc<AtomicBool>);

impl Dropped {
    pub(crate) fn guard(&self) -> DropGuard {
        DropGuard(self.clone())
    }

    pub(crate) fn happened(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Held by a handler; its end is what [`Dropped`] tells.
pub(crate) struct DropGuard(Dropped);

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}
