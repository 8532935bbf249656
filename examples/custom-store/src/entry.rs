//! What stands under a key: a session, or where it went.

use session_core::store::{FORWARD_LIFETIME, StoreError};
use session_core::{Record, StoreKey, Timestamp};

#[derive(Debug)]
pub(crate) enum Entry {
    Live(Record),
    /// The session was renamed.
    Forward {
        to: StoreKey,
        since: Timestamp,
        /// True when somebody else's session went on under the new key.
        is_closed: bool,
    },
}

/// A record begins with its version, and there never was a version 0.
const FORWARD: u8 = 0;

impl Entry {
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Live(record) => record.is_expired(now),
            Self::Forward { since, .. } => since.saturating_add(FORWARD_LIFETIME) <= now,
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Live(record) => record.to_bytes(),
            Self::Forward {
                to,
                since,
                is_closed,
            } => {
                let mut bytes = vec![FORWARD, u8::from(*is_closed)];
                bytes.extend(since.as_millis().to_le_bytes());
                bytes.extend(to.as_bytes());
                bytes
            }
        }
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let [FORWARD, is_closed, rest @ ..] = bytes else {
            return Ok(Self::Live(Record::from_bytes(bytes)?));
        };
        let damaged = || StoreError::Unreadable("a forwarding entry of another length".into());
        let (since, to) = rest.split_first_chunk().ok_or_else(damaged)?;
        Ok(Self::Forward {
            to: StoreKey::from_bytes(to.try_into().map_err(|_| damaged())?),
            since: Timestamp::from_millis(u64::from_le_bytes(*since)),
            is_closed: *is_closed != 0,
        })
    }
}
