//! A store that does not answer: every call has a deadline.

use session_core::testkit::{Fault, Verb};
use session_core::{Session, SessionError};

use crate::given::{Distance, Given, MILLISECOND, MINUTE, SECOND, poll_once};

#[test]
fn a_load_without_an_answer_ends_at_its_deadline_and_is_no_missing_session() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    given.next(Verb::Load, Fault::HoldRequest);
    let handle = ada.begin().handle();
    let mut opening = Box::pin(handle.session());
    assert!(poll_once(opening.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    assert!(poll_once(opening.as_mut()).is_pending());
    given.pass(SECOND * 5 - MILLISECOND);
    assert!(poll_once(opening.as_mut()).is_pending());
    given.pass(MILLISECOND);
    let timed_out = given.runtime.block_on(opening);
    assert!(matches!(timed_out, Err(SessionError::TimedOut(limit)) if limit == SECOND * 5));
    assert_eq!(timed_out.unwrap_err().status(), 503);
    assert_eq!(given.store.inner().held(), 0, "the call was given up");
}

#[test]
fn a_write_without_an_answer_is_a_503_without_a_cookie_and_is_never_sent_again() {
    type Handler = fn(&Session) -> Result<(), SessionError>;
    let writes: [(Verb, bool, Handler); 4] = [
        (Verb::Create, true, |session| session.set_attribute("n", &2)),
        (Verb::Apply, false, |session| session.set_attribute("n", &2)),
        (Verb::Rename, false, |session| session.login("ada")),
        (Verb::Delete, false, Session::logout),
    ];
    for (verb, is_new_visitor, handler) in writes {
        for fault in [Fault::HoldRequest, Fault::HoldReply] {
            let given = Given::far();
            let ada = if is_new_visitor {
                given.visitor()
            } else {
                given.visitor_with_session()
            };
            let mut request = given.request(&ada);
            handler(&request.session).unwrap();
            given.take_calls();
            given.next(verb, fault);
            let outcome = given.in_a_while(request.exchange.commit());
            assert!(
                matches!(outcome, Err(SessionError::TimedOut(_))),
                "{verb}: {outcome:?}"
            );
            assert_eq!(given.take_calls(), [verb]);
            given.store.inner().release();
            request.finish().unwrap();
            given.pass(MINUTE);
            assert_eq!(given.take_calls(), []);
        }
    }
}

#[test]
fn the_deadline_of_a_store_call_can_be_configured() {
    let given = Given::at(Distance::Far, |builder| builder.store_timeout(SECOND));
    let ada = given.visitor_with_session();
    given.next(Verb::Load, Fault::HoldReply);
    let handle = ada.begin().handle();
    let mut opening = Box::pin(handle.session());
    assert!(poll_once(opening.as_mut()).is_pending());
    given.pass(SECOND);
    assert!(matches!(
        given.runtime.block_on(opening),
        Err(SessionError::TimedOut(_))
    ));
}

#[test]
fn a_store_that_answers_in_time_leaves_no_timer_behind() {
    let given = Given::far();
    given.runtime.run_until_stalled();
    let sleeps = given.runtime.pending_sleeps();
    given.visitor_with_session();
    assert_eq!(given.runtime.pending_sleeps(), sleeps);
}

#[test]
fn a_store_that_keeps_its_time_by_itself_is_not_timed() {
    let given = Given::at(Distance::Far, |builder| builder.store_timeout(SECOND));
    let ada = given.visitor_with_session();
    for (promised, is_timed) in [(SECOND, false), (SECOND + MILLISECOND, true)] {
        given.store.inner().promise(promised);
        given.next(Verb::Load, Fault::HoldRequest);
        let handle = ada.begin().handle();
        let mut opening = Box::pin(handle.session());
        assert!(poll_once(opening.as_mut()).is_pending());
        given.runtime.run_until_stalled();
        given.pass(MINUTE);
        assert_eq!(poll_once(opening.as_mut()).is_ready(), is_timed);
        given.store.inner().release();
        if !is_timed {
            assert!(given.runtime.block_on(opening).is_ok());
        }
    }
}

#[test]
fn commits_of_one_request_never_overlap() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.session.append_attribute("l", &1).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    let session = request.session.clone();
    let mut save = Box::pin(session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    request.session.append_attribute("l", &2).unwrap();
    let mut commit = Box::pin(request.exchange.commit());
    for _ in 0..5 {
        assert!(poll_once(commit.as_mut()).is_pending());
        given.runtime.run_until_stalled();
    }
    assert_eq!(
        given.store.count(Verb::Apply),
        1,
        "the second waits for its turn"
    );
    given.store.inner().release();
    given.in_a_while(save).unwrap();
    let _ = given.in_a_while(commit).unwrap();
    assert_eq!(given.stored(&ada, "l"), Some(vec![1, 2]));
}

#[test]
fn a_response_waits_for_a_save_that_is_still_under_way() {
    let given = Given::far();
    let mut ada = given.visitor();
    let mut request = given.request(&ada);
    request.session.set_attribute("n", &1).unwrap();
    given.next(Verb::Create, Fault::HoldReply);
    let session = request.session.clone();
    let mut save = Box::pin(session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    drop(save);
    let mut commit = Box::pin(request.exchange.commit());
    assert!(
        poll_once(commit.as_mut()).is_pending(),
        "the id is not known to be stored yet"
    );
    given.store.inner().release();
    ada.receive(given.in_a_while(commit).unwrap());
    assert_eq!(given.stored(&ada, "n"), Some(1));
}

#[test]
fn the_session_can_be_read_and_written_while_a_save_is_under_way() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let request = given.request(&ada);
    request.session.set_attribute("m", &2).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    let mut save = Box::pin(request.session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    assert_eq!(request.session.get_attribute::<i64>("m").unwrap(), Some(2));
    assert!(!request.session.is_new().unwrap());
    request.session.set_attribute("m", &3).unwrap();
    given.store.inner().release();
    given.in_a_while(save).unwrap();
    assert_eq!(request.session.get_attribute::<i64>("m").unwrap(), Some(3));
    given.runtime.block_on(request.session.save()).unwrap();
    assert_eq!(given.stored(&ada, "m"), Some(3));
}

#[test]
fn a_login_waits_for_no_other_writer() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let (mut slow, mut login) = (given.request(&ada), given.request(&ada));
    for session in [&slow.session, &login.session] {
        session
            .update_attribute("n", |n: &mut i64| *n += 1)
            .unwrap();
    }
    login.session.login("ada").unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    let mut writing = Box::pin(slow.exchange.commit());
    assert!(poll_once(writing.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    assert_eq!(given.store.count(Verb::Apply), 1);
    let mut committing = Box::pin(login.exchange.commit());
    assert!(poll_once(committing.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    assert_eq!(given.store.count(Verb::Rename), 1);
    given.store.inner().release();
    assert!(given.in_a_while(committing).is_ok());
}
