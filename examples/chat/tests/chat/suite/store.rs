//! The store that the suite is about.

use std::sync::Arc;
use std::time::Duration;

use session_core::MemoryStore;
use session_core::store::SessionStore;
use store_redis::RedisStore;
use store_sql::SqlStore;
use testbed::{Kind, Place, Store};

use super::STORE;

/// A machine that is busy with other tests is slow. The manager of the sessions gives up after
/// five seconds.
const PATIENCE: Duration = Duration::from_secs(4);

pub(crate) async fn open(place: &Place) -> Arc<dyn SessionStore> {
    match STORE {
        Store::Memory => Arc::new(MemoryStore::new()),
        Store::On(Kind::Redis | Kind::RedisCluster) => {
            let builder = RedisStore::builder().prefix(place.prefix());
            Arc::new(
                builder
                    .timeout(PATIENCE)
                    .connect(place.url())
                    .await
                    .unwrap(),
            )
        }
        _ => {
            let builder = SqlStore::builder(place.url()).table_prefix(place.prefix());
            Arc::new(builder.timeout(PATIENCE).connect().await.unwrap())
        }
    }
}
