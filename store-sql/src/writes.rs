//! What a change writes, decided without the database: statements and their values.

use session_core::{Attribute, ChangeSet, Record, StoreKey};

use crate::dialect::{Arg, Dialect, Sql};
use crate::engine::run;
use crate::error::Failure;
use crate::statements::Statements;
use crate::values;

/// Attributes that one statement writes; more take several. Each number of them is a statement
/// that connections keep prepared.
const AT_ONCE: usize = 8;

/// A statement that changes something.
pub(crate) struct Write<'a> {
    pub(crate) sql: Sql,
    pub(crate) values: Vec<Arg<'a>>,
}

/// Runs statements in a transaction, one after the other.
pub(crate) async fn run_all<D: Dialect>(
    connection: &mut D::Connection,
    writes: &[Write<'_>],
) -> Result<(), Failure> {
    for write in writes {
        run::<D>(connection, &write.sql, &write.values).await?;
    }
    Ok(())
}

/// The row of a session that keeps its key.
pub(crate) fn update<'a>(statements: &Statements, after: &'a Record) -> Write<'a> {
    Write {
        sql: statements.update.clone(),
        values: values::updated(after).into(),
    }
}

/// The attributes that differ after a change; those that stay have moved with the session.
pub(crate) fn attributes<'a>(
    statements: &Statements,
    changes: &ChangeSet,
    before: &'a Record,
    after: &'a Record,
) -> Vec<Write<'a>> {
    let mut writes = Vec::new();
    if changes.clear_attributes {
        writes.push(Write {
            sql: statements.delete_attributes.clone(),
            values: vec![Arg::key(&before.key)],
        });
    } else {
        let is_removed = |name: &&str| after.attributes.get(name).is_none();
        let names = before.attributes.iter().map(|attribute| &*attribute.name);
        let removed: Vec<&str> = names.filter(is_removed).collect();
        writes.extend(removed.chunks(AT_ONCE).map(|names| {
            let mut values = vec![Arg::key(&after.key)];
            values.extend(names.iter().map(|name| Arg::bytes(name.as_bytes())));
            Write {
                sql: statements.remove_attributes(names.len()),
                values,
            }
        }));
    }
    if !changes.attributes.is_empty() {
        // What this change set wrote has its revision.
        let is_written = |attribute: &&Attribute| attribute.revision == after.revision;
        let written: Vec<_> = after.attributes.iter().filter(is_written).collect();
        writes.extend(put(statements, &after.key, &written));
    }
    writes
}

/// All attributes of a new session.
pub(crate) fn all_attributes<'a>(statements: &Statements, record: &'a Record) -> Vec<Write<'a>> {
    let attributes: Vec<_> = record.attributes.iter().collect();
    put(statements, &record.key, &attributes)
}

/// Attributes of a session, new ones and such that are there.
fn put<'a>(
    statements: &Statements,
    key: &'a StoreKey,
    attributes: &[&'a Attribute],
) -> Vec<Write<'a>> {
    let writes = attributes.chunks(AT_ONCE).map(|attributes| {
        let mut values = Vec::with_capacity(attributes.len() * 5);
        for attribute in attributes {
            values.extend(values::attribute(key, attribute));
        }
        Write {
            sql: statements.put_attributes(attributes.len()),
            values,
        }
    });
    writes.collect()
}
