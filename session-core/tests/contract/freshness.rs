//! How long ago the visitor proved who they are, and the time limits of the assurance levels.

use std::time::Duration;

use session_core::testkit::Visitor;
use session_core::{AssuranceLevel, LoginOptions, Session, SessionError};

use crate::given::{DAY, Distance, Given, HOUR, MILLISECOND, MINUTE};

const WITHIN: Duration = Duration::from_secs(10 * 60);

fn is_fresh(given: &Given, visitor: &mut Visitor) -> bool {
    given
        .visit(visitor, |session| session.is_fresh(WITHIN))
        .unwrap()
}

fn log_in(given: &Given, visitor: &mut Visitor) {
    given
        .visit(visitor, |session| session.login("ada"))
        .unwrap();
}

#[test]
fn a_login_is_fresh_for_as_long_as_was_asked_and_no_longer() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let at_once = given.visit(&mut ada, |session| {
            session.login("ada")?;
            session.is_fresh(Duration::ZERO)
        });
        assert!(at_once.unwrap(), "also within the request that logs in");
        given.pass(WITHIN);
        assert!(is_fresh(&given, &mut ada));
        given.pass(MILLISECOND);
        assert!(!is_fresh(&given, &mut ada));
        let ever = given.visit(&mut ada, |session| session.is_fresh(Duration::MAX));
        assert!(ever.unwrap());
    }
}

#[test]
fn an_anonymous_session_is_never_fresh() {
    for given in Given::near_and_far() {
        let ever = |session: &Session| session.is_fresh(Duration::MAX);
        for mut visitor in [given.visitor(), given.visitor_with_session()] {
            assert!(!given.visit(&mut visitor, ever).unwrap());
        }
    }
}

#[test]
fn asking_whether_an_ended_session_is_fresh_is_an_error() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        log_in(&given, &mut ada);
        let asked = given.visit(&mut ada, |session| {
            session.logout()?;
            session.is_fresh(WITHIN)
        });
        assert!(matches!(asked, Err(SessionError::Invalidated)));
    }
}

#[test]
fn only_another_login_makes_a_session_fresh_again() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        log_in(&given, &mut ada);
        given.pass(WITHIN + MINUTE);
        given
            .visit(&mut ada, |session| {
                session.set_attribute("n", &1)?;
                session.change_session_id()
            })
            .unwrap();
        assert!(!is_fresh(&given, &mut ada));
        log_in(&given, &mut ada);
        assert!(is_fresh(&given, &mut ada));
    }
}

#[test]
fn a_remembered_session_is_not_fresh_when_its_visitor_comes_back() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let login = LoginOptions::of("ada").remember_for(DAY * 14);
        given
            .visit(&mut ada, |session| session.login(login))
            .unwrap();
        given.pass(DAY);
        assert!(given.is_alive(&ada));
        assert!(!is_fresh(&given, &mut ada));
    }
}

#[test]
fn a_clock_that_steps_back_makes_no_login_fresh_for_ever() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let start = given.now();
        let clock = given.site.clock();
        clock.set(start.saturating_add(MINUTE * 5));
        log_in(&given, &mut ada);
        clock.set(start);
        assert!(is_fresh(&given, &mut ada), "clocks of two machines differ");
        clock.set(start.saturating_add(HOUR));
        log_in(&given, &mut ada);
        clock.set(start);
        assert!(
            !is_fresh(&given, &mut ada),
            "the clock was wrong by an hour"
        );
    }
}

#[test]
fn an_assurance_level_sets_both_time_limits() {
    let levels = [
        (AssuranceLevel::Aal1, MINUTE * 30, DAY * 30),
        (AssuranceLevel::Aal2, HOUR, DAY),
        (AssuranceLevel::Aal3, MINUTE * 15, HOUR * 12),
    ];
    for (level, idle, absolute) in levels {
        for distance in [Distance::Near, Distance::Far] {
            let given = Given::at(distance, |builder| builder.assurance(level));
            let left_alone = given.visitor_with_session();
            given.pass(idle - MILLISECOND);
            assert!(given.is_alive(&left_alone), "{level:?}");
            given.pass(MILLISECOND);
            assert!(!given.is_alive(&left_alone), "{level:?}");

            let mut ada = given.visitor_with_session();
            let end = given.now().saturating_add(absolute);
            while given.now().saturating_add(idle / 2) < end {
                given.pass(idle / 2);
                given.visit(&mut ada, |_| Ok(())).unwrap();
            }
            given.pass(end.saturating_since(given.now()) - MILLISECOND);
            assert!(given.is_alive(&ada), "{level:?}");
            given.pass(MILLISECOND);
            assert!(!given.is_alive(&ada), "{level:?}");
        }
    }
}

#[test]
fn logging_in_again_is_what_starts_the_limit_of_a_level_anew() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| {
            builder
                .assurance(AssuranceLevel::Aal3)
                .max_inactive_interval(None)
        });
        let mut ada = given.visitor();
        log_in(&given, &mut ada);
        given.pass(HOUR * 11);
        log_in(&given, &mut ada);
        given.pass(HOUR * 12 - MILLISECOND);
        assert!(given.is_alive(&ada));
        given.pass(MILLISECOND);
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn nothing_but_a_login_starts_the_absolute_limit_anew() {
    type Deed = fn(&Session) -> Result<(), SessionError>;
    let deeds: [(&str, Deed); 7] = [
        ("reading", |session| {
            session.get_attribute::<u32>("n").map(drop)
        }),
        ("writing", |session| session.set_attribute("n", &2)),
        ("an idle limit", |session| {
            session.set_max_inactive_interval(DAY)
        }),
        ("another id", |session| {
            session.change_session_id().map(drop)
        }),
        ("a form", |session| session.csrf_token().map(drop)),
        ("clearing", |session| session.remove_attribute("n")),
        ("an accessor", |session| session.accessor().map(drop)),
    ];
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.assurance(AssuranceLevel::Aal2));
        let mut ada = given.visitor_with_session();
        let remembered = LoginOptions::of("ada").remember_for(DAY * 30);
        given
            .visit(&mut ada, |session| session.login(remembered))
            .unwrap();
        let end = given.now().saturating_add(DAY);
        for (deed, act) in deeds {
            given.pass(HOUR);
            given.visit(&mut ada, act).unwrap();
            let expires = given.peek(&ada).unwrap().expires_at();
            assert_eq!(expires, Some(end), "{deed} is no proof of who it is");
        }
        let accessor = given.visit(&mut ada, Session::accessor).unwrap();
        given.pass(HOUR);
        given
            .in_a_while(accessor.access(async |session| session.set_attribute("n", &3)))
            .unwrap();
        assert_eq!(given.peek(&ada).unwrap().expires_at(), Some(end));
        given.pass(HOUR);
        log_in(&given, &mut ada);
        let anew = given.now().saturating_add(DAY);
        assert_eq!(given.peek(&ada).unwrap().expires_at(), Some(anew));
    }
}
