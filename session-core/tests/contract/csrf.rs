//! Tokens against request forgery.

use std::collections::HashSet;

use session_core::testkit::{Fault, Verb, Visitor, test_key};
use session_core::{CsrfToken, SecretKey, Session, SessionError, SessionManager};

use crate::given::{Distance, Given, SECOND};

fn token(given: &Given, visitor: &mut Visitor) -> CsrfToken {
    given.visit(visitor, Session::csrf_token).unwrap()
}

fn check(given: &Given, visitor: &mut Visitor, token: &str) -> Result<(), SessionError> {
    given.visit(visitor, |session| session.verify_csrf(token))
}

#[test]
fn a_form_comes_back_with_its_token() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let form = token(&given, &mut ada);
        check(&given, &mut ada, form.as_str()).unwrap();
        check(&given, &mut ada, form.as_str()).unwrap();
    }
}

#[test]
fn a_visitor_without_a_session_gets_one_with_the_form() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let form = token(&given, &mut ada);
        assert!(ada.cookie().is_some());
        check(&given, &mut ada, form.as_str()).unwrap();
        assert_eq!(ada.set_cookies(), 1);
    }
}

#[test]
fn no_two_renderings_look_alike_and_all_are_good() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    let forms: Vec<_> = (0..50).map(|_| token(&given, &mut ada)).collect();
    let different: HashSet<_> = forms.iter().map(CsrfToken::as_str).collect();
    assert_eq!(different.len(), 50);
    for form in &forms {
        check(&given, &mut ada, form.as_str()).unwrap();
    }
}

#[test]
fn rendering_a_form_stores_nothing_where_there_is_a_session() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    token(&given, &mut ada);
    assert_eq!(given.take_calls(), [Verb::Load]);
}

#[test]
fn a_token_of_another_session_or_made_up_is_refused() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut eve = given.visitor_with_session();
        let form = token(&given, &mut eve);
        let cookie = ada.cookie().unwrap();
        let mut altered = form.to_string().into_bytes();
        altered[40] ^= 1;
        let altered = String::from_utf8(altered).unwrap();
        for wrong in [
            form.as_str(),
            &altered,
            &cookie,
            "",
            "guess",
            &"A".repeat(87),
        ] {
            let refused = check(&given, &mut ada, wrong);
            assert!(matches!(refused, Err(SessionError::CsrfToken)), "{wrong}");
        }
        assert_eq!(SessionError::CsrfToken.status(), 403);
        let nobody = check(&given, &mut given.visitor(), form.as_str());
        assert!(matches!(nobody, Err(SessionError::CsrfToken)));
    }
}

#[test]
fn a_change_of_the_id_keeps_open_forms_and_a_login_does_not() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let form = token(&given, &mut ada);
        given
            .visit(&mut ada, |session| session.change_session_id().map(|_| ()))
            .unwrap();
        check(&given, &mut ada, form.as_str()).unwrap();
        for _ in 0..2 {
            let form = token(&given, &mut ada);
            given.pass(SECOND);
            let new = given.visit(&mut ada, |session| {
                session.login("ada")?;
                session.csrf_token()
            });
            let refused = check(&given, &mut ada, form.as_str());
            assert!(matches!(refused, Err(SessionError::CsrfToken)));
            check(&given, &mut ada, new.unwrap().as_str()).unwrap();
        }
    }
}

#[test]
fn a_login_as_somebody_else_makes_earlier_forms_invalid_also_within_the_same_moment() {
    for given in Given::near_and_far() {
        let mut visitor = given.visitor_with_session();
        given
            .visit(&mut visitor, |session| session.login("ada"))
            .unwrap();
        let form = token(&given, &mut visitor);
        given
            .visit(&mut visitor, |session| session.login("eve"))
            .unwrap();
        let refused = check(&given, &mut visitor, form.as_str());
        assert!(matches!(refused, Err(SessionError::CsrfToken)));
    }
}

#[test]
fn a_token_made_with_an_older_key_is_good_until_the_key_is_dropped() {
    let before = Given::near();
    let mut ada = before.visitor_with_session();
    let form = token(&before, &mut ada);
    for is_listed in [true, false] {
        // A manager with a newer key, on the same store.
        let after = Given::at(Distance::Near, |_| {
            let newer = SecretKey::new(b"a newer key, which is long enough to be one").unwrap();
            let builder = SessionManager::builder()
                .secret_key(newer)
                .store(before.store.clone())
                .clock(before.site.clock().clone());
            match is_listed {
                true => builder.previous_key(test_key()),
                false => builder,
            }
        });
        let mut same = after.visitor();
        same.set_cookie(ada.cookie());
        assert_eq!(check(&after, &mut same, form.as_str()).is_ok(), is_listed);
    }
}

#[test]
fn after_the_head_no_session_can_begin_with_a_form() {
    let given = Given::near();
    let mut request = given.request(&given.visitor());
    request.send_head();
    let refused = request.session.csrf_token();
    assert!(
        matches!(refused, Err(SessionError::ResponseCommitted)),
        "{refused:?}"
    );
}

#[test]
fn a_token_prints_redacted() {
    let given = Given::near();
    let form = token(&given, &mut given.visitor());
    assert!(!format!("{form:?}").contains(form.as_str()));
}

#[test]
fn a_probe_of_readiness_asks_the_store() {
    for given in Given::near_and_far() {
        let sessions = given.site.sessions();
        given.in_a_while(sessions.ping()).unwrap();
        assert_eq!(given.take_calls(), [Verb::Load]);
        given.next(Verb::Load, Fault::Unavailable);
        assert!(given.in_a_while(sessions.ping()).is_err());
    }
}
