//! The lists of the sessions of each principal.
//!
//! What an entry of a list says is verified with the session itself. So a list may name sessions
//! that are not there, but a session that is there is named: an entry is reserved before the
//! session becomes the principal's, and counts by itself for as long as that may take.

use session_core::{AtLimit, PrincipalKey, Record, SessionLimit, StoreKey, Timestamp};

use crate::connection::Deadline;
use crate::error::Fault;
use crate::moving::{Found, LATENESS_MAX};
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
    pub(crate) key: StoreKey,
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
    pub(crate) fn number(&self) -> &[u8] {
        self.entry.get(8..16).unwrap_or_default()
    }
}

impl RedisStore {
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
    pub(crate) async fn retract_unless_lost(
        &self,
        entry: &Entry,
        fault: &Fault,
        deadline: Deadline,
    ) {
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
