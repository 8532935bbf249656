//! What sessions take, by what each store says of itself.

use std::fs;

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use tokio::runtime::{Builder, Runtime};

use crate::Trouble;
use crate::cpu;
use crate::place::{Kind, Place};

/// Sizes in bytes, by name.
pub(crate) struct Footprint(Vec<(String, u64)>);

/// What everything takes at this moment.
pub(crate) fn of(place: &Place) -> Result<Footprint, Trouble> {
    let sizes = match place.kind {
        Kind::Memory => {
            let memory = place.memory.as_ref().ok_or("no memory store")?;
            vec![
                ("by its own estimate".into(), memory.bytes() as u64),
                ("resident".into(), cpu::resident("self")?),
            ]
        }
        Kind::Redis | Kind::RedisListpack | Kind::RedisAof | Kind::Cluster => vec![
            (
                "used_memory_dataset".into(),
                info(place, "memory", "used_memory_dataset")?,
            ),
            ("used_memory".into(), info(place, "memory", "used_memory")?),
            (
                "used_memory_rss".into(),
                info(place, "memory", "used_memory_rss")?,
            ),
        ],
        Kind::Postgres | Kind::PostgresPartitioned => of_postgres(place)?,
        Kind::Mariadb => of_mariadb(place)?,
        Kind::Sqlite => of_sqlite(place)?,
    };
    Ok(Footprint(sizes))
}

impl Footprint {
    /// Prints what each session takes of what came since `before`.
    pub(crate) fn print_since(&self, before: &Self, sessions: u64) {
        println!("| what | bytes per session |");
        println!("|---|---|");
        for (name, size) in &self.0 {
            let earlier = before.0.iter().find(|(other, _)| other == name);
            let grown = size.saturating_sub(earlier.map_or(0, |(_, size)| *size));
            println!("| {name} | {:.0} |", grown as f64 / sessions as f64);
        }
    }
}

/// The sum over all nodes of a number that Redis tells of itself.
pub(crate) fn info(place: &Place, section: &str, name: &str) -> Result<u64, Trouble> {
    let mut sum = 0;
    for server in &place.servers {
        let mut connection = redis::Client::open(server.url())?.get_connection()?;
        let info: String = redis::cmd("INFO").arg(section).query(&mut connection)?;
        let number = info
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        sum += number.ok_or("INFO lacks a number")?.trim().parse::<u64>()?;
    }
    Ok(sum)
}

fn of_postgres(place: &Place) -> Result<Vec<(String, u64)>, Trouble> {
    // The parts of a table are added up.
    const SIZES: &str = "SELECT regexp_replace(relname::text, '_p[0-9]+', ''), \
        sum(CASE relkind WHEN 'r' THEN pg_table_size(oid) ELSE pg_relation_size(oid) END)::bigint \
        FROM pg_class WHERE relname ~ '^session_(record|attribute)' AND relkind IN ('r', 'i') \
        GROUP BY 1, relkind ORDER BY relkind DESC, 1";
    let sizes: Result<Vec<(String, u64)>, Trouble> = runtime()?.block_on(async {
        let mut connection = PgConnection::connect(&place.url).await?;
        let rows = sqlx::query(SIZES).fetch_all(&mut connection).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, u64::try_from(row.try_get::<i64, _>(1)?)?)))
            .collect()
    });
    with_sum(sizes?)
}

fn of_mariadb(place: &Place) -> Result<Vec<(String, u64)>, Trouble> {
    const SIZES: &str = "SELECT CAST(table_name AS CHAR), CAST(data_length AS SIGNED), \
        CAST(index_length AS SIGNED) FROM information_schema.tables \
        WHERE table_name IN ('session_record', 'session_attribute')";
    let sizes: Result<Vec<(String, u64)>, Trouble> = runtime()?.block_on(async {
        let mut connection = MySqlConnection::connect(&place.url).await?;
        let mut sizes = Vec::new();
        let rows = sqlx::query(SIZES).fetch_all(&mut connection).await?;
        // Its numbers are as old as the latest analysis.
        for row in &rows {
            let table: String = row.try_get(0)?;
            let analyze = AssertSqlSafe(format!("ANALYZE TABLE {table}"));
            sqlx::query(analyze).fetch_all(&mut connection).await?;
        }
        for row in &sqlx::query(SIZES).fetch_all(&mut connection).await? {
            let table: String = row.try_get(0)?;
            let (data, index): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
            sizes.push((table.clone(), u64::try_from(data)?));
            sizes.push((format!("{table}, other indexes"), u64::try_from(index)?));
        }
        Ok(sizes)
    });
    with_sum(sizes?)
}

fn of_sqlite(place: &Place) -> Result<Vec<(String, u64)>, Trouble> {
    let file = place.file().ok_or("no file")?;
    if file.exists() {
        runtime()?.block_on(async {
            let mut connection = SqliteConnection::connect(&place.url).await?;
            let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
            checkpoint.fetch_all(&mut connection).await?;
            connection.close().await
        })?;
    }
    let size = fs::metadata(&file).map_or(0, |file| file.len());
    Ok(vec![("file".into(), size)])
}

fn with_sum(mut sizes: Vec<(String, u64)>) -> Result<Vec<(String, u64)>, Trouble> {
    let sum = sizes.iter().map(|(_, size)| size).sum();
    sizes.push(("all".into(), sum));
    Ok(sizes)
}

/// Has PostgreSQL count what is in its tables, as it does by itself within a minute: until then it
/// plans for tables of some rows.
pub(crate) fn settle(place: &Place) -> Result<(), Trouble> {
    if place.is_postgres() {
        let count = "ANALYZE session_record, session_attribute; SELECT 0::bigint";
        in_postgres(place, count)?;
    }
    Ok(())
}

/// What PostgreSQL tells of its updates: how many needed no new entries of indexes.
pub(crate) fn print_details(place: &Place) -> Result<(), Trouble> {
    if !place.is_postgres() {
        return Ok(());
    }
    // The numbers of a connection are told when it has been idle for a second.
    std::thread::sleep(std::time::Duration::from_secs(2));
    for table in ["session_record", "session_attribute"] {
        let number = |column: &str| {
            let sql = format!(
                "SELECT sum({column})::bigint FROM pg_stat_user_tables WHERE relname LIKE '{table}%'"
            );
            in_postgres(place, &sql)
        };
        println!(
            "{table}: {} updates, {} of them without the indexes (HOT), {} dead rows",
            number("n_tup_upd")?,
            number("n_tup_hot_upd")?,
            number("n_dead_tup")?,
        );
    }
    Ok(())
}

/// A number that PostgreSQL answers.
pub(crate) fn in_postgres(place: &Place, sql: &str) -> Result<u64, Trouble> {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    let number: i64 = runtime()?.block_on(async {
        let mut connection = place
            .url
            .parse::<sqlx::postgres::PgConnectOptions>()?
            .connect()
            .await?;
        sqlx::Executor::fetch_one(&mut connection, sql)
            .await?
            .try_get_unchecked(0)
    })?;
    Ok(u64::try_from(number)?)
}

/// A number that MariaDB answers, or 0 when it answers nothing.
pub(crate) fn in_mariadb(place: &Place, sql: &str) -> Result<u64, Trouble> {
    let sql = sqlx::query(AssertSqlSafe(sql.to_owned()));
    let row = runtime()?.block_on(async {
        let mut connection = MySqlConnection::connect(&place.url).await?;
        sql.fetch_optional(&mut connection).await
    })?;
    let number: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
    Ok(u64::try_from(number)?)
}

fn runtime() -> Result<Runtime, Trouble> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}
