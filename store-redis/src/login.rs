//! Logins, and the lists of the sessions of each principal.
//!
//! A list lies in a group of its own, so a login takes three steps: an entry is reserved in the
//! list, which is where the limit is kept; then the session becomes the principal's; then the
//! list is put in order. What an entry says is verified with the session itself. So a list may
//! name sessions that are not there, but a session that is there is named: whatever dies on
//! the way leaves an entry too many, which counts for four minutes and is then found out.

use session_core::store::{Applied, Created};
use session_core::{
    AtLimit, Authentication, ChangeSet, Login, PrincipalKey, Record, SessionLimit, StoreKey,
    Timestamp,
};

use crate::change::{Changed, Done, Way};
use crate::connection::Deadline;
use crate::error::Fault;
use crate::moving::{Found, LATENESS_MAX, Route};
use crate::script::{CONFIRM, Call, ENTRIES, RESERVE, RETRACT, STRIKE};
use crate::store::RedisStore;

/// How often a login looks at the sessions of a principal who has enough of them. Each time it
/// found some that do not count any more.
const LOOKS_MAX: usize = 3;

/// How long the list of a principal outlives the sessions in it, in milliseconds.
const GRACE: u64 = 60 * 60 * 1_000;

/// Why an entry is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    /// A login. `ends` is the absolute deadline of the session.
    Login {
        limit: Option<SessionLimit>,
        ends: Timestamp,
    },
    /// A session of the principal gets another key.
    Move,
}

/// An entry that was made in the list of a principal.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) principal: PrincipalKey,
    key: StoreKey,
    made_at: u64,
    entry: Vec<u8>,
    before: Option<Vec<u8>>,
}

impl Entry {
    /// Until when the change that it is for may come to a server.
    pub(crate) const fn not_after(&self) -> u64 {
        self.made_at.saturating_add(LATENESS_MAX)
    }
}

/// A session that a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) key: StoreKey,
    entry: Vec<u8>,
}

impl Named {
    /// The number of the login.
    fn number(&self) -> &[u8] {
        self.entry.get(8..16).unwrap_or_default()
    }
}

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

    /// Enters a session in the list of a principal. `None` when the principal has as many as
    /// the limit allows.
    pub(crate) async fn reserve(
        &self,
        principal: &PrincipalKey,
        reason: Reason,
        old: &StoreKey,
        new: &StoreKey,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Entry>, Fault> {
        let mut idle: Vec<Vec<u8>> = Vec::new();
        for _ in 0..LOOKS_MAX {
            let call = self.reservation(principal, reason, old, new, now);
            let mut answer = self.call(&call.args(idle.clone()), deadline).await?;
            match answer.letter {
                b'O' => {
                    return Ok(Some(Entry {
                        principal: *principal,
                        key: *new,
                        made_at: answer.digits()?,
                        entry: answer.bytes()?,
                        before: answer.optional_bytes(),
                    }));
                }
                b'F' => {
                    let named = named(answer.list().unwrap_or_default());
                    idle = self.idle_among(principal, named, now, deadline).await?;
                    if idle.is_empty() {
                        return Ok(None);
                    }
                }
                _ => return answer.unexpected(),
            }
        }
        Ok(None)
    }

    fn reservation(
        &self,
        principal: &PrincipalKey,
        reason: Reason,
        old: &StoreKey,
        new: &StoreKey,
        now: Timestamp,
    ) -> Call {
        let (letter, max, lives) = match reason {
            // Whoever is too many ends after the login.
            Reason::Login { limit, ends } => (
                "l",
                limit.and_then(|limit| match limit.at_limit {
                    AtLimit::Refuse => Some(limit.max.to_string()),
                    _ => None,
                }),
                (ends != Timestamp::NEVER).then(|| {
                    let left = ends.as_millis().saturating_sub(now.as_millis());
                    left.saturating_add(GRACE)
                }),
            ),
            // The list lives as long as it did.
            Reason::Move => ("m", None, Some(GRACE)),
        };
        /// Longer ones are as good as never, and Redis refuses them.
        const LIVES_MAX: u64 = 1 << 53;
        let lives = lives.filter(|lives| *lives < LIVES_MAX);
        Call::of(&RESERVE, self.names().group_of_principal(principal))
            .key(self.names().principal(principal))
            .arg(*new.as_bytes())
            .arg(*old.as_bytes())
            .arg(letter)
            .arg(max.unwrap_or_default())
            .arg(lives.map_or(String::new(), |lives| lives.to_string()))
    }

    /// Which of the sessions that a list names are none of the principal's now, as the script
    /// wants to hear it.
    async fn idle_among(
        &self,
        principal: &PrincipalKey,
        named: Vec<Named>,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Vec<Vec<u8>>, Fault> {
        let found = self.look_at(&named, now, deadline).await?;
        let mut idle = Vec::new();
        for (named, found) in named.into_iter().zip(found) {
            let letter = match found {
                Found::Live(record) if is_of(&record, principal) => continue,
                // By another clock it may be live.
                Found::Expired => "i",
                Found::Live(_) | Found::Moved(_) | Found::Nothing => "x",
            };
            idle.extend([named.key.as_bytes().to_vec(), named.entry, letter.into()]);
        }
        Ok(idle)
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

    /// The sessions that the list of a principal names.
    pub(crate) async fn named(
        &self,
        principal: &PrincipalKey,
        deadline: Deadline,
    ) -> Result<Vec<Named>, Fault> {
        let call = Call::of(&ENTRIES, self.names().group_of_principal(principal))
            .key(self.names().principal(principal));
        let mut answer = self.ask(&call, deadline).await?;
        Ok(named(answer.list().unwrap_or_default()))
    }

    /// Confirms an entry, strikes the old key of the session off, and answers how many entries
    /// there are.
    pub(crate) async fn confirm(
        &self,
        entry: &Entry,
        old: &StoreKey,
        deadline: Deadline,
    ) -> Result<u64, Fault> {
        let call = Call::of(&CONFIRM, self.names().group_of_principal(&entry.principal))
            .key(self.names().principal(&entry.principal))
            .arg(*entry.key.as_bytes())
            .arg(*old.as_bytes())
            .arg(&entry.entry[..]);
        self.ask(&call, deadline).await?.digits()
    }

    /// Takes an entry back. One that stays counts for four minutes at most.
    pub(crate) async fn retract(&self, entry: &Entry, deadline: Deadline) {
        let call = Call::of(&RETRACT, self.names().group_of_principal(&entry.principal))
            .key(self.names().principal(&entry.principal))
            .arg(*entry.key.as_bytes())
            .arg(&entry.entry[..])
            .arg(entry.before.clone().unwrap_or_default());
        let _ = self.ask(&call, deadline).await;
    }

    /// Takes an entry back unless what it was for may have happened.
    async fn retract_unless_lost(&self, entry: &Entry, fault: &Fault, deadline: Deadline) {
        if !matches!(fault, Fault::Lost(_)) {
            self.retract(entry, deadline).await;
        }
    }

    /// Strikes a session that is removed off the list of its principal.
    pub(crate) async fn strike_off(&self, record: &Record, deadline: Deadline) {
        if let Some(login) = &record.authentication {
            self.strike(&login.key, Strike::Removed, [record.key], deadline)
                .await;
        }
    }

    /// Strikes entries off. What stays is found out when somebody looks at it.
    pub(crate) async fn strike(
        &self,
        principal: &PrincipalKey,
        strike: Strike,
        keys: impl IntoIterator<Item = StoreKey>,
        deadline: Deadline,
    ) {
        let call = Call::of(&STRIKE, self.names().group_of_principal(principal))
            .key(self.names().principal(principal))
            .arg(match strike {
                Strike::Removed => "1",
                Strike::Unreserved => "0",
            })
            .args(keys.into_iter().map(|key| key.as_bytes().to_vec()));
        let _ = self.ask(&call, deadline).await;
    }
}

/// Which entries are struck off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Strike {
    /// Those of sessions that are removed for good.
    Removed,
    /// Those that nobody has reserved.
    Unreserved,
}

/// Who is told that a session was ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    /// Whoever ended it.
    ToCaller,
    /// Whoever sweeps.
    BySweep,
}

pub(crate) fn is_of(record: &Record, principal: &PrincipalKey) -> bool {
    let login = record.authentication.as_ref();
    login.is_some_and(|login| login.key == *principal)
}

/// The entries of a list, without the count of logins.
fn named(fields: Vec<Vec<u8>>) -> Vec<Named> {
    let mut fields = fields.into_iter();
    let mut named = Vec::new();
    while let (Some(key), Some(entry)) = (fields.next(), fields.next()) {
        if let Ok(key) = <[u8; 32]>::try_from(key) {
            let key = StoreKey::from_bytes(key);
            named.push(Named { key, entry });
        }
    }
    named
}
