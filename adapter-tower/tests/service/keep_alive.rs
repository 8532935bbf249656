//! A long request keeps its session alive.

use std::convert::Infallible;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use session_core::Session;
use session_core::testkit::Verb;
use tower::{Layer, ServiceExt, service_fn};

use crate::site::{Site, poll_once, session_of, with_cookie};

const IDLE_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Polls `future` while as much time passes, as a server does whose timers wake it.
fn pass_time<F: Future>(site: &Site, mut future: Pin<&mut F>, minutes: u64) {
    assert!(poll_once(future.as_mut()).is_pending());
    for _ in 0..minutes {
        site.runtime.advance(Duration::from_secs(60));
        assert!(poll_once(future.as_mut()).is_pending());
        site.runtime.run_until_stalled();
    }
}

#[test]
fn a_handler_that_takes_longer_than_the_idle_limit_keeps_its_session() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            let _session = session_of(&request).await;
            pending::<()>().await;
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        let mut future = pin!(service.oneshot(with_cookie(&cookie)));
        // The store that is awaited needs a second poll.
        assert!(poll_once(future.as_mut()).is_pending());
        pass_time(&site, future.as_mut(), 45);
        assert_eq!(site.look_up(&cookie, "first").as_deref(), Some("visit"));
        // At most for an hour: then the idle limit holds again.
        pass_time(&site, future.as_mut(), 60);
        assert_eq!(site.look_up(&cookie, "first"), None);
    }
}

#[test]
fn a_body_that_streams_longer_than_the_idle_limit_keeps_its_session() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            Ok::<_, Infallible>(Response::new(Silent(Some(session_of(&request).await))))
        }));
        let mut body = site
            .answer(service.oneshot(with_cookie(&cookie)))
            .into_body();
        let mut end = pin!(body.frame());
        pass_time(&site, end.as_mut(), 45);
        assert_eq!(site.look_up(&cookie, "first").as_deref(), Some("visit"));
    }
}

#[test]
fn a_long_body_keeps_the_session_alive_that_its_handler_has_let_go() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            drop(session_of(&request).await);
            Ok::<_, Infallible>(Response::new(Silent(None)))
        }));
        let mut body = site
            .answer(service.oneshot(with_cookie(&cookie)))
            .into_body();
        let mut end = pin!(body.frame());
        pass_time(&site, end.as_mut(), 45);
        assert_eq!(site.look_up(&cookie, "first").as_deref(), Some("visit"));
    }
}

#[test]
fn what_a_task_writes_while_the_body_is_silent_is_stored_about_every_second() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let task = Arc::new(Mutex::new(None));
        let given = task.clone();
        let service = site.layer().layer(service_fn(move |request: Request<()>| {
            let given = given.clone();
            async move {
                let session = session_of(&request).await;
                *given.lock().unwrap() = Some(session.clone());
                Ok::<_, Infallible>(Response::new(Silent(Some(session))))
            }
        }));
        let mut body = site
            .answer(service.oneshot(with_cookie(&cookie)))
            .into_body();
        let mut end = pin!(body.frame());
        assert!(poll_once(end.as_mut()).is_pending());
        let session = task.lock().unwrap().take().unwrap();
        session.set_attribute("late", "word").unwrap();
        for _ in 0..2 {
            site.runtime.advance(Duration::from_secs(1));
            assert!(poll_once(end.as_mut()).is_pending());
            site.runtime.run_until_stalled();
        }
        assert_eq!(site.look_up(&cookie, "late").as_deref(), Some("word"));
    }
}

#[test]
fn a_long_request_that_does_not_use_its_session_keeps_nothing_alive() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |_: Request<()>| {
            pending::<()>().await;
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        site.store.inner().take_calls();
        let mut future = pin!(service.oneshot(with_cookie(&cookie)));
        pass_time(&site, future.as_mut(), IDLE_LIMIT.as_secs() / 60);
        assert_eq!(site.store.inner().count(Verb::Apply), 0);
        assert_eq!(site.look_up(&cookie, "first"), None);
    }
}

/// A body that holds a session, or none, and never says anything.
struct Silent(
    #[expect(dead_code, reason = "it is held, as a stream holds its session")] Option<Session>,
);

impl Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
