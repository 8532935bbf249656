//! The tables of PostgreSQL in parts, as an operator would make them before the application comes.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use store_sql::{CreateTables, SqlStore};
use tokio::runtime::Builder;

use crate::Trouble;

/// How many parts each table has.
const PARTITIONS: usize = 16;

/// How the statements of the store end the definition of a table.
const WHOLE: &str = ") WITH (fillfactor = 90);";

/// Makes both tables in parts, by the key of the session, which all statements name.
pub(crate) fn make(url: &str) -> Result<(), Trouble> {
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let store = SqlStore::builder(url).create_tables(CreateTables::Never);
            let schema = store.connect().await?.schema().to_owned();
            if schema.matches(WHOLE).count() != 2 {
                return Err("the tables are not defined as expected".into());
            }
            let schema = schema.replace(WHOLE, ") PARTITION BY HASH (store_key);");
            let mut connection = PgConnection::connect(url).await?;
            connection
                .execute(sqlx::raw_sql(AssertSqlSafe(schema)))
                .await?;
            for table in ["session_record", "session_attribute"] {
                for part in 0..PARTITIONS {
                    let sql = format!(
                        "CREATE TABLE {table}_p{part} PARTITION OF {table} FOR VALUES \
                     WITH (MODULUS {PARTITIONS}, REMAINDER {part}) WITH (fillfactor = 90)"
                    );
                    connection
                        .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
                        .await?;
                }
            }
            Ok(())
        })
}
