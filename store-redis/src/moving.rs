//! Giving a session another key.
//!
//! Within a group one script does it. Between two groups, whose keys may lie on two nodes, a
//! session travels in steps, of which the second decides:
//!
//! 1. *Stage*: the new key is taken, and says from where a session may come.
//! 2. *Depart*: one script under the old key applies the change set and makes the session a
//!    forwarding entry that still has all of its fields. From this moment on the old key is
//!    dead, and the new one lives.
//! 3. *Arrive*: the fields are put under the new key, if it still waits for them.
//! 4. *Forget*: of the old key nothing but the forwarding entry is left.
//!
//! Whoever meets a staged key asks the old one. If nothing departed to here, there is no session;
//! otherwise it does steps 3 and 4 itself. So whatever dies between two steps leaves exactly one
//! key with a session, and nothing has to be tried again because somebody else wrote.

use session_core::store::Applied;
use session_core::{ChangeSet, PrincipalKey, Record, StoreKey, Timestamp};

use crate::change::{Changed, Way};
use crate::connection::Deadline;
use crate::error::Fault;
use crate::lists::{Entry, Reason};
use crate::record::record;
use crate::script::{ARRIVE, Answer, Call, FETCH, FORGET, PEEK, STAGE, UNSTAGE, number};
use crate::store::{RedisStore, never_arrives};

/// How long after it was prepared a change of the key, or a login, may still come to the
/// server, in milliseconds: half of what an entry of a list is reserved for, and far below what
/// a staged key lives. The clocks of two nodes may differ by as much.
pub(crate) const LATENESS_MAX: u64 = 120_000;

/// How often a move is prepared anew because the session became somebody else's meanwhile.
const OWNERS_MAX: usize = 4;

/// How many moves are followed to a session. More in half an hour are no visitor's.
const MOVES_MAX: usize = 64;

/// What is under a key.
pub(crate) enum Found {
    /// A session, without its attributes.
    Live(Box<Record>),
    /// Another key.
    Moved(StoreKey),
    /// A session that has expired.
    Expired,
    /// Nothing.
    Nothing,
}

/// From where to where a session goes.
#[derive(Clone, Copy)]
pub(crate) struct Route<'a> {
    pub(crate) from: &'a StoreKey,
    pub(crate) to: &'a StoreKey,
    /// Whose the session is, where the list of that principal knows about it.
    pub(crate) known: Option<&'a PrincipalKey>,
    /// Until when it may depart.
    pub(crate) not_after: Option<u64>,
}

/// What stands in the way of taking a key.
enum Staged {
    /// Nothing; the time of that server.
    At(u64),
    Taken,
}

impl RedisStore {
    /// Gives a session another key, with a change set that is no login.
    pub(crate) async fn move_session(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, Fault> {
        let deadline = self.deadline();
        let mut entry: Option<Entry> = None;
        for _ in 0..OWNERS_MAX {
            let route = Route {
                from: old,
                to: new,
                known: entry.as_ref().map(|entry| &entry.principal),
                not_after: entry.as_ref().map(Entry::not_after),
            };
            let owner = match self.relocate(route, changes, now, deadline).await {
                Ok(Changed::Done(done)) => {
                    if let Some(entry) = &entry {
                        // The entry of the old key leads to the new one for as long as it takes.
                        let _ = self.confirm(entry, old, deadline).await;
                    }
                    return Ok(done.applied);
                }
                Ok(Changed::Of(owner)) => owner,
                Ok(Changed::Refused(applied)) => {
                    self.retract_all(entry, deadline).await;
                    return Ok(applied);
                }
                Ok(Changed::Staged(_)) => {
                    self.retract_all(entry, deadline).await;
                    return Err(never_arrives());
                }
                Err(fault) => {
                    if !matches!(fault, Fault::Lost(_)) {
                        self.retract_all(entry, deadline).await;
                    }
                    return Err(fault);
                }
            };
            self.retract_all(entry.take(), deadline).await;
            entry = self
                .reserve(&owner, Reason::Move, old, new, now, deadline)
                .await?;
        }
        self.retract_all(entry, deadline).await;
        Err(Fault::Refused(
            "the session changes its owner all the time".into(),
        ))
    }

    async fn retract_all(&self, entry: Option<Entry>, deadline: Deadline) {
        if let Some(entry) = entry {
            self.retract(&entry, deadline).await;
        }
    }

    /// Gives a session another key, within its group or to another one.
    pub(crate) async fn relocate(
        &self,
        route: Route<'_>,
        changes: &ChangeSet,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Changed, Fault> {
        let Route {
            from: old,
            to: new,
            known,
            not_after,
        } = route;
        if self.names().group_of(old) == self.names().group_of(new) {
            let way = Way::Move { to: new, known };
            return self
                .change(old, way, changes, not_after, now, deadline)
                .await;
        }
        let Staged::At(time) = self.stage(old, new, deadline).await? else {
            return Ok(Changed::Refused(
                match self.find(old, now, deadline).await? {
                    Found::Live(_) => Applied::Taken,
                    Found::Moved(to) => Applied::Moved(to),
                    Found::Expired | Found::Nothing => Applied::Gone,
                },
            ));
        };
        let latest = time.saturating_add(LATENESS_MAX);
        let latest = not_after.map_or(latest, |time| time.min(latest));
        let way = Way::Depart { to: new, known };
        let changed = self
            .change(old, way, changes, Some(latest), now, deadline)
            .await;
        match &changed {
            Ok(Changed::Done(done)) => {
                // It has departed, so it has another key, whoever brings it there.
                if let Some(fields) = done.departed.clone() {
                    let _ = self.arrive(old, new, fields, now, deadline).await;
                }
            }
            Err(Fault::Lost(_)) => {}
            Ok(_) | Err(_) => self.unstage(old, new, deadline).await,
        }
        changed
    }

    async fn stage(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        deadline: Deadline,
    ) -> Result<Staged, Fault> {
        let call = Call::of(&STAGE, self.names().group_of(new))
            .key(self.names().session(new))
            .arg(*old.as_bytes());
        let answer = self.call(&call, deadline).await;
        let mut answer = answer.map_err(|fault| match fault {
            // A key may be taken that nobody uses, but nothing has happened to the session.
            Fault::Lost(error) => Fault::Refused(error),
            fault => fault,
        })?;
        match answer.letter {
            b'O' => Ok(Staged::At(answer.digits()?)),
            b'X' => Ok(Staged::Taken),
            _ => answer.unexpected(),
        }
    }

    async fn unstage(&self, old: &StoreKey, new: &StoreKey, deadline: Deadline) {
        let call = Call::of(&UNSTAGE, self.names().group_of(new))
            .key(self.names().session(new))
            .arg(*old.as_bytes());
        // A key that stays staged is free again after an hour.
        let _ = self.ask(&call, deadline).await;
    }

    /// Puts a session that departed under its new key, and forgets it under the old one.
    async fn arrive(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        fields: Vec<Vec<u8>>,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let group = self.names().group_of(new);
        let call = Call::of(&ARRIVE, group)
            .key(self.names().session(new))
            .key(self.names().generation(group))
            .key(self.names().index(group))
            .key(self.names().ended(group))
            .arg(number(now.as_millis()))
            .arg(*new.as_bytes())
            .arg(*old.as_bytes())
            .args(fields);
        self.ask(&call, deadline).await?;
        self.forget(old, new, deadline).await;
        Ok(())
    }

    async fn forget(&self, old: &StoreKey, new: &StoreKey, deadline: Deadline) {
        let call = Call::of(&FORGET, self.names().group_of(old))
            .key(self.names().session(old))
            .arg(*new.as_bytes());
        // What is not forgotten now is when the forwarding entry expires.
        let _ = self.ask(&call, deadline).await;
    }

    /// Brings the session that may have departed `from` one key under its new one. False when
    /// none did.
    pub(crate) async fn bring(
        &self,
        from: &StoreKey,
        key: &StoreKey,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<bool, Fault> {
        let call = Call::of(&FETCH, self.names().group_of(from))
            .key(self.names().session(from))
            .arg(*key.as_bytes());
        let mut answer = self.ask(&call, deadline).await?;
        match answer.letter {
            b'B' => {
                let mut fields = answer.list().unwrap_or_default();
                remove_forward(&mut fields);
                self.arrive(from, key, fields, now, deadline).await?;
                Ok(true)
            }
            b'M' => Ok(true),
            b'A' => Ok(false),
            _ => answer.unexpected(),
        }
    }

    /// What is under a key, without counting an access.
    pub(crate) async fn find(
        &self,
        key: &StoreKey,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Found, Fault> {
        let names = self.names();
        let group = names.group_of(key);
        let call = Call::of(&PEEK, group)
            .key(names.session(key))
            .key(names.generation(group))
            .arg(number(now.as_millis()));
        for _ in 0..MOVES_MAX {
            let mut answer: Answer = self.ask(&call, deadline).await?;
            match answer.letter {
                b'L' => {
                    let record = record(answer.list().unwrap_or_default())?;
                    return Ok(Found::Live(Box::new(record)));
                }
                b'A' => {
                    return Ok(match answer.optional_bytes() {
                        Some(_) => Found::Expired,
                        None => Found::Nothing,
                    });
                }
                b'F' => return Ok(Found::Moved(StoreKey::from_bytes(answer.array()?))),
                b'S' => {
                    let from = StoreKey::from_bytes(answer.array()?);
                    if !self.bring(&from, key, now, deadline).await? {
                        return Ok(Found::Nothing);
                    }
                }
                _ => return answer.unexpected(),
            }
        }
        Err(never_arrives())
    }

    /// What is under a key, or under the one that the session has now.
    pub(crate) async fn follow(
        &self,
        key: &StoreKey,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Found, Fault> {
        let mut key = *key;
        for _ in 0..MOVES_MAX {
            match self.find(&key, now, deadline).await? {
                Found::Moved(to) => key = to,
                found => return Ok(found),
            }
        }
        Err(never_arrives())
    }
}

/// Leaves the fields of the session out of those that a departed one has.
fn remove_forward(fields: &mut Vec<Vec<u8>>) {
    let forward = fields.chunks(2).position(|pair| pair[0] == b"f");
    if let Some(position) = forward {
        fields.drain(position * 2..(position * 2 + 2).min(fields.len()));
    }
}
