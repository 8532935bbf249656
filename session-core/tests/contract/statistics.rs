//! What is counted for operators: events, store calls, and the sessions that live.

use session_core::store::{Census, RemovalReason};
use session_core::testkit::{Fault, Verb};
use session_core::{
    DropReason, EndReason, Rejection, Session, SessionError, SessionEvent, SessionManagerBuilder,
    SessionStats,
};

use crate::given::{DAY, Distance, Given, HOUR, MINUTE, SECOND, poll_once};

fn counting_at(distance: Distance) -> Given {
    Given::at(distance, SessionManagerBuilder::statistics)
}

fn counting_near_and_far() -> [Given; 2] {
    [counting_at(Distance::Near), counting_at(Distance::Far)]
}

fn stats(given: &Given) -> SessionStats {
    given.site.sessions().stats().unwrap()
}

#[test]
fn nothing_is_counted_unless_it_was_asked_for() {
    for given in Given::near_and_far() {
        given.visitor_with_session();
        assert_eq!(given.site.sessions().stats(), None);
    }
}

#[test]
fn what_becomes_of_sessions_is_counted_by_reason() {
    for given in counting_near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        given.visit(&mut ada, Session::logout).unwrap();
        let mut eve = given.visitor_with_session();
        given.visit(&mut eve, Session::invalidate).unwrap();
        let mut bob = given.visitor_with_session();
        given
            .visit(&mut bob, |session| session.login("bob"))
            .unwrap();
        let ended = given.site.sessions().end_sessions_of("bob");
        assert_eq!(given.runtime.block_on(ended).unwrap(), 1);

        let stats = stats(&given);
        assert_eq!(stats.count(SessionEvent::Created), 3);
        assert_eq!(stats.count(SessionEvent::Renamed), 2);
        for reason in [
            EndReason::Invalidated,
            EndReason::LoggedOut,
            EndReason::Terminated,
        ] {
            assert_eq!(stats.count(SessionEvent::Ended(reason)), 1, "{reason:?}");
        }
    }
}

#[test]
fn whatever_is_told_as_an_event_is_counted_once() {
    for given in counting_near_and_far() {
        let mut forged = given.visitor_with_session();
        let mut stale = forged.clone();
        given
            .visit(&mut stale, |session| session.login("ada"))
            .unwrap();
        let mut told = given.take_events();
        let mut unknown = given.visitor_with_unknown_id();
        for visitor in [&mut forged, &mut unknown] {
            given
                .visit(visitor, |session| session.get_attribute::<u32>("n"))
                .unwrap();
        }
        let token = stale.cookie().unwrap();
        forged.set_cookie(Some(token.replace(&token[..1], "!")));
        given
            .visit(&mut forged, |session| session.get_attribute::<u32>("n"))
            .unwrap();
        told.extend(given.take_events());
        assert!(told.len() > 3, "{told:?}");
        // That of `visitor_with_session`, which takes its own events.
        told.push(SessionEvent::Created);
        for (event, count) in stats(&given).events() {
            let times = told.iter().filter(|other| **other == event).count();
            assert_eq!(count, times as u64, "{event:?}");
        }
        assert_eq!(
            stats(&given).count(SessionEvent::Rejected(Rejection::Unknown)),
            1
        );
    }
}

#[test]
fn an_expired_session_is_counted_when_it_is_swept() {
    let expired = SessionEvent::Removed(RemovalReason::Expired);
    for given in counting_near_and_far() {
        given.visitor_with_session();
        assert_eq!(stats(&given).count(expired), 0);
        given.pass(HOUR);
        // A remote store was swept by now. Each commit to one in this process takes a small
        // step through many small parts.
        let mut ada = given.visitor_with_session();
        for n in 0..2_000 {
            given
                .visit(&mut ada, |session| session.set_attribute("n", &n))
                .unwrap();
        }
        assert_eq!(stats(&given).count(expired), 1);
    }
}

#[test]
fn late_failures_and_dropped_writes_are_counted() {
    for given in counting_near_and_far() {
        let ada = given.visitor_with_session();
        let mut late = given.request(&ada);
        late.send_head();
        late.session.set_attribute("n", &2).unwrap();
        given.next(Verb::Apply, Fault::Unavailable);
        late.finish().unwrap_err();

        let mut bob = given.visitor_with_session();
        let slow = given.request(&bob);
        slow.session.set_attribute("n", &2).unwrap();
        given.visit(&mut bob, Session::invalidate).unwrap();
        drop(slow.end());

        let stats = stats(&given);
        assert_eq!(stats.count(SessionEvent::LateCommitFailed), 1);
        let dropped = SessionEvent::WritesDropped(DropReason::Gone);
        assert_eq!(stats.count(dropped), 1);
        assert_eq!(stats.store_calls(Verb::Apply).failures, 1);
    }
}

#[test]
fn every_store_call_is_counted_by_its_verb() {
    for given in counting_near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        given
            .visit(&mut ada, |session| session.set_attribute("n", &2))
            .unwrap();
        let sessions = given.site.sessions();
        given.runtime.block_on(sessions.sessions_of("ada")).unwrap();
        given.runtime.block_on(sessions.census()).unwrap();
        given
            .runtime
            .block_on(sessions.end_sessions_of("ada"))
            .unwrap();
        given.runtime.block_on(sessions.end_everybody()).unwrap();

        let mut asked = given.store.take_calls();
        // Those of `visitor_with_session`, which takes its own calls.
        asked.push(Verb::Create);
        if given
            .site
            .sessions()
            .stats()
            .unwrap()
            .store_calls(Verb::Sweep)
            .calls
            > 0
        {
            asked.push(Verb::Sweep);
        }
        for verb in Verb::ALL {
            let times = asked.iter().filter(|other| **other == verb).count();
            let counted = stats(&given).store_calls(verb);
            assert_eq!(counted.calls, times as u64, "{verb}");
            assert_eq!(counted.failures, 0, "{verb}");
        }
        assert!(!stats(&given).store_calls(Verb::Load).latency.is_zero());
    }
}

#[test]
fn a_failed_store_call_is_counted_as_a_failure() {
    for given in counting_near_and_far() {
        let mut ada = given.visitor_with_session();
        given.next(Verb::Load, Fault::Unavailable);
        let refused = given.visit(&mut ada, |session| session.get_attribute::<u32>("n"));
        assert!(matches!(refused, Err(SessionError::Unavailable(_))));
        let loads = stats(&given).store_calls(Verb::Load);
        assert_eq!((loads.calls, loads.failures), (1, 1));
    }
}

#[test]
fn a_store_call_that_is_given_up_at_its_deadline_is_a_failure() {
    let given = counting_at(Distance::Far);
    let ada = given.visitor_with_session();
    given.next(Verb::Load, Fault::HoldRequest);
    let handle = ada.begin().handle();
    let refused = given.in_a_while(handle.session()).map(drop);
    assert!(matches!(refused, Err(SessionError::TimedOut(_))));
    let loads = stats(&given).store_calls(Verb::Load);
    assert_eq!((loads.calls, loads.failures), (1, 1));
}

#[test]
fn a_store_call_that_has_not_ended_is_not_counted_yet() {
    let given = counting_at(Distance::Far);
    let ada = given.visitor_with_session();
    given.next(Verb::Load, Fault::HoldRequest);
    let handle = ada.begin().handle();
    let mut open = std::pin::pin!(handle.session());
    assert!(poll_once(open.as_mut()).is_pending());
    assert!(poll_once(open.as_mut()).is_pending());
    assert_eq!(stats(&given).store_calls(Verb::Load).calls, 0);
    given.store.inner().release();
    given.runtime.block_on(open).unwrap();
    let loads = stats(&given).store_calls(Verb::Load);
    assert_eq!((loads.calls, loads.failures), (1, 0));
}

#[test]
fn an_update_that_another_request_was_faster_than_is_counted_as_a_conflict() {
    for given in counting_near_and_far() {
        let ada = given.visitor_with_session();
        let (mut slow, mut fast) = (given.request(&ada), given.request(&ada));
        for request in [&slow, &fast] {
            let add = |n: &mut u32| *n += 1;
            request.session.update_attribute("n", add).unwrap();
        }
        fast.send_head();
        assert_eq!(stats(&given).conflicts(), 0);
        let _ = given.in_a_while(slow.exchange.commit()).unwrap();
        assert_eq!(stats(&given).conflicts(), 1);
        assert_eq!(given.stored::<u32>(&ada, "n"), Some(3));
        assert_eq!(stats(&given).store_calls(Verb::Apply).failures, 0);
    }
}

#[test]
fn statistics_show_nothing_of_a_single_session() {
    let given = counting_at(Distance::Near);
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| session.login("ada"))
        .unwrap();
    let text = format!("{:?}", stats(&given));
    assert!(text.contains("Created: 1"), "{text}");
    assert!(text.contains("conflicts\": 0"), "{text}");
    assert!(!text.contains("ada"), "{text}");
}

#[test]
fn a_census_tells_how_many_sessions_live_and_for_how_long_already() {
    for given in Given::near_and_far() {
        let mut old = given.visitor_with_session();
        given
            .visit(&mut old, |session| session.set_max_inactive_interval(None))
            .unwrap();
        given.pass(2 * DAY);
        given.visitor_with_session();
        given.pass(2 * MINUTE);
        let mut ended = given.visitor_with_session();
        given.visit(&mut ended, Session::invalidate).unwrap();
        given.visitor_with_session();

        let census = given.runtime.block_on(given.site.sessions().census());
        let mut expected = Census::default();
        expected.count(2 * DAY + 2 * MINUTE);
        expected.count(2 * MINUTE);
        expected.count(SECOND);
        assert_eq!(census.unwrap(), expected);
        assert_eq!(expected.live(), 3);
    }
}

#[test]
fn a_census_prolongs_no_session() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        given.pass(29 * MINUTE);
        let live = |given: &Given| {
            let census = given.runtime.block_on(given.site.sessions().census());
            census.unwrap().live()
        };
        assert_eq!(live(&given), 1);
        given.pass(MINUTE);
        assert_eq!(live(&given), 0);
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn an_outage_is_no_empty_census() {
    for given in Given::near_and_far() {
        given.visitor_with_session();
        given.next(Verb::Census, Fault::Unavailable);
        let census = given.runtime.block_on(given.site.sessions().census());
        assert!(matches!(census, Err(SessionError::Unavailable(_))));
    }
    let given = Given::far();
    given.next(Verb::Census, Fault::HoldRequest);
    let census = given.in_a_while(given.site.sessions().census());
    assert!(matches!(census, Err(SessionError::TimedOut(_))));
}
