//! The binary form of a record: what stores outside of this process keep.
//!
//! Version 1, all numbers little-endian, a length before everything that has no fixed size:
//!
//! ```text
//! version          1 byte, 1
//! key, handle      32 and 16 bytes
//! created, accessed, issued, idle limit (0: never), absolute deadline, revision
//!                  8 bytes each; times and the limit in milliseconds
//! authentication   1 byte, 0 for anonymous; after a 1: since when, 8 bytes; the key of the
//!                  principal, 32 bytes; the principal; the label (of length 0: none); for how
//!                  long it is remembered, 8 bytes, in milliseconds (0: it is not)
//! attributes       4 bytes, how many; for each, in ascending order of their names:
//!                  name, codec (1 byte), revision (8 bytes), value
//! principal, label, name, value
//!                  4 bytes, the length; then the bytes
//! ```
//!
//! Whatever comes next, another codec included, gets another version byte.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use super::id::{PrincipalKey, SessionHandle, StoreKey};
use super::interval::MaxInactiveInterval;
use super::record::{Attribute, Attributes, Authentication, Record, Revision};
use super::value::{Codec, Value};
use crate::clock::Timestamp;
use crate::store::StoreError;

const VERSION: u8 = 1;

/// Everything up to the authentication and the number of attributes.
const FIXED_LEN: usize = 1 + 32 + 16 + 6 * 8 + 1 + 4;

/// A login without the principal and the label.
const LOGIN_LEN: usize = 8 + 32 + 4 + 4 + 8;

/// An attribute without its name and value.
const ATTRIBUTE_LEN: usize = 4 + 1 + 8 + 4;

/// The longest name of an attribute or a principal, and the longest label, in bytes.
const NAME_MAX: usize = 255;

/// Stands for the length of a field that is too long for four bytes. No reader accepts it: a
/// record of that size is lost rather than misread.
const TOO_LONG: u32 = u32::MAX;

/// Why bytes are not a stored record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The byte that says whether somebody is logged in is neither 0 nor 1.
    #[error("the record does not say whether somebody is logged in")]
    Authentication,
    /// Names of attributes and principals are 1 to 255 bytes of UTF-8.
    #[error("the record holds a name that is empty, too long or not UTF-8")]
    Name,
    /// The bytes were written by a newer version of this library.
    #[error("the record has format version {0}, which is newer than this program")]
    NewerVersion(u8),
    /// Attributes are ordered by name, and no two have the same.
    #[error("the attributes of the record are out of order")]
    Order,
    /// More bytes follow after the end of the record.
    #[error("the record is followed by bytes that do not belong to it")]
    TrailingBytes,
    /// The bytes end before the record does.
    #[error("the record is cut short")]
    Truncated,
    /// No codec has this number.
    #[error("the record holds a value in the unknown codec {0}")]
    UnknownCodec(u8),
    /// No version of this library wrote this version byte.
    #[error("the record has the format version {0}, which never was")]
    UnknownVersion(u8),
}

impl From<EnvelopeError> for StoreError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::NewerVersion(version) => Self::NewerFormat { version },
            damage => Self::Unreadable(damage.into()),
        }
    }
}

impl Record {
    /// The record in a versioned binary form of its own, for stores that keep bytes.
    ///
    /// ```
    /// use session_core::{Record, SessionHandle, StoreKey, Timestamp};
    ///
    /// # let key = StoreKey::from_bytes([1; 32]);
    /// # let handle = SessionHandle::from_bytes([2; 16]);
    /// let record = Record::new(key, handle, Timestamp::from_millis(1_000));
    /// assert_eq!(Record::from_bytes(&record.to_bytes())?, record);
    /// # Ok::<(), session_core::EnvelopeError>(())
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let attributes_len = self.attributes.len() * ATTRIBUTE_LEN + self.attributes.size();
        let login_len = |login: &Authentication| LOGIN_LEN + login.size();
        let login_len = self.authentication.as_deref().map_or(0, login_len);
        let mut out = Vec::with_capacity(FIXED_LEN + login_len + attributes_len);
        out.push(VERSION);
        out.extend_from_slice(self.key.as_bytes());
        out.extend_from_slice(self.handle.as_bytes());
        put_time(&mut out, self.created_at);
        put_time(&mut out, self.accessed_at);
        put_time(&mut out, self.issued_at);
        put_u64(&mut out, idle_millis(self.max_inactive_interval));
        put_time(&mut out, self.absolute_deadline);
        put_u64(&mut out, self.revision.get());
        match &self.authentication {
            None => out.push(0),
            Some(login) => {
                out.push(1);
                put_time(&mut out, login.authenticated_at);
                out.extend_from_slice(login.key.as_bytes());
                put_bytes(&mut out, login.principal.as_bytes());
                put_bytes(
                    &mut out,
                    login.label.as_deref().unwrap_or_default().as_bytes(),
                );
                put_u64(&mut out, login.remembered_for.map_or(0, in_millis));
            }
        }
        put_length(&mut out, self.attributes.len());
        for attribute in &self.attributes {
            put_bytes(&mut out, attribute.name.as_bytes());
            out.push(attribute.value.codec().as_byte());
            put_u64(&mut out, attribute.revision.get());
            put_bytes(&mut out, attribute.value.bytes());
        }
        out
    }

    /// The record that [`to_bytes`](Self::to_bytes) made these bytes of.
    ///
    /// Any bytes get an answer, and nothing larger than they justify is allocated. Values are
    /// not looked into: that needs the application's types.
    ///
    /// # Errors
    /// [`EnvelopeError`], which turns into the [`StoreError`] that a store answers with.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let mut input = Input(bytes);
        match input.byte()? {
            VERSION => {}
            0 => return Err(EnvelopeError::UnknownVersion(0)),
            newer => return Err(EnvelopeError::NewerVersion(newer)),
        }
        let record = Self {
            key: StoreKey::from_bytes(input.array()?),
            handle: SessionHandle::from_bytes(input.array()?),
            created_at: input.time()?,
            accessed_at: input.time()?,
            issued_at: input.time()?,
            max_inactive_interval: input.idle_limit()?,
            absolute_deadline: input.time()?,
            revision: input.revision()?,
            authentication: input.authentication()?,
            attributes: input.attributes()?,
        };
        match input.0 {
            [] => Ok(record),
            _ => Err(EnvelopeError::TrailingBytes),
        }
    }
}

fn idle_millis(interval: MaxInactiveInterval) -> u64 {
    match interval {
        MaxInactiveInterval::Never => 0,
        MaxInactiveInterval::AfterMillis(millis) => millis.get(),
    }
}

/// The time in whole milliseconds, which is what a record keeps; at least one.
fn in_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_time(out: &mut Vec<u8>, time: Timestamp) {
    put_u64(out, time.as_millis());
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).unwrap_or(TOO_LONG);
    out.extend_from_slice(&length.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// What is left to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], EnvelopeError> {
        let taken = self.0.split_at_checked(length);
        let (taken, rest) = taken.ok_or(EnvelopeError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], EnvelopeError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(EnvelopeError::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, EnvelopeError> {
        self.array().map(|[byte]| byte)
    }

    fn u64(&mut self) -> Result<u64, EnvelopeError> {
        self.array().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Result<Timestamp, EnvelopeError> {
        self.u64().map(Timestamp::from_millis)
    }

    fn revision(&mut self) -> Result<Revision, EnvelopeError> {
        self.u64().map(Revision::new)
    }

    fn length(&mut self) -> Result<usize, EnvelopeError> {
        match self.array().map(u32::from_le_bytes)? {
            TOO_LONG => Err(EnvelopeError::Truncated),
            length => usize::try_from(length).map_err(|_| EnvelopeError::Truncated),
        }
    }

    fn idle_limit(&mut self) -> Result<MaxInactiveInterval, EnvelopeError> {
        let millis = NonZeroU64::new(self.u64()?);
        Ok(millis.map_or(MaxInactiveInterval::Never, MaxInactiveInterval::AfterMillis))
    }

    fn name(&mut self) -> Result<&'a str, EnvelopeError> {
        let length = self.length()?;
        if length == 0 || length > NAME_MAX {
            return Err(EnvelopeError::Name);
        }
        str::from_utf8(self.take(length)?).map_err(|_| EnvelopeError::Name)
    }

    fn authentication(&mut self) -> Result<Option<Arc<Authentication>>, EnvelopeError> {
        match self.byte()? {
            0 => Ok(None),
            1 => Ok(Some(Arc::new(self.login()?))),
            _ => Err(EnvelopeError::Authentication),
        }
    }

    fn login(&mut self) -> Result<Authentication, EnvelopeError> {
        let authenticated_at = self.time()?;
        let key = PrincipalKey::from_bytes(self.array()?);
        let mut login = Authentication::new(self.name()?, key, authenticated_at);
        login.label = self.label()?.map(Arc::from);
        let remembered_for = NonZeroU64::new(self.u64()?);
        login.remembered_for = remembered_for.map(|millis| Duration::from_millis(millis.get()));
        Ok(login)
    }

    fn label(&mut self) -> Result<Option<&'a str>, EnvelopeError> {
        let mut ahead = Input(self.0);
        if ahead.length()? == 0 {
            *self = ahead;
            return Ok(None);
        }
        self.name().map(Some)
    }

    fn attributes(&mut self) -> Result<Attributes, EnvelopeError> {
        let count = self.length()?;
        // Each attribute takes some bytes, so a count that lies is found out before it is
        // allocated for.
        if count > self.0.len() / ATTRIBUTE_LEN {
            return Err(EnvelopeError::Truncated);
        }
        let mut list: Vec<Attribute> = Vec::with_capacity(count);
        for _ in 0..count {
            let attribute = self.attribute()?;
            if list.last().is_some_and(|last| last.name >= attribute.name) {
                return Err(EnvelopeError::Order);
            }
            list.push(attribute);
        }
        Ok(Attributes::from_ordered(list))
    }

    fn attribute(&mut self) -> Result<Attribute, EnvelopeError> {
        let name = Arc::from(self.name()?);
        let codec = self.byte()?;
        let codec = Codec::from_byte(codec).ok_or(EnvelopeError::UnknownCodec(codec))?;
        let revision = self.revision()?;
        let length = self.length()?;
        Ok(Attribute {
            name,
            revision,
            value: Value::new(codec, self.take(length)?.to_vec()),
        })
    }
}

#[cfg(test)]
mod tests;
