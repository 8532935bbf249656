//! A logout that waits for its response ends the session wherever that went meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use session_core::testkit::{Fault, Verb, Visitor};
use session_core::{Exchange, Session};

use crate::given::{Distance, Given, HOUR, InFlight, MINUTE, SECOND, poll_once};

/// The session is used by others under its newer id.
fn use_for(given: &Given, ada: &mut Visitor) {
    given
        .visit(ada, |session| session.get_attribute::<i64>("n"))
        .unwrap();
    given.sweep_all();
}

/// The request stays pending, and again, and others use its session after each time.
fn stay_pending_while_used(
    request: &mut InFlight<'_>,
    times: usize,
    each: Duration,
    ada: &mut Visitor,
) {
    for _ in 0..times {
        request.stay_pending(each);
        use_for(request.given, ada);
    }
}

#[test]
fn a_logout_that_waits_long_for_its_response_finds_its_session_wherever_it_went() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        given.visit(&mut ada, Session::change_session_id).unwrap();
        let mut copy = ada.clone();
        stay_pending_while_used(&mut request, 5, MINUTE * 10, &mut ada);
        assert!(given.is_alive(&ada), "the response has not left");
        request.answer(&mut copy).unwrap();
        assert!(!given.is_alive(&ada));
        assert_eq!(
            copy.cookie(),
            ada.cookie(),
            "the newer id is not taken away"
        );
    }
}

#[test]
fn nor_does_it_matter_that_nothing_is_kept_alive_that_long() {
    for distance in [Distance::Far, Distance::Near] {
        let given = Given::at(distance, |builder| builder.keep_alive_limit(MINUTE * 15));
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        stay_pending_while_used(&mut request, 2, MINUTE * 15, &mut ada);
        given.visit(&mut ada, Session::change_session_id).unwrap();
        let mut copy = ada.clone();
        stay_pending_while_used(&mut request, 4, MINUTE * 10, &mut ada);
        request.answer(&mut copy).unwrap();
        assert!(
            !given.is_alive(&ada),
            "{distance:?}: the logout was answered with success"
        );
    }
}

#[test]
fn nor_that_the_hour_for_which_a_request_keeps_its_session_alive_is_over() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        stay_pending_while_used(&mut request, 6, MINUTE * 11, &mut ada);
        given.visit(&mut ada, Session::change_session_id).unwrap();
        let mut copy = ada.clone();
        stay_pending_while_used(&mut request, 4, MINUTE * 10, &mut ada);
        request.answer(&mut copy).unwrap();
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_session_that_is_to_end_is_not_kept_alive() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.invalidate().unwrap();
        request.stay_pending(MINUTE * 29);
        assert!(given.is_alive(&ada));
        request.stay_pending(MINUTE * 2);
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_logout_after_the_hour_finds_its_session_too() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        stay_pending_while_used(&mut request, 6, MINUTE * 11, &mut ada);
        given.visit(&mut ada, Session::change_session_id).unwrap();
        stay_pending_while_used(&mut request, 4, MINUTE * 10, &mut ada);
        request.session.logout().unwrap();
        request.answer(&mut ada.clone()).unwrap();
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn the_session_that_comes_next_is_kept_alive_by_its_own_limit() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| {
            builder.max_inactive_interval(MINUTE * 5)
        });
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        request.stay_pending(SECOND * 20);
        let next = request.next_session();
        next.set_attribute("n", &2).unwrap();
        request.answer(&mut ada).unwrap();
        request.stay_pending(MINUTE * 50);
        assert!(given.is_alive(&ada));
        drop(next);
    }
}

#[test]
fn the_first_touch_that_finds_it_gone_is_the_last() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        given.visit(&mut ada.clone(), Session::invalidate).unwrap();
        given.take_calls();
        request.stay_pending(MINUTE * 55);
        let applies = given.take_applies();
        assert!(applies <= 1, "{applies} touches of a session that is gone");
    }
}

#[test]
fn what_has_a_short_idle_limit_is_not_asked_for_more_often_than_it_moves_on() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| {
            builder.max_inactive_interval(SECOND * 60)
        });
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        given.take_calls();
        // It expires after a minute.
        request.stay_pending(MINUTE * 55);
        let applies = given.take_applies();
        assert!(applies <= 4, "{applies} touches");
    }
}

#[test]
fn its_idle_limit_does_not_matter() {
    for idle in [None, Some(HOUR * 10), Some(SECOND * 40)] {
        for distance in [Distance::Near, Distance::Far] {
            let given = Given::at(distance, |builder| builder.max_inactive_interval(idle));
            let mut ada = given.visitor_with_session();
            let mut request = given.request(&ada);
            request.session.logout().unwrap();
            given.visit(&mut ada, Session::change_session_id).unwrap();
            stay_pending_while_used(&mut request, 100, SECOND * 30, &mut ada);
            request.answer(&mut ada.clone()).unwrap();
            assert!(!given.is_alive(&ada), "{idle:?}");
        }
    }
}

#[test]
fn two_beats_without_a_store_lose_no_logout() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        request.stay_pending(MINUTE * 10 + SECOND * 20);
        given.visit(&mut ada, Session::change_session_id).unwrap();
        given.next(Verb::Apply, Fault::Unavailable);
        request.stay_pending(MINUTE * 10);
        use_for(&given, &mut ada);
        assert!(given.store.inner().is_played_out());
        given.next(Verb::Apply, Fault::Unavailable);
        request.stay_pending(MINUTE * 10);
        assert!(given.store.inner().is_played_out());
        for _ in 0..2 {
            use_for(&given, &mut ada);
            request.stay_pending(MINUTE * 10);
        }
        request.answer(&mut ada.clone()).unwrap();
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn another_principals_login_is_safe_from_it() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        let mut request = given.request(&ada);
        request.session.logout().unwrap();
        let mut copy = ada.clone();
        given
            .visit(&mut ada, |session| session.login("eve"))
            .unwrap();
        for _ in 0..4 {
            request.stay_pending(MINUTE * 10);
            given.visit(&mut ada, Session::principal).unwrap();
        }
        request.answer(&mut copy).unwrap();
        assert!(given.is_alive(&ada));
    }
}

#[test]
fn a_touch_of_what_has_ended_is_no_news_of_the_session_that_comes_next() {
    let given = Given::far();
    let mut ada = given.visitor_with_session();
    let old = ada.clone();
    let mut request = given.request(&ada);
    request.session.logout().unwrap();
    let mut other = ada.clone();
    given.visit(&mut other, Session::change_session_id).unwrap();
    given.next(Verb::Apply, Fault::HoldReply);
    request.stay_pending(MINUTE * 10);
    assert_eq!(given.store.inner().held(), 1);
    let next = request.next_session();
    next.set_attribute("n", &7).unwrap();
    let mut save = Box::pin(next.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.store.inner().release();
    given.runtime.run_until_stalled();
    given.in_a_while(save).unwrap();
    assert!(!given.is_alive(&other) && !given.is_alive(&old));
    next.set_attribute("m", &8).unwrap();
    drop(next);
    request.answer(&mut ada).unwrap();
    assert_eq!(given.stored(&ada, "n"), Some(7));
    assert_eq!(given.stored(&ada, "m"), Some(8));
}

/// What a server notes when a request of it is woken.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Polls as a server does: when it was woken, and not otherwise.
fn stay_pending_as_a_server(
    given: &Given,
    exchange: &mut Exchange,
    flag: &Arc<Flag>,
    ten_seconds: u32,
) {
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    for _ in 0..ten_seconds {
        while flag.0.swap(false, Ordering::SeqCst) {
            let _ = exchange.poll_keep_alive(&mut context);
            given.runtime.run_until_stalled();
        }
        given.pass(SECOND * 10);
    }
}

#[test]
fn a_task_that_opens_the_session_for_a_waiting_handler_keeps_it_alive() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut exchange = ada.begin();
        let handle = exchange.handle();
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        // The handler waits for its task from the start.
        stay_pending_as_a_server(&given, &mut exchange, &flag, 1);
        // The task.
        let session = given.runtime.block_on(handle.session()).unwrap();
        stay_pending_as_a_server(&given, &mut exchange, &flag, 6 * 45);
        assert!(given.is_alive(&ada), "the handler is still at work");
        drop(session);
    }
}

#[test]
fn a_task_that_logs_out_for_a_waiting_handler_finds_its_session() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut exchange = ada.begin();
        let handle = exchange.handle();
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        stay_pending_as_a_server(&given, &mut exchange, &flag, 1);
        let session = given.runtime.block_on(handle.session()).unwrap();
        session.logout().unwrap();
        given.visit(&mut ada, Session::change_session_id).unwrap();
        for _ in 0..4 {
            stay_pending_as_a_server(&given, &mut exchange, &flag, 60);
            use_for(&given, &mut ada);
        }
        let _ = given.runtime.block_on(exchange.commit()).unwrap();
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_request_that_is_over_wakes_nobody_any_more() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut exchange = ada.begin();
        let handle = exchange.handle();
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        stay_pending_as_a_server(&given, &mut exchange, &flag, 1);
        assert_eq!(Arc::strong_count(&flag), 2, "it waits for a session");
        drop(exchange);
        assert_eq!(Arc::strong_count(&flag), 1);
        drop(handle);
    }
}
