//! The session outside of a request: for WebSockets, server-sent events, background tasks.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::change::ChangeSet;
use super::handle::Session;
use super::id::{SessionHandle, SessionId, StoreKey};
use super::record::{Authentication, Record};
use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::entropy::EntropyError;
use crate::error::SessionError;
use crate::event::{Rejection, SessionEvent};
use crate::exchange::state::State;
use crate::exchange::{Exchange, Main};
use crate::lifecycle::bind::{Found, Judged, judge};
use crate::lifecycle::commit::HOPS_MAX;
use crate::store::{Access, Applied};
use crate::sync::Mutex;

/// Uses a session outside of a request (`HttpSession.Accessor`, Servlet 6.1): for a WebSocket,
/// a stream of events, a task in the background. Cheap to clone; holds no data of the session.
///
/// Each access is like a request of that session: it loads the session anew, counts as an
/// access, runs beside other requests without losing their updates, and commits at its end.
/// It has no response, so that logging in and changing the id are
/// [`SessionError::ResponseCommitted`]; everything else works, ending the session included.
///
/// A session that was invalidated, logged out or has expired is [`SessionError::Gone`]. One
/// that got another id is [`SessionError::Moved`]: a login is the moment when whoever knew the
/// old id must be left behind. [`following_id_changes`](Self::following_id_changes) goes
/// along where nobody new logged in.
///
/// ```
/// use session_core::testkit::{Site, block_on};
/// use session_core::{SessionError, SessionAccessor};
///
/// # block_on(async {
/// # let site = Site::new();
/// # let mut ada = site.visitor();
/// // In a handler, before the connection becomes a WebSocket:
/// let accessor: SessionAccessor = ada.visit(async |session| {
///     session.set_attribute("messages", &0)?;
///     session.accessor()
/// }).await?;
///
/// // For each message, long after that request has ended:
/// let messages = accessor.access(async |session| {
///     session.update_attribute("messages", |n: &mut u32| *n += 1)
/// }).await?;
/// assert_eq!(messages, 1);
/// # Ok::<(), SessionError>(())
/// # }).unwrap();
/// ```
pub struct SessionAccessor<S = Main> {
    engine: Arc<Engine>,
    place: Arc<Mutex<Place>>,
    identity: Arc<Identity>,
    follows: bool,
    marker: PhantomData<fn() -> S>,
}

/// Where the session is, as far as the accessor and its clones know.
#[derive(Clone, Copy)]
struct Place {
    key: StoreKey,
    /// `None` once a change of the id was followed: the new one is the client's alone.
    id: Option<SessionId>,
}

/// What must stay the same for an accessor to go along with a change of the id.
#[derive(PartialEq, Eq)]
struct Identity {
    handle: SessionHandle,
    authentication: Option<Arc<Authentication>>,
}

impl<S> Session<S> {
    /// The accessor of this session, which outlives the request.
    ///
    /// A session that is not stored yet must be stored, at the end of this request or by
    /// [`save`](Self::save), before the accessor finds it.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate);
    /// [`SessionError::Entropy`] when an id was needed and could not be drawn.
    #[doc(alias = "getAccessor")]
    pub fn accessor(&self) -> Result<SessionAccessor<S>, SessionError> {
        let engine = &self.inner.engine;
        // A session that is not stored yet gets its id now.
        let id = self.id();
        let (stored, record, authentication) = self.look(|live| {
            let authentication = live.authentication().cloned();
            (
                live.stored,
                (live.record.key, live.record.handle),
                authentication,
            )
        })?;
        let key = match id {
            Some(id) => engine.store_key(&id),
            None if stored => record.0,
            None => return Err(EntropyError.into()),
        };
        let handle = match stored {
            true => record.1,
            false => SessionHandle::of_new_session(&key),
        };
        Ok(SessionAccessor {
            engine: engine.clone(),
            place: Arc::new(Mutex::new(Place { key, id })),
            identity: Arc::new(Identity {
                handle,
                authentication,
            }),
            follows: false,
            marker: PhantomData,
        })
    }
}

impl<S> SessionAccessor<S> {
    /// The accessor of a session that the store had.
    pub(crate) fn of_record(engine: Arc<Engine>, record: &Record) -> Self {
        let place = Place {
            key: record.key,
            id: None,
        };
        Self {
            engine,
            place: Arc::new(Mutex::new(place)),
            identity: Arc::new(Identity {
                handle: record.handle,
                authentication: record.authentication.clone(),
            }),
            follows: false,
            marker: PhantomData,
        }
    }

    /// An accessor that goes along when the session gets another id, as long as the same login
    /// goes on: after [`change_session_id`](Session::change_session_id), but never after a
    /// login, not even of the same principal.
    ///
    /// It must be used within 30 minutes of each change.
    #[must_use]
    pub fn following_id_changes(self) -> Self {
        Self {
            follows: true,
            ..self
        }
    }

    /// Runs `work` with the session, as a request of that session would: what it changed is
    /// stored when it ends, whatever its outcome, and the session is kept alive meanwhile.
    ///
    /// Dropping the future ends the access early; what was written by then is stored. When
    /// `work` panics, nothing is.
    ///
    /// # Errors
    /// What `work` answers; else [`SessionError::Gone`] when the session was ended or expired,
    /// [`SessionError::Moved`] when it got another id, and those of [`save`](Session::save). A
    /// session that ended while `work` ran is `Gone` to work that wrote to it, or that took so
    /// long that the session had to be kept alive; work that only read had what it read.
    pub async fn access<R, E: From<SessionError>>(
        &self,
        work: impl AsyncFnOnce(Session<S>) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut access = self.open().await?;
        let outcome = {
            let mut work = pin!(work(access.session.clone()));
            poll_fn(|cx| match work.as_mut().poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(outcome),
                Poll::Pending => {
                    access.keep_alive(cx);
                    Poll::Pending
                }
            })
            .await
        };
        let stored = access.store().await;
        let value = outcome?;
        stored?;
        Ok(value)
    }

    /// The session for as long as the guard is held: [`access`](Self::access) for code that
    /// cannot be written as a closure. What was changed is stored by
    /// [`save`](Session::save), which tells the outcome, or after the guard is dropped.
    ///
    /// A guard does not keep the session alive by itself: open a new one for each event.
    ///
    /// # Errors
    /// As [`access`](Self::access).
    pub async fn open(&self) -> Result<SessionAccess<S>, SessionError> {
        let engine = &self.engine;
        for _ in 0..HOPS_MAX {
            let Place { key, id } = *self.place.lock();
            let now = engine.now();
            let loaded = engine.load(&key, engine.access(), now).await?;
            match judge(&key, loaded, now)? {
                Judged::Live(record, last_accessed) => {
                    return Ok(SessionAccess::of(
                        engine,
                        Found {
                            id,
                            record,
                            last_accessed,
                            signed_by_older_key: false,
                        },
                    ));
                }
                Judged::Moved { .. } if self.follows => {
                    let key = self.follow(key, now).await?;
                    *self.place.lock() = Place { key, id: None };
                }
                Judged::Moved { .. } => return Err(SessionError::Moved),
                Judged::Rejected(rejection) => {
                    if rejection != Rejection::Unknown {
                        engine.events.send(SessionEvent::Rejected(rejection));
                    }
                    return Err(SessionError::Gone);
                }
            }
        }
        Err(SessionError::Moved)
    }

    /// Where the session went that was under `from`, if it is still the same login's. Looks
    /// without an access: who is not let in prolongs nothing.
    async fn follow(&self, from: StoreKey, now: Timestamp) -> Result<StoreKey, SessionError> {
        let engine = &self.engine;
        let touch = ChangeSet::touch(now, engine.settings.limits);
        let mut key = from;
        for _ in 0..HOPS_MAX {
            // A load does not tell the new key; a change set that was in flight learns it.
            let Applied::Moved(to) = engine.apply(&key, &touch, now).await? else {
                return Err(SessionError::Gone);
            };
            match judge(&to, engine.load(&to, Access::Peek, now).await?, now)? {
                Judged::Live(record, _) if self.identity.is_of(&record) => return Ok(to),
                Judged::Live(..) => return Err(SessionError::Moved),
                Judged::Moved { .. } => key = to,
                Judged::Rejected(_) => return Err(SessionError::Gone),
            }
        }
        Err(SessionError::Moved)
    }
}

impl Identity {
    fn is_of(&self, record: &Record) -> bool {
        self.handle == record.handle && self.authentication == record.authentication
    }
}

impl<S> Clone for SessionAccessor<S> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            place: self.place.clone(),
            identity: self.identity.clone(),
            follows: self.follows,
            marker: PhantomData,
        }
    }
}

impl<S> fmt::Debug for SessionAccessor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAccessor")
            .field("follows", &self.follows)
            .finish_non_exhaustive()
    }
}

/// A session in use outside of a request; see [`SessionAccessor::open`].
#[must_use = "the access ends when the guard is dropped"]
pub struct SessionAccess<S = Main> {
    session: Session<S>,
    exchange: Exchange<S>,
}

impl<S> SessionAccess<S> {
    fn of(engine: &Arc<Engine>, found: Found) -> Self {
        let exchange = Exchange::without_head(engine.clone(), State::without_head(found));
        Self {
            session: exchange.session_without_head(),
            exchange,
        }
    }

    /// To be called while the work is pending. What the work wrote more than a second ago is
    /// stored, so that a process that is killed loses no more than that.
    fn keep_alive(&mut self, cx: &mut Context<'_>) {
        while self.exchange.poll_keep_alive(cx).is_ready() {
            if self.exchange.poll_flush(cx).is_pending() {
                return;
            }
        }
    }

    /// Stores what is left, and tells what became of what was stored on the way too.
    async fn store(&mut self) -> Result<(), SessionError> {
        // One that is under way may hold the turn that the last one waits for.
        poll_fn(|cx| self.exchange.poll_flush(cx)).await?;
        let saved = self.session.save().await;
        if saved.is_err() {
            // Who asked is told; what could not be ended is not tried behind their back.
            self.session.inner.state.lock().endings.clear();
        }
        saved?;
        match self.session.look(|live| live.gone) {
            Ok(true) => Err(SessionError::Gone),
            Ok(false) | Err(_) => Ok(()),
        }
    }
}

impl<S> Deref for SessionAccess<S> {
    type Target = Session<S>;

    fn deref(&self) -> &Session<S> {
        &self.session
    }
}

impl<S> fmt::Debug for SessionAccess<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionAccess")
    }
}
