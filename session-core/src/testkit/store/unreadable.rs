//! What a store does with a record that it cannot read.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::Door;
use super::samples::{MINUTE, changes, fresh_key, put, touch, value};
use super::subject::Subject;
use crate::session::{ChangeSet, Record, StoreKey};
use crate::store::{Access, Created, Deleted, Loaded, SessionStore, StoreError};

/// Checks what `store` does with a record that it cannot read. For stores that encode records:
/// what is damaged is an error of its own, it is neither absent nor an outage; it is never
/// overwritten, harms no other session, and can be deleted, which must not decode it.
///
/// `damage` spoils the stored record under a key, behind the back of the store: some bytes that
/// were never a record in place of its own.
///
/// # Panics
/// With a sentence about what is wrong.
pub async fn check_unreadable(store: Arc<dyn SessionStore>, damage: impl AsyncFn(&StoreKey)) {
    let subject = Subject::new(store.clone(), Door::Awaited);
    let now = subject.now();
    let damaged = subject.session([("a", value(&1))]).await;
    let other = subject.session([("a", value(&1))]).await;
    damage(&damaged.key).await;

    assert_unreadable(&*store, &damaged, &touch(now)).await;
    assert_unreadable(&*store, &damaged, &changes(now, [put("a", &2)])).await;
    let created = subject.create(&damaged, now).await;
    assert_eq!(
        created,
        Created::Taken,
        "what cannot be read is never overwritten"
    );
    assert_unreadable(&*store, &damaged, &touch(now)).await;

    subject.peek(&other.key, now).await;
    let later = now.saturating_add(MINUTE);
    subject.apply_all(&other.key, &touch(later), later).await;
    subject.sweep_all(now, 100).await;

    let deleted = subject.delete(&damaged.key).await;
    assert_eq!(
        deleted,
        Deleted::Removed(None),
        "a record that cannot be read can be deleted"
    );
    subject
        .assert_absent(&damaged.key, now, "what was deleted is gone")
        .await;
    let deleted = subject.delete(&damaged.key).await;
    assert_eq!(deleted, Deleted::Absent, "what was deleted is gone");
    subject.store_new(&damaged).await;
    subject.peek(&damaged.key, now).await;
}

/// Every verb but delete says that the record cannot be read, and does nothing.
async fn assert_unreadable(store: &dyn SessionStore, damaged: &Record, changes: &ChangeSet) {
    let (key, now, new_key) = (&damaged.key, changes.accessed_at, fresh_key());
    let counted = Access::Counted {
        unless_within: std::time::Duration::ZERO,
    };
    for access in [Access::Peek, counted] {
        let loaded = store.load(key, access, now).await;
        assert!(
            matches!(loaded, Err(StoreError::Unreadable(_))),
            "a record that cannot be read is told apart, but load answered {loaded:?}"
        );
    }
    let applied = store.apply(key, changes, now).await;
    assert!(
        matches!(applied, Err(StoreError::Unreadable(_))),
        "nothing is applied to a record that cannot be read, but apply answered {applied:?}"
    );
    let renamed = store.rename(key, &new_key, changes, now).await;
    assert!(
        matches!(renamed, Err(StoreError::Unreadable(_))),
        "a record that cannot be read is not renamed, but rename answered {renamed:?}"
    );
    let loaded = store.load(&new_key, Access::Peek, now).await;
    assert!(
        matches!(loaded, Ok(Loaded::Absent)),
        "a rename that failed leaves nothing under the new key, but load answered {loaded:?}"
    );
}
