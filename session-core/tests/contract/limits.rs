//! How much a session may hold, and what counts towards it.

use session_core::testkit::test_key;
use session_core::{Session, SessionError, SessionManager};

use crate::given::{Distance, Given};

fn text(length: usize) -> String {
    "x".repeat(length)
}

#[test]
fn a_list_grows_until_it_fills_the_session() {
    let given = Given::at(Distance::Near, |builder| builder.max_bytes(100));
    let mut ada = given.visitor();
    let mut append = || given.visit(&mut ada, |session| session.append_attribute("l", &text(20)));
    for _ in 0..4 {
        append().unwrap();
    }
    assert!(matches!(append(), Err(SessionError::TooLarge)));
}

#[test]
fn what_is_stored_counts_towards_the_limits_and_what_is_being_replaced_does_not() {
    let given = Given::at(Distance::Near, |builder| builder.max_bytes(100));
    let mut ada = given.visitor();
    let put = |session: &Session| session.set_attribute("a long name", &text(60));
    given.visit(&mut ada, put).unwrap();
    let request = given.request(&ada);
    let refused = request.session.set_attribute("b", &text(60));
    assert!(matches!(refused, Err(SessionError::TooLarge)));
    let shorten = |it: &mut String| it.truncate(40);
    request
        .session
        .update_attribute("a long name", shorten)
        .unwrap();
    request.session.set_attribute("b", &text(40)).unwrap();
    let grow = |it: &mut String| it.push('x');
    request
        .session
        .update_attribute("a long name", grow)
        .unwrap();
}

#[test]
fn an_update_that_leaves_nothing_needs_no_room() {
    let given = Given::at(Distance::Near, |builder| builder.max_attributes(1));
    let request = given.request(&given.visitor_with_session());
    let nothing = |value: &mut Option<i64>| *value = None;
    request.session.update_attribute("m", nothing).unwrap();
    let something = |value: &mut Option<i64>| *value = Some(1);
    let refused = request.session.update_attribute("m", something);
    assert!(matches!(refused, Err(SessionError::TooLarge)));
}

#[test]
fn what_was_stored_before_the_limit_was_lowered_may_be_replaced_by_as_much() {
    let before = Given::near();
    let mut ada = before.visitor();
    let put = |session: &Session| session.set_attribute("a", &text(60));
    before.visit(&mut ada, put).unwrap();
    let (store, clock) = (before.store.clone(), before.site.clock().clone());
    let lowered = Given::at(Distance::Near, |_| {
        let builder = SessionManager::builder().secret_key(test_key());
        builder.store(store).clock(clock).max_bytes(50)
    });
    let mut later = lowered.visitor();
    later.set_cookie(ada.cookie());
    let request = lowered.request(&later);
    request.session.set_attribute("a", &"y".repeat(60)).unwrap();
    let refused = request.session.set_attribute("a", &text(61));
    assert!(
        matches!(refused, Err(SessionError::TooLarge)),
        "{refused:?}"
    );
}

#[test]
fn a_listed_session_tells_the_size_that_its_limit_counts() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let size = given.peek(&ada).unwrap().size();
    assert_eq!(size, "n".len() + 1, "a small number takes a byte");
    let put = |session: &Session| session.set_attribute("long", &text(20));
    given.visit(&mut ada.clone(), put).unwrap();
    assert_eq!(given.peek(&ada).unwrap().size(), size + 4 + 1 + 20);
}
