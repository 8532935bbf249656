//! What the client asked for (`HttpServletRequest.getRequestedSessionId` and its kin).

use session_core::IdSource;
use session_core::testkit::{Request, Visitor};

use crate::given::Given;

fn requested(visitor: &Visitor) -> Option<Vec<u8>> {
    let requested = visitor.begin().handle().requested_session_id()?;
    Some(requested.expose().to_vec())
}

fn is_valid(given: &Given, visitor: &Visitor) -> bool {
    let handle = visitor.begin().handle();
    given
        .runtime
        .block_on(handle.is_requested_session_id_valid())
        .unwrap()
}

#[test]
fn no_requested_id_where_none_was_sent() {
    let given = Given::near();
    assert_eq!(requested(&given.visitor()), None);
}

#[test]
fn the_requested_id_is_what_the_client_sent_also_when_it_names_nothing() {
    let given = Given::near();
    let mut ada = given.visitor();
    ada.set_cookie(Some("whatever".into()));
    assert_eq!(requested(&ada).as_deref(), Some(&b"whatever"[..]));
    let ada = given.visitor_with_session();
    assert_eq!(requested(&ada), ada.cookie().map(String::into_bytes));
}

#[test]
fn the_requested_id_stays_what_the_client_sent_after_a_session_was_made() {
    let given = Given::near();
    let mut ada = given.visitor();
    ada.set_cookie(Some("whatever".into()));
    let mut request = given.request(&ada);
    let handle = request.exchange.handle();
    request.session.set_attribute("n", &1).unwrap();
    request.answer(&mut ada).unwrap();
    assert_eq!(handle.requested_session_id().unwrap().expose(), b"whatever");
}

#[test]
fn a_huge_requested_id_is_cut() {
    let given = Given::near();
    let mut ada = given.visitor();
    ada.set_cookie(Some("x".repeat(10_000)));
    assert_eq!(requested(&ada).unwrap().len(), 4_096);
}

#[test]
fn without_an_id_none_is_valid() {
    for given in Given::near_and_far() {
        assert!(!is_valid(&given, &given.visitor()));
    }
}

#[test]
fn an_unknown_id_is_not_valid() {
    for given in Given::near_and_far() {
        assert!(!is_valid(&given, &given.visitor_with_unknown_id()));
    }
}

#[test]
fn the_id_of_a_live_session_is_valid() {
    for given in Given::near_and_far() {
        assert!(is_valid(&given, &given.visitor_with_session()));
    }
}

#[test]
fn the_requested_id_is_no_longer_valid_right_after_invalidate() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    let handle = request.exchange.handle();
    let is_valid = || {
        given
            .runtime
            .block_on(handle.is_requested_session_id_valid())
            .unwrap()
    };
    assert!(is_valid());
    request.session.invalidate().unwrap();
    assert!(!is_valid());
}

#[test]
fn the_requested_id_is_no_longer_valid_right_after_a_change_of_id() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    request.session.change_session_id().unwrap();
    let handle = request.exchange.handle();
    assert!(
        !given
            .runtime
            .block_on(handle.is_requested_session_id_valid())
            .unwrap()
    );
}

#[test]
fn the_id_came_from_the_cookie_or_from_nowhere() {
    let given = Given::near();
    let source = |visitor: &Visitor| visitor.begin().handle().requested_session_id_source();
    assert_eq!(source(&given.visitor()), None);
    assert_eq!(
        source(&given.visitor_with_session()),
        Some(IdSource::Cookie)
    );
}

#[test]
fn a_token_in_the_path_names_no_session() {
    let given = Given::near();
    let token = given.visitor_with_session().cookie().unwrap();
    let request = Request {
        path: format!("/page;__Host-sid={token}"),
        ..Request::default()
    };
    let handle = given.site.sessions().begin(&request).handle();
    assert_eq!(handle.requested_session_id(), None);
    assert!(
        given
            .runtime
            .block_on(handle.existing_session())
            .unwrap()
            .is_none()
    );
}

#[test]
fn where_nothing_that_was_sent_is_live_the_first_one_is_the_requested_id() {
    let given = Given::near();
    let request = Request {
        cookies: vec![b"__Host-sid=one; __Host-sid=two".to_vec()],
        ..Request::default()
    };
    let handle = given.site.sessions().begin(&request).handle();
    assert_eq!(handle.requested_session_id().unwrap().expose(), b"one");
}
