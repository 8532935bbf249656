//! What the faults need to know of the answers of a store.

use super::script::Fault;
use crate::session::Record;
use crate::store::{Applied, Census, Created, Deleted, Loaded, StoreError, Swept};

/// The answer to a call that is not done at all, or `None` when it is to be done.
pub(super) fn refuse<A: Answer>(fault: Option<Fault>) -> Option<Result<A, StoreError>> {
    match fault? {
        Fault::Full => A::full().map(Ok),
        Fault::NewerFormat => Some(Err(StoreError::NewerFormat { version: u8::MAX })),
        Fault::Unavailable => Some(Err(unavailable())),
        Fault::Unreadable => Some(Err(StoreError::Unreadable("a scripted fault".into()))),
        Fault::Damaged
        | Fault::Foreign
        | Fault::HoldReply
        | Fault::HoldRequest
        | Fault::LoseReply
        | Fault::Stale => None,
    }
}

pub(super) fn unavailable() -> StoreError {
    StoreError::Unavailable("a scripted fault".into())
}

/// What the faults need to know of an answer.
pub(super) trait Answer: Sized {
    /// The answer that the store has no room, where there is such an answer.
    fn full() -> Option<Self>;

    /// The record in the answer.
    fn record_mut(&mut self) -> Option<&mut Record>;

    /// The answer where the record could not be read.
    fn damaged(self) -> Self;
}

impl Answer for Created {
    fn full() -> Option<Self> {
        Some(Self::Full)
    }

    fn record_mut(&mut self) -> Option<&mut Record> {
        None
    }

    fn damaged(self) -> Self {
        self
    }
}

impl Answer for Loaded {
    fn full() -> Option<Self> {
        None
    }

    fn record_mut(&mut self) -> Option<&mut Record> {
        match self {
            Self::Live { record, .. } => Some(record),
            Self::Absent | Self::Moved { .. } => None,
        }
    }

    fn damaged(self) -> Self {
        self
    }
}

impl Answer for Applied {
    fn full() -> Option<Self> {
        Some(Self::Full)
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

    fn damaged(self) -> Self {
        self
    }
}

impl Answer for Deleted {
    fn full() -> Option<Self> {
        None
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

/// Answers that a fault can withhold but not alter.
macro_rules! never_altered {
    ($($answer:ty),+) => {
        $(impl Answer for $answer {
            fn full() -> Option<Self> {
                None
            }

            fn record_mut(&mut self) -> Option<&mut Record> {
                None
            }

            fn damaged(self) -> Self {
                self
            }
        })+
    };
}

never_altered!(Swept, Census, Vec<Record>, Option<Record>, ());
