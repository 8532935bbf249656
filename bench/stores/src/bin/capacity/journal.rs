//! How much a store has written to the file from which it recovers.

use std::fs;

use crate::Trouble;
use crate::footprint::{in_mariadb, in_postgres, info};
use crate::place::{Kind, Place};

/// Bytes so far: the append-only file, the write-ahead log, the redo log, or all that this
/// process has written. `None` where there is no such file.
pub(crate) fn written(place: &Place) -> Result<Option<u64>, Trouble> {
    Ok(match place.kind {
        Kind::RedisAof => Some(info(place, "persistence", "aof_current_size")?),
        Kind::Postgres | Kind::PostgresPartitioned => Some(in_postgres(
            place,
            "SELECT (pg_current_wal_lsn() - '0/0')::bigint",
        )?),
        Kind::Mariadb => Some(in_mariadb(
            place,
            "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status \
             WHERE variable_name = 'INNODB_OS_LOG_WRITTEN'",
        )?),
        Kind::Sqlite => {
            let io = fs::read_to_string("/proc/self/io")?;
            let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
            Some(line.ok_or("no wchar")?.trim().parse()?)
        }
        Kind::Memory | Kind::Redis | Kind::RedisListpack | Kind::Cluster => None,
    })
}
