//! The async runtime of the engine: tokio.

use std::time::Duration;

use session_core::{BoxFuture, Runtime};
use tokio::runtime::Handle;

/// Runs what happens beside requests on tokio.
#[derive(Clone, Debug)]
pub struct TokioRuntime(Handle);

impl TokioRuntime {
    /// The runtime that the caller runs on; `None` outside of one.
    #[must_use]
    pub fn current() -> Option<Self> {
        Handle::try_current().ok().map(Self)
    }
}

impl Runtime for TokioRuntime {
    fn spawn(&self, task: BoxFuture<()>) {
        self.0.spawn(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let _entered = self.0.enter();
        Box::pin(tokio::time::sleep(duration))
    }
}
