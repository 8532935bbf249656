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
    for connected in [
        RedisStore::connect(&url("redis")).await,
        RedisStore::connect(&url("gopher")).await,
        Err(ConnectError::IsCluster),
    ] {
        printed.error(&connected.expect_err("nobody listens there"));
    }
    for connected in [
        // It connects when it is first used.
        SqlStore::connect(url("postgres")).await,
        SqlStore::connect(url("mysql")).await,
        SqlStore::connect(url("gopher")).await,
        SqlStore::connect(format!("sqlite:/dev/null/{KEY}")).await,
        Err(SqlError::NoTables),
    ] {
        match connected {
            Ok(store) => {
                printed.debug(&store);
                printed.error(&store.ping().await.expect_err("nobody listens there"));
            }
            Err(error) => printed.error(&error),
        }
    }
}
