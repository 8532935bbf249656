//! The sessions of a principal: how many there may be, listing and ending them.

use session_core::store::StoreError;
use session_core::{
    AtLimit, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey, Timestamp,
};

use crate::change::delete_sessions;
use crate::dialect::{Arg, Dialect};
use crate::engine::{Engine, Job, Outcome, rows, run};
use crate::error::Failure;
use crate::row::{self, State};
use crate::values;

/// How often sessions are looked up again because they got other keys meanwhile.
const ROUNDS_MAX: usize = 16;

/// How many sessions are locked and deleted by one statement.
const AT_ONCE: usize = 64;

/// A login of a principal who may have only so many sessions.
pub(crate) struct Binding<'a> {
    pub(crate) principal: &'a PrincipalKey,
    pub(crate) limit: SessionLimit,
    /// The session that logs in, which does not count itself.
    pub(crate) session: &'a StoreKey,
}

/// Whether a principal may have one more session.
pub(crate) enum Room {
    Free,
    Full,
}

impl Binding<'_> {
    /// Makes room for one more session of the principal, if the limit allows. No other login of
    /// the principal that counts runs until this transaction is over.
    pub(crate) async fn make_room<D: Dialect>(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
        now: Timestamp,
    ) -> Result<Room, Failure> {
        let statements = &engine.statements;
        // Where one transaction writes at a time there is nothing to wait for.
        if !D::SYNTAX.for_update.is_empty() {
            let [lane, ..] = *self.principal.as_bytes();
            rows::<D>(connection, &statements.lane, &[Arg::number(lane.into())]).await?;
        }
        for _ in 0..ROUNDS_MAX {
            let mut others = self.others(engine, connection, now).await?;
            let surplus = (others.len() + 1).saturating_sub(self.limit.max);
            if surplus == 0 {
                return Ok(Room::Free);
            }
            if self.limit.at_limit != AtLimit::EndOldest {
                return Ok(Room::Full);
            }
            others.truncate(surplus);
            let mut is_done = true;
            for (_, key) in &others {
                let values = [Arg::key(key), Arg::bytes(self.principal.as_bytes())];
                // One that got another key meanwhile still counts, under that.
                is_done &= run::<D>(connection, &statements.replace, &values).await? > 0;
            }
            if is_done {
                return Ok(Room::Free);
            }
        }
        Ok(Room::Full)
    }

    /// The other live sessions of the principal, the oldest login first.
    async fn others<D: Dialect>(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
        now: Timestamp,
    ) -> Result<Vec<(Timestamp, StoreKey)>, Failure> {
        let values = [
            Arg::bytes(self.principal.as_bytes()),
            Arg::number(values::present(now)),
        ];
        let found = rows::<D>(connection, &engine.statements.logins, &values).await?;
        let mut others = Vec::with_capacity(found.len());
        for row in &found {
            let key = row::key_at(row, 0).map_err(StoreError::from)?;
            if key != *self.session {
                others.push((row::time_at(row, 1).map_err(StoreError::from)?, key));
            }
        }
        others.sort_unstable();
        Ok(others)
    }
}

/// The live sessions of a principal without their attributes, the oldest login first.
pub(crate) async fn list<D: Dialect>(
    engine: &Engine<D>,
    principal: &PrincipalKey,
    now: Timestamp,
) -> Result<Vec<Record>, Failure> {
    let values = [
        Arg::bytes(principal.as_bytes()),
        Arg::number(values::present(now)),
    ];
    let rows = engine.read(&engine.statements.list, &values).await?;
    let mut records = Vec::with_capacity(rows.len());
    for stored in row::read(&rows)? {
        // One that cannot be read is not listed, and keeps none of the others from it.
        if let Ok(State::Live(record)) = stored.at(now) {
            records.push(record);
        }
    }
    records.sort_by_key(|record| {
        let login = record.authentication.as_ref();
        (login.map(|login| login.authenticated_at), record.key)
    });
    Ok(records)
}

/// Which sessions of a principal end.
#[derive(Clone, Copy)]
pub(crate) enum Which<'a> {
    /// The one with this handle.
    One(&'a SessionHandle),
    /// All but the one with this handle.
    AllBut(Option<&'a SessionHandle>),
}

impl Which<'_> {
    fn has(self, handle: &SessionHandle) -> bool {
        match self {
            Self::One(one) => handle == one,
            Self::AllBut(spared) => Some(handle) != spared,
        }
    }
}

/// Ending sessions of a principal.
pub(crate) struct Ending<'a> {
    pub(crate) principal: &'a PrincipalKey,
    pub(crate) which: Which<'a>,
    pub(crate) now: Timestamp,
}

impl<D: Dialect> Job<D> for Ending<'_> {
    type Answer = Vec<Record>;

    async fn run(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
    ) -> Result<Outcome<Vec<Record>>, Failure> {
        let mut ended = Vec::new();
        let mut has_ended = false;
        for _ in 0..ROUNDS_MAX {
            let keys = self.find(engine, connection).await?;
            let mut is_done = true;
            for keys in keys.chunks(AT_ONCE) {
                let some = self.end(engine, connection, keys).await?;
                // One was renamed meanwhile, or ended by somebody else: the next round tells.
                is_done &= some.deleted == keys.len();
                has_ended |= some.deleted > 0;
                ended.extend(some.records);
            }
            if is_done {
                break;
            }
        }
        Ok(match has_ended {
            true => Outcome::Commit(ended),
            false => Outcome::Undo(ended),
        })
    }
}

impl Ending<'_> {
    /// The keys of the sessions that are to end, in the order in which they are locked.
    async fn find<D: Dialect>(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
    ) -> Result<Vec<StoreKey>, Failure> {
        let values = [
            Arg::bytes(self.principal.as_bytes()),
            Arg::number(values::present(self.now)),
        ];
        let found = rows::<D>(connection, &engine.statements.of_principal, &values).await?;
        let mut keys = Vec::new();
        for row in &found {
            let key = row::key_at(row, 0).map_err(StoreError::from)?;
            let is_meant = match row::handle_at(row, 1) {
                Ok(handle) => self.which.has(&handle),
                // A session without a handle is none in particular, but it is one of all.
                Err(_) => matches!(self.which, Which::AllBut(_)),
            };
            if is_meant {
                keys.push(key);
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// Ends those under some keys that are still meant, once they are locked.
    async fn end<D: Dialect>(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
        keys: &[StoreKey],
    ) -> Result<Ended, Failure> {
        let keys: Vec<&StoreKey> = keys.iter().collect();
        let rows = D::lock(engine, connection, &keys).await;
        let rows = rows.map_err(|error| D::sort(&error))?;
        let (mut deleted, mut records) = (Vec::new(), Vec::new());
        for stored in row::read(&rows)? {
            let key = stored.key;
            match stored.at(self.now) {
                Ok(State::Live(record)) => {
                    let login = record.authentication.as_ref();
                    let is_theirs = login.is_some_and(|login| login.key == *self.principal);
                    if is_theirs && self.which.has(&record.handle) {
                        deleted.push(key);
                        records.push(record);
                    }
                }
                Ok(State::Gone | State::Forward(_)) => {}
                // Nothing changes what cannot be read, so it is whose it was when it was found.
                Err(StoreError::Unreadable(_)) => deleted.push(key),
                Err(other) => return Err(other.into()),
            }
        }
        delete_sessions(engine, connection, &deleted).await?;
        Ok(Ended {
            deleted: deleted.len(),
            records,
        })
    }
}

/// What was ended.
struct Ended {
    /// How many, those included of which nothing can be told.
    deleted: usize,
    records: Vec<Record>,
}
