//! Response bodies that a test directs step by step.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::task::{Poll, ready};

use actix_web::HttpResponse;
use actix_web::body::{BodyStream, BoxBody, SizedStream};
use actix_web::web::{self, Bytes, ServiceConfig};
use adapter_actix::Session;
use futures_util::{Stream, stream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// What happens next in a body.
pub(crate) enum Step {
    /// A piece of the body.
    Say(&'static str),
    /// The session gets this attribute, as a part of making the next piece.
    Set(&'static str, &'static str),
    /// The body breaks.
    Fail,
    /// The body panics, without the message that the default hook prints.
    Panic,
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
    pub(crate) fn body(&self, session: Session) -> BoxBody {
        BoxBody::new(BodyStream::new(self.pieces(session)))
    }

    /// The same with a length that the client is told.
    pub(crate) fn sized_body(&self, session: Session, length: u64) -> BoxBody {
        BoxBody::new(SizedStream::new(length, self.pieces(session)))
    }

    fn pieces(
        &self,
        session: Session,
    ) -> impl Stream<Item = Result<Bytes, Box<dyn Error>>> + use<> {
        let mut steps = self.0.lock().unwrap().take().expect("a play is given once");
        stream::poll_fn(move |cx| {
            loop {
                return Poll::Ready(match ready!(steps.poll_recv(cx)) {
                    None => None,
                    Some(Step::Say(text)) => Some(Ok(Bytes::from_static(text.as_bytes()))),
                    Some(Step::Fail) => Some(Err("the play breaks off".into())),
                    Some(Step::Panic) => std::panic::resume_unwind(Box::new("the play panics")),
                    Some(Step::Set(name, value)) => match session.set_attribute(name, value) {
                        Ok(()) => continue,
                        Err(error) => Some(Err(error.into())),
                    },
                });
            }
        })
    }
}

/// A site whose `/body` is the play.
pub(crate) fn theatre(play: Play) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |app| {
        let play = play.clone();
        let perform = move |session: Session| {
            let body = play.body(session);
            async move { HttpResponse::Ok().body(body) }
        };
        app.route("/body", web::to(perform));
    }
}
