//! The `HttpSession` surface: what a handler holds.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::change::Login;
use super::edits::Replay;
use super::id::{Fingerprint, SessionId};
use super::interval::MaxInactiveInterval;
use super::live::{Live, View};
use super::record::Authentication;
use super::value::{Items, Value};
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
    inner: Arc<Inner>,
    /// Which of the request's sessions, one after the other, this is.
    incarnation: usize,
    marker: PhantomData<fn() -> S>,
}

/// Bytes reserved for encoding a value of unknown size: enough for most, freed soon.
const ROOM_FOR_A_VALUE: usize = 64;

/// Longest name of an attribute or a principal, in bytes.
const NAME_LEN_MAX: usize = 255;

/// An attribute with a name and a type of its own, so that neither can be mistyped.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use session_core::SessionAttribute;
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Cart {
///     items: Vec<String>,
/// }
///
/// impl SessionAttribute for Cart {
///     const NAME: &'static str = "shop.cart";
/// }
/// ```
pub trait SessionAttribute: Serialize + DeserializeOwned {
    /// The name, 1 to 255 bytes; a prefix of the application's own avoids clashes.
    const NAME: &'static str;
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
    /// reports.
    #[doc(alias = "getId")]
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        let mut state = self.inner.state.lock();
        if state.incarnation() == self.incarnation
            && let Some(live) = &mut state.live
            && live.id.is_none()
        {
            live.id = self.inner.engine.draw_id().ok();
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

    /// The attribute called `name`; `None` when there is none.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate);
    /// [`SessionError::Decode`] when the value is not a `T`.
    #[doc(alias = "getAttribute")]
    #[doc(alias = "getValue")]
    pub fn get_attribute<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, SessionError> {
        decode(name, self.see(name)?.value(name))
    }

    /// Sets the attribute called `name`. A value that encodes to nothing, such as `None`,
    /// removes it. The last writer wins, for this attribute only.
    ///
    /// # Errors
    /// [`SessionError::Encode`] and [`SessionError::TooLarge`] when the value cannot be
    /// stored, [`SessionError::InvalidName`]; the session is then unchanged.
    /// [`SessionError::Invalidated`], [`SessionError::ResponseCommitted`],
    /// [`SessionError::Gone`], [`SessionError::Moved`], [`SessionError::Ambiguous`] when the
    /// session cannot be changed, or not be created, any more.
    #[doc(alias = "setAttribute")]
    #[doc(alias = "putValue")]
    pub fn set_attribute<T>(&self, name: &str, value: &T) -> Result<(), SessionError>
    where
        T: Serialize + ?Sized,
    {
        check_name(name)?;
        let value = encode(name, value, ROOM_FOR_A_VALUE)?;
        self.change(|live| {
            if value.is_null() {
                live.remove(name);
                return Ok(());
            }
            live.put(name, value, &self.inner.engine.settings.limits)
        })
    }

    /// Removes the attribute called `name`; fine when there is none.
    ///
    /// # Errors
    /// As [`set_attribute`](Self::set_attribute).
    #[doc(alias = "removeAttribute")]
    #[doc(alias = "removeValue")]
    pub fn remove_attribute(&self, name: &str) -> Result<(), SessionError> {
        check_name(name)?;
        self.change(|live| {
            live.remove(name);
            Ok(())
        })
    }

    /// The names of all attributes, in order, as they are now.
    ///
    /// # Errors
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    #[doc(alias = "getAttributeNames")]
    pub fn attribute_names(&self) -> Result<Vec<String>, SessionError> {
        self.look(Live::names)
    }

    /// Changes the attribute called `name` depending on its value, and answers the new value.
    ///
    /// No update is lost: when another request changed the attribute first, `update` runs
    /// again on the newer value. It may therefore run several times, and should do nothing
    /// but change its argument. It never runs under a lock. An absent attribute starts as
    /// `T::default()`. The answer is provisional until the commit; after
    /// [`save`](Self::save) the session shows the committed value. An update that changes
    /// nothing of what the request sees is no change, and is not run again.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the value is not a `T`; else as
    /// [`set_attribute`](Self::set_attribute).
    pub fn update_attribute<T, F>(&self, name: &str, mut update: F) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned + Default,
        F: FnMut(&mut T) + Send + 'static,
    {
        check_name(name)?;
        loop {
            let (seen, version) = self.see_version(name)?;
            let (outcome, value) = run_update(name, seen.value(name), &mut update)?;
            let mut pending = Some((outcome, update));
            let done = self.change(|live| {
                let same = || live.see(name).value(name) == seen.value(name);
                if live.version != version && !same() {
                    return Ok(false);
                }
                let Some((outcome, mut update)) = pending.take() else {
                    return Ok(false);
                };
                let replay: Replay = Box::new(move |name, before| {
                    run_update(name, before, &mut update).map(|(outcome, _)| outcome)
                });
                let limits = &self.inner.engine.settings.limits;
                live.update(name, outcome, replay, limits)?;
                Ok(true)
            })?;
            match pending {
                // Another task of this request changed the attribute meanwhile: once more.
                Some((_, again)) if !done => update = again,
                _ => return Ok(value),
            }
        }
    }

    /// Adds `item` to the end of the list called `name`, which is made when it is absent.
    /// Read the list with `get_attribute::<Vec<T>>`.
    ///
    /// Only the item travels to the store; appends of parallel requests never conflict and
    /// are all kept, in the order of their commits.
    ///
    /// # Errors
    /// [`SessionError::NotAList`] when the attribute is something else; else as
    /// [`set_attribute`](Self::set_attribute).
    pub fn append_attribute<T>(&self, name: &str, item: &T) -> Result<(), SessionError>
    where
        T: Serialize + ?Sized,
    {
        check_name(name)?;
        let mut items = Items::default();
        items.push(item).map_err(|source| SessionError::Encode {
            name: name.into(),
            source: Arc::new(source),
        })?;
        self.change(|live| live.append(name, items, &self.inner.engine.settings.limits))
    }

    /// Reads the attribute called `name` and removes it: a message shown once.
    ///
    /// Two parallel requests may both read it. Of those that [`save`](Self::save) afterwards
    /// exactly one succeeds; the others learn of it as [`SessionError::Conflict`].
    ///
    /// # Errors
    /// As [`get_attribute`](Self::get_attribute) and
    /// [`set_attribute`](Self::set_attribute).
    pub fn take_attribute<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, SessionError> {
        loop {
            let (seen, version) = self.see_version(name)?;
            let Some(value) = decode(name, seen.value(name))? else {
                return Ok(None);
            };
            let taken = self.change(|live| {
                let same = || live.see(name).value(name) == seen.value(name);
                let untouched = live.version == version || same();
                if untouched {
                    live.take(name);
                }
                Ok(untouched)
            })?;
            // Else another task of this request was faster: once more.
            if taken {
                return Ok(Some(value));
            }
        }
    }

    /// The attribute `A`; `None` when there is none.
    ///
    /// # Errors
    /// As [`get_attribute`](Self::get_attribute).
    pub fn get<A: SessionAttribute>(&self) -> Result<Option<A>, SessionError> {
        self.get_attribute(A::NAME)
    }

    /// Sets the attribute `A`.
    ///
    /// # Errors
    /// As [`set_attribute`](Self::set_attribute).
    pub fn set<A: SessionAttribute>(&self, value: &A) -> Result<(), SessionError> {
        self.set_attribute(A::NAME, value)
    }

    /// Changes the attribute `A` depending on its value.
    ///
    /// # Errors
    /// As [`update_attribute`](Self::update_attribute).
    pub fn update<A, F>(&self, update: F) -> Result<A, SessionError>
    where
        A: SessionAttribute + Default,
        F: FnMut(&mut A) + Send + 'static,
    {
        self.update_attribute(A::NAME, update)
    }

    /// Removes the attribute `A`.
    ///
    /// # Errors
    /// As [`remove_attribute`](Self::remove_attribute).
    pub fn remove<A: SessionAttribute>(&self) -> Result<(), SessionError> {
        self.remove_attribute(A::NAME)
    }

    /// Ends the session. Afterwards everything but [`id`](Self::id), the idle limit and
    /// [`namespace`](Self::namespace) is an error on this handle and its clones; the exchange
    /// opens a fresh session in the same request.
    ///
    /// The record is deleted with the next commit, and nothing revives it: a slower request
    /// that loaded the session before finds it gone.
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

    /// Logs `principal` in: changes the id, binds the principal, notes the time, and starts
    /// the absolute limit anew. Attributes are kept, except over another principal, where the
    /// session starts without any.
    ///
    /// To be called after the visitor has proved to be that principal. Changing the id is
    /// what makes session fixation impossible (OWASP ASVS 7.2.4).
    ///
    /// # Errors
    /// [`SessionError::InvalidName`] when the name is not 1 to 255 bytes long;
    /// [`SessionError::ResponseCommitted`] after the response head has left;
    /// [`SessionError::Entropy`]; else as [`set_attribute`](Self::set_attribute). At the
    /// commit, [`SessionError::Moved`] when another login was faster.
    pub fn login(&self, principal: impl AsRef<str>) -> Result<(), SessionError> {
        let principal = principal.as_ref();
        check_name(principal)?;
        let engine = &self.inner.engine;
        let (id, now) = (engine.draw_id()?, engine.now());
        let login = Login {
            authentication: Authentication {
                principal: principal.into(),
                authenticated_at: now,
            },
            absolute_deadline: engine
                .settings
                .absolute_timeout
                .map_or(Timestamp::NEVER, |limit| now.saturating_add(limit)),
        };
        self.change_id(|live| {
            live.log_in(login);
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
    /// [`SessionError::Unavailable`] and [`SessionError::TimedOut`]: it is unknown whether
    /// the changes were stored, and this request commits nothing more.
    pub async fn save(&self) -> Result<SaveOutcome, SessionError> {
        if let Some(outcome) = self.inner.commit_at_once(Moment::Save, Readers::Some) {
            return outcome;
        }
        self.inner.clone().commit(Moment::Save, Readers::Some).await
    }

    /// Reads under the lock of the request.
    fn look<R>(&self, look: impl FnOnce(&Live) -> R) -> Result<R, SessionError> {
        let mut state = self.inner.state.lock();
        state.look(self.incarnation).map(|live| look(live))
    }

    /// Changes under the lock of the request: the one door for data.
    fn change<R>(
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

    fn see(&self, name: &str) -> Result<View, SessionError> {
        let strict = self.inner.engine.settings.strict_reads;
        let mut state = self.inner.state.lock();
        let live = state.look(self.incarnation)?;
        Ok(if strict {
            live.see_strictly(name)
        } else {
            live.see(name)
        })
    }

    fn see_version(&self, name: &str) -> Result<(View, u64), SessionError> {
        let mut state = self.inner.state.lock();
        let live = state.edit(self.incarnation)?;
        Ok((live.see(name), live.version + 1))
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

/// Runs `update` on a stored value: answers the new stored value and the new value itself.
fn run_update<T, F>(
    name: &str,
    before: Option<&Value>,
    update: &mut F,
) -> Result<(Option<Value>, T), SessionError>
where
    T: Serialize + DeserializeOwned + Default,
    F: FnMut(&mut T),
{
    let mut value: T = decode(name, before)?.unwrap_or_default();
    update(&mut value);
    // Most updates keep the size or add a little.
    let room = before.map_or(ROOM_FOR_A_VALUE, |before| {
        before.bytes().len() + before.bytes().len() / 8 + 8
    });
    let encoded = encode(name, &value, room)?;
    Ok(((!encoded.is_null()).then_some(encoded), value))
}

pub(crate) fn decode<T: DeserializeOwned>(
    name: &str,
    value: Option<&Value>,
) -> Result<Option<T>, SessionError> {
    value
        .map(|value| {
            value.decode().map_err(|source| SessionError::Decode {
                name: name.into(),
                source: Arc::new(source),
            })
        })
        .transpose()
}

fn encode<T>(name: &str, value: &T, size_hint: usize) -> Result<Value, SessionError>
where
    T: Serialize + ?Sized,
{
    Value::encode(value, size_hint).map_err(|source| SessionError::Encode {
        name: name.into(),
        source: Arc::new(source),
    })
}

fn check_name(name: &str) -> Result<(), SessionError> {
    if name.is_empty() || name.len() > NAME_LEN_MAX {
        return Err(SessionError::InvalidName);
    }
    Ok(())
}
