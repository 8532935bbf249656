//! What has expired is removed when somebody asks for it, and told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use session_core::store::RemovalReason;
use session_core::testkit::{Fault, Verb};
use session_core::{
    DestroyReason, SessionChange, SessionError, SessionEvent, SessionListener, SessionNotice,
};

use crate::given::{Distance, Given, HOUR, MINUTE};

/// More than one call of the store removes.
const MANY: usize = 1_000;

fn sweep(given: &Given) -> Result<usize, SessionError> {
    given.in_a_while(given.site.sessions().sweep())
}

#[test]
fn a_sweep_removes_all_that_has_expired_and_tells_of_each_once() {
    for given in Given::near_and_far() {
        for _ in 0..MANY {
            given.visitor_with_session();
        }
        // The clock alone: what a far store's own task sweeps is another test.
        given.site.clock().advance(MINUTE * 29);
        let alive = given.visitor_with_session();
        given.site.clock().advance(MINUTE);
        let removed = sweep(&given).unwrap();
        assert!((1..=MANY).contains(&removed), "{removed}");
        assert_eq!(given.sessions_stored(), 1);
        assert!(given.is_alive(&alive));
        let mut told = given.take_events();
        told.retain(|event| matches!(event, SessionEvent::Removed(_)));
        assert_eq!(told.len(), MANY);
        let reason = SessionEvent::Removed(RemovalReason::Expired);
        assert!(told.iter().all(|event| *event == reason));
        assert_eq!(sweep(&given).unwrap(), 0);
        assert_eq!(given.take_events(), []);
    }
}

/// So a site in use gets rid of what has expired, and none of its requests pays for many.
#[test]
fn commits_remove_the_expired_sessions_of_a_near_store_one_at_a_time() {
    let given = Given::near();
    for _ in 0..MANY {
        given.visitor_with_session();
    }
    given.site.clock().advance(MINUTE * 30);
    let ada = given.visitor_with_session();
    let mut stored = given.sessions_stored();
    assert!(stored >= MANY - 1);
    for number in 0..10 * MANY {
        let mut request = given.request(&ada);
        request.session.set_attribute("n", &number).unwrap();
        let _ = request.commit().unwrap();
        assert!((stored - 1..=stored).contains(&given.sessions_stored()));
        stored = given.sessions_stored();
        if stored == 1 {
            return;
        }
    }
    panic!("{stored} sessions are left");
}

/// So they make up for those that find nothing to remove, or somebody else at it.
#[test]
fn commits_that_make_sessions_remove_more_than_they_make() {
    let given = Given::near();
    for _ in 0..MANY * 3 / 2 {
        given.visitor_with_session();
    }
    given.site.clock().advance(MINUTE * 30);
    for _ in 0..MANY {
        given.visitor_with_session();
    }
    assert_eq!(given.sessions_stored(), MANY);
}

#[test]
fn a_sweep_tells_of_those_who_were_ended_with_everybody() {
    for given in Given::near_and_far() {
        for _ in 0..MANY {
            given.visitor_with_session();
        }
        given
            .in_a_while(given.site.sessions().end_everybody())
            .unwrap();
        let alive = given.visitor_with_session();
        assert!(sweep(&given).unwrap() <= MANY);
        assert!(given.is_alive(&alive));
        assert_eq!(given.sessions_stored(), 1);
        assert_eq!(sweep(&given).unwrap(), 0);
    }
}

/// Keeps why sessions were destroyed.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Vec<DestroyReason>>>);

#[async_trait]
impl SessionListener for Ends {
    async fn notified(&self, notice: &SessionNotice) {
        if let SessionChange::Destroyed(reason) = notice.change() {
            self.0.lock().unwrap().push(*reason);
        }
    }
}

#[test]
fn on_a_quiet_site_a_sweep_is_how_listeners_learn_of_an_expiry() {
    let ends = Ends::default();
    let listener = ends.clone();
    let given = Given::at(Distance::Near, |builder| builder.listener(listener));
    given.visitor_with_session();
    given.pass(HOUR);
    assert!(ends.0.lock().unwrap().is_empty());
    sweep(&given).unwrap();
    given.runtime.run_until_stalled();
    assert_eq!(*ends.0.lock().unwrap(), [DestroyReason::Expired]);
}

#[test]
fn a_sweep_that_the_store_does_not_answer_is_an_error_and_loses_nothing() {
    for given in Given::near_and_far() {
        given.visitor_with_session();
        given.site.clock().advance(HOUR);
        given.next(Verb::Sweep, Fault::Unavailable);
        assert!(matches!(sweep(&given), Err(SessionError::Unavailable(_))));
        assert_eq!(given.sessions_stored(), 1);
        assert_eq!(sweep(&given).unwrap(), 1);
    }
    let given = Given::far();
    given.next(Verb::Sweep, Fault::HoldRequest);
    assert!(matches!(sweep(&given), Err(SessionError::TimedOut(_))));
    assert_eq!(sweep(&given).unwrap(), 0);
}

#[test]
fn sweeps_at_the_same_time_share_what_there_is() {
    let given = Given::near();
    for _ in 0..MANY {
        given.visitor_with_session();
    }
    given.site.clock().advance(HOUR);
    let removed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let swept = session_core::testkit::block_on(given.site.sessions().sweep());
                removed.fetch_add(swept.unwrap(), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(removed.into_inner(), MANY);
    assert_eq!(given.sessions_stored(), 0);
}
