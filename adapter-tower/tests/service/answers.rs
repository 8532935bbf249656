//! What is stored when a service answers, and when it does not.

use std::convert::Infallible;
use std::future::{Ready, pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use session_core::testkit::{Fault, Verb};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::site::{Site, poll_once, session_of, with_cookie};

#[test]
fn a_future_that_is_dropped_early_commits_nothing() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let mut service = site.layer().layer(service_fn(async |request: Request<()>| {
            let session = session_of(&request).await;
            session
                .set_attribute("late", &"lost")
                .expect("it can be set");
            pending::<()>().await;
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        site.store.inner().take_calls();
        drop(service.call(with_cookie(&cookie)));
        assert_eq!(site.store.inner().take_calls(), []);

        let mut future = Box::pin(service.call(with_cookie(&cookie)));
        // The store that is awaited needs a second poll.
        for _ in 0..2 {
            assert!(poll_once(future.as_mut()).is_pending());
        }
        drop(future);
        site.runtime.run_until_stalled();
        assert_eq!(site.look_up(&cookie, "late"), None);
    }
}

#[test]
fn a_panic_in_the_service_commits_nothing() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            let session = session_of(&request).await;
            session
                .set_attribute("late", &"lost")
                .expect("it can be set");
            let message: Box<dyn std::any::Any + Send> = Box::new("a fault of the program");
            // As a panic, without the message that a panic prints.
            std::panic::resume_unwind(message);
            #[expect(unreachable_code, reason = "it tells the type of the answer")]
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        let call =
            std::panic::AssertUnwindSafe(|| site.answer(service.oneshot(with_cookie(&cookie))));
        assert!(std::panic::catch_unwind(call).is_err());
        site.runtime.run_until_stalled();
        assert_eq!(site.look_up(&cookie, "late"), None);
    }
}

/// No response means that no id can be announced: a rotation that were stored all the same
/// would lock the visitor out.
#[test]
fn a_service_that_fails_without_a_response_commits_nothing() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            let session = session_of(&request).await;
            session
                .set_attribute("late", &"lost")
                .expect("it can be set");
            session.login("ada").expect("it can log in");
            Err::<Response<Empty<Bytes>>, _>("the connection broke")
        }));
        let failed = site.runtime.block_on(service.oneshot(with_cookie(&cookie)));
        assert_eq!(failed.map(|_| ()), Err("the connection broke"));
        assert_eq!(site.look_up(&cookie, "first").as_deref(), Some("visit"));
        assert_eq!(site.look_up(&cookie, "late"), None);
    }
}

#[test]
fn the_text_of_a_failure_is_a_body_of_the_services_own_kind() {
    for site in Site::of_each_kind() {
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            session_of(&request)
                .await
                .set_attribute("first", &"visit")
                .expect("it can be set");
            // Any buffer that can hold a fixed text will do.
            Ok::<_, Infallible>(Response::new(Full::<&'static [u8]>::new(b"the page")))
        }));
        site.store.next(Verb::Create, Fault::Unavailable);
        let response = site.answer(service.oneshot(Request::new(())));
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let size = response.body().size_hint().exact();
        let text = site
            .runtime
            .block_on(response.into_body().collect())
            .expect("a text")
            .to_bytes();
        assert_eq!(text, "The session is not available at the moment.");
        assert_eq!(size, Some(text.len() as u64));
    }
}

/// Is ready when it is told to be.
#[derive(Clone)]
struct Reluctant(Arc<AtomicBool>);

impl Service<Request<()>> for Reluctant {
    type Response = Response<Empty<Bytes>>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.0.load(Ordering::SeqCst) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Empty::new())))
    }
}

#[test]
fn the_layer_is_ready_when_its_service_is() {
    let [site, _] = Site::of_each_kind();
    let is_ready = Arc::new(AtomicBool::new(false));
    let mut service = site.layer().layer(Reluctant(is_ready.clone()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
    is_ready.store(true, Ordering::SeqCst);
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Ok(())));
}
