//! Any sequence of calls is answered by the memory store as by the reference store.

use std::time::Duration;

use futures_executor::block_on;
use proptest::prelude::*;

use super::reference::{ReferenceStore, State};
use super::samples::{self, MINUTE, append, change, changes, items, put, value};
use crate::clock::Timestamp;
use crate::session::{
    AtLimit, AttributeChange, ChangeSet, Edit, Expected, Limits, Login, MaxInactiveInterval,
    PrincipalKey, Record, Reply, Revision, SessionHandle, SessionLimit, StoreKey,
};
use crate::store::memory::MemoryStore;
use crate::store::{
    Access, Applied, Census, Created, Deleted, Loaded, Removed, SessionStore, StoreError,
};
use crate::testkit::ManualClock;

/// Few keys, so that sequences meet the same session again.
const KEYS: u8 = 5;
const NAMES: [&str; 3] = ["a", "b", "list"];

/// One call, after some time has passed. Keys are numbered.
#[derive(Clone, Debug)]
enum Call {
    Create(u8, MaxInactiveInterval),
    Load(u8, Access),
    Apply(u8, ChangeSet),
    Rename(u8, u8, ChangeSet),
    Delete(u8),
    SweepAll,
    Census,
    /// A login within a limit, under the same key or another one.
    LogIn(u8, u8, Principal, SessionLimit),
    /// The sessions of a principal.
    List(Principal),
    /// The end of the session with the handle of this number.
    End(Principal, u8),
    /// The end of all but the session with the handle of this number.
    EndAll(Principal, u8),
    EndEverybody,
}

/// Few principals, so that they fill up.
type Principal = &'static str;
const PRINCIPALS: [Principal; 2] = ["alice", "bob"];

fn call() -> impl Strategy<Value = Call> {
    let key = 0..KEYS;
    let principal = || proptest::sample::select(&PRINCIPALS[..]);
    let limit = (1_usize..4, any::<bool>()).prop_map(|(max, refuse)| SessionLimit {
        max,
        at_limit: if refuse {
            AtLimit::Refuse
        } else {
            AtLimit::EndOldest
        },
    });
    prop_oneof![
        3 => (key.clone(), idle_limit()).prop_map(|(key, idle)| Call::Create(key, idle)),
        3 => (key.clone(), access()).prop_map(|(key, access)| Call::Load(key, access)),
        8 => (key.clone(), change_set()).prop_map(|(key, changes)| Call::Apply(key, changes)),
        2 => (key.clone(), key.clone(), change_set())
            .prop_map(|(old, new, changes)| Call::Rename(old, new, changes)),
        4 => (key.clone(), key.clone(), principal(), limit)
            .prop_map(|(old, new, principal, limit)| Call::LogIn(old, new, principal, limit)),
        2 => principal().prop_map(Call::List),
        1 => (principal(), key.clone()).prop_map(|(principal, handle)| Call::End(principal, handle)),
        1 => (principal(), key.clone())
            .prop_map(|(principal, spared)| Call::EndAll(principal, spared)),
        1 => key.prop_map(Call::Delete),
        1 => Just(Call::SweepAll),
        1 => Just(Call::Census),
        1 => Just(Call::EndEverybody),
    ]
}

fn idle_limit() -> impl Strategy<Value = MaxInactiveInterval> {
    prop_oneof![
        Just(MaxInactiveInterval::Never),
        (1_u32..60).prop_map(|minutes| (minutes * MINUTE).into()),
    ]
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![
        Just(Access::Peek),
        (0_u64..120).prop_map(|seconds| Access::Counted {
            unless_within: Duration::from_secs(seconds),
        }),
    ]
}

/// A change set whose times are minutes after the start.
fn change_set() -> impl Strategy<Value = ChangeSet> {
    let attributes = proptest::collection::vec(attribute_change(), 0..3);
    let login = proptest::option::weighted(0.1, (0_u32..90).prop_map(login));
    let limits = (0_usize..60, 0_usize..4).prop_map(|(max_bytes, max_attributes)| Limits {
        max_bytes,
        max_attributes,
    });
    let limits = prop_oneof![3 => Just(Limits::NONE), 1 => limits];
    let interval = proptest::option::weighted(0.2, idle_limit());
    let flags = (proptest::bool::weighted(0.1), any::<bool>());
    (0_u32..180, attributes, login, limits, interval, flags).prop_map(
        |(minutes, attributes, login, limits, interval, (clear, with_record))| {
            let mut changes = ChangeSet::touch(minutes_after_start(minutes), limits);
            for change in attributes {
                if changes
                    .attributes
                    .iter()
                    .all(|other| other.name != change.name)
                {
                    changes.attributes.push(change);
                }
            }
            changes.login = login;
            changes.max_inactive_interval = interval;
            changes.clear_attributes = clear;
            if with_record {
                changes.reply = Reply::Record;
            }
            changes
        },
    )
}

fn attribute_change() -> impl Strategy<Value = AttributeChange> {
    let expected = prop_oneof![
        4 => Just(Expected::Anything),
        1 => Just(Expected::Absent),
        2 => (0_u64..6).prop_map(|revision| Expected::At(Revision::new(revision))),
    ];
    let edit = prop_oneof![
        3 => (0_usize..20).prop_map(|length| Edit::Put(value(&"x".repeat(length)))),
        2 => (0_u32..9).prop_map(|item| Edit::Append(items(&[item]))),
        1 => Just(Edit::Remove),
    ];
    (proptest::sample::select(&NAMES[..]), expected, edit)
        .prop_map(|(name, expected, edit)| change(name, expected, edit))
}

fn login(minutes: u32) -> Login {
    Login {
        absolute_deadline: minutes_after_start(minutes),
        ..samples::login("alice", ManualClock::START)
    }
}

fn minutes_after_start(minutes: u32) -> Timestamp {
    ManualClock::START.saturating_add(minutes * MINUTE)
}

fn key(number: u8) -> StoreKey {
    let mut bytes = [7; 32];
    bytes[usize::from(number)] = number;
    bytes[31] = number;
    StoreKey::from_bytes(bytes)
}

fn handle(number: u8) -> SessionHandle {
    SessionHandle::from_bytes([number; 16])
}

fn principal_key(principal: Principal) -> PrincipalKey {
    samples::authentication(principal, ManualClock::START).key
}

fn record(number: u8, idle: MaxInactiveInterval, now: Timestamp) -> Record {
    let handle = handle(number);
    let mut record = Record::new(key(number), handle, now);
    record.max_inactive_interval = idle;
    let first = changes(now, [put("a", "text"), append("list", &[0])]);
    record.apply(&first, now).unwrap();
    record
}

#[derive(Debug, PartialEq)]
enum Answer {
    Created(Created),
    Loaded(Loaded),
    Applied(Applied),
    Deleted(Deleted),
    Listed(Vec<Record>),
    /// The handles of what was ended.
    Ended(Vec<SessionHandle>),
    EverybodyEnded,
    Counted(Census),
    /// Ordered by key, for the order in which a sweep reports is the store's own affair.
    Swept(Vec<Removed>),
}

async fn answer(
    store: &dyn SessionStore,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, StoreError> {
    let index = store.principals().expect("both stores know principals");
    let ended = |ended: &[Record]| Answer::Ended(ended.iter().map(|it| it.handle).collect());
    Ok(match call {
        Call::LogIn(old, new, principal, limit) => {
            let mut changes = samples::touch(now);
            changes.login = Some(Login {
                limit: Some(*limit),
                ..samples::login(principal, now)
            });
            let (old, new) = (key(*old), key(*new));
            Answer::Applied(if old == new {
                store.apply(&old, &changes, now).await?
            } else {
                store.rename(&old, &new, &changes, now).await?
            })
        }
        Call::List(principal) => Answer::Listed(index.list(&principal_key(principal), now).await?),
        Call::End(principal, number) => {
            let (principal, handle) = (principal_key(principal), handle(*number));
            ended(index.end(&principal, &handle, now).await?.as_slice())
        }
        Call::EndAll(principal, number) => {
            let (principal, spared) = (principal_key(principal), handle(*number));
            ended(&index.end_all(&principal, Some(&spared), now).await?)
        }
        Call::EndEverybody => {
            index.end_everybody().await?;
            Answer::EverybodyEnded
        }
        Call::Create(number, idle) => {
            let record = record(*number, *idle, now);
            Answer::Created(store.create(&record, None, now).await?)
        }
        Call::Load(number, access) => {
            Answer::Loaded(store.load(&key(*number), *access, now).await?)
        }
        Call::Apply(number, changes) => {
            Answer::Applied(store.apply(&key(*number), changes, now).await?)
        }
        Call::Rename(old, new, changes) => {
            Answer::Applied(store.rename(&key(*old), &key(*new), changes, now).await?)
        }
        Call::Delete(number) => Answer::Deleted(store.delete(&key(*number)).await?),
        Call::Census => Answer::Counted(store.census(now).await?),
        Call::SweepAll => {
            let mut removed = Vec::new();
            let mut more = true;
            while more {
                let mut swept = store.sweep(now, 2).await?;
                removed.append(&mut swept.removed);
                more = swept.more;
            }
            removed.sort_by_key(|removed| (removed.record.key, removed.record.created_at));
            Answer::Swept(removed)
        }
    })
}

/// True for calls whose answer the contract leaves open: what a create, a delete or a new key
/// finds where the time of an entry is over but no sweep has come by, and which of two reasons
/// against one rename is answered.
fn is_left_open(store: &ReferenceStore, call: &Call, now: Timestamp) -> bool {
    match call {
        Call::Create(number, _) | Call::Delete(number) => {
            store.state(&key(*number), now) == State::Over
        }
        Call::Rename(old, new, changes) => {
            let taken = store.state(&key(*new), now);
            let refused = store.state(&key(*old), now) != State::Live
                || !changes.attributes.is_empty()
                || changes.login.is_some();
            taken == State::Over || (taken != State::Absent && refused)
        }
        // Why a login fails that fails for several reasons.
        Call::LogIn(old, new, ..) => {
            let is_free = old == new || store.state(&key(*new), now) == State::Absent;
            store.state(&key(*old), now) != State::Live || !is_free
        }
        Call::Load(..)
        | Call::Apply(..)
        | Call::SweepAll
        | Call::Census
        | Call::List(..)
        | Call::End(..)
        | Call::EndAll(..)
        | Call::EndEverybody => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_memory_store_answers_any_calls_as_the_reference_store(
        calls in proptest::collection::vec((0_u32..12, call()), 1..60),
    ) {
        let (reference, memory) = (ReferenceStore::default(), MemoryStore::new());
        let mut minutes = 0;
        block_on(async {
            for (passed, call) in calls {
                minutes += passed;
                let now = minutes_after_start(minutes);
                if is_left_open(&reference, &call, now) {
                    continue;
                }
                let expected = answer(&reference, &call, now).await.unwrap();
                let answered = answer(&memory, &call, now).await.unwrap();
                prop_assert_eq!(answered, expected, "{:?}", call);
            }
            Ok(())
        })?;
    }
}
