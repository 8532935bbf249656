//! What is written after the response head: during a body, at its end, or when whoever held
//! the session lets go of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use session_core::testkit::{Fault, Verb};
use session_core::{BoxFuture, DropReason, Runtime, SessionError, SessionEvent};

use crate::given::{Distance, Given, MILLISECOND, SECOND, poll_once};

#[test]
fn what_is_written_during_the_body_is_stored_before_its_end() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.session.append_attribute("chat", "question").unwrap();
        stream.send_head();
        stream.session.append_attribute("chat", "answer").unwrap();
        stream.finish().unwrap();
        let chat: Vec<String> = given.stored(&ada, "chat").unwrap();
        assert_eq!(chat, ["question", "answer"]);
    }
}

#[test]
fn after_the_head_neither_a_login_nor_a_change_of_id_is_possible() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        let login = stream.session.login("ada");
        assert!(matches!(login, Err(SessionError::ResponseCommitted)));
        let rotation = stream.session.change_session_id();
        assert!(matches!(rotation, Err(SessionError::ResponseCommitted)));
        stream.finish().unwrap();
        assert_eq!(given.peek(&ada).unwrap().principal(), None);
    }
}

#[test]
fn a_body_without_late_writes_costs_no_store_call() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.session.set_attribute("n", &2).unwrap();
        stream.send_head();
        given.take_calls();
        stream.finish().unwrap();
        assert_eq!(given.take_calls(), []);
    }
}

#[test]
fn a_late_write_waits_a_second_at_most_for_a_frame_to_be_flushed_with() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.session.set_attribute("n", &2).unwrap();
        given.pass(SECOND - MILLISECOND);
        let mut flush = || {
            given
                .in_a_while(std::future::poll_fn(|cx| stream.exchange.poll_flush(cx)))
                .unwrap();
        };
        flush();
        assert_eq!(given.stored(&ada, "n"), Some(1));
        given.pass(MILLISECOND);
        flush();
        assert_eq!(given.stored(&ada, "n"), Some(2));
        given.take_calls();
        given.pass(SECOND * 5);
        flush();
        assert_eq!(given.take_calls(), [], "nothing is left to flush");
    }
}

#[test]
fn a_late_write_of_a_task_is_stored_within_a_second_although_the_body_is_silent() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        let mut context = Context::from_waker(Waker::noop());
        assert!(stream.exchange.poll_keep_alive(&mut context).is_pending());
        stream.session.set_attribute("n", &2).unwrap();
        given.pass(SECOND - MILLISECOND);
        assert!(stream.exchange.poll_keep_alive(&mut context).is_pending());
        given.pass(MILLISECOND);
        assert!(stream.exchange.poll_keep_alive(&mut context).is_ready());
        given
            .in_a_while(std::future::poll_fn(|cx| stream.exchange.poll_flush(cx)))
            .unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn a_task_that_never_stops_writing_does_not_put_off_what_it_wrote() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        for n in 2..=12 {
            stream.session.set_attribute("n", &n).unwrap();
            given.pass(SECOND / 10);
        }
        given
            .in_a_while(std::future::poll_fn(|cx| stream.exchange.poll_flush(cx)))
            .unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(12));
    }
}

#[test]
fn a_session_that_is_ended_during_a_body_is_ended_with_the_frame_a_second_later() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.session.set_attribute("n", &2).unwrap();
        given.pass(SECOND / 2);
        stream.session.invalidate().unwrap();
        let mut flush = || {
            given
                .in_a_while(std::future::poll_fn(|cx| stream.exchange.poll_flush(cx)))
                .unwrap();
        };
        flush();
        assert!(given.is_alive(&ada));
        given.pass(SECOND / 2);
        flush();
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_session_that_is_ended_during_a_body_waits_for_no_other_write() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.session.invalidate().unwrap();
        given.pass(SECOND);
        given
            .in_a_while(std::future::poll_fn(|cx| stream.exchange.poll_flush(cx)))
            .unwrap();
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn flushing_before_the_head_does_nothing() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.session.set_attribute("n", &2).unwrap();
    given.pass(SECOND * 2);
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(
        request.exchange.poll_flush(&mut context),
        Poll::Ready(Ok(()))
    ));
    assert!(matches!(
        request.exchange.poll_finish(&mut context),
        Poll::Ready(Ok(()))
    ));
    assert_eq!(given.stored(&ada, "n"), Some(1));
}

#[test]
fn an_exchange_dropped_before_the_commit_commits_nothing() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        request.session.set_attribute("n", &2).unwrap();
        let kept = request.session.clone();
        drop(request);
        assert!(matches!(
            kept.set_attribute("n", &3),
            Err(SessionError::Failed)
        ));
        let save = given.runtime.block_on(kept.save());
        assert!(matches!(save, Err(SessionError::Failed)));
        drop(kept);
        given.pass(SECOND);
        assert_eq!(given.stored(&ada, "n"), Some(1));
    }
}

#[test]
fn what_was_saved_stays_stored_when_the_handler_is_dropped() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        request.session.set_attribute("n", &2).unwrap();
        given.runtime.block_on(request.session.save()).unwrap();
        drop(request);
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn an_exchange_dropped_after_the_head_commits_what_is_pending() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.session.set_attribute("n", &2).unwrap();
        let task = stream.session.clone();
        drop(stream);
        given.runtime.run_until_stalled();
        assert_eq!(given.stored(&ada, "n"), Some(2), "although a task goes on");
        drop(task);
    }
}

#[test]
fn on_a_near_store_a_dropped_body_commits_inside_the_drop() {
    let given = Given::without_runtime(Distance::Near, |builder| builder);
    let ada = given.visitor_with_session();
    let mut stream = given.request(&ada);
    stream.send_head();
    stream.session.set_attribute("n", &2).unwrap();
    drop(stream);
    assert_eq!(given.stored(&ada, "n"), Some(2));
}

#[test]
fn without_a_runtime_the_late_writes_of_a_dropped_body_to_a_far_store_are_told_as_lost() {
    let given = Given::without_runtime(Distance::Far, |builder| builder);
    let ada = given.visitor_with_session();
    let mut stream = given.request(&ada);
    stream.send_head();
    stream.session.set_attribute("n", &2).unwrap();
    drop(stream);
    assert_eq!(
        given.take_events(),
        [SessionEvent::WritesDropped(DropReason::NoRuntime)]
    );
    assert_eq!(given.stored(&ada, "n"), Some(1));
}

/// A runtime that has shut down: it drops what it is given.
struct Ended;

impl Runtime for Ended {
    fn spawn(&self, task: BoxFuture<()>) {
        drop(task);
    }

    fn sleep(&self, _: Duration) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_runtime_that_has_shut_down_loses_the_late_writes_to_a_far_store_and_that_is_told() {
    let given = Given::without_runtime(Distance::Far, |builder| builder);
    let ada = given.visitor_with_session();
    let (mut saved, mut dropped) = (given.request(&ada), given.request(&ada));
    for stream in [&mut saved, &mut dropped] {
        stream.send_head();
        stream.session.set_attribute("n", &2).unwrap();
    }
    given.site.sessions().attach_runtime(Arc::new(Ended));
    let save = given.runtime.block_on(saved.session.save());
    assert!(matches!(save, Err(SessionError::Interrupted)));
    drop(dropped);
    assert_eq!(
        given.take_events(),
        [SessionEvent::WritesDropped(DropReason::NoRuntime)]
    );
    let mut drain = Box::pin(given.site.sessions().drain());
    assert!(poll_once(drain.as_mut()).is_ready());
}

#[test]
fn the_last_session_handle_commits_what_it_wrote_after_the_body_ended() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        let (task, other) = (stream.session.clone(), stream.session.clone());
        stream.send_head();
        stream.finish().unwrap();
        task.set_attribute("n", &2).unwrap();
        drop(task);
        given.runtime.run_until_stalled();
        assert_eq!(given.stored(&ada, "n"), Some(1), "another handle goes on");
        other.append_attribute("l", &1).unwrap();
        drop(other);
        given.runtime.run_until_stalled();
        assert_eq!(given.stored(&ada, "n"), Some(2));
        assert_eq!(given.stored(&ada, "l"), Some(vec![1]));
    }
}

#[test]
fn a_task_that_outlives_the_body_can_save() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        let task = stream.session.clone();
        stream.send_head();
        stream.finish().unwrap();
        task.set_attribute("n", &2).unwrap();
        given.runtime.block_on(task.save()).unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn drain_waits_for_commits_that_were_handed_off() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut stream = given.request(&ada);
    stream.send_head();
    stream.session.set_attribute("n", &2).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    drop(stream);
    given.runtime.run_until_stalled();
    let sessions = given.site.sessions().clone();
    let mut drain = Box::pin(sessions.drain());
    assert!(poll_once(drain.as_mut()).is_pending());
    given.store.inner().release();
    given.runtime.block_on(drain);
    assert_eq!(given.stored(&ada, "n"), Some(2));
}

#[test]
fn drain_waits_for_a_commit_whose_future_was_dropped() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let request = given.request(&ada);
    request.session.set_attribute("n", &2).unwrap();
    given.next(Verb::Apply, Fault::HoldRequest);
    let mut save = Box::pin(request.session.save());
    assert!(poll_once(save.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    drop(save);
    drop(request);
    let mut drain = Box::pin(given.site.sessions().drain());
    assert!(poll_once(drain.as_mut()).is_pending());
    given.store.inner().release();
    given.runtime.block_on(drain);
    assert_eq!(given.stored(&ada, "n"), Some(2));
}

#[test]
fn drain_is_over_at_once_when_nothing_was_handed_off() {
    for given in Given::near_and_far() {
        given.visitor_with_session();
        let mut drain = Box::pin(given.site.sessions().drain());
        assert!(poll_once(drain.as_mut()).is_ready());
    }
}

/// Runs a part of a handler that panics.
fn panicking(part: impl FnOnce()) {
    let caught = catch_unwind(AssertUnwindSafe(part));
    assert!(caught.is_err(), "the part was to panic");
}

#[test]
fn a_panic_of_whoever_holds_the_session_commits_nothing_even_if_it_is_caught() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        let session = request.session.clone();
        panicking(move || {
            session.set_attribute("n", &2).unwrap();
            panic!("a fault of the handler");
        });
        // A layer that answers panics with an error page.
        request.answer(&mut ada).unwrap();
        request.finish().unwrap();
        given.pass(SECOND);
        assert_eq!(given.stored(&ada, "n"), Some(1));
        assert_eq!(ada.set_cookies(), 1);
        given
            .visit(&mut ada, |session| session.set_attribute("n", &3))
            .unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(3), "no lock stays behind");
    }
}

#[test]
fn a_panic_in_an_update_leaves_no_lock_behind() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let request = given.request(&ada);
    panicking(|| {
        let _ = request
            .session
            .update_attribute("n", |_: &mut i64| panic!("a fault"));
    });
    assert_eq!(request.session.get_attribute::<i64>("n").unwrap(), Some(1));
    request.session.set_attribute("n", &2).unwrap();
    given.runtime.block_on(request.session.save()).unwrap();
    assert_eq!(given.stored(&ada, "n"), Some(2));
}

#[test]
fn a_panic_in_a_body_commits_nothing_of_it() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut stream = given.request(&ada);
        stream.send_head();
        stream.session.set_attribute("n", &2).unwrap();
        panicking(move || {
            let _body = stream;
            panic!("a fault of the body");
        });
        given.pass(SECOND);
        assert_eq!(given.stored(&ada, "n"), Some(1));
    }
}
