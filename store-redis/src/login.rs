//! Logins.
//!
//! The list of a principal lies in a group of its own, so a login takes three steps: an entry is
//! reserved in the list, which is where the limit is kept; then the session becomes the
//! principal's; then the list is put in order.

use session_core::store::{Applied, Created};
use session_core::{
    AtLimit, Authentication, ChangeSet, Login, PrincipalKey, Record, SessionLimit, StoreKey,
    Timestamp,
};

use crate::change::{Changed, Done, Way};
use crate::connection::Deadline;
use crate::error::Fault;
use crate::lists::{Entry, Reason, Strike, is_of};
use crate::moving::{Found, Route};
use crate::principals::Report;
use crate::store::RedisStore;

impl RedisStore {
    /// Lets the session under `old` log in, which then has the key `new`.
    pub(crate) async fn log_in(
        &self,
        login: &Login,
        old: &StoreKey,
        new: Option<&StoreKey>,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, Fault> {
        let deadline = self.deadline();
        let reason = Reason::Login {
            limit: login.limit,
            ends: login.absolute_deadline,
        };
        let principal = login.authentication.key;
        let target = new.unwrap_or(old);
        let Some(entry) = self
            .reserve(&principal, reason, old, target, now, deadline)
            .await?
        else {
            return Ok(Applied::Refused);
        };
        let not_after = Some(entry.not_after());
        let changed = match new {
            None => {
                self.change(old, Way::Stay, changes, not_after, now, deadline)
                    .await
            }
            Some(to) => {
                let route = Route {
                    from: old,
                    to,
                    known: None,
                    not_after,
                };
                self.relocate(route, changes, now, deadline).await
            }
        };
        match changed {
            Ok(Changed::Done(Done {
                applied, before, ..
            })) => {
                if let Some(before) = before.filter(|before| *before != principal) {
                    self.strike(&before, Strike::Unreserved, [*old], deadline)
                        .await;
                }
                self.logged_in(&entry, old, login.limit, now, deadline)
                    .await?;
                Ok(applied)
            }
            Ok(Changed::Refused(applied)) => {
                self.retract(&entry, deadline).await;
                Ok(applied)
            }
            Ok(Changed::Staged(_) | Changed::Of(_)) => {
                self.retract(&entry, deadline).await;
                Err(crate::store::never_arrives())
            }
            Err(fault) => {
                self.retract_unless_lost(&entry, &fault, deadline).await;
                Err(fault)
            }
        }
    }

    /// Stores a new session of somebody who has logged in.
    pub(crate) async fn create_logged_in(
        &self,
        record: &Record,
        login: &Authentication,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, Fault> {
        let (key, deadline) = (&record.key, self.deadline());
        let reason = Reason::Login {
            limit,
            ends: record.absolute_deadline,
        };
        let Some(entry) = self
            .reserve(&login.key, reason, key, key, now, deadline)
            .await?
        else {
            return Ok(Created::Refused);
        };
        let not_after = Some(entry.not_after());
        match self.insert(record, not_after, now, deadline).await {
            Ok(Created::Created) => {
                self.logged_in(&entry, key, limit, now, deadline).await?;
                Ok(Created::Created)
            }
            Ok(refused) => {
                self.retract(&entry, deadline).await;
                Ok(refused)
            }
            Err(fault) => {
                self.retract_unless_lost(&entry, &fault, deadline).await;
                Err(fault)
            }
        }
    }

    /// Puts the list in order after a login, and ends who is too many.
    async fn logged_in(
        &self,
        entry: &Entry,
        old: &StoreKey,
        limit: Option<SessionLimit>,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let oldest_end = limit.filter(|limit| limit.at_limit == AtLimit::EndOldest);
        let Some(limit) = oldest_end else {
            // What is not confirmed counts for four minutes, and is then verified as any other.
            let _ = self.confirm(entry, old, deadline).await;
            return Ok(());
        };
        let count = self.confirm(entry, old, deadline).await?;
        if count > u64::try_from(limit.max).unwrap_or(u64::MAX) {
            self.end_oldest(&entry.principal, limit.max, now, deadline)
                .await?;
        }
        Ok(())
    }

    /// Ends the sessions that logged in longest ago, so that `max` are left. Logins at the same
    /// time agree about which those are, for the list has numbered them.
    async fn end_oldest(
        &self,
        principal: &PrincipalKey,
        max: usize,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let mut named = self.named(principal, deadline).await?;
        named.sort_by(|one, other| other.number().cmp(one.number()));
        let found = self.look_at(&named, now, deadline).await?;
        let mut live: Vec<Box<Record>> = Vec::new();
        for found in found {
            if let Found::Live(record) = found
                && is_of(&record, principal)
                && live.iter().all(|other| other.key != record.key)
            {
                live.push(record);
            }
        }
        for record in live.into_iter().skip(max) {
            let handle = record.handle;
            let ended = self
                .end_session(
                    principal,
                    record.key,
                    &handle,
                    Report::BySweep,
                    now,
                    deadline,
                )
                .await?;
            if let Some(ended) = ended {
                self.strike_off(&ended, deadline).await;
            }
        }
        Ok(())
    }
}
