//! The rows of the table of public futures, and what they have in common. `scan.rs` looks for one
//! that is missing.

use std::future::poll_fn;
use std::task::Poll;

use session_core::testkit::Verb;
use session_core::{Exchange, Session, SessionError};

use super::outside::OUTSIDE;
use super::requests::REQUESTS;
use super::{Answer, Attempt, Stage};
use crate::given::InFlight;

/// Every public future of the engine.
pub(super) fn every_future() -> impl Iterator<Item = &'static Row> {
    REQUESTS.iter().chain(OUTSIDE)
}

/// A public future, in one of its uses.
pub(super) struct Row {
    /// The file below `src`, and the function.
    pub(super) name: &'static str,
    /// Which use, where there are several.
    pub(super) case: &'static str,
    /// The calls that it makes of the store.
    pub(super) verbs: &'static [Verb],
    /// It writes `n += 10` and `m = 1`.
    pub(super) writes: bool,
    /// It may end Ada's session.
    pub(super) ends: bool,
    /// It is not done by itself.
    pub(super) is_endless: bool,
    pub(super) begin: fn(&Stage, Answer) -> Attempt,
}

pub(super) const fn row(name: &'static str, begin: fn(&Stage, Answer) -> Attempt) -> Row {
    Row {
        name,
        case: "",
        verbs: &[],
        writes: false,
        ends: false,
        is_endless: false,
        begin,
    }
}

impl Row {
    pub(super) const fn case(self, case: &'static str) -> Self {
        Self { case, ..self }
    }

    pub(super) const fn calls(self, verbs: &'static [Verb]) -> Self {
        Self { verbs, ..self }
    }

    pub(super) const fn writes(self) -> Self {
        Self {
            writes: true,
            ..self
        }
    }

    pub(super) const fn ends(self) -> Self {
        Self { ends: true, ..self }
    }

    pub(super) const fn endless(self) -> Self {
        Self {
            is_endless: true,
            ..self
        }
    }
}

pub(super) fn change(session: &Session) -> Result<(), SessionError> {
    session.update_attribute("n", |n: &mut i64| *n += 10)?;
    session.set_attribute("m", &1)
}

pub(super) fn write(session: &Session) {
    change(session).unwrap();
}

/// Suspends once.
pub(super) async fn yields() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A request of Ada's whose handler does `work`, before something happens.
pub(super) fn open(stage: &Stage, answer: Answer, work: fn(&Session)) -> (Exchange, Session) {
    let InFlight {
        exchange, session, ..
    } = stage.given.request(&stage.ada);
    work(&session);
    stage.prepare(answer);
    (exchange, session)
}

/// A response whose head has left, and to which something was written since.
pub(super) fn late(stage: &Stage, answer: Answer) -> (Exchange, Session) {
    let mut request = stage.given.request(&stage.ada);
    request.send_head();
    let InFlight {
        exchange, session, ..
    } = request;
    write(&session);
    stage.prepare(answer);
    (exchange, session)
}

pub(super) fn commit((mut exchange, session): (Exchange, Session)) -> Attempt {
    keeping(session, async move {
        let outcome = exchange.commit().await.map(drop);
        drop(exchange.salvage());
        outcome
    })
}

/// Nobody answers the request.
pub(super) fn save((exchange, session): (Exchange, Session)) -> Attempt {
    keeping(exchange, async move { session.save().await.map(drop) })
}

/// `attempt`, while somebody has `kept` for as long as it is not done or dropped.
pub(super) fn keeping<T: 'static>(
    kept: T,
    attempt: impl Future<Output = Result<(), SessionError>> + 'static,
) -> Attempt {
    Box::pin(async move {
        let _kept = kept;
        attempt.await
    })
}
