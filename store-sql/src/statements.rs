//! The statements of the store, made once for its tables and its database.

use std::fmt::Write;

use crate::dialect::{Dialect, Placeholders, Sql, Syntax};
use crate::loads::TOGETHER_MAX;
use crate::steps::Steps;

/// What the names of tables and functions begin with in the files of the migrations.
const PREFIX: &str = "session_";

/// The columns of a record, in the order in which [`row`](crate::row) reads them.
const COLUMNS: &str = "r.format, r.generation, r.ended, r.moved_to, r.moved_at, r.closed, \
    r.handle, r.revision, r.created_at, r.accessed_at, r.issued_at, r.idle_limit, \
    r.absolute_deadline, r.principal_key, r.principal, r.authenticated_at, r.label, \
    r.remembered_for, r.store_key, \
    (SELECT generation FROM session_generation) AS current_generation";

/// A session that is live at a time, as far as its columns tell.
const IS_LIVE: &str = "r.moved_to IS NULL AND r.ended = 0 \
    AND r.generation = (SELECT generation FROM session_generation) \
    AND (r.expires_at IS NULL OR r.expires_at > ?)";

/// The columns of a record that its insertion sets, but for the generation.
const INSERTED: &str = "expires_at, sweep_from, revision, created_at, accessed_at, issued_at, idle_limit, \
    absolute_deadline, authenticated_at, remembered_for, format, ended, closed, handle, \
    principal_key, principal, label, store_key";

/// How many they are.
pub(crate) const INSERTED_COUNT: usize = 18;

/// Inserts the row of a session.
pub(crate) fn insert() -> String {
    format!(
        "INSERT INTO session_record ({INSERTED}, generation) \
         VALUES ({}, (SELECT generation FROM session_generation))",
        marks(INSERTED_COUNT)
    )
}

/// The statements of one store.
pub(crate) struct Statements {
    prefix: Box<str>,
    placeholders: Placeholders,
    or_update: &'static str,
    for_update: &'static str,
    pub(crate) begin: Sql,
    pub(crate) begin_and_load: Sql,
    pub(crate) insert_new: Sql,
    pub(crate) commit: Sql,
    pub(crate) rollback: Sql,
    pub(crate) schema: Sql,
    pub(crate) version: Sql,
    pub(crate) load: Sql,
    find: Vec<Sql>,
    pub(crate) lock: Sql,
    pub(crate) apply: Sql,
    pub(crate) steps: Steps,
    pub(crate) create: Sql,
    pub(crate) access: Sql,
    pub(crate) insert: Sql,
    pub(crate) update: Sql,
    pub(crate) forward: Sql,
    pub(crate) move_attributes: Sql,
    pub(crate) delete_attributes: Sql,
    pub(crate) lane: Sql,
    pub(crate) logins: Sql,
    pub(crate) replace: Sql,
    pub(crate) list: Sql,
    pub(crate) of_principal: Sql,
    pub(crate) end_everybody: Sql,
    pub(crate) is_sweep_due: Sql,
    pub(crate) outdated: Sql,
    pub(crate) expired: Sql,
    pub(crate) correct: Sql,
    pub(crate) census: Sql,
}

impl Statements {
    pub(crate) fn new<D: Dialect>(prefix: &str) -> Self {
        let Syntax {
            placeholders,
            begin,
            or_nothing,
            or_update,
            skip_locked,
            for_update,
        } = D::SYNTAX;
        let make = |sql: &str| -> Sql { adapt(sql, prefix, placeholders).into() };
        let record = "FROM session_record r \
            LEFT JOIN session_attribute a ON a.store_key = r.store_key";
        let attribute = "a.name, a.revision, a.codec, a.value";
        let all = format!("SELECT {COLUMNS}, {attribute} {record} WHERE r.store_key");
        let load = format!("{all} = ?");
        let insert = insert();
        let live_of_principal =
            format!("FROM session_record r WHERE r.principal_key = ? AND {IS_LIVE}");
        Self {
            prefix: prefix.into(),
            placeholders,
            or_update,
            for_update,
            begin: begin.into(),
            commit: "COMMIT".into(),
            rollback: "ROLLBACK".into(),
            schema: D::SCHEMA.replace(PREFIX, prefix).into(),
            version: make("SELECT version FROM session_generation"),
            load: make(&load),
            find: match placeholders {
                Placeholders::Numbers => vec![make(&format!("{all} = ANY (?)"))],
                Placeholders::Marks => (0..=TOGETHER_MAX.ilog2())
                    .map(|power| make(&format!("{all} IN ({})", marks(1 << power))))
                    .collect(),
            },
            begin_and_load: make(&format!("{begin}; {load}")),
            // Only PostgreSQL has the functions of the next three.
            lock: make("SELECT * FROM session_lock_v1(?)"),
            apply: make(&format!("SELECT * FROM session_apply_v1({})", marks(16))),
            steps: Steps::new(make, &D::SYNTAX),
            create: make(&format!(
                "WITH made AS ({insert} ON CONFLICT DO NOTHING RETURNING store_key), \
                 filled AS (INSERT INTO session_attribute (store_key, name, revision, codec, value) \
                 SELECT made.store_key, given.* FROM made, unnest(?, ?, ?, ?) AS given) \
                 SELECT count(*) FROM made"
            )),
            access: make(
                "UPDATE session_record SET accessed_at = ?, expires_at = ?, sweep_from = ? \
                 WHERE store_key = ? AND accessed_at = ? AND revision = ? AND ended = 0 \
                 AND moved_to IS NULL",
            ),
            insert: make(&format!("{insert}{or_nothing}")),
            insert_new: make(&insert),
            update: make(
                "UPDATE session_record SET expires_at = ?, sweep_from = ?, revision = ?, \
                 accessed_at = ?, issued_at = ?, idle_limit = ?, absolute_deadline = ?, authenticated_at = ?, \
                 remembered_for = ?, principal_key = ?, principal = ?, label = ? \
                 WHERE store_key = ?",
            ),
            forward: make(
                "UPDATE session_record SET moved_to = ?, moved_at = ?, closed = ?, \
                 expires_at = ?, sweep_from = ?, authenticated_at = NULL, remembered_for = NULL, \
                 principal_key = NULL, principal = NULL, label = NULL WHERE store_key = ?",
            ),
            move_attributes: make("UPDATE session_attribute SET store_key = ? WHERE store_key = ?"),
            delete_attributes: make("DELETE FROM session_attribute WHERE store_key = ?"),
            lane: make(&format!(
                "SELECT lane FROM session_login WHERE lane = ?{for_update}"
            )),
            logins: make(&format!(
                "SELECT r.store_key, r.authenticated_at {live_of_principal}"
            )),
            replace: make(
                "UPDATE session_record SET ended = 1, expires_at = 0, sweep_from = 0 WHERE store_key = ? \
                 AND principal_key = ? AND ended = 0",
            ),
            list: make(&format!(
                "SELECT {COLUMNS}, NULL, NULL, NULL, NULL {live_of_principal}"
            )),
            of_principal: make(&format!("SELECT r.store_key, r.handle {live_of_principal}")),
            end_everybody: make("UPDATE session_generation SET generation = generation + 1"),
            // The order makes databases look into the index. With a plain EXISTS, PostgreSQL takes
            // a third of all sessions for outdated, looks for one from the first row on, and reads
            // them all when there is none.
            is_sweep_due: make(
                "SELECT g.generation FROM session_generation g \
                 WHERE (SELECT 1 FROM session_record r \
                 WHERE r.generation < g.generation AND r.format <= 1 \
                 ORDER BY r.generation, r.sweep_from LIMIT 1) IS NOT NULL \
                 OR (SELECT 1 FROM session_record r \
                 WHERE r.generation = g.generation AND r.sweep_from <= ? AND r.expires_at <= ? \
                 AND r.format <= 1 ORDER BY r.generation, r.sweep_from LIMIT 1) IS NOT NULL",
            ),
            outdated: make(&format!(
                "SELECT r.store_key FROM session_record r WHERE r.generation < ? \
                 AND r.format <= 1 ORDER BY r.generation, r.sweep_from LIMIT ?{skip_locked}"
            )),
            expired: make(&format!(
                "SELECT r.store_key FROM session_record r WHERE r.generation = ? \
                 AND r.sweep_from <= ? AND r.expires_at <= ? AND r.format <= 1 \
                 ORDER BY r.generation, r.sweep_from LIMIT ?{skip_locked}"
            )),
            correct: make(
                "UPDATE session_record SET expires_at = ?, sweep_from = ? WHERE store_key = ?",
            ),
            census: make(&format!(
                "SELECT COUNT(CASE WHEN r.created_at >= ? THEN 1 END), \
                 COUNT(CASE WHEN r.created_at >= ? THEN 1 END), \
                 COUNT(CASE WHEN r.created_at >= ? THEN 1 END), \
                 COUNT(CASE WHEN r.created_at >= ? THEN 1 END), \
                 COUNT(CASE WHEN r.created_at >= ? THEN 1 END), \
                 COUNT(*) FROM session_record r WHERE {IS_LIVE}"
            )),
        }
    }

    /// Selects what is under at least so many keys, and how many values it takes; any number as one
    /// value where there are lists.
    pub(crate) fn find(&self, keys: usize) -> (Sql, usize) {
        let power = keys.next_power_of_two().ilog2() as usize;
        (self.find[power].clone(), 1 << power)
    }

    /// Selects what is under so many keys, ordered by them and locked where databases lock rows.
    /// PostgreSQL has a function for it.
    pub(crate) fn lock_keys(&self, keys: usize) -> Sql {
        self.make(&format!(
            "SELECT {COLUMNS}, a.name, a.revision, a.codec, a.value FROM session_record r \
             LEFT JOIN session_attribute a ON a.store_key = r.store_key \
             WHERE r.store_key IN ({}) ORDER BY r.store_key, a.name{}",
            marks(keys),
            self.for_update,
        ))
    }

    /// Inserts so many attributes, or overwrites them.
    pub(crate) fn put_attributes(&self, attributes: usize) -> Sql {
        let mut rows = "(?, ?, ?, ?, ?), ".repeat(attributes);
        rows.truncate(rows.len().saturating_sub(2));
        self.make(&format!(
            "INSERT INTO session_attribute (store_key, name, revision, codec, value) \
             VALUES {rows}{}",
            self.or_update
        ))
    }

    /// Deletes so many attributes of one session.
    pub(crate) fn remove_attributes(&self, names: usize) -> Sql {
        self.make(&format!(
            "DELETE FROM session_attribute WHERE store_key = ? AND name IN ({})",
            marks(names)
        ))
    }

    /// Deletes the attributes under so many keys.
    pub(crate) fn delete_attributes_of(&self, keys: usize) -> Sql {
        self.make(&format!(
            "DELETE FROM session_attribute WHERE store_key IN ({})",
            marks(keys)
        ))
    }

    /// Deletes the records under so many keys.
    pub(crate) fn delete_records(&self, keys: usize) -> Sql {
        self.make(&format!(
            "DELETE FROM session_record WHERE store_key IN ({})",
            marks(keys)
        ))
    }

    fn make(&self, sql: &str) -> Sql {
        adapt(sql, &self.prefix, self.placeholders).into()
    }
}

/// So many marks for values.
pub(crate) fn marks(count: usize) -> String {
    let mut marks = "?, ".repeat(count);
    marks.truncate(marks.len().saturating_sub(2));
    marks
}

/// The statement for tables with this prefix, with its values marked as the database wants.
fn adapt(sql: &str, prefix: &str, placeholders: Placeholders) -> String {
    let sql = sql.replace(PREFIX, prefix);
    if placeholders == Placeholders::Marks {
        return sql;
    }
    let mut numbered = String::with_capacity(sql.len() + 16);
    let mut number = 0;
    for part in sql.split_inclusive('?') {
        match part.strip_suffix('?') {
            Some(before) => {
                number += 1;
                numbered.push_str(before);
                // Writing to a string never fails.
                let _ = write!(numbered, "${number}");
            }
            None => numbered.push_str(part),
        }
    }
    numbered
}

/// True for a prefix that is a lower-case name, so that no database has to quote it.
pub(crate) fn is_prefix(prefix: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    prefix.len() <= 30
        && prefix.starts_with(|first: char| first.is_ascii_lowercase())
        && prefix.bytes().all(is_plain)
}

/// The prefix that tables have unless another is asked for.
pub(crate) const DEFAULT_PREFIX: &str = PREFIX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_in_their_order() {
        let sql = adapt(
            "SELECT ? FROM session_record WHERE a = ?",
            "app_",
            Placeholders::Numbers,
        );
        assert_eq!(sql, "SELECT $1 FROM app_record WHERE a = $2");
    }

    #[test]
    fn a_prefix_is_a_name_that_needs_no_quotes() {
        assert!(is_prefix("a") && is_prefix("session_") && is_prefix("v2_sessions_"));
        for other in [
            "",
            "_a",
            "1a",
            "Sessions_",
            "a b",
            "a;",
            "ä",
            &"a".repeat(31),
        ] {
            assert!(!is_prefix(other), "{other}");
        }
    }
}
