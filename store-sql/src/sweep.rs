//! Removing what is over, in batches that several processes can work on at once.

use session_core::store::{RemovalReason, Removed, StoreError, Swept};
use session_core::{StoreKey, Timestamp};

use crate::change::delete_sessions;
use crate::dialect::{Arg, Dialect, Fields};
use crate::engine::{Engine, Job, Outcome, rows, run};
use crate::error::Failure;
use crate::row::{self, End, Stored};
use crate::values;

/// A batch of what is over.
struct Batch {
    now: Timestamp,
    limit: usize,
    /// The generation of the store.
    generation: i64,
}

/// Removes up to `limit` sessions that are over.
pub(crate) async fn sweep<D: Dialect>(
    engine: &Engine<D>,
    now: Timestamp,
    limit: usize,
) -> Result<Swept, Failure> {
    // A look that locks nothing: most sweeps find nothing to do.
    let present = Arg::number(values::present(now));
    let due = engine
        .read(&engine.statements.is_sweep_due, &[present, present])
        .await?;
    let Some(due) = due.first() else {
        return Ok(Swept::default());
    };
    let generation = due.count(0).map_err(StoreError::from)?;
    if limit == 0 {
        return Ok(Swept {
            removed: Vec::new(),
            more: true,
        });
    }
    let batch = Batch {
        now,
        limit,
        generation,
    };
    engine.transact(&batch).await
}

impl<D: Dialect> Job<D> for Batch {
    type Answer = Swept;

    async fn run(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
    ) -> Result<Outcome<Swept>, Failure> {
        let keys = self.choose(engine, connection).await?;
        if keys.is_empty() {
            // Others are at it.
            return Ok(Outcome::Undo(Swept::default()));
        }
        let keys: Vec<&StoreKey> = keys.iter().collect();
        let statements = &engine.statements;
        let stored = D::lock(engine, connection, &keys).await;
        let stored = stored.map_err(|error| D::sort(&error))?;
        let (over, live): (Vec<_>, Vec<_>) = row::read(&stored)?
            .into_iter()
            .partition(|stored| stored.is_over(self.now));
        let keys_over: Vec<_> = over.iter().map(|stored| stored.key).collect();
        delete_sessions(engine, connection, &keys_over).await?;
        for stored in &live {
            // Somebody changed the deadline by hand. What a record says counts; the deadline is
            // put right, so that no sweep comes by again.
            let deadline = stored.deadline();
            let values = [
                Arg::Number(deadline),
                Arg::Number(values::sweep_from(deadline)),
                Arg::key(&stored.key),
            ];
            run::<D>(connection, &statements.correct, &values).await?;
        }
        Ok(Outcome::Commit(Swept {
            // A batch that is not full says little: what others have locked was left out, and
            // they may have locked more than they take. Whoever took something looks again, so
            // that the last one finds the rest.
            more: true,
            removed: over.into_iter().filter_map(report).collect(),
        }))
    }
}

impl Batch {
    /// Locks some of what is over, but nothing that somebody else has locked.
    async fn choose<D: Dialect>(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
    ) -> Result<Vec<StoreKey>, Failure> {
        let statements = &engine.statements;
        let limit =
            |taken: usize| Arg::number(i64::try_from(self.limit - taken).unwrap_or(i64::MAX));
        let values = [Arg::number(self.generation), limit(0)];
        let mut keys = keys(&rows::<D>(connection, &statements.outdated, &values).await?)?;
        if keys.len() < self.limit {
            let present = Arg::number(values::present(self.now));
            let values = [
                Arg::number(self.generation),
                present,
                present,
                limit(keys.len()),
            ];
            let expired = rows::<D>(connection, &statements.expired, &values).await?;
            keys.extend(self::keys(&expired)?);
        }
        Ok(keys)
    }
}

fn keys<R: Fields>(rows: &[R]) -> Result<Vec<StoreKey>, StoreError> {
    rows.iter()
        .map(|row| row::key_at(row, 0).map_err(StoreError::from))
        .collect()
}

/// What is told of a session that was removed. A forwarding entry, and what cannot be read, is
/// removed in silence.
fn report(stored: Stored) -> Option<Removed> {
    let reason = match stored.end() {
        End::None => RemovalReason::Expired,
        End::Replaced => RemovalReason::Replaced,
        End::Generation => RemovalReason::Generation,
    };
    let record = stored.into_record()?;
    Some(Removed { record, reason })
}
