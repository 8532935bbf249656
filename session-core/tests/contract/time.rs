//! Idle time, absolute time, and clocks that misbehave (Servlet 7.5 and 7.6; OWASP ASVS 7.3).

use std::time::Duration;

use session_core::testkit::{Fault, Verb, Visitor};
use session_core::{MaxInactiveInterval, Session, Timestamp, Touch};

use crate::given::{DAY, Distance, Given, HOUR, MILLISECOND, MINUTE, SECOND, poll_once};

const IDLE: Duration = Duration::from_secs(30 * 60);

fn set_interval(given: &Given, interval: impl Into<MaxInactiveInterval>) -> Visitor {
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| {
            session.set_max_inactive_interval(interval)
        })
        .unwrap();
    ada
}

#[test]
fn the_last_access_is_the_one_before_this_request() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let created = given.now();
        given.pass(MINUTE * 2);
        let first_visit = given.now();
        assert_eq!(
            given.visit(&mut ada, Session::last_accessed_time).unwrap(),
            created
        );
        given.pass(MINUTE * 2);
        assert_eq!(
            given.visit(&mut ada, Session::last_accessed_time).unwrap(),
            first_visit
        );
    }
}

#[test]
fn the_last_access_lies_between_creation_and_the_end_of_the_request_before() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    given.pass(MINUTE);
    request.answer(&mut ada).unwrap();
    request.finish().unwrap();
    let end = given.now();
    given.pass(MINUTE);
    given
        .visit(&mut ada, |session| {
            let last = session.last_accessed_time()?;
            assert!(last > session.creation_time()? && last <= end);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_last_access_never_decreases_when_commits_arrive_out_of_order() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut slow = given.request(&ada);
    slow.session.set_attribute("slow", &1).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    let mut commit = Box::pin(slow.exchange.commit());
    assert!(poll_once(commit.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    given.pass(SECOND * 2);
    given
        .visit(&mut ada.clone(), |session| {
            session.set_attribute("fast", &1)
        })
        .unwrap();
    let accessed = given.peek(&ada).unwrap().last_accessed_time();
    given.store.inner().release();
    let _ = given.runtime.block_on(commit).unwrap();
    assert_eq!(given.stored(&ada, "slow"), Some(1));
    assert_eq!(given.peek(&ada).unwrap().last_accessed_time(), accessed);
}

#[test]
fn an_idle_limit_that_was_set_is_told_and_kept() {
    for given in Given::near_and_far() {
        let mut ada = set_interval(&given, MINUTE);
        let told = given.visit(&mut ada, |session| Ok(session.max_inactive_interval()));
        assert_eq!(told.unwrap(), Some(MINUTE));
    }
}

#[test]
fn an_idle_limit_of_zero_or_less_never_expires() {
    for interval in [
        MaxInactiveInterval::from(Duration::ZERO),
        MaxInactiveInterval::from_secs(0),
        MaxInactiveInterval::from_secs(-1),
        MaxInactiveInterval::from(None),
    ] {
        let given = Given::at(Distance::Near, |builder| builder.absolute_timeout(None));
        let mut ada = set_interval(&given, interval);
        given.pass(DAY * 10_000);
        let (limit, end) = given
            .visit(&mut ada, |session| {
                Ok((session.max_inactive_interval(), session.expires_at()?))
            })
            .unwrap();
        assert_eq!((limit, end), (None, None));
    }
}

#[test]
fn a_huge_idle_limit_does_not_overflow_into_expiry() {
    for interval in [Duration::MAX, Duration::from_millis(u64::MAX)] {
        let given = Given::at(Distance::Near, |builder| builder.absolute_timeout(None));
        let ada = set_interval(&given, interval);
        given.pass(DAY * 10_000);
        assert!(given.is_alive(&ada));
    }
}

#[test]
fn a_huge_absolute_limit_does_not_overflow_into_expiry() {
    let given = Given::at(Distance::Near, |builder| {
        builder
            .absolute_timeout(Duration::MAX)
            .max_inactive_interval(Duration::MAX)
    });
    let ada = given.visitor_with_session();
    given.pass(DAY * 10_000);
    assert!(given.is_alive(&ada));
}

#[test]
fn the_configured_idle_limit_holds_for_new_sessions() {
    let given = Given::at(Distance::Near, |builder| {
        builder.max_inactive_interval(MINUTE * 5)
    });
    let ada = given.visitor_with_session();
    assert_eq!(
        given.peek(&ada).unwrap().max_inactive_interval(),
        Some(MINUTE * 5)
    );
    given.pass(MINUTE * 5);
    assert!(!given.is_alive(&ada));
}

#[test]
fn the_idle_limit_is_thirty_minutes_unless_configured() {
    let given = Given::near();
    let request = given.request(&given.visitor());
    assert_eq!(request.session.max_inactive_interval(), Some(IDLE));
}

#[test]
fn idle_for_exactly_the_limit_is_expired_and_a_millisecond_less_is_alive() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given.pass(IDLE - MILLISECOND);
        assert!(given.is_alive(&ada));
        given.pass(MILLISECOND);
        let handle = ada.begin().handle();
        assert!(
            given
                .runtime
                .block_on(handle.existing_session())
                .unwrap()
                .is_none()
        );
        assert!(given.visit(&mut ada, Session::is_new).unwrap());
    }
}

#[test]
fn a_lower_idle_limit_takes_effect() {
    let given = Given::near();
    let ada = set_interval(&given, MINUTE);
    given.pass(MINUTE);
    assert!(!given.is_alive(&ada));
}

#[test]
fn a_higher_idle_limit_rescues_the_session() {
    let given = Given::near();
    let ada = set_interval(&given, HOUR);
    given.pass(HOUR - MILLISECOND);
    assert!(given.is_alive(&ada));
    given.pass(MILLISECOND);
    assert!(!given.is_alive(&ada));
}

#[test]
fn a_change_of_the_idle_limit_alone_is_stored() {
    for given in Given::near_and_far() {
        let ada = set_interval(&given, MINUTE);
        assert!(given.take_calls().contains(&Verb::Apply));
        assert_eq!(
            given.peek(&ada).unwrap().max_inactive_interval(),
            Some(MINUTE)
        );
    }
}

#[test]
fn idle_time_counts_from_the_end_of_the_last_request() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    given.pass(MINUTE * 20);
    request.answer(&mut ada).unwrap();
    given.pass(MINUTE * 9);
    request.finish().unwrap();
    given.pass(MINUTE * 29);
    assert!(given.is_alive(&ada));
}

#[test]
fn an_expired_session_is_given_to_no_request_and_is_not_revived_by_asking() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        given.pass(IDLE);
        for _ in 0..3 {
            assert!(!given.is_alive(&ada));
            let request = given.request(&ada);
            assert!(request.session.is_new().unwrap());
        }
    }
}

#[test]
fn a_request_that_loaded_its_session_before_it_expired_cannot_revive_it() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        given.pass(IDLE);
        slow.session.set_attribute("n", &2).unwrap();
        assert!(slow.commit().unwrap().set_cookie().is_none());
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn looking_at_a_session_by_a_peek_moves_no_time() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    given.pass(IDLE - MILLISECOND);
    assert!(given.is_alive(&ada));
    given.pass(MILLISECOND);
    assert!(!given.is_alive(&ada));
}

#[test]
fn a_request_that_ignores_its_session_is_an_access_only_where_every_request_is() {
    for distance in [Distance::Near, Distance::Far] {
        for (touch, lives) in [(Touch::EveryRequest, true), (Touch::OnUse, false)] {
            let given = Given::at(distance, |builder| builder.touch(touch));
            let ada = given.visitor_with_session();
            given.pass(MINUTE * 29);
            let mut exchange = ada.begin();
            let delivery = given.runtime.block_on(exchange.commit()).unwrap();
            assert!(delivery.set_cookie().is_none());
            given.runtime.block_on(exchange.finish()).unwrap();
            given.pass(MINUTE * 2);
            assert_eq!(given.is_alive(&ada), lives, "{touch:?} {distance:?}");
        }
    }
}

#[test]
fn a_visit_every_half_idle_time_does_not_outlive_the_absolute_limit() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.absolute_timeout(HOUR * 3));
        let mut ada = given.visitor_with_session();
        for _ in 0..11 {
            given.pass(IDLE / 2);
            assert!(!given.visit(&mut ada, Session::is_new).unwrap());
        }
        given.pass(IDLE / 2 - MILLISECOND);
        assert!(given.is_alive(&ada));
        given.pass(MILLISECOND);
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn the_absolute_limit_is_thirty_days_unless_configured() {
    let given = Given::at(Distance::Near, |builder| {
        builder.max_inactive_interval(None)
    });
    let ada = given.visitor_with_session();
    given.pass(DAY * 30 - MILLISECOND);
    assert!(given.is_alive(&ada));
    given.pass(MILLISECOND);
    assert!(!given.is_alive(&ada));
}

#[test]
fn a_change_of_id_does_not_extend_the_absolute_limit_and_a_login_starts_it_anew() {
    let given = Given::at(Distance::Near, |builder| {
        builder.absolute_timeout(HOUR).max_inactive_interval(None)
    });
    let mut ada = given.visitor_with_session();
    let born = given.now();
    given.pass(MINUTE * 30);
    given.visit(&mut ada, Session::change_session_id).unwrap();
    let ends = |ada: &Visitor| given.peek(ada).unwrap().expires_at();
    assert_eq!(ends(&ada), Some(born.saturating_add(HOUR)));
    given
        .visit(&mut ada, |session| session.login("ada"))
        .unwrap();
    assert_eq!(ends(&ada), Some(given.now().saturating_add(HOUR)));
    given.pass(MINUTE * 30);
    assert!(given.is_alive(&ada));
}

#[test]
fn the_time_of_the_login_is_told() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| session.login("ada"))
        .unwrap();
    let login = given.now();
    given.pass(MINUTE);
    assert_eq!(
        given.visit(&mut ada, Session::authenticated_at).unwrap(),
        Some(login)
    );
    given
        .visit(&mut ada, |session| session.login("ada"))
        .unwrap();
    assert_eq!(
        given.visit(&mut ada, Session::authenticated_at).unwrap(),
        Some(given.now())
    );
}

#[test]
fn a_clock_that_steps_back_ends_no_session_and_makes_none_immortal() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let start = given.now();
        given.site.clock().set(Timestamp::from_millis(
            start.as_millis() - DAY.as_millis() as u64,
        ));
        assert!(!given.visit(&mut ada, Session::is_new).unwrap());
        given
            .visit(&mut ada, |session| session.set_attribute("n", &2))
            .unwrap();
        given.pass(IDLE);
        assert!(
            !given.is_alive(&ada),
            "a wrong clock must not prolong a session"
        );
    }
}

#[test]
fn the_ends_of_time_panic_nowhere() {
    for time in [
        Timestamp::EPOCH,
        Timestamp::from_millis(u64::MAX - 1),
        Timestamp::NEVER,
    ] {
        let given = Given::near();
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        given.site.clock().set(time);
        let _ = request.session.login("ada");
        let _ = request.session.expires_at();
        let _ = request.commit();
        let _ = given.peek(&ada);
        let mut stranger = given.visitor();
        let _ = given.visit(&mut stranger, |session| session.set_attribute("n", &1));
    }
}

#[test]
fn on_a_far_store_an_access_within_a_minute_costs_no_write() {
    let given = Given::far();
    let mut ada = given.visitor_with_session();
    given.pass(SECOND * 59);
    given.visit(&mut ada, Session::is_new).unwrap();
    assert_eq!(given.take_calls(), [Verb::Load]);
    let view = given.peek(&ada).unwrap();
    let accessed = view.last_accessed_time();
    assert_eq!(accessed, view.creation_time());
    given.pass(SECOND);
    given.visit(&mut ada, Session::is_new).unwrap();
    assert!(given.peek(&ada).unwrap().last_accessed_time() > accessed);
}

#[test]
fn on_a_far_store_a_session_with_a_short_idle_limit_lives_as_long_as_it_is_used() {
    let given = Given::at(Distance::Far, |builder| {
        builder.max_inactive_interval(MINUTE)
    });
    let mut ada = given.visitor_with_session();
    for _ in 0..20 {
        given.pass(SECOND * 54);
        assert!(!given.visit(&mut ada, Session::is_new).unwrap());
    }
}

#[test]
fn on_a_near_store_every_access_counts() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given.pass(MILLISECOND);
    given.visit(&mut ada, Session::is_new).unwrap();
    assert_eq!(given.peek(&ada).unwrap().last_accessed_time(), given.now());
}
