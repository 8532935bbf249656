//! The life of a session within one request (Servlet 7.2, `HttpSession`).

use session_core::{EndReason, SaveOutcome, Session, SessionError, SessionEvent};

use crate::given::{Given, MINUTE};

/// What `use_it` answers on a session that was stored before and is invalidated in this request.
fn after_invalidate<R>(
    use_it: impl FnOnce(&Session) -> Result<R, SessionError>,
) -> Result<R, SessionError> {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let request = given.request(&ada);
    request.session.invalidate().unwrap();
    use_it(&request.session)
}

fn is_refused<R>(outcome: &Result<R, SessionError>) -> bool {
    matches!(outcome, Err(SessionError::Invalidated))
}

#[test]
fn a_created_session_is_new() {
    let given = Given::near();
    let mut ada = given.visitor();
    let is_new = given.visit(&mut ada, |session| {
        session.set_attribute("n", &1)?;
        session.is_new()
    });
    assert!(is_new.unwrap());
}

#[test]
fn a_new_session_was_created_and_last_accessed_at_the_same_moment() {
    let given = Given::near();
    given.pass(MINUTE);
    let request = given.request(&given.visitor());
    assert_eq!(request.session.creation_time().unwrap(), given.now());
    assert_eq!(request.session.last_accessed_time().unwrap(), given.now());
}

#[test]
fn after_invalidate_the_creation_time_is_an_error() {
    assert!(is_refused(&after_invalidate(Session::creation_time)));
}

#[test]
fn after_invalidate_the_last_access_is_an_error() {
    assert!(is_refused(&after_invalidate(Session::last_accessed_time)));
}

#[test]
fn after_invalidate_the_expiry_is_an_error() {
    assert!(is_refused(&after_invalidate(Session::expires_at)));
}

#[test]
fn after_invalidate_reading_an_attribute_is_an_error() {
    assert!(is_refused(&after_invalidate(
        |session| session.get_attribute::<i64>("n")
    )));
    assert!(is_refused(&after_invalidate(
        |session| session.get_attribute::<i64>("unknown")
    )));
}

#[test]
fn after_invalidate_listing_the_names_is_an_error() {
    assert!(is_refused(&after_invalidate(Session::attribute_names)));
}

#[test]
fn after_invalidate_setting_an_attribute_is_an_error() {
    assert!(is_refused(&after_invalidate(
        |session| session.set_attribute("n", &2)
    )));
    assert!(is_refused(&after_invalidate(
        |session| session.append_attribute("l", &2)
    )));
    assert!(is_refused(&after_invalidate(|session| {
        session.update_attribute("n", |n: &mut i64| *n += 1)
    })));
}

#[test]
fn after_invalidate_removing_an_attribute_is_an_error() {
    assert!(is_refused(&after_invalidate(
        |session| session.remove_attribute("n")
    )));
    assert!(is_refused(&after_invalidate(
        |session| session.take_attribute::<i64>("n")
    )));
}

#[test]
fn after_invalidate_asking_whether_it_is_new_is_an_error() {
    assert!(is_refused(&after_invalidate(Session::is_new)));
}

#[test]
fn after_invalidate_asking_who_is_logged_in_is_an_error() {
    assert!(is_refused(&after_invalidate(Session::principal)));
    assert!(is_refused(&after_invalidate(Session::authenticated_at)));
}

#[test]
fn a_second_invalidate_is_an_error() {
    assert!(is_refused(&after_invalidate(Session::invalidate)));
    assert!(is_refused(&after_invalidate(Session::logout)));
}

#[test]
fn after_invalidate_neither_a_login_nor_a_new_id_is_possible() {
    assert!(is_refused(
        &after_invalidate(|session| session.login("ada"))
    ));
    assert!(is_refused(&after_invalidate(Session::change_session_id)));
}

#[test]
fn an_invalidated_session_still_tells_its_id() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    let id = request.session.id().unwrap();
    request.session.invalidate().unwrap();
    assert_eq!(request.session.id(), Some(id));
}

#[test]
fn an_invalidated_session_still_tells_its_idle_limit_and_takes_another_without_an_error() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    request.session.set_max_inactive_interval(MINUTE).unwrap();
    request.session.invalidate().unwrap();
    assert_eq!(request.session.max_inactive_interval(), Some(MINUTE));
    request
        .session
        .set_max_inactive_interval(MINUTE * 2)
        .unwrap();
    assert_eq!(request.session.max_inactive_interval(), Some(MINUTE));
}

#[test]
fn an_invalidated_session_still_tells_its_application() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    request.session.invalidate().unwrap();
    assert_eq!(request.session.namespace(), "__Host-sid");
}

#[test]
fn every_handle_of_the_request_is_invalidated_together() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    let other = request.session.clone();
    request.session.invalidate().unwrap();
    assert!(is_refused(&other.is_new()));
}

#[test]
fn another_request_keeps_its_snapshot_of_an_invalidated_session_and_its_writes_are_dropped() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let slow = given.request(&ada);
        given.visit(&mut ada.clone(), Session::invalidate).unwrap();
        assert_eq!(slow.session.get_attribute::<i64>("n").unwrap(), Some(1));
        slow.session.set_attribute("n", &2).unwrap();
        assert!(matches!(
            given.runtime.block_on(slow.session.save()),
            Err(SessionError::Gone)
        ));
        assert!(!given.is_alive(&ada));
        assert!(given.visit(&mut ada, Session::is_new).unwrap());
    }
}

#[test]
fn logging_out_ends_the_session_with_a_reason_of_its_own() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        given.take_events();
        given.visit(&mut ada, Session::logout).unwrap();
        assert_eq!(
            given.take_events(),
            [SessionEvent::Ended(EndReason::LoggedOut)]
        );
        assert_eq!(ada.cookie(), None);
    }
}

#[test]
fn logging_out_is_fine_when_nobody_was_logged_in() {
    let given = Given::near();
    let mut ada = given.visitor();
    given.visit(&mut ada, Session::logout).unwrap();
    assert_eq!(given.take_calls(), []);
    assert_eq!(given.take_events(), []);
}

#[test]
fn after_invalidate_the_same_request_can_start_a_fresh_session() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let old = ada.clone();
        let mut request = given.request(&ada);
        request.session.invalidate().unwrap();
        let fresh = request.next_session();
        assert!(fresh.is_new().unwrap());
        assert_eq!(fresh.get_attribute::<i64>("n").unwrap(), None);
        fresh.set_attribute("m", &2).unwrap();
        request.answer(&mut ada).unwrap();
        assert!(!given.is_alive(&old));
        assert_eq!(given.stored(&ada, "m"), Some(2));
        assert_eq!(given.stored::<i64>(&ada, "n"), None);
    }
}

#[test]
fn saving_nothing_is_unchanged_and_saving_something_is_stored() {
    for given in Given::near_and_far() {
        let request = given.request(&given.visitor_with_session());
        let save = || given.runtime.block_on(request.session.save()).unwrap();
        given.pass(MINUTE * 2);
        given.take_calls();
        assert_eq!(save(), SaveOutcome::Unchanged);
        assert_eq!(given.take_calls(), []);
        request.session.set_attribute("n", &2).unwrap();
        assert_eq!(save(), SaveOutcome::Stored);
        assert_eq!(save(), SaveOutcome::Unchanged);
        request.session.invalidate().unwrap();
        assert_eq!(save(), SaveOutcome::Stored);
    }
}
