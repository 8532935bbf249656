//! Where handlers get their session from.

use std::marker::PhantomData;
use std::sync::Arc;

use super::Main;
use super::inner::Inner;
use super::opening::Opening;
use super::state::{Death, Phase, State};
use crate::engine::Engine;
use crate::error::SessionError;
use crate::lifecycle::admit::RequestedSessionId;
use crate::lifecycle::bind::Bound;
use crate::session::handle::Session;
use crate::session::view::SessionView;
use crate::store::Access;

/// Where a request's handlers get their session from. Cheap to clone.
pub struct ExchangeHandle<S = Main> {
    pub(super) inner: Arc<Inner>,
    pub(super) marker: PhantomData<fn() -> S>,
}

impl<S> Clone for ExchangeHandle<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            marker: PhantomData,
        }
    }
}

impl<S> std::fmt::Debug for ExchangeHandle<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExchangeHandle")
    }
}

impl<S: 'static> ExchangeHandle<S> {
    /// The session of this request (`getSession(true)`): the one the client has, or a new one
    /// that is stored, and gets an id, when something is written to it.
    ///
    /// All handles of one request are the same session.
    ///
    /// # Errors
    /// When the store cannot be reached; [`SessionError::Skipped`] where session handling is
    /// switched off.
    #[doc(alias = "getSession")]
    pub fn session(&self) -> Opening<Session<S>> {
        let look = |state: &mut State, engine: &Engine| {
            state.consulted = true;
            if let Phase::Dead(Death::Skipped | Death::Finished) = state.phase {
                state.phase.check()?;
            }
            state.get_or_create(engine);
            Ok(state.incarnation())
        };
        self.open(look, Session::new)
    }

    /// The session of this request if there is one (`getSession(false)`); never makes one.
    /// `None` also where session handling is switched off.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub fn existing_session(&self) -> Opening<Option<Session<S>>> {
        let look = |state: &mut State, _: &Engine| {
            state.consulted = true;
            Ok(state.exists().then(|| state.incarnation()))
        };
        self.open(look, |inner, incarnation| {
            incarnation.map(|incarnation| Session::new(inner, incarnation))
        })
    }

    /// A look at the client's session that is no access: neither the idle time nor anything
    /// else changes. `None` when there is none.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn peek_session(&self) -> Result<Option<SessionView<S>>, SessionError> {
        let (admission, engine) = {
            let mut state = self.inner.state.lock();
            state.consulted = true;
            (state.admission.clone(), &self.inner.engine)
        };
        let now = engine.now();
        let mut bound = Bound::default();
        match engine.store.immediate() {
            Some(store) => bound.find_at_once(engine, store, &admission, Access::Peek, now)?,
            None => bound.find(engine, &admission, Access::Peek, now).await?,
        }
        self.inner.tell(bound.events);
        Ok(bound
            .found
            .map(|found| SessionView::new(found.record, engine)))
    }

    /// The session id as the client sent it, the first one if it sent several, whether valid
    /// or not. `None` when it sent none.
    #[doc(alias = "getRequestedSessionId")]
    #[must_use]
    pub fn requested_session_id(&self) -> Option<RequestedSessionId> {
        self.inner.state.lock().admission.first()
    }

    /// How the client sent its session id; `None` when it sent none.
    #[doc(alias = "isRequestedSessionIdFromCookie")]
    #[must_use]
    pub fn requested_session_id_source(&self) -> Option<IdSource> {
        let state = self.inner.state.lock();
        (!state.admission.is_nothing()).then_some(state.source)
    }

    /// True when the id that the client sent names the live session of this request; false
    /// from the moment on when that session is invalidated or gets another id.
    ///
    /// # Errors
    /// When the store cannot be reached.
    #[doc(alias = "isRequestedSessionIdValid")]
    pub fn is_requested_session_id_valid(&self) -> Opening<bool> {
        let look = |state: &mut State, _: &Engine| {
            state.consulted = true;
            let current = state.id(state.incarnation());
            Ok(state.presented.is_some() && state.presented == current)
        };
        self.open(look, |_, is_valid| is_valid)
    }

    /// Remembers why a handler could not have its session, for frameworks in which such a
    /// failure cannot become a response by itself. The first one stays; see
    /// [`Delivery::noted_failure`](crate::Delivery::noted_failure).
    pub fn note_failure(&self, failure: SessionError) {
        let mut state = self.inner.state.lock();
        state.noted_failure.get_or_insert_with(|| Box::new(failure));
    }

    /// Binds the client's session if that has not happened, looks at it under the lock, and
    /// makes of what was seen what the handler gets.
    fn open<U: 'static, T: Send + 'static>(
        &self,
        look: fn(&mut State, &Engine) -> Result<U, SessionError>,
        make: fn(Arc<Inner>, U) -> T,
    ) -> Opening<T> {
        let inner = &self.inner;
        match inner.bind_at_once(|state| look(state, &inner.engine)) {
            Some(seen) => Opening::ready(seen.map(|seen| make(inner.clone(), seen))),
            None => {
                let inner = inner.clone();
                Opening::pending(Box::pin(async move {
                    inner.bind().await?;
                    let seen = look(&mut inner.state.lock(), &inner.engine)?;
                    Ok(make(inner, seen))
                }))
            }
        }
    }
}

/// How a client sends its session id (`SessionTrackingMode`).
///
/// There is no variant for a URL: an id in a URL leaks through logs, histories and the
/// `Referer` header (OWASP Session Management Cheat Sheet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdSource {
    /// In the session cookie.
    Cookie,
    /// In the header that the configuration names.
    Header,
}
