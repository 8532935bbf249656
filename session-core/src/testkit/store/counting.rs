//! The rule about counting. It runs alone, for what others do meanwhile would be counted too.

use std::time::Duration;

use super::samples::{MILLISECOND, MINUTE, SECOND, fresh_handle, fresh_key};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{Record, StoreKey};
use crate::store::{Census, Deleted};

pub(super) async fn a_census_counts_the_live_sessions(store: Subject) {
    let now = store.now();
    // Other rules have left sessions behind.
    let mut expected = store.census(now).await;
    for limit in Census::AGE_LIMITS {
        for age in [limit, limit + MILLISECOND] {
            created_before(&store, now, age).await;
            expected.count(age);
        }
    }
    let renamed = created_before(&store, now, MINUTE).await;
    store.renamed(&renamed, now).await;
    expected.count(MINUTE);
    let deleted = created_before(&store, now, MINUTE).await;
    store.end(&deleted).await;
    // By the clock of the machine that made it.
    let ahead = Record::new(fresh_key(), fresh_handle(), now.saturating_add(SECOND));
    store.store_new(&ahead).await;
    expected.count(Duration::ZERO);
    assert_eq!(
        store.census(now).await,
        expected,
        "every live session is counted once and by its age, and nothing else is"
    );

    let mortal = store.session([]).await;
    let end = mortal.expires_at();
    let last_moment = Timestamp::from_millis(end.as_millis() - 1);
    let counted = (store.census(last_moment).await, store.census(end).await);
    let answer = store.delete(&mortal.key).await;
    assert!(
        matches!(answer, Deleted::Removed(_)),
        "a census removes nothing"
    );
    let without = (store.census(last_moment).await, store.census(end).await);
    assert_eq!(
        counted.0.live(),
        without.0.live() + 1,
        "a session is counted until the last moment before it expires"
    );
    assert_eq!(
        counted.1, without.1,
        "an expired session is not counted, swept or not"
    );
}

/// A session that was created `age` before `now` and never expires.
async fn created_before(store: &Subject, now: Timestamp, age: Duration) -> StoreKey {
    let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    let mut record = Record::new(fresh_key(), fresh_handle(), now);
    record.created_at = Timestamp::from_millis(now.as_millis().saturating_sub(millis));
    store.store_new(&record).await;
    record.key
}
