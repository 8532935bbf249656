//! Work that goes on when the request that began it is gone.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::AccountError;

/// How much may be under way that nobody waits for: more than there can be.
const MAX: u32 = 1 << 20;

/// Work on one runtime, which outlives those of the framework: connections live on it.
pub(super) struct Tasks {
    runtime: Handle,
    /// A permit is taken for whatever is under way.
    idle: Arc<Semaphore>,
}

impl Tasks {
    pub(super) fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            idle: Arc::new(Semaphore::new(MAX as usize)),
        }
    }

    /// Does `work`, to its end also when this future is dropped.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, AccountError>> + Send + 'static,
    ) -> Result<T, AccountError> {
        let permit = self.idle.clone().try_acquire_owned();
        let done = self.runtime.spawn(async move {
            let _permit = permit;
            work.await
        });
        // Only a runtime that ends stops it in the middle.
        done.await.unwrap_or(Err(AccountError::Busy))
    }

    /// Begins `work`.
    pub(super) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        let permit = self.idle.clone().try_acquire_owned();
        self.runtime.spawn(async move {
            let _permit = permit;
            work.await;
        });
    }

    /// Completes when nothing is under way.
    pub(super) async fn drain(&self) {
        // It is never closed.
        let _ = self.idle.acquire_many(MAX).await;
    }
}
