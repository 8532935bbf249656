//! The attributes of a session, as a handler uses them.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::edits::Replay;
use super::handle::Session;
use super::live::Live;
use super::live::attributes::View;
use super::undecodable::{Undecodable, Unencodable};
use super::value::{Items, Value};
use crate::error::SessionError;

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

/// Longest name of an attribute or a principal, in bytes.
const NAME_LEN_MAX: usize = 255;

/// Bytes reserved for encoding a value of unknown size: enough for most, freed soon.
const ROOM_FOR_A_VALUE: usize = 64;

impl<S> Session<S> {
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
            self.change(|live| {
                let same = || live.see(name).value(name) == seen.value(name);
                if live.version != version && !same() {
                    return Ok(());
                }
                let Some((outcome, mut update)) = pending.take() else {
                    return Ok(());
                };
                let replay: Replay = Box::new(move |name, before| {
                    run_update(name, before, &mut update).map(|(outcome, _)| outcome)
                });
                let limits = &self.inner.engine.settings.limits;
                live.update(name, outcome, replay, limits)
            })?;
            match pending {
                // Another task of this request changed the attribute meanwhile: once more.
                Some((_, again)) => update = again,
                None => return Ok(value),
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
            source: Arc::new(Unencodable::from(source)),
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
                source: Arc::new(Undecodable::from(source)),
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
        source: Arc::new(Unencodable::from(source)),
    })
}

pub(super) fn check_name(name: &str) -> Result<(), SessionError> {
    if name.is_empty() || name.len() > NAME_LEN_MAX {
        return Err(SessionError::InvalidName);
    }
    Ok(())
}
