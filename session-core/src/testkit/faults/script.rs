//! Which call fails, and how.

use std::collections::BTreeMap;

use crate::store::Verb;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The answer is that there is no such session; nothing is done. As from a replica that
    /// has not heard of it yet. For load, apply, rename, delete, list, end and end_all.
    Absent,
    /// The session is removed, but its record could not be read. For delete.
    Damaged,
    /// The record in the answer has lain idle too long, as from a store whose clock is behind.
    /// For load.
    Expired,
    /// The record in the answer is another session's: one that this double has seen, or else
    /// the right one under another key. For load, apply, rename, delete, list, end and end_all.
    Foreign,
    /// The answer is that the call is done, and it is not. As from a store that lost what it
    /// had acknowledged. For create, apply, rename and delete.
    Forgotten,
    /// The store has no room; nothing is done. For create, apply and rename.
    Full,
    /// The call is done at once, but its answer waits for
    /// [`Faulty::release`](super::Faulty::release).
    HoldReply,
    /// The call waits for [`Faulty::release`](super::Faulty::release) before it is done.
    HoldRequest,
    /// The call is done, but all that comes back is
    /// [`StoreError::Unavailable`](crate::store::StoreError::Unavailable).
    LoseReply,
    /// [`StoreError::NewerFormat`](crate::store::StoreError::NewerFormat); nothing is done.
    NewerFormat,
    /// The record in the answer is the oldest state of the session that this double has seen,
    /// as from a replica that lags behind. For load, apply, rename, delete, list, end and
    /// end_all.
    Stale,
    /// The new key is in use; nothing is done. For create and rename.
    Taken,
    /// The call is done twice and the second answer comes back, as from a driver that sends
    /// again what it got no answer to.
    Twice,
    /// [`StoreError::Unavailable`](crate::store::StoreError::Unavailable); nothing is done.
    Unavailable,
    /// [`StoreError::Unreadable`](crate::store::StoreError::Unreadable); nothing is done.
    Unreadable,
}

impl Fault {
    /// All of them, those that answer nothing first.
    pub const ALL: [Self; 15] = [
        Self::Unavailable,
        Self::LoseReply,
        Self::HoldRequest,
        Self::HoldReply,
        Self::NewerFormat,
        Self::Unreadable,
        Self::Full,
        Self::Absent,
        Self::Stale,
        Self::Expired,
        Self::Foreign,
        Self::Damaged,
        Self::Taken,
        Self::Twice,
        Self::Forgotten,
    ];

    /// False when `verb` cannot go wrong like this, so that a test which asks for it proves
    /// nothing.
    #[must_use]
    pub fn can_befall(self, verb: Verb) -> bool {
        match self {
            Self::Damaged => verb == Verb::Delete,
            Self::Expired => verb == Verb::Load,
            Self::Absent | Self::Foreign | Self::Stale => matches!(
                verb,
                Verb::Load
                    | Verb::Apply
                    | Verb::Rename
                    | Verb::Delete
                    | Verb::List
                    | Verb::End
                    | Verb::EndAll
            ),
            Self::Forgotten => matches!(
                verb,
                Verb::Create | Verb::Apply | Verb::Rename | Verb::Delete
            ),
            Self::Full => matches!(verb, Verb::Create | Verb::Apply | Verb::Rename),
            Self::Taken => matches!(verb, Verb::Create | Verb::Rename),
            Self::HoldReply
            | Self::HoldRequest
            | Self::LoseReply
            | Self::NewerFormat
            | Self::Twice
            | Self::Unavailable
            | Self::Unreadable => true,
        }
    }
}

/// The faults to come, by verb and number of the call.
#[derive(Default)]
pub(super) struct Script {
    calls: BTreeMap<Verb, usize>,
    faults: BTreeMap<(Verb, usize), Fault>,
    is_down: bool,
}

impl Script {
    /// Puts `fault` on the first call of `verb` to come that has none yet.
    pub(super) fn set_next(&mut self, verb: Verb, fault: Fault) {
        let mut n = 1;
        while self.faults.contains_key(&(verb, self.calls_of(verb) + n)) {
            n += 1;
        }
        self.set_nth(verb, n, fault);
    }

    /// Puts `fault` on the `n`-th call of `verb` to come.
    pub(super) fn set_nth(&mut self, verb: Verb, n: usize, fault: Fault) {
        assert!(n > 0, "calls are counted from one");
        assert!(
            fault.can_befall(verb),
            "a call of {verb} cannot go wrong with {fault:?}"
        );
        self.faults.insert((verb, self.calls_of(verb) + n), fault);
    }

    /// True when every fault has come up.
    pub(super) fn is_played_out(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn forget(&mut self) {
        self.faults.clear();
    }

    pub(super) fn set_down(&mut self, is_down: bool) {
        self.is_down = is_down;
    }

    /// Counts a call and answers what goes wrong with it.
    pub(super) fn begin(&mut self, verb: Verb) -> Option<Fault> {
        let calls = self.calls.entry(verb).or_default();
        *calls += 1;
        let fault = self.faults.remove(&(verb, *calls));
        fault.or_else(|| self.is_down.then_some(Fault::Unavailable))
    }

    fn calls_of(&self, verb: Verb) -> usize {
        self.calls.get(&verb).copied().unwrap_or_default()
    }
}
