//! Applying changes, with or without another key: the record is locked, changed by the code
//! that all stores share, and what differs is written.

use session_core::store::{Applied, StoreError};
use session_core::{ChangeSet, Record, Refusal, Reply, StoreKey, Timestamp};

use crate::dialect::{Arg, Dialect};
use crate::engine::{Engine, Job, Outcome, run};
use crate::error::Failure;
use crate::principals::{Binding, Room};
use crate::row::{self, State, Stored};
use crate::values;
use crate::writes::{self, run_all};

/// A change set for the session under a key.
pub(crate) struct Change<'a> {
    pub(crate) key: &'a StoreKey,
    /// Its key afterwards, when it gets another one.
    pub(crate) new_key: Option<&'a StoreKey>,
    pub(crate) changes: &'a ChangeSet,
    pub(crate) now: Timestamp,
}

/// What is to be done about a change set, decided without the database.
pub(crate) enum Decision {
    /// Nothing: it is answered with this.
    Answer(Applied),
    /// The record as it was is written as it is now.
    Write(Box<(Record, Record)>),
}

impl<D: Dialect> Job<D> for Change<'_> {
    type Answer = Applied;

    async fn run(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
    ) -> Result<Outcome<Applied>, Failure> {
        // A principal is locked before a session, here and everywhere.
        let binding = self.changes.login.as_ref().and_then(|login| {
            Some(Binding {
                principal: &login.authentication.key,
                limit: login.limit?,
                session: self.key,
            })
        });
        let room = match &binding {
            Some(binding) => binding.make_room(engine, connection, self.now).await?,
            None => Room::Free,
        };
        let Room::Free = room else {
            return Ok(Outcome::Undo(Applied::Refused));
        };
        let (before, after) = match self.decide(self.lock(engine, connection).await?)? {
            Decision::Answer(answer) => return Ok(Outcome::Undo(answer)),
            Decision::Write(records) => *records,
        };
        let statements = &engine.statements;
        if self.new_key.is_none() {
            run_all::<D>(connection, &[writes::update(statements, &after)]).await?;
        } else if !self.rename(engine, connection, &before, &after).await? {
            return Ok(Outcome::Undo(Applied::Taken));
        }
        let attributes = writes::attributes(statements, self.changes, &before, &after);
        run_all::<D>(connection, &attributes).await?;
        Ok(Outcome::Commit(self.applied(before, after)))
    }
}

impl Change<'_> {
    /// Locks what is under both keys, and answers it.
    async fn lock<D: Dialect>(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
    ) -> Result<Vec<Stored>, Failure> {
        let rows = match self.new_key {
            Some(new) if new < self.key => D::lock(engine, connection, &[new, self.key]).await,
            Some(new) if new > self.key => D::lock(engine, connection, &[self.key, new]).await,
            Some(_) | None => D::lock(engine, connection, &[self.key]).await,
        };
        let rows = rows.map_err(|error| D::sort(&error))?;
        Ok(row::read(&rows)?)
    }

    pub(crate) fn decide(&self, stored: Vec<Stored>) -> Result<Decision, StoreError> {
        let is_taken = self
            .new_key
            .is_some_and(|new| stored.iter().any(|stored| stored.key == *new));
        let mut ours = stored.into_iter().filter(|stored| stored.key == *self.key);
        let state = ours.next().map_or(Ok(State::Gone), |it| it.at(self.now))?;
        Ok(match state {
            State::Gone => Decision::Answer(Applied::Gone),
            State::Forward(forward) if forward.is_closed && self.new_key.is_none() => {
                Decision::Answer(Applied::Gone)
            }
            State::Forward(forward) => Decision::Answer(Applied::Moved(forward.to)),
            State::Live(_) if is_taken => Decision::Answer(Applied::Taken),
            State::Live(before) => self.changed(before),
        })
    }

    /// What is to be done about a live record.
    pub(crate) fn changed(&self, before: Record) -> Decision {
        let mut after = before.clone();
        match after.apply(self.changes, self.now) {
            Ok(()) => {
                if let Some(new) = self.new_key {
                    after = after.renamed(*new);
                }
                Decision::Write(Box::new((before, after)))
            }
            Err(Refusal::Conflict) => Decision::Answer(Applied::Conflict(before)),
            Err(Refusal::NotAList(name)) => Decision::Answer(Applied::NotAList(name)),
            Err(_) => Decision::Answer(Applied::TooLarge),
        }
    }

    /// Makes the old row a forwarding entry, and a new one of the session. Who waited for the old
    /// row finds where the session went. False when somebody was faster with the new key.
    async fn rename<D: Dialect>(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
        before: &Record,
        after: &Record,
    ) -> Result<bool, Failure> {
        let forward = row::Forward {
            to: after.key,
            since: self.now,
            is_closed: self.changes.clear_attributes,
        };
        let deadline = values::deadline(forward.expires_at());
        let statements = &engine.statements;
        let values = [
            Arg::key(&forward.to),
            Arg::number(values::millis(forward.since)),
            Arg::number(forward.is_closed.into()),
            Arg::Number(deadline),
            Arg::Number(values::sweep_from(deadline)),
            Arg::key(&before.key),
        ];
        run::<D>(connection, &statements.forward, &values).await?;
        match run::<D>(connection, &statements.insert, &values::inserted(after)).await {
            Ok(1..) => {}
            Ok(0) | Err(Failure::Duplicate) => return Ok(false),
            Err(other) => return Err(other),
        }
        if !before.attributes.is_empty() && !self.changes.clear_attributes {
            let values = [Arg::key(&after.key), Arg::key(&before.key)];
            run::<D>(connection, &statements.move_attributes, &values).await?;
        }
        Ok(true)
    }

    pub(crate) fn applied(&self, before: Record, after: Record) -> Applied {
        let reply = self.changes.reply;
        Applied::Applied {
            revision: after.revision,
            record: (reply != Reply::Revision).then_some(after),
            before: (reply == Reply::Change).then(|| Box::new(before)),
        }
    }
}

/// Deletes sessions that are locked, and their attributes.
pub(crate) async fn delete_sessions<D: Dialect>(
    engine: &Engine<D>,
    connection: &mut D::Connection,
    keys: &[StoreKey],
) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    let values: Vec<_> = keys.iter().map(Arg::key).collect();
    let delete = engine.statements.delete_attributes_of(keys.len());
    run::<D>(connection, &delete, &values).await?;
    let delete = engine.statements.delete_records(keys.len());
    run::<D>(connection, &delete, &values).await?;
    Ok(())
}

/// Locks what is under a key, and answers it.
pub(crate) async fn lock_one<D: Dialect>(
    engine: &Engine<D>,
    connection: &mut D::Connection,
    key: &StoreKey,
) -> Result<Option<Stored>, Failure> {
    let rows = D::lock(engine, connection, &[key]).await;
    let rows = rows.map_err(|error| D::sort(&error))?;
    Ok(row::read(&rows)?.into_iter().next())
}
