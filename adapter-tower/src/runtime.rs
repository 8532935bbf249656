//! The async runtime of the engine: tokio.

use std::time::Duration;

use session_core::{BoxFuture, Runtime};
use tokio::runtime::Handle;

/// Runs what happens beside requests on tokio: on the runtime that the caller runs on, and
/// outside of one on the runtime it was made in. A manager may outlive a runtime, as those of
/// tests do.
///
/// The runtime must have its timer enabled (`enable_time`), as `#[tokio::main]` has.
#[derive(Clone, Debug)]
pub struct TokioRuntime(Handle);

impl TokioRuntime {
    /// The runtime that the caller runs on; `None` outside of one.
    #[must_use]
    pub fn current() -> Option<Self> {
        Handle::try_current().ok().map(Self)
    }

    fn handle(&self) -> Handle {
        Handle::try_current().unwrap_or_else(|_| self.0.clone())
    }
}

impl Runtime for TokioRuntime {
    fn spawn(&self, task: BoxFuture<()>) {
        self.handle().spawn(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let handle = self.handle();
        let _entered = handle.enter();
        Box::pin(tokio::time::sleep(duration))
    }
}
