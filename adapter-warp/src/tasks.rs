//! The tasks of a server: they can be cut, and the last of them waited for.

use std::future::Future;
use std::pin::pin;

use futures_util::future::select;
use hyper::rt::Executor;
use tokio::sync::watch;

/// Spawns the tasks of one server. As hyper's executor it spawns the requests of an HTTP/2
/// connection too, which outlive the future of their connection.
#[derive(Clone)]
pub(crate) struct Tasks(watch::Receiver<()>);

/// Ends the tasks of one server. Dropping it cuts them too.
pub(crate) struct Cutter(watch::Sender<()>);

pub(crate) fn tasks() -> (Tasks, Cutter) {
    let (cutter, tasks) = watch::channel(());
    (Tasks(tasks), Cutter(cutter))
}

impl Tasks {
    pub(crate) fn spawn<F>(&self, work: F)
    where
        F: Future + Send + 'static,
    {
        let receiver = self.0.clone();
        tokio::spawn(async move {
            // Dropped last, so that the work is gone when the cutter believes it.
            let mut receiver = receiver;
            let cut = pin!(receiver.changed());
            let work = pin!(work);
            select(work, cut).await;
        });
    }
}

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
{
    fn execute(&self, work: F) {
        self.spawn(work);
    }
}

impl Cutter {
    /// Drops whatever still runs, and completes when all of it is dropped. Every [`Tasks`] must
    /// be gone, or this waits for it.
    pub(crate) async fn cut(self) {
        // Fails when no task is left.
        let _ = self.0.send(());
        self.0.closed().await;
    }
}
