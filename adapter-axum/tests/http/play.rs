//! Response bodies that a test directs step by step.

use std::sync::{Arc, Mutex};
use std::task::{Poll, ready};

use axum::body::{Body, Bytes};
use futures_util::{Stream, stream};
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;
use session_core::{BoxError, Session};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// What happens next in a body.
pub(crate) enum Step {
    /// A frame of data.
    Say(&'static str),
    /// The session gets this attribute, as a part of making the next frame.
    Set(&'static str, &'static str),
    /// The last frame of a body with trailers.
    Trailers(HeaderMap),
    /// The body breaks.
    Fail,
}

/// Directs one body; the body ends when this is dropped.
pub(crate) struct Director(UnboundedSender<Step>);

impl Director {
    pub(crate) fn step(&self, step: Step) {
        // A body that is gone is what some tests wait for.
        let _ = self.0.send(step);
    }

    /// True once the server has dropped the body.
    pub(crate) fn is_alone(&self) -> bool {
        self.0.is_closed()
    }
}

/// The body to be, handed to the handler. Clones are one body.
#[derive(Clone)]
pub(crate) struct Play(Arc<Mutex<Option<UnboundedReceiver<Step>>>>);

pub(crate) fn play() -> (Director, Play) {
    let (director, steps) = mpsc::unbounded_channel();
    (Director(director), Play(Arc::new(Mutex::new(Some(steps)))))
}

impl Play {
    /// The body, which changes `session` as it is directed.
    pub(crate) fn body(&self, session: Session) -> Body {
        Body::new(StreamBody::new(self.frames(session)))
    }

    fn frames(
        &self,
        session: Session,
    ) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send + use<> {
        let mut steps = self.0.lock().unwrap().take().expect("a play is given once");
        stream::poll_fn(move |cx| {
            loop {
                return Poll::Ready(match ready!(steps.poll_recv(cx)) {
                    None => None,
                    Some(Step::Say(text)) => {
                        Some(Ok(Frame::data(Bytes::from_static(text.as_bytes()))))
                    }
                    Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
                    Some(Step::Fail) => Some(Err("the play breaks off".into())),
                    Some(Step::Set(name, value)) => match session.set_attribute(name, value) {
                        Ok(()) => continue,
                        Err(error) => Some(Err(error.into())),
                    },
                });
            }
        })
    }
}
