//! The databases without a store: to damage what is stored, to lock it, to ask how it is found.

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection, Row, SqliteConnection};

use super::{Database, Place};

/// Runs statements without values.
pub(crate) async fn run(database: Database, place: &Place, sql: &str) {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.replace("session_", &place.prefix)));
    let done = match database {
        Database::Postgres => {
            let mut connection = PgConnection::connect(&place.url).await.unwrap();
            sql.execute(&mut connection).await.map(drop)
        }
        Database::MariaDb => {
            let mut connection = MySqlConnection::connect(&place.url).await.unwrap();
            sql.execute(&mut connection).await.map(drop)
        }
        Database::Sqlite => {
            let mut connection = SqliteConnection::connect(&place.url).await.unwrap();
            sql.execute(&mut connection).await.map(drop)
        }
    };
    done.unwrap();
}

/// The one text that an SQLite answers.
pub(crate) async fn sqlite_text(url: &str, sql: &'static str) -> String {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
    row.get(0)
}

/// Removes the tables, as if they had never been.
pub(crate) async fn drop_tables(database: Database, place: &Place) {
    for table in ["record", "attribute", "generation", "login"] {
        let sql = format!("DROP TABLE IF EXISTS session_{table}");
        run(database, place, &sql).await;
    }
}
