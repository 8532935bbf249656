//! Somebody in another process, who finds the sessions of a principal also where nobody was told
//! their ids: after a login whose answer was lost.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use session_core::store::SessionStore;
use session_core::testkit::{ManualClock, block_on, test_key};
use session_core::{
    DestroyReason, SessionChange, SessionListener, SessionManager, SessionNotice, SessionView,
};

/// The end of a session is the one moment when its data is shown to who does not have its id.
#[derive(Clone, Default)]
struct Ended(Arc<Mutex<Vec<SessionView>>>);

#[async_trait]
impl SessionListener for Ended {
    async fn notified(&self, notice: &SessionNotice) {
        if let SessionChange::Destroyed(DestroyReason::Terminated) = notice.change() {
            self.0.lock().unwrap().push(notice.session());
        }
    }
}

/// Ends the one session that `principal` has in `store`, and answers what it held.
pub(crate) fn end_and_look(
    store: impl SessionStore,
    clock: &ManualClock,
    principal: &str,
) -> Option<SessionView> {
    let ended = Ended::default();
    let sessions: SessionManager = SessionManager::builder()
        .secret_key(test_key())
        .store(store)
        .clock(clock.clone())
        .listener(ended.clone())
        .build()
        .unwrap();
    let count = block_on(sessions.end_sessions_of(principal)).unwrap();
    assert!(count < 2, "{count} sessions of {principal}");
    let seen = ended.0.lock().unwrap().pop();
    assert_eq!(seen.is_some(), count == 1, "an end is not told");
    seen
}
