//! The async runtime of the engine: that of the thread that starts the server.

use std::time::Duration;

use actix_web::rt::System;
use session_core::{BoxFuture, Runtime};
use tokio::runtime::Handle;

/// Runs what happens beside requests where it outlives the workers: each of them has a runtime
/// of its own, which ends with the server, while commits may still be on their way.
///
/// Under `#[actix_web::main]` that is the thread of `main`, whichever thread this is made in.
/// Elsewhere it is the runtime that this is made in, which should be that of `main` and not
/// that of a worker: the closure of [`HttpServer::new`](actix_web::HttpServer::new) runs in
/// each worker.
#[derive(Clone, Debug)]
pub struct ActixRuntime {
    system: Option<System>,
    made_in: Handle,
}

impl ActixRuntime {
    /// The runtime that the caller runs on; `None` outside of one.
    #[must_use]
    pub fn current() -> Option<Self> {
        let made_in = Handle::try_current().ok()?;
        let system = System::try_current();
        Some(Self { system, made_in })
    }
}

impl Runtime for ActixRuntime {
    fn spawn(&self, task: BoxFuture<()>) {
        match &self.system {
            Some(system) if system.arbiter().alive() => {
                system.arbiter().spawn(task);
            }
            // A manager may outlive a system, as those of tests do.
            Some(_) => {
                let here = Handle::try_current();
                here.as_ref().unwrap_or(&self.made_in).spawn(task);
            }
            None => {
                self.made_in.spawn(task);
            }
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        // A timer belongs to the runtime that waits for it.
        let handle = Handle::try_current().unwrap_or_else(|_| self.made_in.clone());
        let _entered = handle.enter();
        Box::pin(tokio::time::sleep(duration))
    }
}
