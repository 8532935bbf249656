//! The rules about names and about many requests at once.

use super::same::assert_same;
use super::samples::{
    append, change, changes, fresh_key, login, number, put, put_if, remove, touch, unchanged, value,
};
use super::subject::Subject;
use crate::session::{Attribute, Codec, Edit, Expected, Record, Revision, StoreKey, Value};
use crate::store::{Access, Applied, Deleted, Loaded};

/// Names that some language or some collation would take for another one, or for a command.
const NAMES: &[&str] = &[
    "a",
    "A",
    "a ",
    " a",
    "á",
    "a\u{301}",
    "ß",
    "ss",
    "i",
    "I",
    "ı",
    "\0",
    "a\0",
    "'",
    "''",
    "\"",
    "`",
    "\\",
    "\\'",
    "%",
    "_",
    "*",
    "?",
    "[a]",
    "{a}",
    "$1",
    ":a",
    "@a",
    "a.b",
    "a:b",
    "a/b",
    "--",
    ";",
    "\n",
    "\r\n",
    "\t",
    "null",
    "1",
    "01",
    "1.0",
    "\u{feff}a",
    "🙂",
    "\u{10ffff}",
];

pub(super) async fn names_and_values_are_bytes_and_nothing_else(store: Subject) {
    let now = store.now();
    let longest = "n".repeat(255);
    let names: Vec<&str> = NAMES.iter().copied().chain([&*longest]).collect();
    let session = store.session([]).await;
    for name in &names {
        store
            .apply_all(&session.key, &changes(now, [put(name, name)]), now)
            .await;
    }
    assert_contents(&store, &session.key, &names, value).await;

    // Bytes that are no text, and no MessagePack either.
    let odd_bytes = |name: &str| {
        let bytes = name.bytes().chain([0, 0xff, 0xc1, b'\'', b'\\', 0]);
        Value::new(Codec::MessagePack, bytes.collect())
    };
    for name in &names {
        let edit = change(name, Expected::Anything, Edit::Put(odd_bytes(name)));
        store
            .apply_all(&session.key, &changes(now, [edit]), now)
            .await;
    }
    assert_contents(&store, &session.key, &names, odd_bytes).await;

    for name in &names {
        let mut changes = touch(now);
        changes.login = Some(login(name, now));
        store.apply_all(&session.key, &changes, now).await;
        let record = store.peek(&session.key, now).await;
        assert_eq!(
            record
                .authentication
                .map(|login| login.principal.clone())
                .as_deref(),
            Some(*name),
            "the name of a principal is kept byte for byte"
        );
    }

    let mut left = names;
    while let Some(name) = left.pop() {
        store
            .apply_all(&session.key, &changes(now, [remove(name)]), now)
            .await;
        assert_contents(&store, &session.key, &left, odd_bytes).await;
    }
}

/// Checks that the session has exactly these attributes, each with its content.
async fn assert_contents(
    store: &Subject,
    key: &StoreKey,
    names: &[&str],
    content: impl Fn(&str) -> Value + Send + Sync,
) {
    let record = store.peek(key, store.now()).await;
    let mut expected: Vec<&str> = names.to_vec();
    expected.sort_unstable();
    let stored: Vec<&str> = record.attributes.iter().map(|a| &*a.name).collect();
    assert_eq!(
        stored, expected,
        "names are told apart byte for byte, and ordered like that"
    );
    for Attribute { name, value, .. } in &record.attributes {
        assert_eq!(
            value.bytes(),
            content(name).bytes(),
            "the value of {name:?} is kept byte for byte"
        );
    }
}

pub(super) async fn sessions_never_touch_each_other(store: Subject) {
    let now = store.now();
    let session = store.session([("a", value(&1))]).await;
    let mut others = Vec::new();
    // Keys that differ in one bit, at the front, in the middle and at the end.
    for (byte, bit) in [(0, 0x80), (7, 1), (8, 1), (15, 1), (16, 1), (31, 1)] {
        let mut key = *session.key.as_bytes();
        key[byte] ^= bit;
        store
            .assert_absent(
                &StoreKey::from_bytes(key),
                now,
                "a key that differs in one bit from that of a session is another one",
            )
            .await;
        let other = Record {
            key: StoreKey::from_bytes(key),
            ..session.clone()
        };
        store.store_new(&other).await;
        others.push(other);
    }

    let write = changes(now, [put("a", &2), append("b", &[1])]);
    store.apply_all(&session.key, &write, now).await;
    assert_all_unchanged(&store, &others).await;
    let renamed = store.renamed(&session.key, now).await;
    assert_all_unchanged(&store, &others).await;
    store.delete(&renamed).await;
    assert_all_unchanged(&store, &others).await;

    while let Some(other) = others.pop() {
        assert_same(
            &store.end(&other.key).await,
            &other,
            "a delete answers the session of its own key",
        );
        assert_all_unchanged(&store, &others).await;
    }
}

async fn assert_all_unchanged(store: &Subject, sessions: &[Record]) {
    for session in sessions {
        assert_same(
            &store.peek(&session.key, store.now()).await,
            session,
            "what happens to one session does not touch another one",
        );
    }
}

pub(super) async fn parallel_updates_are_all_kept(store: Subject) {
    const WRITERS: usize = 8;
    const UPDATES: usize = 25;
    let session = store.session([]).await;
    store
        .in_parallel(WRITERS, |store, writer| async move {
            for n in 0..UPDATES {
                add_one(&store, &session.key, &format!("{writer} {n}")).await;
            }
        })
        .await;
    let record = store.peek(&session.key, store.now()).await;
    assert_eq!(
        number(&record, "counter").map(|counter| counter as usize),
        Some(WRITERS * UPDATES),
        "every update that was applied is counted"
    );
    assert_eq!(
        record.attributes.len(),
        WRITERS * UPDATES + 1,
        "every attribute that came with an update is there"
    );
}

/// Adds one to the counter of the session and sets `mark` in the same step, as the engine
/// does: on a conflict the update is made again on the session that the conflict carries.
async fn add_one(store: &Subject, key: &StoreKey, mark: &str) {
    /// Someone wins every race, so 8 writers with 25 updates each lose at most 199 of them.
    const ATTEMPTS_MAX: usize = 200;
    let now = store.now();
    let mut seen = store.peek(key, now).await;
    for _ in 0..ATTEMPTS_MAX {
        let counter = number(&seen, "counter").unwrap_or(0) + 1;
        let update = put_if("counter", unchanged(&seen, "counter"), &counter);
        match store
            .apply(key, &changes(now, [update, put(mark, &())]), now)
            .await
        {
            Applied::Applied { .. } => return,
            Applied::Conflict(current) => seen = current,
            other => panic!("an update is applied or a conflict, but apply answered {other:?}"),
        }
    }
    panic!("an update lost more races than there were other updates");
}

pub(super) async fn of_two_renames_one_wins(store: Subject) {
    const ROUNDS: usize = 20;
    let now = store.now();
    for _ in 0..ROUNDS {
        let session = store.session([("a", value(&1))]).await;
        let keys = [fresh_key(), fresh_key()];
        let answers = store
            .in_parallel(keys.len(), |store, racer| async move {
                let write = changes(now, [put("racer", &racer)]);
                store.rename(&session.key, &keys[racer], &write, now).await
            })
            .await;
        let won = answers
            .iter()
            .position(|answer| matches!(answer, Applied::Applied { .. }))
            .unwrap_or_else(|| panic!("one of two renames wins, but the answers were {answers:?}"));
        let (winner, loser) = (keys[won], keys[1 - won]);
        assert_eq!(
            answers[1 - won],
            Applied::Moved(winner),
            "the other rename is told the key of the one that won"
        );
        store
            .assert_absent(&loser, now, "the rename that lost gives no second key")
            .await;
        let record = store.peek(&winner, now).await;
        assert_eq!(
            number(&record, "racer").map(|racer| racer as usize),
            Some(won),
            "the rename that lost applies nothing"
        );
    }
}

pub(super) async fn a_write_never_revives_a_deleted_session(store: Subject) {
    const ROUNDS: usize = 20;
    const REQUESTS: usize = 4;
    let now = store.now();
    for round in 0..ROUNDS {
        let session = store.session([("a", value(&1))]).await;
        let new_key = fresh_key();
        store
            .in_parallel(REQUESTS, |store, request| async move {
                let write = changes(now, [put("a", &2), append("b", &[1])]);
                // The logout begins first in some rounds and last in others.
                match (request + round) % REQUESTS {
                    0 => log_out(&store, session.key).await,
                    1 => drop(store.rename(&session.key, &new_key, &write, now).await),
                    _ => drop(store.apply(&session.key, &write, now).await),
                }
            })
            .await;
        store
            .assert_absent(
                &new_key,
                now,
                "a deleted session does not live on under a new key",
            )
            .await;
        let loaded = store.load(&session.key, Access::Peek, now).await;
        assert!(
            matches!(loaded, Loaded::Absent | Loaded::Moved { .. }),
            "a deleted session does not come back, but load answered {loaded:?}"
        );
    }

    let deleted = store.session([("a", value(&1))]).await;
    store.delete(&deleted.key).await;
    for write in [
        touch(now),
        changes(now, [put("a", &2)]),
        changes(now, [put_if("a", Expected::At(Revision::new(1)), &2)]),
    ] {
        assert_eq!(
            store.apply(&deleted.key, &write, now).await,
            Applied::Gone,
            "a write that comes after the delete finds nothing"
        );
        assert_eq!(
            store.rename(&deleted.key, &fresh_key(), &write, now).await,
            Applied::Gone,
            "a rename that comes after the delete finds nothing"
        );
    }
    store
        .assert_absent(&deleted.key, now, "a deleted session stays deleted")
        .await;
}

/// Ends the session wherever it has moved to.
async fn log_out(store: &Subject, mut key: StoreKey) {
    while let Deleted::Moved(next) = store.delete(&key).await {
        key = next;
    }
}
