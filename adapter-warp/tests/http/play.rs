//! Response bodies that a test directs step by step.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Poll, ready};

use adapter_warp::Session;
use futures_util::stream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use warp::{Filter, Reply};

use crate::server::Routes;

/// What happens next in a body.
pub(crate) enum Step {
    /// A frame of data.
    Say(&'static str),
    /// The session gets this attribute, as a part of making the next frame.
    Set(&'static str, &'static str),
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

/// A route `/body`, to be asked once, and who directs its body.
pub(crate) fn theatre() -> (Director, Routes) {
    let (director, steps) = mpsc::unbounded_channel();
    let steps = Arc::new(Mutex::new(Some(steps)));
    let perform = move |session: Session| {
        let steps = steps.lock().unwrap().take().expect("a play is given once");
        body(session, steps).into_response()
    };
    let routes = warp::path("body")
        .and(adapter_warp::session())
        .map(perform)
        .boxed();
    (Director(director), routes)
}

fn body(session: Session, mut steps: UnboundedReceiver<Step>) -> impl Reply {
    warp::reply::stream(stream::poll_fn(move |cx| {
        loop {
            match ready!(steps.poll_recv(cx)) {
                None => return Poll::Ready(None),
                Some(Step::Say(text)) => return Poll::Ready(Some(Ok::<_, Infallible>(text))),
                Some(Step::Set(name, value)) => session
                    .set_attribute(name, value)
                    .expect("the session can be changed"),
            }
        }
    }))
}
