//! The tables of PostgreSQL in parts, as an operator would make them before the application comes.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use store_sql::SqlStore;
use tokio::runtime::Builder;

use crate::Trouble;

/// How many parts each table has.
const PARTITIONS: usize = 16;

/// How the statements of the store end the definition of a table.
const WHOLE: &str = ") WITH (fillfactor = 90);";

/// Makes both tables in parts, by the key of the session, which most statements name.
pub(crate) fn make(url: &str) -> Result<(), Trouble> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(in_parts(url))
}

async fn in_parts(url: &str) -> Result<(), Trouble> {
    let store = SqlStore::connect(url).await?;
    let schema = store.schema();
    if schema.matches(WHOLE).count() != 2 {
        return Err("the tables are not defined as expected".into());
    }
    let schema = schema.replace(WHOLE, ") PARTITION BY HASH (store_key);");
    let mut connection = PgConnection::connect(url).await?;
    run(
        &mut connection,
        "DROP TABLE session_record, session_attribute".into(),
    )
    .await?;
    run(&mut connection, schema).await?;
    for table in ["session_record", "session_attribute"] {
        for part in 0..PARTITIONS {
            let sql = format!(
                "CREATE TABLE {table}_p{part} PARTITION OF {table} FOR VALUES \
                 WITH (MODULUS {PARTITIONS}, REMAINDER {part}) WITH (fillfactor = 90)"
            );
            run(&mut connection, sql).await?;
        }
    }
    Ok(())
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql));
    connection.execute(sql).await.map(drop)
}
