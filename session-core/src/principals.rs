//! The sessions of a principal, from outside of them: "your devices", "log out everywhere else",
//! and the administrator's "log everybody out".

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::error::SessionError;
use crate::event::{EndReason, SessionEvent};
use crate::manager::SessionManager;
use crate::session::{PrincipalKey, Record, SessionHandle};

/// Listing and ending the sessions of whoever logged in.
///
/// A principal is named as in [`login`](crate::Session::login). Somebody who never logged in
/// has no sessions, which is no error. What is ended here is gone at once: writes of requests
/// under way are dropped, and nothing revives it. With a runtime, dropping the future of a call
/// takes nothing back that was begun. The browser keeps its cookie, which no longer
/// names anything.
///
/// All of this needs a store that knows principals, as [`MemoryStore`](crate::MemoryStore) does.
///
/// ```
/// # use session_core::testkit::{Site, block_on};
/// use session_core::LoginOptions;
///
/// # block_on(async {
/// # let site = Site::new();
/// # let (mut phone, mut laptop) = (site.visitor(), site.visitor());
/// # let sessions = site.sessions();
/// phone.visit(async |session| session.login(LoginOptions::of("ada").label("Phone"))).await?;
/// laptop.visit(async |session| session.login("ada")).await?;
///
/// // "Your devices", seen from the laptop.
/// let current = laptop.visit(async |session| session.handle()).await?;
/// let devices = sessions.sessions_of("ada").await?;
/// assert_eq!(devices.len(), 2);
/// assert_eq!(devices[0].label(), Some("Phone"));
/// assert_eq!(Some(devices[1].handle()), current);
///
/// // "Log out everywhere else".
/// assert_eq!(sessions.end_other_sessions("ada", &devices[1].handle()).await?, 1);
/// assert_eq!(phone.visit(async |session| session.principal()).await?, None);
/// # Ok::<(), session_core::SessionError>(())
/// # }).unwrap();
/// ```
impl<S> SessionManager<S> {
    /// The live sessions of `principal`, the oldest login first. Looking at them prolongs none.
    ///
    /// # Errors
    /// [`SessionError::NoPrincipals`] when the store knows none;
    /// [`SessionError::Unavailable`] and [`SessionError::TimedOut`].
    pub async fn sessions_of(
        &self,
        principal: &str,
    ) -> Result<Vec<PrincipalSession>, SessionError> {
        let (key, now) = (self.key_of(principal), self.engine.now());
        let records = self.engine.list(&key, now).await?.into_iter();
        // What a store answers is verified, as after every load.
        let theirs = records.filter(|record| is_of(record, &key) && !record.is_expired(now));
        Ok(theirs.map(PrincipalSession).collect())
    }

    /// Ends the session of `principal` that has this handle. False when they have no such live
    /// session: it ended before, or it is somebody else's, so a handle that comes from a client
    /// needs no other check than that the principal is the one who is logged in.
    ///
    /// The current session of a request is better ended by [`logout`](crate::Session::logout),
    /// which deletes the cookie with it. Ended here, it is to its own request as if another
    /// one had ended it: what is written is dropped, the response is left as it is.
    ///
    /// # Errors
    /// As [`sessions_of`](Self::sessions_of), and [`SessionError::Interrupted`]. After
    /// this, [`SessionError::Unavailable`] and [`SessionError::TimedOut`] it is unknown whether
    /// the session was ended; to call this again does no harm.
    pub async fn end_session(
        &self,
        principal: &str,
        handle: &SessionHandle,
    ) -> Result<bool, SessionError> {
        Ok(self.end(principal, Which::One(*handle)).await? == 1)
    }

    /// Ends all sessions of `principal`, and answers how many: after a change of the password,
    /// or when an account is closed (OWASP ASVS 7.4.2, 7.4.3).
    ///
    /// # Errors
    /// As [`end_session`](Self::end_session).
    pub async fn end_sessions_of(&self, principal: &str) -> Result<usize, SessionError> {
        self.end(principal, Which::AllBut(None)).await
    }

    /// Ends all sessions of `principal` but the one with the handle `spared`, and answers how
    /// many. When they have no such session, all are ended.
    ///
    /// # Errors
    /// As [`end_session`](Self::end_session).
    pub async fn end_other_sessions(
        &self,
        principal: &str,
        spared: &SessionHandle,
    ) -> Result<usize, SessionError> {
        self.end(principal, Which::AllBut(Some(*spared))).await
    }

    /// Ends the sessions of everybody, anonymous visitors included, in a time that does not
    /// depend on how many there are (OWASP ASVS 7.4.5). The sessions of every manager that
    /// shares the store end. What begins afterwards lives.
    ///
    /// The store removes what ended little by little, and tells of each as
    /// [`SessionEvent::Removed`].
    ///
    /// # Errors
    /// As [`end_session`](Self::end_session).
    pub async fn end_everybody(&self) -> Result<(), SessionError> {
        self.engine.end_everybody().await
    }

    /// Ends sessions, tells of them, and answers how many there were: also when whoever asked
    /// for that goes away meanwhile.
    async fn end(&self, principal: &str, which: Which) -> Result<usize, SessionError> {
        let (key, engine) = (self.key_of(principal), self.engine.clone());
        let end = async move {
            let now = engine.now();
            let ended = match which {
                Which::One(handle) => engine.end(&key, &handle, now).await?.into_iter().collect(),
                Which::AllBut(spared) => engine.end_all(&key, spared.as_ref(), now).await?,
            };
            engine.tell_terminated(&ended, &key)
        };
        match self.engine.is_immediate() {
            true => end.await,
            false => self.engine.see_through(end).await,
        }
    }

    fn key_of(&self, principal: &str) -> PrincipalKey {
        self.engine.tag.principal_key(principal)
    }
}

/// Which sessions of a principal are to end.
enum Which {
    One(SessionHandle),
    AllBut(Option<SessionHandle>),
}

impl Engine {
    /// Tells of sessions of `principal` that were ended, and answers how many there are.
    ///
    /// # Errors
    /// When one of them is somebody else's: whoever asked may ask again, for what is over is no
    /// longer in the list.
    fn tell_terminated(
        self: &Arc<Self>,
        ended: &[Record],
        principal: &PrincipalKey,
    ) -> Result<usize, SessionError> {
        let reason = EndReason::Terminated;
        let theirs = || ended.iter().filter(|record| is_of(record, principal));
        for _ in theirs() {
            self.events.send(SessionEvent::Ended(reason));
        }
        self.notify_ends(theirs().map(|record| (record, reason.into())));
        match theirs().count() {
            count if count == ended.len() => Ok(count),
            _ => Err(self.refuse_foreign()),
        }
    }
}

fn is_of(record: &Record, principal: &PrincipalKey) -> bool {
    let login = record.authentication.as_ref();
    login.is_some_and(|login| login.key == *principal)
}

/// A session in the list of its principal: what a page of "your devices" shows. It can be
/// named by its [`handle`](Self::handle), and its data cannot be seen.
#[derive(Clone)]
pub struct PrincipalSession(Record);

impl PrincipalSession {
    /// The name of the session, for [`SessionManager::end_session`]. It is no credential and
    /// can stand in a page or a URL.
    #[must_use]
    pub const fn handle(&self) -> SessionHandle {
        self.0.handle
    }

    /// What the session was labelled with when it logged in; `None` without a label. It comes
    /// from [`LoginOptions::label`](crate::LoginOptions::label), often from what a client
    /// sent: escape it.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.0.authentication.as_ref()?.label.as_deref()
    }

    /// When the session was created, which may be before its principal logged in.
    #[must_use]
    pub const fn creation_time(&self) -> Timestamp {
        self.0.created_at
    }

    /// When its principal logged in, the last time.
    #[must_use]
    pub fn authenticated_at(&self) -> Timestamp {
        let login = self.0.authentication.as_ref();
        // Every listed session has a login.
        login.map_or(self.0.created_at, |login| login.authenticated_at)
    }

    /// When the session was last used, as far as the store was told: in a store outside of
    /// this process up to a minute ago it may have been used since.
    #[must_use]
    pub const fn last_accessed_time(&self) -> Timestamp {
        self.0.accessed_at
    }

    /// How long the session may lie idle; `None` is for ever.
    #[must_use]
    pub fn max_inactive_interval(&self) -> Option<Duration> {
        self.0.max_inactive_interval.as_duration()
    }

    /// When the session expires unless it is used before; `None` when it never does.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        Some(self.0.expires_at()).filter(|&at| at != Timestamp::NEVER)
    }
}

impl fmt::Debug for PrincipalSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalSession")
            .field("handle", &self.handle())
            .field("label", &self.label())
            .field("creation_time", &self.creation_time())
            .field("authenticated_at", &self.authenticated_at())
            .field("last_accessed_time", &self.last_accessed_time())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
