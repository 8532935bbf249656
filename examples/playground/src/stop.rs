//! How the program stops.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// Completes when the process is asked to stop.
pub(crate) type Stop = Shared<BoxFuture<'static, ()>>;

/// How long requests under way may go on after that; streams are cut at once. A service
/// manager kills what takes too long: the whole stop is to be done within five seconds.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// Listens for Ctrl-C and for the signal of a service manager. To be called inside the runtime
/// that serves.
///
/// # Errors
/// When the signals cannot be listened for.
pub(crate) fn on_signal() -> io::Result<Stop> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let asked = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    Ok(asked.boxed().shared())
}

/// Waits for `pause`, or less when the program stops first.
///
/// # Errors
/// When the program stops.
pub(crate) async fn pause_unless(stop: &Stop, pause: Duration) -> Result<(), Stopping> {
    let paused = async {
        // Even a timer of zero waits for the next tick of the runtime's clock.
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    };
    tokio::select! {
        biased;
        () = stop.clone() => Err(Stopping),
        () = paused => Ok(()),
    }
}

/// The program stops, so the response is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server is stopping")]
pub(crate) struct Stopping;

/// How long the sockets may take to say that they close, after the requests under way.
const SOCKETS_GRACE: Duration = Duration::from_secs(1);

/// The sockets that are open, which no server knows of: a connection that was upgraded belongs
/// to whoever took it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sockets(Arc<RwLock<()>>);

/// To be held for as long as a socket is open.
pub(crate) type OpenSocket = OwnedRwLockReadGuard<()>;

impl Sockets {
    /// One more; `None` when the program is about to end.
    pub(crate) fn open(&self) -> Option<OpenSocket> {
        self.0.clone().try_read_owned().ok()
    }

    /// Waits until all are closed, or the grace is over.
    pub(crate) async fn closed(&self) {
        let _ = tokio::time::timeout(SOCKETS_GRACE, self.0.write()).await;
    }
}

/// Awaits `server` until it ends, or `GRACE` after `stop` gives it up.
pub(crate) async fn within_grace<T>(stop: Stop, server: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        ended = server => Some(ended),
        () = stop.then(|()| tokio::time::sleep(GRACE)) => None,
    }
}
