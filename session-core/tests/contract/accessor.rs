//! The session outside of a request (`HttpSession.Accessor`, Servlet 6.1).

use std::cell::Cell;
use std::pin::pin;
use std::task::Poll;

use session_core::testkit::{Fault, Verb, Visitor};
use session_core::{Rejection, Session, SessionAccessor, SessionError, SessionEvent};

use crate::given::{DAY, Given, MINUTE, SECOND, poll_once};

/// What a handler does in a request.
pub(crate) type Handler = fn(&Session) -> Result<(), SessionError>;

pub(crate) fn accessor(given: &Given, visitor: &mut Visitor) -> SessionAccessor {
    given.visit(visitor, Session::accessor).unwrap()
}

fn add_one(session: &Session) -> Result<u32, SessionError> {
    session.update_attribute("n", |n: &mut u32| *n += 1)
}

/// One access that increments the counter.
pub(crate) fn increment(given: &Given, accessor: &SessionAccessor) -> Result<u32, SessionError> {
    given.in_a_while(accessor.access(async |session| add_one(&session)))
}

#[test]
fn an_access_outside_of_a_request_sees_and_changes_the_same_session() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        assert_eq!(increment(&given, &accessor).unwrap(), 2);
        assert_eq!(given.stored(&ada, "n"), Some(2));
        given.visit(&mut ada, add_one).unwrap();
        assert_eq!(increment(&given, &accessor.clone()).unwrap(), 4);
    }
}

#[test]
fn an_accessor_of_a_session_that_is_not_stored_yet_works_once_it_is() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let request = given.request(&ada);
        let accessor = request.session.accessor().unwrap();
        assert!(matches!(
            increment(&given, &accessor),
            Err(SessionError::Gone)
        ));
        request.session.set_attribute("n", &1).unwrap();
        let mut request = request;
        request.answer(&mut ada).unwrap();
        assert_eq!(increment(&given, &accessor).unwrap(), 2);
    }
}

#[test]
fn an_access_counts_as_one() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let mut accessed = given.now();
        for _ in 0..3 {
            given.pass(MINUTE * 20);
            let seen = given
                .in_a_while(accessor.access(async |session: Session| session.last_accessed_time()));
            assert!(seen.unwrap().saturating_since(accessed) < SECOND);
            accessed = given.now();
        }
        assert!(given.is_alive(&ada));
    }
}

#[test]
fn an_access_that_takes_longer_than_the_idle_limit_keeps_the_session() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let ready = Cell::new(false);
        {
            let mut access = pin!(accessor.access(async |session: Session| {
                std::future::poll_fn(|_| match ready.get() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                })
                .await;
                add_one(&session)
            }));
            for _ in 0..55 {
                given.runtime.run_until_stalled();
                assert!(poll_once(access.as_mut()).is_pending());
                given.pass(MINUTE);
            }
            ready.set(true);
            assert_eq!(given.in_a_while(access).unwrap(), 2);
        }
        assert!(given.is_alive(&ada));
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn what_a_long_access_writes_is_stored_within_seconds() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let mut access = pin!(accessor.access(async |session: Session| {
            add_one(&session)?;
            std::future::pending::<Result<(), SessionError>>().await
        }));
        for _ in 0..4 {
            assert!(poll_once(access.as_mut()).is_pending());
            given.pass(SECOND);
        }
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn an_access_that_is_broken_off_keeps_what_it_wrote() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        {
            let mut access = Box::pin(accessor.access(async |session: Session| {
                add_one(&session)?;
                std::future::pending::<Result<(), SessionError>>().await
            }));
            for _ in 0..3 {
                assert!(poll_once(access.as_mut()).is_pending());
                given.runtime.run_until_stalled();
            }
        }
        given.runtime.run_until_stalled();
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn work_that_fails_keeps_what_it_wrote_as_a_request_does() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let failed = given.in_a_while(accessor.access(async |session: Session| {
            add_one(&session)?;
            session.get_attribute::<String>("n").map(|_| ())
        }));
        assert!(matches!(failed, Err(SessionError::Decode { .. })));
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn work_that_panics_stores_nothing() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let work = accessor.access(async |session: Session| -> Result<(), SessionError> {
            add_one(&session)?;
            panic!("the work was not done");
        });
        let panicked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| given.in_a_while(work)));
        assert!(panicked.is_err());
        given.runtime.run_until_stalled();
        assert_eq!(given.stored(&ada, "n"), Some(1));
        assert_eq!(increment(&given, &accessor).unwrap(), 2);
    }
}

#[test]
fn an_access_runs_beside_requests_and_neither_loses_an_update() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let access = given.in_a_while(accessor.open()).unwrap();
        add_one(&access).unwrap();
        given.visit(&mut ada, add_one).unwrap();
        given.in_a_while(access.save()).unwrap();
        assert_eq!(access.get_attribute::<u32>("n").unwrap(), Some(3));
        assert_eq!(given.stored(&ada, "n"), Some(3));
    }
}

#[test]
fn a_guard_that_is_dropped_leaves_its_changes_to_be_stored() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let access = given.in_a_while(accessor.open()).unwrap();
        add_one(&access).unwrap();
        drop(access);
        given.runtime.run_until_stalled();
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn a_session_that_ended_can_be_accessed_no_more() {
    for given in Given::near_and_far() {
        let ends: [Handler; 2] = [Session::invalidate, Session::logout];
        for end in ends {
            let mut ada = given.visitor_with_session();
            let accessor = accessor(&given, &mut ada);
            given.visit(&mut ada, end).unwrap();
            assert!(matches!(
                increment(&given, &accessor),
                Err(SessionError::Gone)
            ));
        }
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        given.pass(DAY);
        assert!(matches!(
            increment(&given, &accessor),
            Err(SessionError::Gone)
        ));
    }
}

#[test]
fn what_a_guard_saves_after_the_session_ended_is_told_to_be_gone() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let access = given.in_a_while(accessor.open()).unwrap();
        add_one(&access).unwrap();
        given.visit(&mut ada, Session::invalidate).unwrap();
        let saved = given.in_a_while(access.save());
        assert!(matches!(saved, Err(SessionError::Gone)), "{saved:?}");
        drop(access);
        given.runtime.run_until_stalled();
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn work_that_only_waits_after_its_last_write_is_told_that_the_session_ended() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let (wrote, ready) = (Cell::new(false), Cell::new(false));
        let mut access = pin!(accessor.access(async |session: Session| {
            add_one(&session)?;
            wrote.set(true);
            std::future::poll_fn(|_| match ready.get() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            Ok::<(), SessionError>(())
        }));
        while !wrote.get() {
            assert!(poll_once(access.as_mut()).is_pending());
            given.runtime.run_until_stalled();
        }
        given.visit(&mut ada, Session::invalidate).unwrap();
        // What was written is stored within seconds, or turns out to be too late.
        for _ in 0..4 {
            given.pass(SECOND);
            assert!(poll_once(access.as_mut()).is_pending());
        }
        ready.set(true);
        let outcome = given.in_a_while(access);
        assert!(matches!(outcome, Err(SessionError::Gone)), "{outcome:?}");
    }
}

#[test]
fn a_session_can_be_ended_by_an_access() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let ended =
            given.in_a_while(accessor.access(async |session: Session| session.invalidate()));
        ended.unwrap();
        assert!(!given.is_alive(&ada));
        assert!(matches!(
            increment(&given, &accessor),
            Err(SessionError::Gone)
        ));
    }
}

#[test]
fn an_outage_is_not_the_end_of_the_session() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        given.next(Verb::Load, Fault::Unavailable);
        assert!(matches!(
            increment(&given, &accessor),
            Err(SessionError::Unavailable(_))
        ));
        assert_eq!(increment(&given, &accessor).unwrap(), 2);
    }
}

#[test]
fn an_accessor_can_be_had_from_no_session_that_was_ended() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    request.session.invalidate().unwrap();
    let refused = request.session.accessor();
    assert!(matches!(refused, Err(SessionError::Invalidated)));
}

#[test]
fn an_accessor_can_go_to_other_threads() {
    fn assert_send_and_static<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn assert_send<T: Send>(_: &T) {}
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    let accessor = accessor(&given, &mut ada);
    assert_send_and_static(&accessor);
    assert_send(&accessor.access(async |session: Session| add_one(&session)));
    assert_send(&accessor.open());
}

#[test]
fn an_operator_is_told_of_a_session_that_an_access_cannot_read_and_not_of_one_that_ended() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        given.take_events();
        given.next(Verb::Load, Fault::Unreadable);
        let refused = increment(&given, &accessor);
        assert!(matches!(refused, Err(SessionError::Gone)));
        let unreadable = SessionEvent::Rejected(Rejection::Unreadable);
        assert_eq!(given.take_events(), [unreadable]);
        given.visit(&mut ada, Session::invalidate).unwrap();
        given.take_events();
        let refused = increment(&given, &accessor);
        assert!(matches!(refused, Err(SessionError::Gone)));
        assert_eq!(given.take_events(), []);
    }
}

#[test]
fn an_end_that_could_not_be_stored_is_told_once_and_not_tried_behind_the_callers_back() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = given.visit(&mut ada, Session::accessor).unwrap();
        given.take_events();
        given.next(Verb::Delete, Fault::NewerFormat);
        let access = accessor.access(async |session: Session| session.invalidate());
        let ended = given.runtime.block_on(access);
        assert!(matches!(ended, Err(SessionError::NewerFormat)), "{ended:?}");
        given.runtime.run_until_stalled();
        assert_eq!(given.take_events(), []);
        assert!(given.is_alive(&ada));
    }
}
