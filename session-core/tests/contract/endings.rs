//! Logout is final: whatever was under way, nothing brings an ended session back (OWASP ASVS
//! 7.4.1; CWE-613).

use session_core::testkit::{Fault, Verb};
use session_core::{DropReason, EndReason, Session, SessionError, SessionEvent};

use crate::given::{Given, HOUR, MINUTE, SECOND, poll_once};

type Write = fn(&Session) -> Result<(), SessionError>;

const WRITES: [Write; 6] = [
    |session| session.set_attribute("n", &2),
    |session| {
        session
            .update_attribute("n", |n: &mut i64| *n += 1)
            .map(drop)
    },
    |session| session.append_attribute("l", &1),
    |session| session.set_max_inactive_interval(HOUR),
    |session| session.change_session_id().map(drop),
    |session| session.login("ada"),
];

#[test]
fn a_slow_request_that_loaded_before_the_logout_revives_nothing_and_gets_no_cookie() {
    for given in Given::near_and_far() {
        for write in WRITES {
            let ada = given.visitor_with_session();
            let mut slow = given.request(&ada);
            write(&slow.session).unwrap();
            given.visit(&mut ada.clone(), Session::logout).unwrap();
            given.take_events();
            let delivery = slow.commit().unwrap();
            assert!(delivery.set_cookie().is_none());
            assert_eq!(
                given.take_events(),
                [SessionEvent::WritesDropped(DropReason::Gone)]
            );
            slow.finish().unwrap();
            assert!(!given.is_alive(&ada));
            assert_eq!(given.sessions_stored(), 0);
        }
    }
}

#[test]
fn save_tells_that_the_session_is_gone_and_later_writes_are_refused() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let slow = given.request(&ada);
        slow.session.set_attribute("n", &2).unwrap();
        given.visit(&mut ada.clone(), Session::logout).unwrap();
        let save = given.runtime.block_on(slow.session.save());
        assert!(matches!(save, Err(SessionError::Gone)));
        assert_eq!(save.unwrap_err().status(), 409);
        let late = slow.session.set_attribute("n", &3);
        assert!(matches!(late, Err(SessionError::Gone)));
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn a_slow_request_that_only_reads_touches_nothing_back_to_life() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        given.visit(&mut ada.clone(), Session::logout).unwrap();
        given.pass(MINUTE * 5);
        assert!(slow.commit().unwrap().set_cookie().is_none());
        slow.finish().unwrap();
        assert!(!given.is_alive(&ada));
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn a_request_that_learned_of_the_end_when_it_answered_refuses_late_writes_at_once() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        given.visit(&mut ada.clone(), Session::logout).unwrap();
        given.pass(MINUTE * 5);
        slow.send_head();
        let late = slow.session.set_attribute("n", &2);
        assert!(matches!(late, Err(SessionError::Gone)));
    }
}

#[test]
fn a_stream_in_flight_does_not_revive_the_session_either_and_ends_normally() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.session.append_attribute("chat", "question").unwrap();
        stream.send_head();
        given.visit(&mut ada.clone(), Session::logout).unwrap();
        given.take_events();
        stream.session.append_attribute("chat", "answer").unwrap();
        stream.stay_pending(MINUTE * 15);
        stream.finish().unwrap();
        assert!(!given.is_alive(&ada));
        assert!(
            given
                .take_events()
                .contains(&SessionEvent::WritesDropped(DropReason::Gone))
        );
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn a_stream_that_is_dropped_after_the_logout_revives_nothing() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.session.set_attribute("n", &2).unwrap();
        given.visit(&mut ada.clone(), Session::logout).unwrap();
        drop(stream);
        given.pass(SECOND);
        assert!(!given.is_alive(&ada));
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn a_replayed_cookie_stays_dead_after_a_logout() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        given.visit(&mut ada.clone(), Session::logout).unwrap();
        for _ in 0..100 {
            let mut replay = ada.clone();
            given
                .visit(&mut replay, |session| session.get_attribute::<i64>("n"))
                .unwrap();
            assert!(!given.is_alive(&ada));
        }
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn a_logout_after_the_head_still_ends_the_session() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.session.logout().unwrap();
        stream.finish().unwrap();
        assert_eq!(
            given.take_events(),
            [SessionEvent::Ended(EndReason::LoggedOut)]
        );
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_logout_drops_what_the_same_request_had_written() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| {
                session.set_attribute("n", &2)?;
                session.login("ada")?;
                session.logout()
            })
            .unwrap();
        assert_eq!(given.take_calls(), [Verb::Load, Verb::Delete]);
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn of_two_requests_that_end_the_session_one_is_told_as_an_event() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let (first, second) = (given.request(&ada), given.request(&ada));
        first.session.logout().unwrap();
        second.session.invalidate().unwrap();
        assert!(second.end().unwrap().set_cookie().is_some());
        assert!(first.end().unwrap().set_cookie().is_none());
        assert_eq!(
            given.take_events(),
            [SessionEvent::Ended(EndReason::Invalidated)]
        );
    }
}

#[test]
fn a_session_that_is_ended_while_its_first_save_is_under_way_leaves_nothing_stored() {
    let given = Given::far();
    let mut ada = given.visitor();
    let mut request = given.request(&ada);
    request.session.set_attribute("n", &1).unwrap();
    given.next(Verb::Create, Fault::HoldRequest);
    let session = request.session.clone();
    let mut save = Box::pin(session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    request.session.invalidate().unwrap();
    given.store.inner().release();
    let _ = given.in_a_while(save);
    request.answer(&mut ada).unwrap();
    assert_eq!(ada.set_cookies(), 0);
    assert_eq!(given.sessions_stored(), 0);
}

#[test]
fn a_logout_while_the_first_save_is_under_way_is_told_as_one() {
    let ends: [(fn(&Session) -> _, _); 2] = [
        (Session::logout, EndReason::LoggedOut),
        (Session::invalidate, EndReason::Invalidated),
    ];
    for (end, reason) in ends {
        let given = Given::far();
        let ada = given.visitor();
        let request = given.request(&ada);
        request.session.login("ada").unwrap();
        given.next(Verb::Create, Fault::HoldRequest);
        let session = request.session.clone();
        let mut save = Box::pin(session.save());
        assert!(poll_once(save.as_mut()).is_pending());
        given.runtime.run_until_stalled();
        end(&request.session).unwrap();
        given.store.inner().release();
        let _ = given.in_a_while(save);
        let _ = request.end().unwrap();
        let told = [SessionEvent::Created, SessionEvent::Ended(reason)];
        assert_eq!(given.take_events(), told);
    }
}

#[test]
fn a_save_of_the_ended_session_leaks_nothing_into_the_fresh_one() {
    let given = Given::far();
    let mut ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.session.login("ada").unwrap();
    request.session.set_attribute("secret", &1).unwrap();
    given.next(Verb::Rename, Fault::HoldRequest);
    let session = request.session.clone();
    let mut save = Box::pin(session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    request.session.logout().unwrap();
    let fresh = given
        .runtime
        .block_on(request.exchange.handle().session())
        .unwrap();
    fresh.set_attribute("fresh", &1).unwrap();
    given.store.inner().release();
    let _ = given.in_a_while(save);
    assert_eq!(fresh.attribute_names().unwrap(), ["fresh"]);
    assert_eq!(fresh.principal().unwrap(), None);
    let delivery = given.in_a_while(request.exchange.commit()).unwrap();
    ada.receive(delivery);
    let view = given.peek(&ada).unwrap();
    assert_eq!(view.attribute_names().collect::<Vec<_>>(), ["fresh"]);
    assert_eq!(view.principal(), None);
    assert_eq!(given.sessions_stored(), 1);
}

#[test]
fn a_late_gone_of_the_ended_session_does_not_hit_the_fresh_one() {
    let given = Given::far();
    let mut ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.session.set_attribute("n", &2).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    let session = request.session.clone();
    let mut save = Box::pin(session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    given.visit(&mut ada.clone(), Session::logout).unwrap();
    request.session.invalidate().unwrap();
    let fresh = given
        .runtime
        .block_on(request.exchange.handle().session())
        .unwrap();
    fresh.set_attribute("fresh", &1).unwrap();
    given.store.inner().release();
    let _ = given.in_a_while(save);
    let delivery = given.in_a_while(request.exchange.commit()).unwrap();
    ada.receive(delivery);
    assert_eq!(given.stored(&ada, "fresh"), Some(1));
}

#[test]
fn a_write_held_back_until_after_the_logout_arrives_at_nothing() {
    let given = Given::far();
    for fault in [Fault::HoldRequest, Fault::HoldReply] {
        let ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        slow.session.set_attribute("n", &2).unwrap();
        given.next(Verb::Apply, fault);
        let mut commit = Box::pin(slow.exchange.commit());
        assert!(poll_once(commit.as_mut()).is_pending());
        given.runtime.run_until_stalled();
        given.visit(&mut ada.clone(), Session::logout).unwrap();
        given.store.inner().release();
        assert!(given.in_a_while(commit).unwrap().set_cookie().is_none());
        assert!(!given.is_alive(&ada));
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn an_announced_session_that_ended_before_the_head_gets_no_cookie() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let mut request = given.request(&ada);
        request.session.set_attribute("n", &1).unwrap();
        given.runtime.block_on(request.session.save()).unwrap();
        given.pass(MINUTE * 30);
        request.session.set_attribute("n", &2).unwrap();
        request.answer(&mut ada).unwrap();
        assert_eq!(ada.set_cookies(), 0);
    }
}

#[test]
fn a_logout_that_a_save_could_not_store_is_stored_by_the_next_commit() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        given.next(Verb::Delete, Fault::NewerFormat);
        let saved = given.runtime.block_on(request.session.save());
        assert!(matches!(saved, Err(SessionError::NewerFormat)), "{saved:?}");
        assert!(given.is_alive(&ada));
        request.answer(&mut ada.clone()).unwrap();
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_stream_whose_save_could_not_store_its_logout_tries_again_within_seconds() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.session.logout().unwrap();
        given.next(Verb::Delete, Fault::NewerFormat);
        assert!(given.runtime.block_on(stream.session.save()).is_err());
        stream.stay_pending(SECOND * 20);
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_response_whose_logout_cannot_be_stored_at_all_is_an_error() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        given.next(Verb::Delete, Fault::NewerFormat);
        assert!(given.runtime.block_on(request.session.save()).is_err());
        let next = request.next_session();
        next.set_attribute("n", &2).unwrap();
        given.next(Verb::Delete, Fault::NewerFormat);
        let answered = request.answer(&mut ada);
        assert!(matches!(answered, Err(SessionError::NewerFormat)));
        assert_eq!(given.stored(&ada, "n"), Some(1));
        assert_eq!(given.sessions_stored(), 1);
    }
}
