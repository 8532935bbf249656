//! The stores that have servers, and what their errors say.

use std::time::Duration;

use store_redis::{ConnectError, RedisStore};
use store_sql::{CreateTables, SqlError, SqlStore};

use crate::material::{KEY, Material};
use crate::printed::Printed;

pub(crate) async fn print(material: &Material, printed: &mut Printed) {
    let now = material.record.created_at;
    session_core::store::SessionStore::create(&material.sql, &material.record, None, now)
        .await
        .unwrap();
    printed.debug(&material.sql);
    if let Some(redis) = &material.redis {
        printed.debug(redis);
    }
    // The key plays the password here.
    let url = |scheme: &str| format!("{scheme}://ada:{KEY}@localhost:9/db");
    printed.debug(&RedisStore::builder().prefix("site:"));
    printed.debug(&SqlStore::builder(url("postgres")).connect_timeout(Duration::from_millis(50)));
    printed.debug(&CreateTables::OnDemand);
    for refused in [
        RedisStore::connect(&url("redis")).await.err(),
        RedisStore::connect(&url("gopher")).await.err(),
        Some(ConnectError::IsCluster),
    ] {
        printed.error(&refused.expect("nobody listens there"));
    }
    for refused in [
        SqlStore::connect(url("postgres")).await.err(),
        SqlStore::connect(url("mysql")).await.err(),
        SqlStore::connect(url("gopher")).await.err(),
        SqlStore::connect(format!("sqlite:/dev/null/{KEY}"))
            .await
            .err(),
        Some(SqlError::NoTables),
    ] {
        printed.error(&refused.expect("nobody listens there"));
    }
}
