//! A future that is dropped at any await leaves the old state or the new one, and no lock
//! (compare the connection that a cancelled call left dirty in redis-py, 2023).

use std::pin::Pin;

use session_core::testkit::{Fault, Verb, Visitor};
use session_core::{EndReason, Session, SessionEvent};

use crate::diary::{told, with_diary};
use crate::given::{Distance, Given, InFlight, SECOND, poll_once};

/// Polls of any one future here before it must be done.
const POLLS_MAX: usize = 100;

/// After so many polls a future that waits for a task is not going to do anything new.
const POLLS_OF_NO_USE: usize = 5;

/// Whether tasks get a turn between two polls of the future that is going to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tasks {
    Run,
    Wait,
    /// No runtime is attached: the future does everything by itself.
    None,
}

const SETTINGS: [Tasks; 3] = [Tasks::Run, Tasks::Wait, Tasks::None];

/// Polls `future` `polls` times and drops it. True when it was done before.
fn is_done_after<F: Future>(given: &Given, tasks: Tasks, polls: usize, future: F) -> bool {
    let mut future = Box::pin(future);
    (0..polls).any(|_| {
        let done = poll_once(future.as_mut()).is_ready();
        if tasks == Tasks::Run {
            given.runtime.run_until_stalled();
        }
        done
    })
}

/// Drops what `attempt` makes after every possible number of polls; `check` judges each.
fn at_every_await(
    attempt: impl Fn(
        &Given,
        &mut Visitor,
        &mut dyn FnMut(Pin<&mut dyn Future<Output = ()>>) -> bool,
    ) -> bool,
    check: impl Fn(&Given, &Visitor),
) {
    for tasks in SETTINGS {
        let mut polls = 0;
        loop {
            let given = match tasks {
                Tasks::None => Given::without_runtime(Distance::Far, |builder| builder),
                _ => Given::far(),
            };
            let mut ada = given.visitor_with_session();
            let done = attempt(&given, &mut ada, &mut |future| {
                is_done_after(&given, tasks, polls, future)
            });
            given.pass(SECOND * 6);
            check(&given, &ada);
            assert_usable(&given, &ada);
            if done || (tasks == Tasks::Wait && polls == POLLS_OF_NO_USE) {
                break;
            }
            polls += 1;
            assert!(polls < POLLS_MAX, "{tasks:?}: the future is never done");
        }
    }
}

/// The session can still be used by the next request.
fn assert_usable(given: &Given, ada: &Visitor) {
    let mut ada = ada.clone();
    given
        .visit(&mut ada, |session| session.set_attribute("usable", &true))
        .unwrap();
    assert_eq!(given.stored(&ada, "usable"), Some(true));
}

fn write(request: &InFlight<'_>) {
    request.session.set_attribute("n", &2).unwrap();
    request.session.set_attribute("m", &2).unwrap();
}

/// Both attributes or neither.
fn assert_old_or_new(given: &Given, ada: &Visitor) {
    let view = given.peek(ada).expect("the session lives");
    let state = (
        view.get_attribute::<i64>("n").unwrap(),
        view.get_attribute::<i64>("m").unwrap(),
    );
    assert!(
        [(Some(1), None), (Some(2), Some(2))].contains(&state),
        "{state:?}"
    );
}

#[test]
fn opening_a_session_can_be_dropped_at_any_await() {
    at_every_await(
        |_, ada, poll| {
            let handle = ada.begin().handle();
            poll(Box::pin(async move { drop(handle.session().await.unwrap()) }).as_mut())
        },
        assert_old_or_new,
    );
}

#[test]
fn a_session_whose_opening_was_dropped_can_be_opened_again_in_the_same_request() {
    at_every_await(
        |given, ada, poll| {
            let handle = ada.begin().handle();
            let again = handle.clone();
            let done =
                poll(Box::pin(async move { drop(handle.session().await.unwrap()) }).as_mut());
            let session = given.runtime.block_on(again.session()).unwrap();
            assert_eq!(session.get_attribute::<i64>("n").unwrap(), Some(1));
            done
        },
        assert_old_or_new,
    );
}

#[test]
fn a_commit_can_be_dropped_with_its_exchange_at_any_await() {
    at_every_await(
        |given, ada, poll| {
            let mut request = given.request(ada);
            write(&request);
            poll(Box::pin(async { drop(request.exchange.commit().await.unwrap()) }).as_mut())
        },
        assert_old_or_new,
    );
}

#[test]
fn a_commit_whose_future_was_dropped_can_be_taken_up_again() {
    at_every_await(
        |given, ada, poll| {
            let mut request = given.request(ada);
            write(&request);
            let done =
                poll(Box::pin(async { drop(request.exchange.commit().await.unwrap()) }).as_mut());
            request.send_head();
            assert_eq!(given.stored(ada, "n"), Some(2));
            done
        },
        assert_old_or_new,
    );
}

#[test]
fn a_save_can_be_dropped_at_any_await() {
    at_every_await(
        |given, ada, poll| {
            let request = given.request(ada);
            write(&request);
            let session = request.session.clone();
            poll(Box::pin(async move { session.save().await.map(drop).unwrap() }).as_mut())
        },
        assert_old_or_new,
    );
}

#[test]
fn with_a_runtime_a_dropped_save_is_not_taken_back_and_the_response_follows_it() {
    for tasks in [Tasks::Run, Tasks::Wait] {
        for polls in 0..10 {
            let given = Given::far();
            let mut ada = given.visitor_with_session();
            let mut request = given.request(&ada);
            write(&request);
            let session = request.session.clone();
            is_done_after(&given, tasks, polls, async move { session.save().await });
            request.answer(&mut ada).unwrap();
            request.finish().unwrap();
            assert_eq!(given.stored(&ada, "n"), Some(2), "{tasks:?} {polls}");
        }
    }
}

#[test]
fn the_end_of_a_body_can_be_dropped_at_any_await() {
    at_every_await(
        |given, ada, poll| {
            let mut stream = given.request(ada);
            stream.send_head();
            write(&stream);
            let InFlight {
                exchange, session, ..
            } = stream;
            drop(session);
            poll(Box::pin(async move { exchange.finish().await.unwrap() }).as_mut())
        },
        assert_old_or_new,
    );
}

#[test]
fn with_a_runtime_late_writes_survive_a_client_that_goes_away_at_any_moment() {
    for tasks in [Tasks::Run, Tasks::Wait] {
        for polls in 0..10 {
            let given = Given::far();
            let ada = given.visitor_with_session();
            let mut stream = given.request(&ada);
            stream.send_head();
            write(&stream);
            let InFlight {
                exchange, session, ..
            } = stream;
            drop(session);
            is_done_after(&given, tasks, polls, exchange.finish());
            given.runtime.run_until_stalled();
            assert_eq!(given.stored(&ada, "n"), Some(2), "{tasks:?} {polls}");
        }
    }
}

#[test]
fn a_rotation_that_is_dropped_at_any_await_leaves_one_usable_id_at_most() {
    for tasks in SETTINGS {
        for polls in 0..10 {
            let given = match tasks {
                Tasks::None => Given::without_runtime(Distance::Far, |builder| builder),
                _ => Given::far(),
            };
            let ada = given.visitor_with_session();
            let mut request = given.request(&ada);
            request.session.login("ada").unwrap();
            let done = is_done_after(&given, tasks, polls, request.exchange.commit());
            drop(request);
            given.pass(SECOND * 6);
            if done {
                assert!(!given.is_alive(&ada));
            }
            assert_eq!(given.sessions_stored(), 1, "{tasks:?} {polls}");
        }
    }
}

#[test]
fn a_logout_that_is_dropped_at_any_await_is_done_or_not_done() {
    for tasks in SETTINGS {
        for polls in 0..10 {
            let given = match tasks {
                Tasks::None => Given::without_runtime(Distance::Far, |builder| builder),
                _ => Given::far(),
            };
            let ada = given.visitor_with_session();
            let mut request = given.request(&ada);
            request.session.logout().unwrap();
            let done = is_done_after(&given, tasks, polls, request.exchange.commit());
            drop(request);
            given.pass(SECOND * 6);
            assert!(!(done && given.is_alive(&ada)), "{tasks:?} {polls}");
            let mut again = ada.clone();
            given.visit(&mut again, Session::logout).unwrap();
            assert!(!given.is_alive(&ada));
        }
    }
}

#[test]
fn with_a_runtime_sessions_are_told_to_have_ended_although_whoever_ended_them_went_away() {
    let terminated = SessionEvent::Ended(EndReason::Terminated);
    for verb in [Verb::End, Verb::EndAll] {
        let (given, diary) = with_diary(Distance::Far, |builder| builder);
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        let sessions = given.site.sessions();
        let listed = given.in_a_while(sessions.sessions_of("ada")).unwrap();
        told(&given, &diary);
        given.take_events();

        given.next(verb, Fault::HoldReply);
        {
            let handle = listed[0].handle();
            let mut end = Box::pin(async {
                match verb {
                    Verb::End => sessions.end_session("ada", &handle).await.map(drop),
                    _ => sessions.end_sessions_of("ada").await.map(drop),
                }
            });
            for _ in 0..5 {
                assert!(poll_once(end.as_mut()).is_pending());
                given.runtime.run_until_stalled();
            }
        }
        given.store.inner().release();
        assert_eq!(
            told(&given, &diary),
            ["destroyed Terminated", "removed n=1"]
        );
        assert_eq!(given.take_events(), [terminated]);
    }
}
