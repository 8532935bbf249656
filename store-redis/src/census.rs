//! Counting the live sessions, a page at a time.

use std::collections::HashSet;

use futures_util::future::join_all;
use session_core::store::Census;
use session_core::{StoreKey, Timestamp};

use crate::error::Fault;
use crate::names::{GROUPS_AT_ONCE, Group};
use crate::script::{COUNT, Call, PAGE, number};
use crate::store::RedisStore;

/// About how many sessions a script looks at.
const PAGE_LEN: usize = 500;

impl RedisStore {
    pub(crate) async fn count_sessions(&self, now: Timestamp) -> Result<Census, Fault> {
        let mut census = Census::default();
        for some in self.names().groups().chunks(GROUPS_AT_ONCE) {
            let counts = some.iter().map(|group| self.count_group(*group, now));
            for ages in join_all(counts).await {
                for (class, (_, sessions)) in ages?.ages().enumerate() {
                    census.count_class(class, sessions);
                }
            }
        }
        Ok(census)
    }

    async fn count_group(&self, group: Group, now: Timestamp) -> Result<Census, Fault> {
        let mut census = Census::default();
        // An index that grows or shrinks meanwhile names some keys twice.
        let mut seen = HashSet::new();
        let mut cursor = b"0".to_vec();
        loop {
            let call = Call::of(&PAGE, group)
                .key(self.names().index(group))
                .arg(&cursor[..])
                .arg(PAGE_LEN.to_string());
            let mut answer = self.ask(&call, self.deadline()).await?;
            cursor = answer.bytes()?;
            let keys = answer.list().unwrap_or_default();
            let keys = keys.into_iter().filter_map(|key| key.try_into().ok());
            let keys: Vec<StoreKey> = keys.map(StoreKey::from_bytes).collect();
            let new: Vec<StoreKey> = keys.into_iter().filter(|key| seen.insert(*key)).collect();
            for some in new.chunks(PAGE_LEN) {
                self.count_page(group, some, now, &mut census).await?;
            }
            if cursor == b"0" {
                return Ok(census);
            }
        }
    }

    async fn count_page(
        &self,
        group: Group,
        keys: &[StoreKey],
        now: Timestamp,
        census: &mut Census,
    ) -> Result<(), Fault> {
        let mut call = Call::of(&COUNT, group)
            .key(self.names().generation(group))
            .arg(number(now.as_millis()));
        for key in keys {
            call = call.key(self.names().session(key));
        }
        let mut answer = self.ask(&call, self.deadline()).await?;
        for created in answer.list().unwrap_or_default() {
            if let Ok(created) = created.try_into() {
                let created = Timestamp::from_millis(u64::from_be_bytes(created));
                census.count(now.saturating_since(created));
            }
        }
        Ok(())
    }
}
