//! What the handler changes while a save of the same request is under way.

use session_core::testkit::{Fault, Verb};
use session_core::{Session, SessionError, SessionView};

use crate::given::{Distance, Given, MINUTE, poll_once};

/// Starts a save of `first`, makes the change `then` while it is under way, lets it end, and
/// answers what is stored after the commit.
fn change_during_a_save(
    first: impl FnOnce(&Session) -> Result<(), SessionError>,
    then: impl FnOnce(&Session) -> Result<(), SessionError>,
) -> SessionView {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    first(&request.session).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    let session = request.session.clone();
    let mut save = Box::pin(session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    assert_eq!(given.store.inner().held(), 1);
    then(&request.session).unwrap();
    given.store.inner().release();
    given.in_a_while(save).unwrap();
    let _ = given.in_a_while(request.exchange.commit()).unwrap();
    given.peek(&ada).unwrap()
}

fn n(view: &SessionView) -> Option<i64> {
    view.get_attribute("n").unwrap()
}

#[test]
fn what_is_set_back_while_a_save_is_under_way_is_not_lost() {
    let view = change_during_a_save(
        |session| session.set_attribute("n", &2),
        |session| session.set_attribute("n", &1),
    );
    assert_eq!(n(&view), Some(1));
}

#[test]
fn what_is_removed_while_its_first_save_is_under_way_is_removed() {
    let view = change_during_a_save(
        |session| session.set_attribute("m", &2),
        |session| session.remove_attribute("m"),
    );
    assert_eq!(view.get_attribute::<i64>("m").unwrap(), None);
}

#[test]
fn what_is_taken_while_its_first_save_is_under_way_is_taken() {
    let view = change_during_a_save(
        |session| session.set_attribute("m", &2),
        |session| {
            assert_eq!(session.take_attribute::<i64>("m")?, Some(2));
            Ok(())
        },
    );
    assert_eq!(view.get_attribute::<i64>("m").unwrap(), None);
}

#[test]
fn an_update_that_undoes_what_is_being_saved_is_not_lost() {
    let view = change_during_a_save(
        |session| {
            session
                .update_attribute("n", |n: &mut i64| *n += 1)
                .map(drop)
        },
        |session| {
            session
                .update_attribute("n", |n: &mut i64| *n -= 1)
                .map(drop)
        },
    );
    assert_eq!(n(&view), Some(1));
}

#[test]
fn an_update_during_a_save_builds_on_what_is_being_saved() {
    let view = change_during_a_save(
        |session| {
            session
                .update_attribute("n", |n: &mut i64| *n += 1)
                .map(drop)
        },
        |session| {
            assert_eq!(session.update_attribute("n", |n: &mut i64| *n += 1)?, 3);
            Ok(())
        },
    );
    assert_eq!(n(&view), Some(3));
}

#[test]
fn an_append_during_a_save_comes_after_what_is_being_saved() {
    let view = change_during_a_save(
        |session| session.append_attribute("l", &1),
        |session| {
            session.append_attribute("l", &2)?;
            assert_eq!(session.get_attribute::<Vec<i64>>("l")?, Some(vec![1, 2]));
            Ok(())
        },
    );
    assert_eq!(view.get_attribute("l").unwrap(), Some(vec![1, 2]));
}

#[test]
fn an_idle_limit_that_is_set_back_during_a_save_is_not_lost() {
    let view = change_during_a_save(
        |session| session.set_max_inactive_interval(MINUTE),
        |session| session.set_max_inactive_interval(MINUTE * 30),
    );
    assert_eq!(view.max_inactive_interval(), Some(MINUTE * 30));
}

#[test]
fn a_session_that_is_being_saved_still_shows_what_was_written() {
    change_during_a_save(
        |session| session.set_attribute("m", &2),
        |session| {
            assert_eq!(session.get_attribute::<i64>("m")?, Some(2));
            assert_eq!(session.attribute_names()?, ["m", "n"]);
            Ok(())
        },
    );
}

#[test]
fn a_set_that_repeats_what_a_refused_save_was_storing_is_not_lost() {
    let given = Given::at(Distance::Far, |builder| builder.max_attributes(2));
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.session.set_attribute("m", &2).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    let session = request.session.clone();
    let mut save = Box::pin(session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    request.session.set_attribute("m", &2).unwrap();
    // Another request takes the last place, and leaves it when the save has been refused.
    let mut tab = ada.clone();
    given
        .visit(&mut tab, |session| session.set_attribute("x", &1))
        .unwrap();
    given.store.inner().release();
    assert!(matches!(
        given.in_a_while(save),
        Err(SessionError::TooLarge)
    ));
    given
        .visit(&mut tab, |session| session.remove_attribute("x"))
        .unwrap();
    let _ = given.in_a_while(request.exchange.commit()).unwrap();
    assert_eq!(given.stored(&ada, "m"), Some(2));
}

#[test]
fn what_is_being_removed_is_seen_no_more() {
    change_during_a_save(
        |session| session.remove_attribute("n"),
        |session| {
            assert_eq!(session.get_attribute::<i64>("n")?, None);
            assert!(session.attribute_names()?.is_empty());
            Ok(())
        },
    );
}

#[test]
fn while_a_login_over_another_principal_is_being_saved_nothing_of_that_one_is_seen() {
    let given = Given::far();
    let mut browser = given.visitor_with_session();
    given
        .visit(&mut browser, |session| session.login("ada"))
        .unwrap();
    let request = given.request(&browser);
    request.session.login("eve").unwrap();
    request.session.set_attribute("m", &2).unwrap();
    given.next(Verb::Rename, Fault::HoldRequest);
    let mut save = Box::pin(request.session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    assert_eq!(given.store.inner().held(), 1);
    assert_eq!(request.session.attribute_names().unwrap(), ["m"]);
    assert_eq!(request.session.get_attribute::<i64>("n").unwrap(), None);
    given.store.inner().release();
    given.in_a_while(save).unwrap();
}

/// Whatever is being saved, an attribute is taken by one request only.
#[test]
fn what_is_taken_while_something_else_is_being_saved_is_taken_once() {
    let given = Given::far();
    let mut ada = given.visitor_with_session();
    let request = given.request(&ada);
    request.session.set_attribute("m", &2).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    let mut save = Box::pin(request.session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    let taken = request.session.take_attribute::<i64>("n").unwrap();
    assert_eq!(taken, Some(1));
    let faster = given.visit(&mut ada, |session| session.take_attribute::<i64>("n"));
    assert_eq!(faster.unwrap(), Some(1));
    given.store.inner().release();
    given.in_a_while(save).unwrap();
    let refused = given.in_a_while(request.session.save());
    assert!(matches!(refused, Err(SessionError::Conflict)));
}
