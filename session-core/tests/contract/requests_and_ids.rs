//! Sessions of requests and the ids that requests present (Servlet 7.1 to 7.3,
//! `HttpServletRequest`).

use std::cell::RefCell;
use std::collections::BTreeSet;

use session_core::testkit::{Request, Verb};
use session_core::{Facts, Rejection, Session, SessionError, SessionEvent};

use crate::given::{Distance, Given};

#[test]
fn without_an_id_there_is_no_existing_session() {
    for given in Given::near_and_far() {
        let handle = given.visitor().begin().handle();
        assert!(
            given
                .runtime
                .block_on(handle.existing_session())
                .unwrap()
                .is_none()
        );
    }
}

#[test]
fn an_existing_session_is_found_and_none_is_made() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let handle = ada.begin().handle();
        let session = given
            .runtime
            .block_on(handle.existing_session())
            .unwrap()
            .unwrap();
        assert_eq!(session.get_attribute::<i64>("n").unwrap(), Some(1));
    }
}

#[test]
fn a_request_that_never_touches_its_session_makes_no_store_call_and_gets_no_header() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut exchange = ada.begin();
        let delivery = given.runtime.block_on(exchange.commit()).unwrap();
        assert!(delivery.is_empty());
        given.runtime.block_on(exchange.finish()).unwrap();
        assert_eq!(given.store.calls(), []);
        assert_eq!(given.take_events(), []);
    }
}

#[test]
fn reading_writing_nothing_and_logging_out_without_a_session_store_nothing() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        given
            .visit(&mut ada, |session| {
                session.get_attribute::<i64>("n")?;
                session.attribute_names()?;
                assert!(session.id().is_some());
                session.remove_attribute("n")?;
                session.set_attribute("n", &1)?;
                session.remove_attribute("n")?;
                session.logout()
            })
            .unwrap();
        given.visit(&mut ada, Session::is_new).unwrap();
        assert_eq!(given.store.calls(), []);
        assert_eq!((ada.cookie(), ada.set_cookies()), (None, 0));
    }
}

#[test]
fn asking_for_the_session_twice_answers_one_session() {
    for given in Given::near_and_far() {
        let request = given.request(&given.visitor());
        let again = given
            .runtime
            .block_on(request.exchange.handle().session())
            .unwrap();
        request.session.set_attribute("n", &1).unwrap();
        assert_eq!(again.get_attribute::<i64>("n").unwrap(), Some(1));
        assert_eq!(again.id(), request.session.id());
        let existing = given
            .runtime
            .block_on(request.exchange.handle().existing_session());
        assert!(existing.unwrap().is_some());
    }
}

#[test]
fn an_unknown_id_is_never_adopted() {
    for given in Given::near_and_far() {
        let mut mallory = given.visitor_with_unknown_id();
        let planted = mallory.cookie();
        assert_eq!(given.take_events(), []);
        let presented = given.request(&mallory);
        assert!(presented.session.is_new().unwrap());
        drop(presented);
        assert_eq!(
            given.take_events(),
            [SessionEvent::Rejected(Rejection::Unknown)]
        );
        given
            .visit(&mut mallory, |session| session.set_attribute("n", &1))
            .unwrap();
        assert_ne!(mallory.cookie(), planted);
        let mut again = given.visitor();
        again.set_cookie(planted);
        assert!(!given.is_alive(&again));
    }
}

#[test]
fn after_invalidate_there_is_no_existing_session_in_the_same_request() {
    for given in Given::near_and_far() {
        let request = given.request(&given.visitor_with_session());
        request.session.invalidate().unwrap();
        let existing = given
            .runtime
            .block_on(request.exchange.handle().existing_session());
        assert!(existing.unwrap().is_none());
    }
}

#[test]
fn a_fresh_session_after_invalidate_has_another_id_and_no_old_data() {
    for given in Given::near_and_far() {
        let request = given.request(&given.visitor_with_session());
        request.session.login("ada").unwrap();
        let old = request.session.id();
        request.session.invalidate().unwrap();
        let fresh = given
            .runtime
            .block_on(request.exchange.handle().session())
            .unwrap();
        assert_ne!(fresh.id(), old);
        assert!(fresh.attribute_names().unwrap().is_empty());
        assert_eq!(fresh.principal().unwrap(), None);
    }
}

#[test]
fn creating_ending_and_creating_again_sends_one_cookie() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let mut request = given.request(&ada);
        request.session.set_attribute("n", &1).unwrap();
        given.runtime.block_on(request.session.save()).unwrap();
        request.session.invalidate().unwrap();
        let fresh = given
            .runtime
            .block_on(request.exchange.handle().session())
            .unwrap();
        fresh.set_attribute("n", &2).unwrap();
        request.answer(&mut ada).unwrap();
        assert_eq!(ada.set_cookies(), 1);
        assert_eq!(given.stored(&ada, "n"), Some(2));
        assert_eq!(given.sessions_stored(), 1);
    }
}

#[test]
fn ending_a_presented_session_and_starting_another_one_sends_one_cookie() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.session.invalidate().unwrap();
    let fresh = given
        .runtime
        .block_on(request.exchange.handle().session())
        .unwrap();
    fresh.set_attribute("n", &2).unwrap();
    request.answer(&mut ada).unwrap();
    assert_eq!(ada.set_cookies(), 2);
    assert_eq!(given.stored(&ada, "n"), Some(2));
}

#[test]
fn after_the_response_head_no_session_can_be_started() {
    for given in Given::near_and_far() {
        let mut request = given.request(&given.visitor());
        assert!(request.commit().unwrap().set_cookie().is_none());
        let late = request.session.set_attribute("n", &1);
        assert!(matches!(late, Err(SessionError::ResponseCommitted)));
        assert!(matches!(
            request.session.login("ada"),
            Err(SessionError::ResponseCommitted)
        ));
        request.finish().unwrap();
        assert_eq!(given.store.calls(), []);
    }
}

#[test]
fn a_session_that_is_asked_for_only_after_the_head_cannot_be_started_either() {
    for given in Given::near_and_far() {
        let mut exchange = given.visitor().begin();
        let handle = exchange.handle();
        let _ = given.runtime.block_on(exchange.commit()).unwrap();
        let session = given.runtime.block_on(handle.session());
        let written = session.and_then(|session| session.set_attribute("n", &1));
        assert!(matches!(written, Err(SessionError::ResponseCommitted)));
        given.runtime.block_on(exchange.finish()).unwrap();
        assert_eq!(given.store.calls(), []);
    }
}

#[test]
fn after_the_response_head_an_existing_session_can_still_be_had() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut exchange = ada.begin();
        let handle = exchange.handle();
        let _ = given.runtime.block_on(exchange.commit()).unwrap();
        let session = given.runtime.block_on(handle.session()).unwrap();
        assert_eq!(session.get_attribute::<i64>("n").unwrap(), Some(1));
        session.set_attribute("n", &2).unwrap();
        given.runtime.block_on(exchange.finish()).unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn a_session_is_no_longer_new_when_its_cookie_comes_back() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        assert!(!given.visit(&mut ada, Session::is_new).unwrap());
    }
}

#[test]
fn a_client_that_returns_nothing_gets_a_new_session_each_time() {
    let given = Given::near();
    let visit = || {
        let mut stranger = given.visitor();
        let is_new = given.visit(&mut stranger, |session| {
            session.set_attribute("n", &1)?;
            session.is_new()
        });
        assert!(is_new.unwrap());
        stranger.cookie().unwrap()
    };
    assert_ne!(visit(), visit());
}

#[test]
fn whether_a_session_is_new_is_told_as_it_was_when_the_request_began() {
    let given = Given::near();
    let mut ada = given.visitor();
    let mut first = given.request(&ada);
    first.session.set_attribute("n", &1).unwrap();
    first.answer(&mut ada).unwrap();
    assert!(!given.visit(&mut ada, Session::is_new).unwrap());
    assert!(first.session.is_new().unwrap());
}

#[test]
fn a_skipped_request_has_no_session_and_no_way_to_one() {
    let given = Given::at(Distance::Near, |builder| {
        builder.skip_when(|facts| facts.path().starts_with("/static/"))
    });
    let ada = given.visitor_with_session();
    let skipped = Request {
        path: "/static/logo.svg".into(),
        ..ada.request()
    };
    let mut exchange = given.site.sessions().begin(&skipped);
    let handle = exchange.handle();
    assert!(matches!(
        given.runtime.block_on(handle.session()),
        Err(SessionError::Skipped)
    ));
    assert!(
        given
            .runtime
            .block_on(handle.existing_session())
            .unwrap()
            .is_none()
    );
    assert!(
        given
            .runtime
            .block_on(handle.peek_session())
            .unwrap()
            .is_none()
    );
    let delivery = given.runtime.block_on(exchange.commit()).unwrap();
    assert!(delivery.set_cookie().is_none());
    assert_eq!(given.store.calls(), []);

    let other = Request {
        path: "/statically".into(),
        ..ada.request()
    };
    let handle = given.site.sessions().begin(&other).handle();
    assert!(
        given
            .runtime
            .block_on(handle.existing_session())
            .unwrap()
            .is_some()
    );
}

/// A request that has a line of every header that anybody asks for, whatever its name.
struct OfEveryHeader {
    request: Request,
    value: &'static [u8],
    asked: RefCell<BTreeSet<String>>,
}

impl Facts for OfEveryHeader {
    fn header_lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.asked.borrow_mut().insert(name.to_owned());
        match name {
            "cookie" => self.request.header_lines(name, visit),
            _ => visit(self.value),
        }
    }

    fn is_secure(&self) -> bool {
        self.request.is_secure()
    }

    fn method(&self) -> &str {
        self.request.method()
    }

    fn path(&self) -> &str {
        self.request.path()
    }
}

#[test]
fn no_header_of_a_client_switches_sessions_off() {
    let skipping = Given::at(Distance::Near, |builder| {
        builder.skip_when(|facts| facts.path().starts_with("/static/"))
    });
    for given in Given::near_and_far().into_iter().chain([skipping]) {
        let ada = given.visitor_with_session();
        for value in [&b""[..], b"1", b"true", b"no-session", b"/static/logo.svg"] {
            let request = OfEveryHeader {
                request: ada.request(),
                value,
                asked: RefCell::default(),
            };
            let handle = given.site.sessions().begin(&request).handle();
            let session = given.runtime.block_on(handle.existing_session()).unwrap();
            let session = session.expect("the session of the cookie");
            assert_eq!(session.get_attribute("n").unwrap(), Some(1));
            // Whatever others are called, nothing can hang on them.
            assert_eq!(request.asked.into_inner(), ["cookie".to_owned()].into());
        }
    }
}

#[test]
fn a_peek_is_no_access_and_creates_nothing() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        given.pass(crate::given::MINUTE);
        let before = given.peek(&ada).unwrap();
        given.take_calls();
        let handle = ada.begin().handle();
        let view = given
            .runtime
            .block_on(handle.peek_session())
            .unwrap()
            .unwrap();
        assert_eq!(view.last_accessed_time(), before.last_accessed_time());
        assert_eq!(view.expires_at(), before.expires_at());
        assert_eq!(given.take_calls(), [Verb::Load]);
        assert!(given.peek(&given.visitor()).is_none());
    }
}
