//! Where sessions live: the contract that every store keeps.
//!
//! # The rules
//!
//! Each rule is a test of the same name in `testkit::store`, which any store can run.
//! "Gone" means absent, deleted or expired; a store need not have swept an expired record for
//! it to be gone. "Live" means not gone.
//!
//! Creating and loading
//!
//! 1. `a_created_record_loads_back_unchanged`: times, intervals, principal, attributes and
//!    revisions, also with no attributes at all.
//! 2. `create_never_overwrites`: a key that is taken by a record or by a forwarding entry is
//!    [`Created::Taken`], and what was there stays.
//! 3. `loading_an_absent_key_is_absent_and_no_error`.
//! 4. `a_peek_changes_nothing`: neither the access time nor the deadline.
//! 5. `a_counted_load_records_the_access_and_answers_the_one_before`: unless the recorded
//!    access is younger than [`Access::Counted::unless_within`].
//! 6. `access_times_only_rise`: whatever order change sets arrive in.
//! 7. `an_access_time_far_ahead_counts_as_now`: more than five minutes ahead.
//!
//! Expiry
//!
//! 8. `idle_for_exactly_the_limit_is_expired`: and one millisecond less is live.
//! 9. `the_absolute_deadline_holds_whatever_the_activity`.
//! 10. `an_expired_record_is_gone_for_every_verb`: load, apply and rename, swept or not, and
//!     no access revives it.
//! 11. `load_never_removes`: not even what has expired.
//!
//! Applying
//!
//! 12. `an_applied_change_set_is_seen_whole_by_the_next_load`.
//! 13. `applying_to_a_gone_session_never_creates`: [`Applied::Gone`].
//! 14. `changes_of_different_attributes_all_survive`.
//! 15. `the_last_writer_wins_for_its_attribute_only`.
//! 16. `a_broken_precondition_is_a_conflict_and_applies_nothing`: the answer carries the
//!     current record.
//! 17. `revisions_rise_and_survive_removal`: an attribute that is removed and set again has a
//!     higher revision than before.
//! 18. `appends_never_conflict_and_keep_commit_order`.
//! 19. `appending_to_no_list_is_refused_and_applies_nothing`: [`Applied::NotAList`].
//! 20. `a_change_set_over_the_limits_is_refused_and_applies_nothing`: bytes and number of
//!     attributes; a change that makes the session smaller is always allowed.
//! 21. `an_empty_change_set_is_a_touch`: it moves the access time and leaves the revision.
//! 22. `a_new_idle_limit_takes_effect_from_the_last_access`: shorter, longer and never.
//! 23. `a_login_sets_the_principal_and_the_absolute_deadline`.
//! 24. `clearing_removes_attributes_before_the_changes_apply`.
//! 25. `the_record_is_answered_when_it_was_asked_for`: [`Reply::Record`](crate::Reply::Record),
//!     and as it was right before, [`Reply::Change`](crate::Reply::Change).
//!
//! Renaming
//!
//! 26. `a_renamed_session_answers_under_the_new_key_only`: with its change set applied in the
//!     same step; creation time, handle, absolute deadline and revisions are kept.
//! 27. `what_was_in_flight_under_the_old_key_is_told_the_new_one`: apply and delete answer
//!     `Moved` with the new key, load answers `Moved` with the time only. Where the rename
//!     cleared the attributes, somebody else's session went on: apply answers `Gone` and delete
//!     `Absent`, for it is not told.
//! 28. `renaming_to_a_taken_key_changes_nothing`.
//! 29. `a_rename_never_follows_a_forward`: an already renamed key is `Moved`, a gone one `Gone`.
//! 30. `a_forward_lives_thirty_minutes`: see [`FORWARD_LIFETIME`].
//! 31. `a_refused_rename_changes_nothing`: conflict and limits as for apply.
//!
//! Deleting and sweeping
//!
//! 32. `deleting_answers_the_record_once`: then [`Deleted::Absent`], as often as one asks.
//! 33. `a_sweep_removes_the_expired_and_only_those`: each to one caller, with the reason, at
//!     most `limit` in one call; until `more` is false nothing expired is left.
//! 34. `what_never_expires_survives_every_sweep`: and is gone when it is deleted.
//!
//! Names and parallel use
//!
//! 35. `names_and_values_are_bytes_and_nothing_else`: `a`, `A` and `a ` differ; quotes, NUL
//!     and wildcards mean nothing.
//! 36. `sessions_never_touch_each_other`.
//! 37. `parallel_updates_are_all_kept`: with the precondition, a conflict, and another try.
//! 38. `of_two_renames_one_wins`.
//! 39. `a_write_never_revives_a_deleted_session`: whichever comes first.
//!
//! Counting
//!
//! 40. `a_census_counts_the_live_sessions`: each once, by its age since it was created;
//!     neither what has expired nor the forwarding entries of renamed ones.
//!
//! Principals
//!
//! What a store that knows principals keeps besides are rules 41 to 52, at [`PrincipalIndex`].
//!
//! # Writing a store
//!
//! [`Record::apply`](crate::Record::apply) does the hard part: a store runs it on the current
//! record under its own lock or transaction and keeps the result. A write whose reply was lost
//! is reported as [`StoreError::Unavailable`] and never sent again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::BoxError;
use crate::session::{ChangeSet, Record, Revision, SessionLimit, StoreKey};

mod census;
pub mod memory;
mod principals;
mod verb;
pub(crate) mod wrapping;

pub use census::Census;
pub use principals::PrincipalIndex;
pub use verb::Verb;

/// How long a renamed key tells writes and deletes that were in flight where the session went.
///
/// Every request in flight contacts the store more often than this, so it learns of the move
/// in time.
pub const FORWARD_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A place where sessions live. Object-safe; the rules are numbered in the
/// [module documentation](self), and `testkit` runs them against any implementation.
///
/// There are no default methods: every verb is a decision of the store.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Stores `record` under its own key if that key is free, and if its principal may have
    /// one more session by `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached.
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError>;

    /// Reads the live session under `key`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached or the record cannot be read.
    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError>;

    /// Applies `changes` to the live session under `key` in one atomic step.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached or the record cannot be read.
    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError>;

    /// Moves the live session from `old` to `new` and applies `changes` to it, in one atomic
    /// step, and leaves a forwarding entry under `old`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached or the record cannot be read.
    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError>;

    /// Removes the session under `key`, readable or not.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached.
    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError>;

    /// Removes up to `limit` sessions that have expired.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached.
    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError>;

    /// Counts the live sessions. For operators, and not cheap: a store may have to look at
    /// every session, but holds up no other call for as long as that takes. What changes
    /// meanwhile may be counted as it was, as it is, or not at all.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be reached.
    async fn census(&self, now: Timestamp) -> Result<Census, StoreError>;

    /// How long `create`, `load`, `apply`, `rename` and `delete` take at most, by the store's own
    /// clock, whatever happens to its server; `None` for a store that gives no such promise. The
    /// engine sets a timer for each call of a store whose promise is not within its own
    /// [`store_timeout`](crate::SessionManagerBuilder::store_timeout), and none for others.
    fn answers_within(&self) -> Option<Duration> {
        None
    }

    /// The synchronous door of a store that lives in this process, or `None`. Where there is
    /// one the engine uses it, and extraction and commit need no await.
    fn immediate(&self) -> Option<&dyn ImmediateStore>;

    /// The sessions by principal, or `None` from a store that does not know them.
    fn principals(&self) -> Option<&dyn PrincipalIndex>;
}

/// The verbs of [`SessionStore`] for a store that answers at once: memory of this process.
///
/// The same rules hold. An implementation must not block on anything slow.
pub trait ImmediateStore: Send + Sync {
    /// See [`SessionStore::create`].
    ///
    /// # Errors
    /// As there.
    fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError>;

    /// See [`SessionStore::load`].
    ///
    /// # Errors
    /// As there.
    fn load(&self, key: &StoreKey, access: Access, now: Timestamp) -> Result<Loaded, StoreError>;

    /// See [`SessionStore::apply`].
    ///
    /// # Errors
    /// As there.
    fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError>;

    /// See [`SessionStore::rename`].
    ///
    /// # Errors
    /// As there.
    fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError>;

    /// See [`SessionStore::delete`].
    ///
    /// # Errors
    /// As there.
    fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError>;

    /// See [`SessionStore::sweep`].
    ///
    /// # Errors
    /// As there.
    fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError>;
}

/// Whether a load counts as an access of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A look that prolongs nothing.
    Peek,
    /// A request uses the session.
    Counted {
        /// Spare the write when the recorded access is younger than this.
        unless_within: Duration,
    },
}

impl Access {
    /// True when an access at `now` is to be recorded in `record`.
    ///
    /// An access is never spared for longer than a tenth of the record's own idle limit, so
    /// that a session in use does not expire for want of a write.
    #[must_use]
    pub fn is_due(self, record: &Record, now: Timestamp) -> bool {
        let Self::Counted { unless_within } = self else {
            return false;
        };
        let recorded = record.accessed_at;
        // What becomes of most requests that take less than a millisecond.
        if recorded == now {
            return false;
        }
        let spared = match record.max_inactive_interval.as_duration() {
            Some(idle) => unless_within.min(idle / 10),
            None => unless_within,
        };
        now < recorded || now.saturating_since(recorded) >= spared
    }
}

/// The answer to [`create`](SessionStore::create).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Created {
    /// The record is stored.
    Created,
    /// The store has no room for another session.
    Full,
    /// The principal has as many sessions as the limit allows; nothing was stored.
    Refused,
    /// The key is in use; nothing was stored.
    Taken,
}

/// The answer to [`load`](SessionStore::load).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loaded {
    /// There is no live session under the key.
    Absent,
    /// The live session, with this access recorded if it counted.
    Live {
        /// The session.
        record: Record,
        /// The access before this one (`HttpSession.getLastAccessedTime`).
        last_accessed: Timestamp,
    },
    /// The session got another key at this time. The new key is not told: whoever presents
    /// the old one is not let in.
    Moved {
        /// When it was renamed.
        since: Timestamp,
    },
}

/// The answer to [`apply`](SessionStore::apply) and [`rename`](SessionStore::rename).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// The changes are stored.
    Applied {
        /// The revision of the session now.
        revision: Revision,
        /// The session as it is now, when the change set asked for it.
        record: Option<Record>,
        /// The session as it was, when the change set asked for it. In a box, since few ask and
        /// all answers are moved about.
        before: Option<Box<Record>>,
    },
    /// A precondition is broken; this is the current session. Nothing was applied.
    Conflict(Record),
    /// The store has no room for the larger session. Nothing was applied.
    Full,
    /// There is no live session under the key. Nothing was applied.
    Gone,
    /// The session has this key now. Nothing was applied.
    Moved(StoreKey),
    /// An append to this attribute, which is no list. Nothing was applied.
    NotAList(Arc<str>),
    /// The principal has as many sessions as the limit of the login allows. Nothing was
    /// applied.
    Refused,
    /// Only for a rename: the new key is in use. Nothing was applied.
    Taken,
    /// The session would exceed the limits of the change set. Nothing was applied.
    TooLarge,
}

/// The answer to [`delete`](SessionStore::delete).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deleted {
    /// There was nothing under the key.
    Absent,
    /// The session has this key now; it still exists.
    Moved(StoreKey),
    /// The session is removed. `None` when its record could not be read.
    Removed(Option<Record>),
}

/// The answer to [`sweep`](SessionStore::sweep).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// What was removed, each reported to one caller.
    pub removed: Vec<Removed>,
    /// True when expired sessions may be left.
    pub more: bool,
}

/// A session that a store removed by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The last state of the session.
    pub record: Record,
    /// Why it was removed.
    pub reason: RemovalReason,
}

/// Why a store removed a session by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemovalReason {
    /// The store was full.
    Evicted,
    /// It lay idle too long, or reached its absolute limit.
    Expired,
    /// It was made before the sessions of everybody were ended.
    Generation,
    /// Its principal logged in elsewhere, and may have no more sessions.
    Replaced,
}

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot be reached or did not answer in time. Whether a write was applied is
    /// then unknown.
    #[error("the session store is not available")]
    Unavailable(#[source] BoxError),
    /// The record is damaged. It is left to expire and never overwritten.
    #[error("the stored session cannot be read")]
    Unreadable(#[source] BoxError),
    /// The record was written by a newer version of this library. It is never touched.
    #[error("the stored session has format version {version}, which is newer than this program")]
    NewerFormat {
        /// The version found.
        version: u8,
    },
}
