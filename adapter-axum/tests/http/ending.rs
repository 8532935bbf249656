//! Whoever saw the end of a body reads what was written last.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use adapter_axum::Session;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::routing::get;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use session_core::testkit::{Fault, Verb};
use session_core::{BoxError, DropReason, SessionEvent};

use crate::client::{Request, Response};
use crate::play::{Director, Play, Step, play};
use crate::server::{Door, Server};
use crate::wait::eventually;

/// A site whose body at `/body` is directed by the test, with these headers.
fn theatre(play: Play, headers: &'static [(&'static str, &'static str)]) -> Router {
    let perform = async move |session: Session| {
        let mut response = axum::response::Response::new(play.body(session.into_inner()));
        for (name, value) in headers {
            response
                .headers_mut()
                .insert(*name, HeaderValue::from_static(value));
        }
        response
    };
    Router::new().route("/body", get(perform))
}

/// Reads a body that says "once ", then writes to the session, then comes to its end as
/// `end` directs: the end must not be seen before the write is stored.
async fn read_to_the_end(
    door: Door,
    app: Router,
    request: Request,
    end: impl FnOnce(),
) -> Response {
    let store = door.store();
    let server = Server::with_store(&store, app).await;
    let mut visitor = server.browser().returning().await;
    if door == Door::Awaited {
        store.next(Verb::Apply, Fault::HoldRequest);
    }
    let mut body = visitor.open(request).await;
    assert_eq!(body.next().await, "once ");
    end();
    if door == Door::Awaited {
        eventually("the late commit reaches the store", async || {
            store.held() == 1
        })
        .await;
        assert!(
            body.is_silent().await,
            "the end is seen before the write is stored"
        );
        store.release();
    }
    let response = body.rest().await;
    assert!(response.is_complete, "{door:?}");
    assert_eq!(
        visitor.note("last").await.as_deref(),
        Some("words"),
        "{door:?}"
    );
    response
}

fn begin() -> (Director, Play) {
    let (director, play) = play();
    director.step(Step::Say("once "));
    (director, play)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_saw_the_end_of_a_chunked_body_reads_the_last_write() {
    for door in Door::BOTH {
        let (director, play) = begin();
        let rest = read_to_the_end(door, theatre(play, &[]), Request::get("/body"), || {
            director.step(Step::Set("last", "words"));
            drop(director);
        });
        assert_eq!(rest.await.text(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_saw_the_last_byte_of_a_known_length_reads_the_last_write() {
    for door in Door::BOTH {
        let (director, play) = begin();
        let app = theatre(play, &[("content-length", "9")]);
        // The server stops polling at the last byte: this body never ends by itself.
        let rest = read_to_the_end(door, app, Request::get("/body"), || {
            director.step(Step::Set("last", "words"));
            director.step(Step::Say("upon"));
        });
        let rest = rest.await;
        assert_eq!(rest.text(), "upon");
        assert_eq!(rest.head.all("content-length"), ["9"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_saw_the_trailers_reads_the_last_write() {
    for door in Door::BOTH {
        let (director, play) = begin();
        let app = theatre(play, &[("trailer", "digest")]);
        let request = Request::get("/body").header("te", "trailers");
        let rest = read_to_the_end(door, app, request, || {
            director.step(Step::Set("last", "words"));
            let mut trailers = HeaderMap::new();
            trailers.insert("digest", HeaderValue::from_static("of the play"));
            director.step(Step::Trailers(trailers));
            drop(director);
        });
        assert_eq!(
            rest.await.trailers,
            [("digest".into(), "of the play".into())]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_saw_the_connection_close_reads_the_last_write() {
    for door in Door::BOTH {
        let (director, play) = begin();
        let request = Request::get("/body").http_1_0();
        let rest = read_to_the_end(door, theatre(play, &[]), request, || {
            director.step(Step::Set("last", "words"));
            drop(director);
        });
        assert_eq!(rest.await.text(), "");
    }
}

/// A body that knows its last frame: a server does not poll it once more. It writes to the
/// session with that frame.
struct LastFrameKnown {
    frames: VecDeque<&'static str>,
    session: session_core::Session,
}

impl HttpBody for LastFrameKnown {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let next = self.frames.pop_front();
        if self.frames.is_empty() {
            self.session.set_attribute("last", "words")?;
        }
        Poll::Ready(next.map(|text| Ok(Frame::data(text.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_saw_the_last_frame_of_a_body_that_knows_it_reads_the_last_write() {
    for door in Door::BOTH {
        let perform = async |session: Session| {
            Body::new(LastFrameKnown {
                frames: VecDeque::from(["once ", "upon"]),
                session: session.into_inner(),
            })
        };
        let app = Router::new().route("/body", get(perform));
        let rest = read_to_the_end(door, app, Request::get("/body"), || {}).await;
        assert_eq!(rest.text(), "upon");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_last_write_cannot_be_stored_the_end_of_the_body_is_not_seen() {
    const ENDS: [&[(&str, &str)]; 2] = [&[], &[("content-length", "9")]];
    for door in Door::BOTH {
        for (headers, fault) in ENDS.into_iter().zip([Fault::Unavailable, Fault::LoseReply]) {
            let (director, play) = begin();
            let store = door.store();
            let server = Server::with_store(&store, theatre(play, headers)).await;
            let mut visitor = server.browser().returning().await;
            let mut body = visitor.open(Request::get("/body")).await;
            assert_eq!((body.head.status, &*body.next().await), (200, "once "));
            store.next(Verb::Apply, fault);
            director.step(Step::Set("last", "words"));
            director.step(Step::Say("upon"));
            drop(director);
            assert!(!body.rest().await.is_complete, "{door:?} {headers:?}");
            assert!(server.told(SessionEvent::LateCommitFailed));
            assert!(store.is_played_out());
            // The session itself is as it was before.
            assert!(visitor.has_session().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_flight_ends_normally_and_never_revives_a_session_that_was_logged_out() {
    for door in Door::BOTH {
        let (director, play) = begin();
        let store = door.store();
        let server = Server::with_store(&store, theatre(play, &[])).await;
        let mut visitor = server.browser().returning().await;
        let mut tab = visitor.clone();
        let mut body = visitor.open(Request::get("/body")).await;
        assert_eq!(body.next().await, "once ");
        tab.post("/logout").await;
        director.step(Step::Set("last", "words"));
        director.step(Step::Say("upon"));
        drop(director);
        let rest = body.rest().await;
        assert_eq!((rest.text(), rest.is_complete), ("upon", true));
        assert!(server.told(SessionEvent::WritesDropped(DropReason::Gone)));
        assert!(!server.told(SessionEvent::LateCommitFailed));
        // The tab that streamed still has the old cookie.
        assert!(visitor.has_cookie());
        assert_eq!(visitor.note("last").await, None);
        assert!(!visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_flight_writes_to_the_session_under_its_new_id() {
    for door in Door::BOTH {
        let (director, play) = begin();
        let server = Server::with_store(&door.store(), theatre(play, &[])).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.clone().open(Request::get("/body")).await;
        assert_eq!(body.next().await, "once ");
        let before = visitor.token().to_owned();
        visitor.post("/login/ada").await;
        assert_ne!(visitor.token(), before);
        director.step(Step::Set("last", "words"));
        drop(director);
        assert!(body.rest().await.is_complete);
        assert_eq!(visitor.note("last").await.as_deref(), Some("words"));
    }
}
