//! A store that fails: an outage is never "no session", and no cookie is announced for a
//! record that is not there.

use session_core::testkit::{Fault, Verb, Visitor};
use session_core::{Session, SessionError, SessionEvent, Touch};

use crate::given::{Distance, Given, MINUTE, SECOND, poll_once};

/// A request that writes to the store with one verb, as a visitor of `given` makes it.
struct Write {
    verb: Verb,
    is_new_visitor: bool,
    handler: fn(&Session) -> Result<(), SessionError>,
}

const WRITES: [Write; 4] = [
    Write {
        verb: Verb::Create,
        is_new_visitor: true,
        handler: |session| session.set_attribute("n", &2),
    },
    Write {
        verb: Verb::Apply,
        is_new_visitor: false,
        handler: |session| session.set_attribute("n", &2),
    },
    Write {
        verb: Verb::Rename,
        is_new_visitor: false,
        handler: |session| session.login("ada"),
    },
    Write {
        verb: Verb::Delete,
        is_new_visitor: false,
        handler: Session::invalidate,
    },
];

impl Write {
    fn visitor(&self, given: &Given) -> Visitor {
        if self.is_new_visitor {
            given.visitor()
        } else {
            given.visitor_with_session()
        }
    }
}

fn is_unavailable<T>(outcome: &Result<T, SessionError>) -> bool {
    matches!(outcome, Err(error @ SessionError::Unavailable(_)) if error.status() == 503)
}

#[test]
fn a_failed_write_is_a_503_without_a_cookie_and_changes_nothing() {
    for given in Given::near_and_far() {
        for write in &WRITES {
            let mut ada = write.visitor(&given);
            let (cookie, received) = (ada.cookie(), ada.set_cookies());
            given.next(write.verb, Fault::Unavailable);
            let outcome = given.visit(&mut ada, write.handler);
            assert!(is_unavailable(&outcome), "{}: {outcome:?}", write.verb);
            assert_eq!((ada.cookie(), ada.set_cookies()), (cookie, received));
            if !write.is_new_visitor {
                let view = given.peek(&ada).unwrap();
                assert_eq!(view.get_attribute("n").unwrap(), Some(1), "{}", write.verb);
                assert_eq!(view.principal(), None);
            }
        }
    }
}

#[test]
fn a_write_whose_reply_was_lost_is_a_503_and_is_never_sent_again() {
    for given in Given::near_and_far() {
        for write in &WRITES {
            let mut ada = write.visitor(&given);
            let received = ada.set_cookies();
            given.take_calls();
            given.next(write.verb, Fault::LoseReply);
            let outcome = given.visit(&mut ada, write.handler);
            assert!(is_unavailable(&outcome), "{}: {outcome:?}", write.verb);
            let sent = given
                .take_calls()
                .iter()
                .filter(|call| **call == write.verb)
                .count();
            assert_eq!(sent, 1, "{}", write.verb);
            assert_eq!(ada.set_cookies(), received);
        }
    }
}

#[test]
fn after_a_failed_commit_the_request_commits_no_more() {
    for given in Given::near_and_far() {
        for write in &WRITES {
            let ada = write.visitor(&given);
            let mut request = given.request(&ada);
            (write.handler)(&request.session).unwrap();
            given.next(write.verb, Fault::Unavailable);
            assert!(is_unavailable(&request.commit()));
            given.take_calls();
            let handle = request.exchange.handle();
            if let Ok(session) = given.runtime.block_on(handle.session()) {
                assert!(session.set_attribute("late", &1).is_err(), "{}", write.verb);
            }
            request.finish().unwrap();
            given.runtime.run_until_stalled();
            assert_eq!(given.take_calls(), [], "{}", write.verb);
        }
    }
}

#[test]
fn after_a_failed_save_writing_is_refused_and_the_response_stores_nothing_more() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.set_attribute("n", &2).unwrap();
        given.next(Verb::Apply, Fault::LoseReply);
        assert!(is_unavailable(
            &given.runtime.block_on(request.session.save())
        ));
        let late = request.session.set_attribute("n", &3);
        assert!(matches!(late, Err(SessionError::Failed)));
        let save = given.runtime.block_on(request.session.save());
        assert!(matches!(save, Err(SessionError::Failed)));
        given.take_calls();
        assert!(request.commit().unwrap().set_cookie().is_none());
        assert_eq!(given.take_calls(), []);
        assert_eq!(given.stored(&ada, "n"), Some(2), "the write had arrived");
    }
}

#[test]
fn after_a_failed_save_logout_is_refused_and_not_silently_forgotten() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.set_attribute("n", &2).unwrap();
        given.next(Verb::Apply, Fault::Unavailable);
        assert!(given.runtime.block_on(request.session.save()).is_err());
        let acknowledged = request.session.logout().is_ok();
        let answered = request.commit().is_ok();
        assert!(
            !(acknowledged && answered && given.is_alive(&ada)),
            "a logout that was acknowledged has not happened"
        );
    }
}

#[test]
fn a_logout_that_could_not_reach_the_store_is_no_success() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given.next(Verb::Delete, Fault::Unavailable);
        assert!(is_unavailable(&given.visit(&mut ada, Session::logout)));
        assert!(given.is_alive(&ada));
        given.visit(&mut ada, Session::logout).unwrap();
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn an_outage_is_never_no_session() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        given.store.inner().break_down();
        let handle = ada.begin().handle();
        assert!(is_unavailable(&given.runtime.block_on(handle.session())));
        assert!(is_unavailable(
            &given.runtime.block_on(handle.existing_session())
        ));
        assert!(is_unavailable(
            &given.runtime.block_on(handle.peek_session())
        ));
        assert!(is_unavailable(
            &given
                .runtime
                .block_on(handle.is_requested_session_id_valid())
        ));
        given.store.inner().repair();
        let existing = given.runtime.block_on(handle.existing_session()).unwrap();
        assert!(existing.is_some(), "a failed load may be tried again");
    }
}

#[test]
fn after_an_outage_the_visitor_has_the_same_session() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given.store.inner().break_down();
        for _ in 0..3 {
            assert!(
                given
                    .visit(&mut ada, |session| session.set_attribute("n", &2))
                    .is_err()
            );
        }
        given.store.inner().repair();
        assert_eq!(ada.set_cookies(), 1);
        let n = given.visit(&mut ada, |session| session.get_attribute::<i64>("n"));
        assert_eq!(n.unwrap(), Some(1));
    }
}

#[test]
fn routes_that_do_not_touch_the_session_answer_normally_while_the_store_is_down() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        given.store.inner().break_down();
        let mut exchange = ada.begin();
        assert!(
            given
                .runtime
                .block_on(exchange.commit())
                .unwrap()
                .is_empty()
        );
        given.runtime.block_on(exchange.finish()).unwrap();
    }
}

#[test]
fn where_every_request_is_an_access_an_untouched_one_answers_normally_while_the_store_is_down() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.touch(Touch::EveryRequest));
        let ada = given.visitor_with_session();
        given.store.inner().break_down();
        let mut exchange = ada.begin();
        let delivery = given.runtime.block_on(exchange.commit()).unwrap();
        assert!(delivery.is_empty());
        given.runtime.block_on(exchange.finish()).unwrap();
        assert_eq!(given.take_calls(), [Verb::Load]);
    }
}

/// The commit looks the session up for its access and gets no answer, while a task of the request
/// has got the session by a call of its own.
#[test]
fn what_a_task_wrote_is_stored_although_the_access_of_its_request_could_not_be_noted() {
    for is_known in [true, false] {
        let given = Given::at(Distance::Far, |builder| builder.touch(Touch::EveryRequest));
        let mut ada = match is_known {
            true => given.visitor_with_session(),
            false => given.visitor_with_unknown_id(),
        };
        let mut exchange = ada.begin();
        let handle = exchange.handle();
        given.next(Verb::Load, Fault::HoldRequest);
        let mut commit = Box::pin(exchange.commit());
        assert!(poll_once(commit.as_mut()).is_pending());
        given.runtime.run_until_stalled();
        let session = given.runtime.block_on(handle.session()).unwrap();
        session.login("ada").unwrap();
        session.set_attribute("n", &7).unwrap();
        given.pass(SECOND * 6);
        let delivery = given.runtime.block_on(commit).unwrap();
        assert!(delivery.set_cookie().is_some(), "known: {is_known}");
        ada.receive(delivery);
        drop((session, handle));
        given.runtime.block_on(exchange.finish()).unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(7), "known: {is_known}");
        assert_eq!(given.sessions_stored(), 1);
    }
}

#[test]
fn a_visitor_without_a_cookie_is_served_while_the_store_is_down_as_long_as_nothing_is_written() {
    for given in Given::near_and_far() {
        given.store.inner().break_down();
        let mut ada = given.visitor();
        given
            .visit(&mut ada, |session| session.get_attribute::<i64>("n"))
            .unwrap();
        let write = given.visit(&mut ada, |session| session.set_attribute("n", &1));
        assert!(is_unavailable(&write));
        assert_eq!(ada.set_cookies(), 0);
    }
}

#[test]
fn a_request_that_only_reads_does_not_fail_when_its_access_cannot_be_recorded() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        given.pass(MINUTE * 10);
        given.next(Verb::Apply, Fault::Unavailable);
        request.send_head();
        assert!(given.store.inner().is_played_out());
        request.finish().unwrap();
    }
}

#[test]
fn a_full_store_is_a_503_and_keeps_what_it_has() {
    for given in Given::near_and_far() {
        for write in &WRITES[..3] {
            let mut ada = write.visitor(&given);
            let received = ada.set_cookies();
            given.next(write.verb, Fault::Full);
            let outcome = given.visit(&mut ada, write.handler);
            assert!(matches!(outcome, Err(SessionError::Full)), "{}", write.verb);
            assert_eq!(outcome.unwrap_err().status(), 503);
            assert_eq!(ada.set_cookies(), received);
            assert_eq!(given.is_alive(&ada), !write.is_new_visitor);
        }
    }
}

#[test]
fn a_refused_save_leaves_the_session_usable() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.set_attribute("n", &2).unwrap();
        given.next(Verb::Apply, Fault::Full);
        let save = given.runtime.block_on(request.session.save());
        assert!(matches!(save, Err(SessionError::Full)));
        assert_eq!(request.session.get_attribute::<i64>("n").unwrap(), Some(1));
        request.session.set_attribute("n", &3).unwrap();
        request.send_head();
        assert_eq!(given.stored(&ada, "n"), Some(3));
    }
}

#[test]
fn a_record_that_became_unreadable_is_not_overwritten_by_a_request_that_had_loaded_it() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        for fault in [Fault::Unreadable, Fault::NewerFormat] {
            let mut request = given.request(&ada);
            request.session.set_attribute("n", &2).unwrap();
            given.next(Verb::Apply, fault);
            assert_eq!(request.commit().unwrap_err().status(), 503);
            assert_eq!(given.stored(&ada, "n"), Some(1));
        }
    }
}

#[test]
fn a_failure_after_the_head_ends_the_body_with_an_error_and_is_an_event() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.send_head();
        request.session.set_attribute("n", &2).unwrap();
        given.next(Verb::Apply, Fault::Unavailable);
        assert!(is_unavailable(&request.finish()));
        assert_eq!(given.take_events(), [SessionEvent::LateCommitFailed]);
    }
}

#[test]
fn no_error_shows_the_client_anything_of_the_inside() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given.next(Verb::Load, Fault::Unavailable);
    let error = given.visit(&mut ada, Session::is_new).unwrap_err();
    assert_eq!(
        error.public_text(),
        "The session is not available at the moment."
    );
}

#[test]
fn the_first_failure_that_a_handler_noted_is_the_one_that_is_answered() {
    let given = Given::near();
    let mut exchange = given.visitor().begin();
    let handle = exchange.handle();
    handle.note_failure(SessionError::Full);
    handle.note_failure(SessionError::Gone);
    let delivery = given.runtime.block_on(exchange.commit()).unwrap();
    assert!(matches!(delivery.noted_failure(), Some(SessionError::Full)));
    assert!(delivery.is_empty(), "a failure alone needs no header");
}
