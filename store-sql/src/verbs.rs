//! Creating, loading, deleting and counting.

use session_core::store::{Access, Census, Created, Deleted, Loaded, StoreError};
use session_core::{ChangeSet, Limits};
use session_core::{Record, Reply, SessionLimit, StoreKey, Timestamp};

use crate::batches::Sizes;
use crate::change::{Change, delete_sessions, lock_one};
use crate::dialect::{Arg, Dialect, Fields};
use crate::engine::{Engine, Job, Outcome, run};
use crate::error::Failure;
use crate::loads;
use crate::principals::{Binding, Room};
use crate::row::{End, State};
use crate::values;
use crate::writes::{self, run_all};

/// How often an access is recorded in one step before it takes a lock.
const ACCESS_TRIES: usize = 3;

/// Storing a new record.
pub(crate) struct Creation<'a> {
    pub(crate) record: &'a Record,
    pub(crate) limit: Option<SessionLimit>,
    pub(crate) now: Timestamp,
}

impl<D: Dialect> Job<D> for Creation<'_> {
    type Answer = Created;

    async fn run(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
    ) -> Result<Outcome<Created>, Failure> {
        let record = self.record;
        if let (Some(login), Some(limit)) = (&record.authentication, self.limit) {
            let binding = Binding {
                principal: &login.key,
                limit,
                session: &record.key,
            };
            if let Room::Full = binding.make_room(engine, connection, self.now).await? {
                return Ok(Outcome::Undo(Created::Refused));
            }
        }
        match run::<D>(
            connection,
            &engine.statements.insert,
            &values::inserted(record),
        )
        .await
        {
            Ok(1..) => {}
            Ok(0) | Err(Failure::Duplicate) => return Ok(Outcome::Undo(Created::Taken)),
            Err(other) => return Err(other),
        }
        let attributes = writes::all_attributes(&engine.statements, record);
        run_all::<D>(connection, &attributes).await?;
        Ok(Outcome::Commit(Created::Created))
    }
}

impl Creation<'_> {
    pub(crate) async fn make<D: Dialect>(&self, engine: &Engine<D>) -> Result<Created, Failure> {
        let counts = self.limit.is_some() && self.record.authentication.is_some();
        if !counts && let Some(created) = D::create(engine, self.record).await {
            return created;
        }
        engine.transact(self).await
    }
}

/// Reads what is under a key, and records the access if it is due.
pub(crate) async fn load<D: Dialect>(
    engine: &Engine<D>,
    key: &StoreKey,
    access: Access,
    now: Timestamp,
) -> Result<Loaded, Failure> {
    for _ in 0..ACCESS_TRIES {
        let before = match state(engine, key, now).await? {
            State::Gone => return Ok(Loaded::Absent),
            State::Forward(forward) => {
                return Ok(Loaded::Moved {
                    since: forward.since,
                });
            }
            State::Live(record) => record,
        };
        let last_accessed = before.accessed_at;
        if !access.is_due(&before, now) {
            remember(engine, &before);
            return Ok(Loaded::Live {
                record: before,
                last_accessed,
            });
        }
        let mut record = before.clone();
        record.record_access(now, now);
        let deadline = values::deadline(record.expires_at());
        // Unless somebody changed the session since it was read.
        let values = [
            Arg::number(values::millis(record.accessed_at)),
            Arg::Number(deadline),
            Arg::Number(values::sweep_from(deadline)),
            Arg::key(key),
            Arg::number(values::millis(before.accessed_at)),
            Arg::number(values::signed(before.revision.get())),
        ];
        if engine.write(&engine.statements.access, &values).await? > 0 {
            remember(engine, &record);
            return Ok(Loaded::Live {
                record,
                last_accessed,
            });
        }
    }
    load_locked(engine, key, now).await
}

/// Keeps what was read for the change that may follow.
fn remember<D: Dialect>(engine: &Engine<D>, record: &Record) {
    if D::BATCHES != Sizes::None {
        engine.recent.remember(record);
    }
}

/// Records an access of a session that many use at once.
async fn load_locked<D: Dialect>(
    engine: &Engine<D>,
    key: &StoreKey,
    now: Timestamp,
) -> Result<Loaded, Failure> {
    use session_core::store::Applied;
    let mut touch = ChangeSet::touch(now, Limits::NONE);
    touch.reply = Reply::Change;
    let change = Change {
        key,
        new_key: None,
        changes: &touch,
        now,
    };
    Ok(match engine.transact(&change).await? {
        Applied::Applied {
            record: Some(record),
            before: Some(before),
            ..
        } => Loaded::Live {
            record,
            last_accessed: before.accessed_at,
        },
        // It ended or moved since it was read. One that went on as somebody else's session is
        // gone for changes, and all the same its old key is that of a moved one.
        _ => match state(engine, key, now).await? {
            State::Forward(forward) => Loaded::Moved {
                since: forward.since,
            },
            State::Gone | State::Live(_) => Loaded::Absent,
        },
    })
}

async fn state<D: Dialect>(
    engine: &Engine<D>,
    key: &StoreKey,
    now: Timestamp,
) -> Result<State, Failure> {
    let stored = loads::find(engine, key).await?;
    Ok(stored.map_or(Ok(State::Gone), |it| it.at(now))?)
}

/// Deleting the session under a key.
pub(crate) struct Deletion<'a> {
    pub(crate) key: &'a StoreKey,
}

impl<D: Dialect> Job<D> for Deletion<'_> {
    type Answer = Deleted;

    async fn run(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
    ) -> Result<Outcome<Deleted>, Failure> {
        let Some(stored) = lock_one(engine, connection, self.key).await? else {
            return Ok(Outcome::Undo(Deleted::Absent));
        };
        if let Some(version) = stored.newer_format() {
            return Err(StoreError::NewerFormat { version }.into());
        }
        // What ended by itself is for a sweep to report.
        if stored.end() != End::None {
            return Ok(Outcome::Undo(Deleted::Absent));
        }
        if let Some(forward) = stored.forward() {
            return Ok(Outcome::Undo(match forward.is_closed {
                true => Deleted::Absent,
                false => Deleted::Moved(forward.to),
            }));
        }
        delete_sessions(engine, connection, &[*self.key]).await?;
        Ok(Outcome::Commit(Deleted::Removed(stored.into_record())))
    }
}

/// Counts the live sessions by their age.
pub(crate) async fn census<D: Dialect>(
    engine: &Engine<D>,
    now: Timestamp,
) -> Result<Census, Failure> {
    // The earliest creation of each class but the last.
    let mut values: Vec<_> = Census::AGE_LIMITS
        .iter()
        .map(|limit| {
            let age = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
            let earliest = now.as_millis().saturating_sub(age);
            Arg::number(values::present(Timestamp::from_millis(earliest)))
        })
        .collect();
    values.push(Arg::number(values::present(now)));
    let rows = engine.read(&engine.statements.census, &values).await?;
    let mut census = Census::default();
    let mut younger = 0;
    for class in 0..=Census::AGE_LIMITS.len() {
        // Each count includes those before it.
        let up_to = rows.first().map_or(Ok(0), |row| row.count(class));
        let up_to = up_to.map_err(StoreError::from)?;
        census.count_class(class, usize::try_from(up_to - younger).unwrap_or(0));
        younger = up_to;
    }
    Ok(census)
}
