//! Bodies as a server sees them.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use session_core::Session;
use tower::{Layer, ServiceExt, service_fn};

use crate::site::{Site, session_of, with_cookie};

#[test]
fn a_body_without_late_writes_shows_its_end_and_its_size_as_before() {
    for site in Site::of_each_kind() {
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            session_of(&request)
                .await
                .set_attribute("first", &"visit")
                .expect("it can be set");
            drop(request);
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        let response = site.answer(service.oneshot(Request::new(())));
        assert!(response.body().is_end_stream());
        assert_eq!(response.body().size_hint().exact(), Some(0));
    }
}

#[test]
fn the_end_of_a_body_is_hidden_while_its_session_may_still_change() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let kept = Arc::new(parking_place());
        let place = kept.clone();
        let service = site.layer().layer(service_fn(move |request: Request<()>| {
            let place = place.clone();
            async move {
                *place.lock().expect("nobody panicked") = Some(session_of(&request).await);
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        }));
        let mut body = site
            .answer(service.oneshot(with_cookie(&cookie)))
            .into_body();
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        let session = kept
            .lock()
            .expect("nobody panicked")
            .take()
            .expect("it was kept");
        session
            .set_attribute("late", &"kept")
            .expect("it can be set");
        assert!(site.runtime.block_on(body.frame()).is_none());
        assert!(body.is_end_stream());
        assert_eq!(site.look_up(&cookie, "late").as_deref(), Some("kept"));
    }
}

#[test]
fn after_an_upgrade_the_body_is_not_watched() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let kept = Arc::new(parking_place());
        let place = kept.clone();
        let service = site.layer().layer(service_fn(move |request: Request<()>| {
            let place = place.clone();
            async move {
                *place.lock().expect("nobody panicked") = Some(session_of(&request).await);
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                Ok::<_, Infallible>(response)
            }
        }));
        let response = site.answer(service.oneshot(with_cookie(&cookie)));
        assert!(response.body().is_end_stream());
        // The socket's own writes are stored when it lets go of the session.
        let session = kept
            .lock()
            .expect("nobody panicked")
            .take()
            .expect("it was kept");
        session
            .set_attribute("late", &"kept")
            .expect("it can be set");
        drop((response, session));
        site.runtime.run_until_stalled();
        assert_eq!(site.look_up(&cookie, "late").as_deref(), Some("kept"));
    }
}

fn parking_place() -> std::sync::Mutex<Option<Session>> {
    std::sync::Mutex::default()
}
