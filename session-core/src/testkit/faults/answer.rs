//! What the faults need to know of the answers of a store.

use super::script::Fault;
use crate::clock::Timestamp;
use crate::session::{Record, Revision};
use crate::store::{Applied, Census, Created, Deleted, Loaded, StoreError, Swept};

/// The answer to a call that is not done at all, or `None` when it is to be done.
pub(super) fn refuse<A: Answer>(fault: Option<Fault>) -> Option<Result<A, StoreError>> {
    match fault? {
        Fault::Absent => A::absent().map(Ok),
        Fault::Forgotten => A::done().map(Ok),
        Fault::Full => A::full().map(Ok),
        Fault::NewerFormat => Some(Err(StoreError::NewerFormat { version: u8::MAX })),
        Fault::Taken => A::taken().map(Ok),
        Fault::Unavailable => Some(Err(unavailable())),
        Fault::Unreadable => Some(Err(StoreError::Unreadable("a scripted fault".into()))),
        Fault::Damaged
        | Fault::Expired
        | Fault::Foreign
        | Fault::HoldReply
        | Fault::HoldRequest
        | Fault::LoseReply
        | Fault::Stale
        | Fault::Twice => None,
    }
}

pub(super) fn unavailable() -> StoreError {
    StoreError::Unavailable("a scripted fault".into())
}

/// What the faults need to know of an answer. What most answers are not or have not is left
/// out where they say what they are.
pub(super) trait Answer: Sized {
    /// The answer that the store has no room, where there is such an answer.
    fn full() -> Option<Self> {
        None
    }

    /// The answer that there is no such session.
    fn absent() -> Option<Self> {
        None
    }

    /// The answer that the new key is in use.
    fn taken() -> Option<Self> {
        None
    }

    /// The answer that the call is done.
    fn done() -> Option<Self> {
        None
    }

    /// The record in the answer, the first one if there are several.
    fn record_mut(&mut self) -> Option<&mut Record> {
        None
    }

    /// The answer where the record could not be read.
    fn damaged(self) -> Self {
        self
    }

    /// The answer where the record has lain idle too long.
    fn expired(self) -> Self {
        self
    }
}

impl Answer for Created {
    fn full() -> Option<Self> {
        Some(Self::Full)
    }

    fn taken() -> Option<Self> {
        Some(Self::Taken)
    }

    fn done() -> Option<Self> {
        Some(Self::Created)
    }
}

impl Answer for Loaded {
    fn absent() -> Option<Self> {
        Some(Self::Absent)
    }

    fn record_mut(&mut self) -> Option<&mut Record> {
        match self {
            Self::Live { record, .. } => Some(record),
            Self::Absent | Self::Moved { .. } => None,
        }
    }

    fn expired(self) -> Self {
        match self {
            Self::Live { record, .. } => Self::Live {
                record,
                last_accessed: Timestamp::EPOCH,
            },
            Self::Absent | Self::Moved { .. } => self,
        }
    }
}

impl Answer for Applied {
    fn full() -> Option<Self> {
        Some(Self::Full)
    }

    fn absent() -> Option<Self> {
        Some(Self::Gone)
    }

    fn taken() -> Option<Self> {
        Some(Self::Taken)
    }

    fn done() -> Option<Self> {
        Some(Self::Applied {
            revision: Revision::default(),
            record: None,
            before: None,
        })
    }

    fn record_mut(&mut self) -> Option<&mut Record> {
        match self {
            Self::Applied { record, .. } => record.as_mut(),
            Self::Conflict(record) => Some(record),
            Self::Full
            | Self::Gone
            | Self::Moved(_)
            | Self::NotAList(_)
            | Self::Refused
            | Self::Taken
            | Self::TooLarge => None,
        }
    }
}

impl Answer for Deleted {
    fn absent() -> Option<Self> {
        Some(Self::Absent)
    }

    fn done() -> Option<Self> {
        Some(Self::Removed(None))
    }

    fn record_mut(&mut self) -> Option<&mut Record> {
        match self {
            Self::Removed(record) => record.as_mut(),
            Self::Absent | Self::Moved(_) => None,
        }
    }

    fn damaged(self) -> Self {
        match self {
            Self::Removed(_) => Self::Removed(None),
            Self::Absent | Self::Moved(_) => self,
        }
    }
}

impl Answer for Vec<Record> {
    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn record_mut(&mut self) -> Option<&mut Record> {
        self.first_mut()
    }
}

impl Answer for Option<Record> {
    fn absent() -> Option<Self> {
        Some(None)
    }

    fn record_mut(&mut self) -> Option<&mut Record> {
        self.as_mut()
    }
}

// These can be withheld but not altered.
impl Answer for Swept {}
impl Answer for Census {}
impl Answer for () {}
