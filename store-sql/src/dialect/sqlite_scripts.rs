//! Transactions of SQLite in few steps. Its connections have threads of their own, and what takes
//! time is to talk to them: several statements go there as one script.

use session_core::Record;
use session_core::store::{Applied, Created};

use super::sqlite::Sqlite;
use super::{Arg, Dialect};
use crate::batches;
use crate::change::{Change, Decision};
use crate::engine::{Engine, For, Tries};
use crate::error::Failure;
use crate::foreseen::Step;
use crate::pool::Lease;
use crate::row;
use crate::steps::Kind;
use crate::values;
use crate::writes::{self, Write};

/// Applies changes without a login: one step begins and reads, another writes and commits.
pub(super) async fn apply(
    engine: &Engine<Sqlite>,
    change: &Change<'_>,
) -> Result<Applied, Failure> {
    let mut tries = Tries::default();
    loop {
        let mut lease = engine.lease(For::Writing).await?;
        match try_to_apply(engine, &mut lease, change).await {
            Ok(applied) => {
                lease.give_back();
                return Ok(applied);
            }
            Err(failure) => {
                engine.abandon(lease, &failure).await;
                tries.after(failure).await?;
            }
        }
    }
}

async fn try_to_apply(
    engine: &Engine<Sqlite>,
    lease: &mut Lease<'_, Sqlite>,
    change: &Change<'_>,
) -> Result<Applied, Failure> {
    let statements = &engine.statements;
    let begin = statements.begin_and_load.clone();
    let rows = Sqlite::rows(lease.connection(), begin, &[Arg::key(change.key)]).await;
    let rows = rows.map_err(|error| Sqlite::sort(&error))?;
    let (before, after) = match change.decide(row::read(&rows)?)? {
        Decision::Answer(answer) => {
            run(lease, &[], &statements.rollback).await?;
            return Ok(answer);
        }
        Decision::Write(records) => *records,
    };
    let mut script = vec![writes::update(statements, &after)];
    script.extend(writes::attributes(
        statements,
        change.changes,
        &before,
        &after,
    ));
    run(lease, &script, &statements.commit).await?;
    Ok(change.applied(before, after))
}

/// Stores a new record in one step.
pub(super) async fn create(engine: &Engine<Sqlite>, record: &Record) -> Result<Created, Failure> {
    if let [attribute] = &*record.attributes.iter().collect::<Vec<_>>() {
        let mut values = values::inserted(record).to_vec();
        values.extend(values::attribute(&record.key, attribute));
        let step = Step {
            kind: Kind::Create,
            key: &record.key,
            values,
        };
        if batches::write(engine, step).await? {
            return Ok(Created::Created);
        }
    }
    let statements = &engine.statements;
    let mut script = vec![
        Write {
            sql: statements.begin.clone(),
            values: Vec::new(),
        },
        Write {
            sql: statements.insert_new.clone(),
            values: values::inserted(record).into(),
        },
    ];
    script.extend(writes::all_attributes(statements, record));
    let mut tries = Tries::default();
    loop {
        let mut lease = engine.lease(For::Writing).await?;
        match run(&mut lease, &script, &statements.commit).await {
            Ok(()) => {
                lease.give_back();
                return Ok(Created::Created);
            }
            Err(failure) => {
                engine.abandon(lease, &failure).await;
                match failure {
                    Failure::Duplicate => return Ok(Created::Taken),
                    failure => tries.after(failure).await?,
                }
            }
        }
    }
}

/// Runs statements as one script. It ends at the first that fails, in the middle of the
/// transaction.
async fn run(
    lease: &mut Lease<'_, Sqlite>,
    writes: &[Write<'_>],
    end: &str,
) -> Result<(), Failure> {
    let mut script = String::new();
    let mut values = Vec::new();
    for write in writes {
        script.push_str(&write.sql);
        script.push_str("; ");
        values.extend_from_slice(&write.values);
    }
    script.push_str(end);
    let done = Sqlite::run(lease.connection(), script.into(), &values).await;
    done.map(drop).map_err(|error| Sqlite::sort(&error))
}
