//! A request in flight keeps its session alive (Servlet 7.5), within limits.

use session_core::testkit::{Fault, Verb, Visitor};
use session_core::{DropReason, Session, SessionEvent};

use crate::given::{DAY, Distance, Given, HOUR, InFlight, MINUTE, SECOND, poll_once, stay_pending};

#[test]
fn a_handler_that_runs_longer_than_the_idle_limit_keeps_its_session() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.stay_pending(MINUTE * 55);
        assert!(given.is_alive(&ada));
        request.session.set_attribute("n", &2).unwrap();
        request.answer(&mut ada).unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn a_body_that_streams_longer_than_the_idle_limit_keeps_its_session() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.stay_pending(MINUTE * 50);
        stream.session.append_attribute("chat", "answer").unwrap();
        stream.finish().unwrap();
        assert_eq!(given.stored(&ada, "chat"), Some(vec!["answer".to_owned()]));
    }
}

#[test]
fn a_sweep_during_a_long_request_does_not_remove_its_session() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        let mut swept = Vec::new();
        for _ in 0..5 {
            request.stay_pending(MINUTE * 10);
            // On a near store the commits of others sweep; on a far one the runtime does.
            for n in 0..3 {
                given
                    .visit(&mut given.visitor(), |session| {
                        session.set_attribute("n", &n)
                    })
                    .unwrap();
            }
            swept.extend(given.sweep_all());
        }
        assert!(given.is_alive(&ada));
        let handle = given.peek(&ada).unwrap().handle();
        assert!(!swept.contains(&handle));
        assert!(given.sessions_stored() < 1 + 15, "others were swept");
    }
}

#[test]
fn the_session_is_touched_every_third_of_its_idle_limit() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        given.take_calls();
        request.stay_pending(MINUTE * 9 + SECOND * 50);
        assert_eq!(given.take_applies(), 0);
        request.stay_pending(SECOND * 20);
        assert_eq!(given.take_applies(), 1);
        request.stay_pending(MINUTE * 20);
        assert_eq!(given.take_applies(), 2);
    }
}

#[test]
fn a_session_that_may_idle_for_long_is_touched_in_time_to_learn_of_a_rotation() {
    for idle in [None, Some(HOUR * 10)] {
        let given = Given::at(Distance::Near, |builder| {
            builder.max_inactive_interval(idle)
        });
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        given.visit(&mut ada, Session::change_session_id).unwrap();
        request.stay_pending(MINUTE * 45);
        request.session.set_attribute("n", &2).unwrap();
        assert!(request.commit().unwrap().set_cookie().is_none());
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn a_long_request_learns_of_a_rotation_before_the_forward_is_gone() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.stay_pending(MINUTE * 5);
        given.visit(&mut ada, Session::change_session_id).unwrap();
        stream.stay_pending(MINUTE * 50);
        stream.session.set_attribute("n", &2).unwrap();
        stream.finish().unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn a_touch_under_way_during_a_logout_is_not_about_the_session_that_comes_next() {
    let given = Given::far();
    let mut ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    given.visit(&mut ada.clone(), Session::invalidate).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    request.stay_pending(MINUTE * 10);
    assert_eq!(given.store.inner().held(), 1, "the touch is under way");
    request.session.logout().unwrap();
    let next = request.next_session();
    next.set_attribute("n", &2).unwrap();
    given.store.inner().release();
    given.runtime.run_until_stalled();
    next.set_attribute("n", &3).unwrap();
    drop(next);
    request.answer(&mut ada).unwrap();
    assert_eq!(given.stored(&ada, "n"), Some(3));
}

#[test]
fn idle_time_counts_from_when_the_client_of_a_long_request_goes_away() {
    for head_is_sent in [false, true] {
        for given in Given::near_and_far() {
            let ada = given.visitor_with_session();
            let mut request = given.request(&ada);
            if head_is_sent {
                request.send_head();
            }
            request.stay_pending(MINUTE * 9);
            drop(request);
            given.pass(MINUTE * 29);
            assert!(given.is_alive(&ada));
            given.pass(MINUTE * 2);
            assert!(!given.is_alive(&ada));
        }
    }
}

#[test]
fn the_end_of_a_request_that_has_just_stored_something_is_no_second_access() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.stay_pending(MINUTE * 9);
        request.session.set_attribute("n", &2).unwrap();
        given.take_calls();
        request.answer(&mut ada).unwrap();
        drop(request);
        given.runtime.run_until_stalled();
        assert_eq!(given.take_applies(), 1);
    }
}

#[test]
fn the_end_of_a_request_right_after_a_beat_is_no_second_access() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.stay_pending(MINUTE * 10);
    assert_eq!(given.take_applies(), 1);
    drop(request);
    given.runtime.run_until_stalled();
    assert_eq!(given.take_applies(), 0);
}

#[test]
fn a_limit_that_is_made_shorter_counts_at_once() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.stay_pending(MINUTE);
        request.session.set_max_inactive_interval(MINUTE).unwrap();
        request.answer(&mut ada).unwrap();
        request.stay_pending(MINUTE * 20);
        assert!(given.is_alive(&ada));
    }
}

#[test]
fn one_request_keeps_its_session_alive_for_an_hour_at_most() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.stay_pending(HOUR + MINUTE * 29);
        assert!(given.is_alive(&ada));
        request.stay_pending(MINUTE * 3);
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn the_time_for_which_a_request_keeps_its_session_alive_can_be_configured() {
    let given = Given::at(Distance::Near, |builder| {
        builder.keep_alive_limit(MINUTE * 15)
    });
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.stay_pending(MINUTE * 49);
    assert!(given.is_alive(&ada));
    request.stay_pending(MINUTE * 2);
    assert!(!given.is_alive(&ada));
}

#[test]
fn the_absolute_limit_wins_over_keeping_alive() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.absolute_timeout(MINUTE * 40));
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.stay_pending(MINUTE * 39);
        assert!(given.is_alive(&ada));
        request.stay_pending(MINUTE);
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn an_invalidation_wins_over_keeping_alive_and_stops_it() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.stay_pending(MINUTE * 15);
        given.visit(&mut ada.clone(), Session::invalidate).unwrap();
        given.take_calls();
        request.stay_pending(MINUTE * 40);
        assert!(!given.is_alive(&ada));
        assert!(
            given.take_applies() <= 1,
            "the first touch that finds nothing is the last"
        );
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn a_touch_that_fails_is_tried_again_at_the_next_beat() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        given.next(Verb::Apply, Fault::Unavailable);
        request.stay_pending(MINUTE * 45);
        assert!(given.store.inner().is_played_out());
        assert!(given.is_alive(&ada));
    }
}

#[test]
fn a_request_that_does_not_use_its_session_keeps_nothing_alive() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let mut exchange = ada.begin();
    stay_pending(&given, &mut exchange, MINUTE * 31);
    assert_eq!(given.take_calls(), []);
    assert!(!given.is_alive(&ada));
}

#[test]
fn an_unsaved_session_needs_no_touch() {
    let given = Given::near();
    let mut request = given.request(&given.visitor());
    request.session.set_attribute("n", &1).unwrap();
    request.stay_pending(MINUTE * 40);
    assert_eq!(given.take_calls(), []);
    assert_eq!(given.runtime.pending_sleeps(), 0);
}

#[test]
fn without_a_runtime_nothing_is_kept_alive_and_nothing_breaks() {
    let given = Given::without_runtime(Distance::Near, |builder| builder);
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.stay_pending(MINUTE * 31);
    assert!(!given.is_alive(&ada));
    given.take_events();
    request.session.set_attribute("n", &2).unwrap();
    assert!(request.commit().unwrap().set_cookie().is_none());
    assert_eq!(
        given.take_events(),
        [SessionEvent::WritesDropped(DropReason::Gone)]
    );
}

#[test]
fn a_touch_under_way_during_the_requests_own_rotation_is_no_foreign_move() {
    let given = Given::far();
    let mut ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    given.next(Verb::Apply, Fault::HoldRequest);
    request.stay_pending(MINUTE * 10);
    assert_eq!(given.store.inner().held(), 1, "the touch is under way");
    request.session.change_session_id().unwrap();
    let session = request.session.clone();
    let mut save = Box::pin(session.save());
    let early = poll_once(save.as_mut());
    given.runtime.run_until_stalled();
    given.store.inner().release();
    given.runtime.run_until_stalled();
    if early.is_pending() {
        given.in_a_while(save).unwrap();
    }
    given.runtime.run_until_stalled();
    request.session.login("ada").unwrap();
    request.answer(&mut ada).unwrap();
    let principal = given.peek(&ada).unwrap().principal();
    assert_eq!(principal.as_deref(), Some("ada"));
}

#[test]
fn a_visitor_of_a_long_request_is_not_locked_out_meanwhile() {
    for given in Given::near_and_far() {
        let mut ada: Visitor = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.stay_pending(MINUTE);
        given
            .visit(&mut ada, |session| session.set_attribute("m", &1))
            .unwrap();
        request.session.set_attribute("n", &2).unwrap();
        request.answer(&mut ada).unwrap();
        assert_eq!(given.stored(&ada, "m"), Some(1));
        assert_eq!(given.stored(&ada, "n"), Some(2));
        given.pass(DAY);
    }
}

#[test]
fn a_server_that_ends_waits_for_the_last_touch_and_for_what_a_task_wrote_meanwhile() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut stream = given.request(&ada);
    stream.send_head();
    stream.stay_pending(15 * MINUTE);
    let InFlight {
        exchange, session, ..
    } = stream;
    drop(exchange);
    session.set_attribute("n", &2).unwrap();
    drop(session);
    let mut drain = Box::pin(given.site.sessions().drain());
    assert!(poll_once(drain.as_mut()).is_pending());
    given.runtime.block_on(drain);
    assert_eq!(given.stored(&ada, "n"), Some(2));
}
