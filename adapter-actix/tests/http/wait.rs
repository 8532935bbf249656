//! Waiting for events, with an end.

use std::future::Future;
use std::time::{Duration, Instant};

/// The longest that anything here may take. Only a failing test waits as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long a client listens before it believes that nothing comes. Nothing is measured with
/// it: a correct server is silent for as long as the test wants.
const SILENCE: Duration = Duration::from_millis(30);

/// Waits until `holds`, for something that happens on the server beside the test.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The output of `future`, which must not take long.
pub(crate) async fn in_time<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("not in time: {what}"),
    }
}

/// True when `future` is not ready for a while.
pub(crate) async fn stays_pending<F: Future>(future: F) -> bool {
    tokio::time::timeout(SILENCE, future).await.is_err()
}
