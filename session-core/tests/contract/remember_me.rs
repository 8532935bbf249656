//! A login that is remembered beyond the end of the browser, for its own session only.

use std::time::Duration;

use session_core::testkit::Visitor;
use session_core::{Delivery, LoginOptions, Session, SessionError};

use crate::given::{DAY, Distance, Given, HOUR, MILLISECOND, MINUTE};

const FORTNIGHT: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const USUAL: Option<Duration> = Some(Duration::from_secs(30 * 60));

fn remembered(duration: Duration) -> LoginOptions {
    LoginOptions::of("ada").remember_for(duration)
}

/// One whole request, and what it tells the client.
fn respond(
    given: &Given,
    visitor: &mut Visitor,
    handler: impl FnOnce(&Session) -> Result<(), SessionError>,
) -> Delivery {
    let request = given.request(visitor);
    handler(&request.session).unwrap();
    let delivery = request.end().unwrap();
    visitor.receive(delivery.clone());
    delivery
}

/// How long the cookie of a response is kept; `None` for as long as the browser is open.
fn kept_for(delivery: &Delivery) -> Option<Duration> {
    let cookie = delivery.set_cookie().expect("the response sets a cookie");
    let (_, rest) = cookie.split_once("Max-Age=")?;
    let seconds = rest.split(';').next()?.parse().unwrap();
    Some(Duration::from_secs(seconds))
}

fn log_in(
    given: &Given,
    visitor: &mut Visitor,
    login: impl Into<LoginOptions>,
) -> Option<Duration> {
    kept_for(&respond(given, visitor, |session| session.login(login)))
}

fn idle_limit(given: &Given, visitor: &Visitor) -> Option<Duration> {
    given.peek(visitor).unwrap().max_inactive_interval()
}

#[test]
fn the_cookie_of_a_remembered_login_is_kept_and_no_other_one() {
    for given in Given::near_and_far() {
        for mut ada in [given.visitor(), given.visitor_with_session()] {
            let kept = log_in(&given, &mut ada, remembered(FORTNIGHT));
            assert_eq!(kept, Some(FORTNIGHT));
        }
        assert_eq!(log_in(&given, &mut given.visitor(), "ada"), None);
        let write = |session: &Session| session.set_attribute("n", &1);
        let anonymous = respond(&given, &mut given.visitor(), write);
        assert_eq!(kept_for(&anonymous), None);
    }
}

#[test]
fn a_remembered_session_may_lie_idle_for_as_long_and_no_other_one() {
    for given in Given::near_and_far() {
        let [mut ada, mut eve] = [given.visitor(), given.visitor()];
        log_in(&given, &mut ada, remembered(FORTNIGHT));
        log_in(&given, &mut eve, "eve");
        assert_eq!(idle_limit(&given, &ada), Some(FORTNIGHT));
        assert_eq!(idle_limit(&given, &eve), USUAL);
        given.pass(FORTNIGHT - MILLISECOND);
        assert!(given.is_alive(&ada) && !given.is_alive(&eve));
        given.pass(MILLISECOND);
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn an_idle_limit_that_is_longer_already_stays() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.max_inactive_interval(DAY * 20));
        let mut ada = given.visitor();
        log_in(&given, &mut ada, remembered(FORTNIGHT));
        assert_eq!(idle_limit(&given, &ada), Some(DAY * 20));
        log_in(&given, &mut ada, "ada");
        assert_eq!(idle_limit(&given, &ada), Some(DAY * 20));
    }
}

#[test]
fn it_stays_remembered_over_later_saves_and_changes_of_the_id() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        log_in(&given, &mut ada, remembered(FORTNIGHT));
        given.pass(HOUR);
        let write = |session: &Session| session.set_attribute("n", &1);
        let saved = respond(&given, &mut ada, write);
        assert_eq!(saved.set_cookie(), None, "the client keeps what it has");
        let changed = respond(&given, &mut ada, |session| {
            session.change_session_id().map(drop)
        });
        assert_eq!(kept_for(&changed), Some(FORTNIGHT));
        // A tenth of its life later the same cookie is sent once more.
        given.pass(FORTNIGHT / 10);
        let again = respond(&given, &mut ada, write);
        assert_eq!(kept_for(&again), Some(FORTNIGHT));
        assert_eq!(respond(&given, &mut ada, write).set_cookie(), None);
        assert_eq!(idle_limit(&given, &ada), Some(FORTNIGHT));
    }
}

#[test]
fn it_is_remembered_also_when_the_handler_saves_before_it_answers() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let mut request = given.request(&ada);
        request.session.login(remembered(FORTNIGHT)).unwrap();
        given.runtime.block_on(request.session.save()).unwrap();
        let delivery = request.commit().unwrap();
        assert_eq!(kept_for(&delivery), Some(FORTNIGHT));
        ada.receive(delivery);
        request.finish().unwrap();
        assert_eq!(idle_limit(&given, &ada), Some(FORTNIGHT));
    }
}

#[test]
fn a_remembered_cookie_never_outlives_the_absolute_limit() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.absolute_timeout(DAY * 10));
        let mut ada = given.visitor();
        let kept = log_in(&given, &mut ada, remembered(FORTNIGHT));
        assert_eq!(kept, Some(DAY * 10));
        given.pass(DAY * 4);
        let changed = respond(&given, &mut ada, |session| {
            session.change_session_id().map(drop)
        });
        assert_eq!(kept_for(&changed), Some(DAY * 6), "what is left of it");
        given.pass(DAY * 6 - MILLISECOND);
        assert!(given.is_alive(&ada));
        given.pass(MILLISECOND);
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_remembered_cookie_is_kept_for_400_days_at_most() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.absolute_timeout(None));
        let mut ada = given.visitor();
        for asked in [DAY * 401, Duration::MAX] {
            let kept = log_in(&given, &mut ada, remembered(asked));
            assert_eq!(kept, Some(DAY * 400));
        }
    }
}

#[test]
fn a_site_that_keeps_all_cookies_longer_keeps_this_one_as_long() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.max_age(DAY * 20));
        let mut ada = given.visitor();
        let kept = log_in(&given, &mut ada, remembered(FORTNIGHT));
        assert_eq!(kept, Some(DAY * 20));
        let kept = log_in(&given, &mut ada, remembered(DAY * 25));
        assert_eq!(kept, Some(DAY * 25));
    }
}

#[test]
fn the_next_login_that_does_not_ask_for_it_forgets_it() {
    for given in Given::near_and_far() {
        for name in ["ada", "eve"] {
            let mut visitor = given.visitor();
            log_in(&given, &mut visitor, remembered(FORTNIGHT));
            given.pass(DAY);
            assert_eq!(log_in(&given, &mut visitor, name), None);
            assert_eq!(idle_limit(&given, &visitor), USUAL);
            given.pass(MINUTE * 30);
            assert!(!given.is_alive(&visitor));
        }
    }
}

#[test]
fn the_next_login_can_ask_for_another_time() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        for asked in [FORTNIGHT, DAY, DAY * 20] {
            let kept = log_in(&given, &mut ada, remembered(asked));
            assert_eq!(kept, Some(asked));
            assert_eq!(idle_limit(&given, &ada), Some(asked));
        }
        let twice = respond(&given, &mut ada, |session| {
            session.login(remembered(FORTNIGHT))?;
            session.login("ada")
        });
        assert_eq!(kept_for(&twice), None, "the last one of a request counts");
        assert_eq!(idle_limit(&given, &ada), USUAL);
    }
}

#[test]
fn an_idle_limit_that_the_application_set_since_is_not_taken_back() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        log_in(&given, &mut ada, remembered(FORTNIGHT));
        let set = |session: &Session| session.set_max_inactive_interval(HOUR);
        given.visit(&mut ada, set).unwrap();
        log_in(&given, &mut ada, "ada");
        assert_eq!(idle_limit(&given, &ada), Some(HOUR));
    }
}

#[test]
fn to_remember_for_no_time_is_to_remember_nothing() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let kept = log_in(&given, &mut ada, remembered(Duration::ZERO));
        assert_eq!(kept, None);
        assert_eq!(idle_limit(&given, &ada), USUAL);
    }
}
