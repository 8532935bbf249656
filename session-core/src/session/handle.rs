//! The `HttpSession` surface: what a handler holds.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::id::{Fingerprint, SessionHandle, SessionId};
use super::interval::MaxInactiveInterval;
use super::live::Live;
use super::principal::LoginOptions;
use crate::clock::Timestamp;
use crate::error::SessionError;
use crate::event::EndReason;
use crate::exchange::Main;
use crate::exchange::inner::Inner;
use crate::exchange::state::{Death, Phase};
use crate::lifecycle::commit::{Moment, Readers, SaveOutcome};

/// The session of one request, in the manner of the Servlet `HttpSession`.
///
/// All handles of a request are the same session; clones are cheap. A request sees the
/// snapshot that it loaded plus its own changes. Changes are stored as a set of differences
/// before the response head leaves, before the end of a streamed body is visible, or on
/// [`save`](Self::save); changes of other requests to other attributes are never overwritten.
///
/// Requests that carry no cookie have nothing in common: where a browser sends its first two
/// at once and both write, each gets a session, and the browser keeps the cookie that arrives
/// last. An application that starts with parallel writes lets its page come first.
///
/// ```
/// use session_core::testkit::{Site, block_on};
///
/// block_on(async {
///     let site = Site::new();
///     let mut visitor = site.visitor();
///     visitor.visit(async |session| session.set_attribute("name", "Ada")).await?;
///     let name: Option<String> = visitor
///         .visit(async |session| session.get_attribute("name"))
///         .await?;
///     assert_eq!(name.as_deref(), Some("Ada"));
///     Ok::<(), session_core::SessionError>(())
/// })
/// # .unwrap();
/// ```
pub struct Session<S = Main> {
    pub(super) inner: Arc<Inner>,
    /// Which of the request's sessions, one after the other, this is.
    pub(super) incarnation: usize,
    marker: PhantomData<fn() -> S>,
}

impl<S> Session<S> {
    pub(crate) fn new(inner: Arc<Inner>, incarnation: usize) -> Self {
        Self {
            inner,
            incarnation,
            marker: PhantomData,
        }
    }

    /// The id of the session; never fails, also not after [`invalidate`](Self::invalidate).
    ///
    /// It prints redacted and can only be compared. A session that nothing was written to yet
    /// gets its id now; `None` when the source of random bytes fails, which the commit then
    /// reports, and where an [accessor](crate::SessionAccessor) followed a change of the id, which is
    /// then known to the client alone.
    #[doc(alias = "getId")]
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        let mut state = self.inner.state.lock();
        if state.incarnation() == self.incarnation
            && let Some(live) = &mut state.live
        {
            live.ensure_id(|| self.inner.engine.draw_id().ok());
        }
        state.id(self.incarnation)
    }

    /// A name for this session that is safe to show and to log; it changes with the id.
    /// `None` when there is no id yet.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let id = self.inner.state.lock().id(self.incarnation)?;
        let engine = &self.inner.engine;
        Some(engine.keyring.fingerprint(&engine.store_key(&id)))
    }

    /// The application that the session belongs to: the namespace of its manager
    /// (`getServletContext`, Servlet 7.3). Never fails.
    #[doc(alias = "getServletContext")]
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.inner.engine.namespace
    }

    /// True while the client does not know the session yet.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    #[doc(alias = "isNew")]
    pub fn is_new(&self) -> Result<bool, SessionError> {
        self.look(|live| live.is_new)
    }

    /// When the session was created.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    #[doc(alias = "getCreationTime")]
    pub fn creation_time(&self) -> Result<Timestamp, SessionError> {
        self.look(|live| live.record.created_at)
    }

    /// The access before this request; the creation time in the first one (Servlet 7.6).
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    #[doc(alias = "getLastAccessedTime")]
    pub fn last_accessed_time(&self) -> Result<Timestamp, SessionError> {
        self.look(|live| live.last_accessed)
    }

    /// When the session expires unless it is used before; `None` when it never does.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    pub fn expires_at(&self) -> Result<Option<Timestamp>, SessionError> {
        self.look(|live| Some(live.expires_at()).filter(|&at| at != Timestamp::NEVER))
    }

    /// How long the session may lie idle; `None` is for ever. Never fails.
    #[doc(alias = "getMaxInactiveInterval")]
    #[must_use]
    pub fn max_inactive_interval(&self) -> Option<Duration> {
        let state = self.inner.state.lock();
        state.max_inactive_interval(self.incarnation).as_duration()
    }

    /// Sets how long the session may lie idle; `None` and zero are for ever. On an
    /// invalidated session it does nothing.
    ///
    /// # Errors
    /// [`SessionError::Gone`], [`SessionError::Moved`], [`SessionError::Failed`] and the like
    /// when the session can no longer be changed.
    #[doc(alias = "setMaxInactiveInterval")]
    pub fn set_max_inactive_interval(
        &self,
        interval: impl Into<MaxInactiveInterval>,
    ) -> Result<(), SessionError> {
        let interval = interval.into();
        let set = self.change(|live| {
            live.set_max_inactive_interval(interval);
            Ok(())
        });
        match set {
            Err(SessionError::Invalidated) => Ok(()),
            set => set,
        }
    }

    /// Ends the session. Afterwards everything but [`id`](Self::id), the idle limit and
    /// [`namespace`](Self::namespace) is an error on this handle and its clones; the exchange
    /// opens a fresh session in the same request.
    ///
    /// The record is deleted with the next commit, and nothing revives it: a slower request
    /// that loaded the session before finds it gone. A commit comes before the response head,
    /// within a second during a body, and when the last handle is dropped; a task that keeps its
    /// handle for longer than that calls [`save`](Self::save).
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] the second time.
    pub fn invalidate(&self) -> Result<(), SessionError> {
        self.end(EndReason::Invalidated)
    }

    /// Logs out: [`invalidate`](Self::invalidate) with another reason; also when nobody was
    /// logged in.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] the second time.
    pub fn logout(&self) -> Result<(), SessionError> {
        self.end(EndReason::LoggedOut)
    }

    /// Gives the session another id, and answers it. The data is kept, the old id is dead
    /// after the commit, and the absolute limit is not extended.
    ///
    /// # Errors
    /// [`SessionError::NoSession`] when there is none yet;
    /// [`SessionError::ResponseCommitted`] after the response head has left;
    /// [`SessionError::Entropy`]; else as [`set_attribute`](Self::set_attribute).
    #[doc(alias = "changeSessionId")]
    pub fn change_session_id(&self) -> Result<SessionId, SessionError> {
        let id = self.inner.engine.draw_id()?;
        self.change_id(|live| {
            if !live.exists() {
                return Err(SessionError::NoSession);
            }
            live.assign(id);
            Ok(id)
        })
    }

    /// Logs a principal in: changes the id, binds the principal, notes the time, and starts
    /// the absolute limit anew. Attributes are kept, except over another principal, where the
    /// session starts without any. [`LoginOptions`] label and remember the login.
    ///
    /// To be called after the visitor has proved to be that principal. Changing the id is
    /// what makes session fixation impossible (OWASP ASVS 7.2.4).
    ///
    /// # Errors
    /// [`SessionError::InvalidName`] when the name or the label is not 1 to 255 bytes long;
    /// [`SessionError::ResponseCommitted`] after the response head has left;
    /// [`SessionError::Entropy`]; else as [`set_attribute`](Self::set_attribute). At the
    /// commit, [`SessionError::Moved`] when another login was faster, and
    /// [`SessionError::TooManySessions`] where the principal has as many as allowed.
    pub fn login(&self, login: impl Into<LoginOptions>) -> Result<(), SessionError> {
        let options = login.into();
        let engine = &self.inner.engine;
        let (id, now) = (engine.draw_id()?, engine.now());
        let login = engine.login_of(&options, now)?;
        let usual = engine.settings.max_inactive_interval;
        self.change_id(|live| {
            live.log_in(login, usual);
            live.assign(id);
            Ok(())
        })
    }

    /// Who is logged in; `None` for an anonymous session.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    pub fn principal(&self) -> Result<Option<Arc<str>>, SessionError> {
        self.look(|live| live.authentication().map(|login| login.principal.clone()))
    }

    /// When the visitor logged in; `None` for an anonymous session.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    pub fn authenticated_at(&self) -> Result<Option<Timestamp>, SessionError> {
        self.look(|live| live.authentication().map(|login| login.authenticated_at))
    }

    /// True when somebody is logged in and proved who they are at most `within` ago: what a
    /// page asks before something delicate, such as a change of the password, and sends the
    /// visitor to log in again when it is false (OWASP ASVS 7.5.1, 7.5.3).
    ///
    /// Only a [`login`](Self::login) makes a session fresh again; using it does not. A login
    /// that the clock puts more than five minutes into the future is not fresh: the clock was
    /// wrong then, or is now.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    pub fn is_fresh(&self, within: Duration) -> Result<bool, SessionError> {
        let now = self.inner.engine.now();
        let is_fresh = |live: &Live| live.authentication().map(|it| it.is_fresh(within, now));
        Ok(self.look(is_fresh)?.unwrap_or(false))
    }

    /// The name by which the principal's [list of sessions](crate::SessionManager::sessions_of)
    /// calls this one, to mark it there. It stays the same when the id changes. `None` for a
    /// session that is not stored yet.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    pub fn handle(&self) -> Result<Option<SessionHandle>, SessionError> {
        self.look(|live| live.stored.then_some(live.record.handle))
    }

    /// Stores now what this request changed, and tells the outcome. Afterwards the session
    /// shows what is stored, changes of other requests included where this one wrote.
    ///
    /// Dropping the future does not take back a commit that is under way.
    ///
    /// # Errors
    /// [`SessionError::Gone`] when another request ended the session meanwhile;
    /// [`SessionError::Conflict`], [`SessionError::TooLarge`], [`SessionError::Full`],
    /// [`SessionError::NotAList`], [`SessionError::Moved`]: nothing was stored, the changes
    /// are dropped, and the session can be used further.
    /// [`SessionError::NewerFormat`] of a session that is to end: it still is, and nothing else
    /// is stored before.
    /// [`SessionError::Unavailable`] and [`SessionError::TimedOut`]: it is unknown whether
    /// the changes were stored, and this request commits nothing more.
    pub async fn save(&self) -> Result<SaveOutcome, SessionError> {
        if let Some(outcome) = self.inner.commit_at_once(Moment::Save, Readers::Some) {
            return outcome;
        }
        self.inner.clone().commit(Moment::Save, Readers::Some).await
    }

    /// Reads under the lock of the request.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Live) -> R) -> Result<R, SessionError> {
        let mut state = self.inner.state.lock();
        state.look(self.incarnation).map(|live| look(live))
    }

    /// Changes under the lock of the request: the one door for data.
    pub(super) fn change<R>(
        &self,
        change: impl FnOnce(&mut Live) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let mut state = self.inner.state.lock();
        let live = state.edit(self.incarnation)?;
        live.version += 1;
        let outcome = change(live);
        if state.phase == Phase::HeadSent && state.dirty_since.is_none() && state.is_dirty() {
            state.dirty_since = Some(self.inner.engine.now());
        }
        outcome
    }

    /// The door for what the response head must tell.
    fn change_id<R>(
        &self,
        change: impl FnOnce(&mut Live) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let mut state = self.inner.state.lock();
        let live = state.edit_id(self.incarnation)?;
        live.version += 1;
        change(live)
    }

    fn end(&self, reason: EndReason) -> Result<(), SessionError> {
        let mut state = self.inner.state.lock();
        state.end(self.incarnation, reason)?;
        if state.phase == Phase::HeadSent && state.dirty_since.is_none() {
            state.dirty_since = Some(self.inner.engine.now());
        }
        Ok(())
    }
}

impl<S> Clone for Session<S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.incarnation)
    }
}

impl<S> Drop for Session<S> {
    /// A panic in a thread that holds the session means that the handler did not get as far
    /// as it wanted: nothing of it is committed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.inner.state.lock().die(Death::Poisoned);
        }
    }
}

impl<S> fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("namespace", &self.namespace())
            .finish_non_exhaustive()
    }
}
