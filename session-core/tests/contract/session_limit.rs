//! How many sessions one principal may have, and what a login that would be one too many does.

use session_core::store::RemovalReason;
use session_core::testkit::{Visitor, test_key};
use session_core::{
    AtLimit, ConfigError, Session, SessionError, SessionEvent, SessionLimit, SessionManager,
};

use crate::given::{Distance, Given, HOUR, MINUTE, SECOND};
use crate::lagging::Lagging;

const REPLACED: SessionEvent = SessionEvent::Removed(RemovalReason::Replaced);

fn limited(max: usize, at_limit: AtLimit) -> [Given; 2] {
    [Distance::Near, Distance::Far].map(|distance| {
        Given::at(distance, |builder| {
            builder.session_limit(SessionLimit { max, at_limit })
        })
    })
}

fn log_in(given: &Given, visitor: &mut Visitor) -> Result<(), SessionError> {
    given.visit(visitor, |session| session.login("ada"))
}

fn is_logged_in(given: &Given, visitor: &Visitor) -> bool {
    given
        .peek(visitor)
        .is_some_and(|it| it.principal().is_some())
}

fn sessions_of_ada(given: &Given) -> usize {
    let list = given.site.sessions().sessions_of("ada");
    given.runtime.block_on(list).unwrap().len()
}

#[test]
fn a_login_at_the_limit_is_refused_and_the_session_stays_as_it_was() {
    for given in limited(2, AtLimit::Refuse) {
        let mut others = [given.visitor(), given.visitor_with_session()];
        for visitor in &mut others {
            log_in(&given, visitor).unwrap();
        }
        let mut ada = given.visitor_with_session();
        let before = ada.cookie();
        let refused = given.visit(&mut ada, |session| {
            session.set_attribute("n", &2)?;
            session.login("ada")
        });
        let refused = refused.unwrap_err();
        assert!(matches!(refused, SessionError::TooManySessions));
        assert_eq!(refused.status(), 409);
        assert_eq!(ada.cookie(), before);
        assert!(given.is_alive(&ada) && !is_logged_in(&given, &ada));
        assert_eq!(given.stored(&ada, "n"), Some(1));
        assert!(others.iter().all(|visitor| is_logged_in(&given, visitor)));
    }
}

#[test]
fn a_new_visitor_who_is_refused_gets_neither_a_session_nor_a_cookie() {
    for given in limited(1, AtLimit::Refuse) {
        log_in(&given, &mut given.visitor()).unwrap();
        let mut ada = given.visitor();
        let refused = log_in(&given, &mut ada);
        assert!(matches!(refused, Err(SessionError::TooManySessions)));
        assert_eq!(ada.set_cookies(), 0);
        assert_eq!(given.sessions_stored(), 1);
    }
}

#[test]
fn a_handler_learns_of_a_refusal_by_saving_and_can_go_on() {
    for given in limited(1, AtLimit::Refuse) {
        log_in(&given, &mut given.visitor()).unwrap();
        for mut ada in [given.visitor(), given.visitor_with_session()] {
            let mut request = given.request(&ada);
            request.session.login("ada").unwrap();
            let saved = given.runtime.block_on(request.session.save());
            assert!(matches!(saved, Err(SessionError::TooManySessions)));
            assert_eq!(request.session.principal().unwrap(), None);
            request.session.set_attribute("m", &3).unwrap();
            request.answer(&mut ada).unwrap();
            request.finish().unwrap();
            assert!(!is_logged_in(&given, &ada));
            assert_eq!(given.stored(&ada, "m"), Some(3));
        }
    }
}

#[test]
fn where_the_oldest_ends_the_session_that_logged_in_longest_ago_makes_room() {
    for given in limited(2, AtLimit::EndOldest) {
        // The session that began first logs in last, and is not the one that ends.
        let mut latest = given.visitor_with_session();
        let [mut oldest, mut second] = [given.visitor(), given.visitor()];
        for visitor in [&mut oldest, &mut second, &mut latest] {
            given.pass(SECOND);
            log_in(&given, visitor).unwrap();
        }
        assert!(!given.is_alive(&oldest));
        assert!(is_logged_in(&given, &second) && is_logged_in(&given, &latest));
        // The store is swept by commits, or by a task.
        let write = |session: &Session| session.set_attribute("n", &1);
        given.visit(&mut latest, write).unwrap();
        given.pass(MINUTE * 2);
        let events = given.take_events();
        assert_eq!(events.iter().filter(|event| **event == REPLACED).count(), 1);

        given.visit(&mut oldest, write).unwrap();
        assert!(!is_logged_in(&given, &oldest), "it begins anew as nobody's");
    }
}

#[test]
fn a_session_that_logs_in_again_does_not_count_itself() {
    for at_limit in [AtLimit::Refuse, AtLimit::EndOldest] {
        for given in limited(1, at_limit) {
            let mut ada = given.visitor();
            for _ in 0..3 {
                log_in(&given, &mut ada).unwrap();
                assert!(is_logged_in(&given, &ada));
            }
            assert_eq!(sessions_of_ada(&given), 1);
        }
    }
}

#[test]
fn what_expired_was_logged_out_or_is_somebody_elses_does_not_count() {
    for given in limited(1, AtLimit::Refuse) {
        let mut logged_out = given.visitor();
        log_in(&given, &mut logged_out).unwrap();
        given.visit(&mut logged_out, Session::logout).unwrap();
        let mut switched = given.visitor();
        log_in(&given, &mut switched).unwrap();
        given
            .visit(&mut switched, |session| session.login("eve"))
            .unwrap();
        log_in(&given, &mut given.visitor()).unwrap();
        given.pass(HOUR);
        log_in(&given, &mut given.visitor()).unwrap();
        assert_eq!(sessions_of_ada(&given), 1);
    }
}

#[test]
fn of_two_logins_at_once_one_is_left() {
    for at_limit in [AtLimit::Refuse, AtLimit::EndOldest] {
        for given in limited(1, at_limit) {
            let mut visitors = [given.visitor(), given.visitor_with_session()];
            let mut requests = visitors.each_ref().map(|visitor| given.request(visitor));
            // Both have asked before either is stored.
            for request in &requests {
                request.session.login("ada").unwrap();
            }
            for (request, visitor) in requests.iter_mut().zip(&mut visitors) {
                let outcome = request.answer(visitor);
                let is_late = matches!(outcome, Err(SessionError::TooManySessions));
                assert!(outcome.is_ok() || (is_late && at_limit == AtLimit::Refuse));
            }
            for request in requests {
                request.finish().unwrap();
            }
            let is_in = visitors.each_ref().map(|it| is_logged_in(&given, it));
            assert_eq!(
                is_in,
                [at_limit == AtLimit::Refuse, at_limit == AtLimit::EndOldest]
            );
            assert_eq!(sessions_of_ada(&given), 1);
        }
    }
}

#[test]
fn other_principals_and_anonymous_visitors_are_not_counted() {
    for given in limited(1, AtLimit::Refuse) {
        for name in ["ada", "eve", "Ada"] {
            let mut visitor = given.visitor();
            given
                .visit(&mut visitor, |session| session.login(name))
                .unwrap();
            given.visitor_with_session();
            assert!(is_logged_in(&given, &visitor));
        }
    }
}

#[test]
fn a_limit_that_cannot_be_kept_does_not_build() {
    let builder = || SessionManager::builder().secret_key(test_key());
    let limit = |max| SessionLimit {
        max,
        at_limit: AtLimit::Refuse,
    };
    let none = builder().session_limit(limit(0)).build();
    assert!(matches!(none, Err(ConfigError::NoRoom)));
    let nobody = builder().store(Lagging::default()).session_limit(limit(1));
    assert!(matches!(nobody.build(), Err(ConfigError::NoPrincipals)));
    assert!(builder().store(Lagging::default()).build().is_ok());
}
