//! One request and its session: begin, use, commit, finish. What an adapter drives.

mod body;
mod handle;
pub(crate) mod inner;
mod keep_alive;
mod opening;
pub(crate) mod state;
mod turn;

use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pub use body::{BodyExchange, BodyFrame};
pub use handle::{ExchangeHandle, IdSource};
use inner::Inner;
use keep_alive::KeepAlive;
pub use opening::Opening;
use state::{Death, State};

use crate::engine::{Engine, FailedCommit};
use crate::error::SessionError;
use crate::lifecycle::commit::{Moment, Readers, SaveOutcome};
use crate::lifecycle::deliver::Delivery;
use crate::runtime::BoxFuture;
use crate::session::Session;

/// The default marker of [`SessionManager`](crate::SessionManager) and
/// [`Session`](crate::Session).
///
/// An application with several managers gives each a marker type of its own, so that their
/// sessions cannot be mixed up.
#[derive(Clone, Copy, Debug)]
pub enum Main {}

/// How long a change made during a response body may wait for its commit: a client that goes
/// silent, or a process that is killed, costs at most this much.
const LATE_COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// One request and its session, owned by whoever answers the request.
///
/// An adapter makes it with [`SessionManager::begin`](crate::SessionManager::begin), puts its
/// [`handle`](Self::handle) where handlers find it, commits before the response head leaves,
/// and finishes before the end of the body is visible. Dropping it earlier is safe and means
/// something: before the commit, that the handler was dropped, and nothing more is stored;
/// after it, that the body was dropped early, and what was written is stored all the same.
pub struct Exchange<S = Main> {
    inner: Arc<Inner>,
    stage: Stage,
    job: Option<BoxFuture<Result<SaveOutcome, SessionError>>>,
    /// Made when the request turns out to be a long one; in a box, since the futures of all
    /// requests are moved about.
    keep_alive: Option<Box<KeepAlive>>,
    salvage: Option<Box<Delivery>>,
    marker: PhantomData<fn() -> S>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    BeforeHead,
    AfterHead,
    Finished,
}

impl<S> Exchange<S> {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
            stage: Stage::BeforeHead,
            job: None,
            keep_alive: None,
            salvage: None,
            marker: PhantomData,
        }
    }

    /// An exchange outside of a request: it has no response head, so nothing can be told to
    /// the client, and its session is the one in `state`.
    pub(crate) fn without_head(engine: Arc<Engine>, state: State) -> Self {
        let mut exchange = Self::new(Inner::new(engine, state));
        exchange.stage = Stage::AfterHead;
        exchange
    }

    /// The session of an exchange outside of a request.
    pub(crate) fn session_without_head(&self) -> Session<S> {
        let incarnation = self.inner.state.lock().incarnation();
        Session::new(self.inner.clone(), incarnation)
    }

    /// What handlers get: it opens sessions, and outlives the exchange harmlessly. To be
    /// taken before the commit.
    #[must_use]
    pub fn handle(&self) -> ExchangeHandle<S> {
        ExchangeHandle {
            inner: self.inner.clone(),
            marker: PhantomData,
        }
    }

    /// Stores what the handler changed, and answers the headers that the response needs. To
    /// be called once, before the response head leaves, whatever its status.
    ///
    /// A session that another request ended meanwhile is no error here: the response stays as
    /// it is and gets no cookie.
    ///
    /// # Errors
    /// When the changes could not be stored. The response must then be replaced by an error
    /// with [`SessionError::status`]; it gets no headers but those of
    /// [`salvage`](Self::salvage).
    pub async fn commit(&mut self) -> Result<Delivery, SessionError> {
        poll_fn(|cx| self.poll_commit(cx)).await
    }

    /// [`commit`](Self::commit) for hand-written futures. Completes at the first call when
    /// nothing is to be stored, or the store is in this process.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn poll_commit(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, SessionError>> {
        if self.stage != Stage::BeforeHead {
            return Poll::Ready(Ok(Delivery::default()));
        }
        let readers = self.readers();
        if self.job.is_none()
            && let Some(delivery) = self.inner.leave_clean(readers)
        {
            self.stage = readers.stage_after_head();
            return Poll::Ready(Ok(delivery));
        }
        let outcome = ready!(self.poll_job(cx, Moment::Head, readers));
        self.stage = readers.stage_after_head();
        let delivery = self.inner.leave(readers);
        let kept = self.inner.engine.settings.failed_commit == FailedCommit::KeepResponse;
        Poll::Ready(match outcome {
            Ok(_) | Err(SessionError::Gone) => Ok(delivery),
            Err(_) if kept => Ok(delivery),
            Err(error) => {
                self.salvage = delivery.tells_client().then(|| Box::new(delivery));
                Err(error)
            }
        })
    }

    /// What the client must be told although the commit failed: the id that a session got by
    /// an earlier [`save`](crate::Session::save) of this request, or that its session was
    /// ended. To be written to the error response, or the client is locked out of a session
    /// that is stored.
    pub fn salvage(&mut self) -> Option<Delivery> {
        self.salvage.take().map(|delivery| *delivery)
    }

    /// Stores what was changed since the head left. To be called before the end of the body
    /// is visible to the client, so that whoever sees the end reads the last write.
    ///
    /// A session that another request ended meanwhile is no error here.
    ///
    /// # Errors
    /// When the changes could not be stored. The body must then end with an error.
    pub async fn finish(mut self) -> Result<(), SessionError> {
        poll_fn(|cx| self.poll_finish(cx)).await
    }

    /// [`finish`](Self::finish) for hand-written bodies.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SessionError>> {
        if self.stage != Stage::AfterHead {
            return Poll::Ready(Ok(()));
        }
        let outcome = ready!(self.poll_job(cx, Moment::Late, Readers::Some));
        self.stage = Stage::Finished;
        Poll::Ready(late(outcome))
    }

    /// Stores what has waited longer than a second. To be called at each frame of a body.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SessionError>> {
        if self.stage != Stage::AfterHead {
            return Poll::Ready(Ok(()));
        }
        if self.job.is_none() {
            let due = self.inner.state.lock().dirty_since.is_some_and(|since| {
                self.inner.engine.now().saturating_since(since) >= LATE_COMMIT_INTERVAL
            });
            if !due {
                return Poll::Ready(Ok(()));
            }
        }
        let outcome = ready!(self.poll_job(cx, Moment::Late, Readers::Some));
        Poll::Ready(late(outcome))
    }

    /// Keeps the session of a long request alive. To be called whenever the handler or the
    /// body is pending; costs next to nothing for a request that does not use its session. `cx` is
    /// woken also when a task opens the session later.
    ///
    /// Completes when it is time to [`poll_flush`](Self::poll_flush) although the body is
    /// silent: a task of the handler may be writing. The caller polls again then. A client
    /// that stops reading is not noticed: what is written for it is stored when its connection
    /// ends or the body goes on.
    pub fn poll_keep_alive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let may_change = self.stage == Stage::AfterHead && self.may_change();
        let keep_alive = self.keep_alive.get_or_insert_default();
        keep_alive.poll(&self.inner, cx);
        if may_change {
            keep_alive.poll_flush_due(&self.inner, cx)
        } else {
            Poll::Pending
        }
    }

    /// False when nobody can change the session any more, so that the body needs no wrapper.
    #[must_use]
    pub fn may_change(&self) -> bool {
        Arc::strong_count(&self.inner) > 1
    }

    /// True when the request uses a stored session, which a long body must keep alive even
    /// where nobody can change it any more.
    #[must_use]
    pub fn uses_session(&self) -> bool {
        self.inner.state.lock().stored().is_some()
    }

    fn readers(&self) -> Readers {
        if self.may_change() {
            Readers::Some
        } else {
            Readers::Nobody
        }
    }

    fn poll_job(
        &mut self,
        cx: &mut Context<'_>,
        moment: Moment,
        readers: Readers,
    ) -> Poll<Result<SaveOutcome, SessionError>> {
        let job = match &mut self.job {
            Some(job) => job,
            None => {
                if let Some(outcome) = self.inner.commit_at_once(moment, readers) {
                    return Poll::Ready(outcome);
                }
                let inner = self.inner.clone();
                self.job.insert(Box::pin(async move {
                    if moment == Moment::Head {
                        // Where even an untouched request is an access, it does not fail because
                        // that could not be noted. A task of this request may have opened the
                        // session meanwhile, so what there is to store is asked in any case.
                        let _ = inner.bind().await;
                    }
                    inner.commit(moment, readers).await
                }))
            }
        };
        let outcome = ready!(job.as_mut().poll(cx));
        self.job = None;
        Poll::Ready(outcome)
    }
}

impl Readers {
    /// Where nobody holds the session any more, there is nothing left to finish.
    const fn stage_after_head(self) -> Stage {
        match self {
            Self::Nobody => Stage::Finished,
            Self::Some => Stage::AfterHead,
        }
    }
}

/// After the head, a session that is gone is told as an event, not to the client.
fn late(outcome: Result<SaveOutcome, SessionError>) -> Result<(), SessionError> {
    match outcome {
        Ok(_) | Err(SessionError::Gone) => Ok(()),
        Err(error) => Err(error),
    }
}

impl<S> Drop for Exchange<S> {
    fn drop(&mut self) {
        match self.stage {
            Stage::BeforeHead => self.inner.state.lock().die(Death::Abandoned),
            Stage::AfterHead if std::thread::panicking() => {
                self.inner.state.lock().die(Death::Poisoned);
            }
            Stage::AfterHead => self.inner.clone().hand_off(),
            Stage::Finished => {}
        }
        if let Some(keep_alive) = &self.keep_alive {
            keep_alive.end(&self.inner);
        }
    }
}

impl<S> std::fmt::Debug for Exchange<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchange")
    }
}
