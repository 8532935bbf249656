//! The same calls have the same answers in the memory store, which is the reference, and in each
//! database: thousands of calls that are drawn by lot, with every kind of change.
//!
//! What PostgreSQL does in a function of its own, the other databases do by the code that all
//! stores share; here all of them are held to it.

mod common;

use std::time::Duration;

use session_core::store::{Access, Applied, Created, SessionStore};
use session_core::{
    Attribute, AttributeChange, Authentication, ChangeSet, Codec, Edit, Expected, Items, Limits,
    Login, MaxInactiveInterval, MemoryStore, PrincipalKey, Record, Reply, Revision, SessionHandle,
    StoreKey, Timestamp, Value,
};

use self::common::Database;

const CALLS: usize = 1_500;

/// Numbers that look drawn by lot and are the same in every run (SplitMix64).
struct Lot(u64);

impl Lot {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        let number = usize::try_from(self.below(choices.len() as u64)).unwrap();
        choices[number]
    }

    fn key(&mut self) -> StoreKey {
        // Few, so that calls meet.
        let number = u8::try_from(self.below(12)).unwrap();
        StoreKey::from_bytes([number; 32])
    }

    fn name(&mut self) -> &'static str {
        self.of(&["a", "A", "a ", "list", "text", "ü\0'%_"])
    }

    fn value(&mut self) -> Value {
        let bytes = match self.below(7) {
            // A list in each of its three forms, and things that only begin like one.
            0 => vec![0x92, 1, 2],
            1 => vec![0xdc, 0, 1, 7],
            2 => vec![0xdd, 0, 0, 0, 1, 7],
            3 => vec![0xdc, 0],
            4 => Vec::new(),
            5 => vec![0xa1; usize::try_from(self.below(3_000)).unwrap()],
            _ => vec![u8::try_from(self.below(128)).unwrap()],
        };
        Value::new(Codec::MessagePack, bytes)
    }

    fn edit(&mut self) -> Edit {
        match self.below(4) {
            0 => Edit::Remove,
            1 => Edit::Put(self.value()),
            _ => {
                let count = u32::try_from(self.below(3)).unwrap();
                Edit::Append(Items::from_parts(count, vec![5; count as usize]))
            }
        }
    }

    fn expected(&mut self) -> Expected {
        match self.below(6) {
            0 => Expected::Absent,
            1 => Expected::At(Revision::new(self.below(8))),
            _ => Expected::Anything,
        }
    }

    fn idle_limit(&mut self) -> MaxInactiveInterval {
        match self.below(5) {
            0 => MaxInactiveInterval::Never,
            1 => Duration::from_millis(u64::MAX).into(),
            2 => Duration::from_millis(i64::MAX.unsigned_abs()).into(),
            _ => Duration::from_millis(1 + self.below(60_000)).into(),
        }
    }

    fn deadline(&mut self, now: Timestamp) -> Timestamp {
        match self.below(4) {
            0 => now.saturating_add(Duration::from_millis(self.below(90_000))),
            1 => Timestamp::from_millis(u64::MAX - 1),
            _ => Timestamp::NEVER,
        }
    }

    /// Around the present, or far from it.
    fn time(&mut self, now: Timestamp) -> Timestamp {
        let now = now.as_millis();
        Timestamp::from_millis(match self.below(6) {
            0 => now + self.below(400_000),
            1 => now.saturating_sub(self.below(400_000)),
            2 => u64::MAX - self.below(2),
            _ => now,
        })
    }

    fn login(&mut self, now: Timestamp) -> Authentication {
        let number = u8::try_from(self.below(3)).unwrap();
        let key = PrincipalKey::from_bytes([number; 32]);
        let mut login = Authentication::new("ada", key, now);
        if self.one_in(2) {
            login.label = Some("Firefox".into());
            login.remembered_for = Some(Duration::from_millis(1 + self.below(5)));
        }
        login
    }

    fn changes(&mut self, now: Timestamp) -> ChangeSet {
        let limits = match self.below(4) {
            0 => Limits {
                max_bytes: usize::try_from(self.below(3_000)).unwrap(),
                max_attributes: usize::try_from(self.below(5)).unwrap(),
            },
            _ => Limits::NONE,
        };
        let mut changes = ChangeSet::touch(self.time(now), limits);
        changes.clear_attributes = self.one_in(10);
        changes.reply = self.of(&[Reply::Revision, Reply::Record, Reply::Change]);
        if self.one_in(3) {
            changes.issued_at = Some(self.time(now));
        }
        if self.one_in(5) {
            changes.max_inactive_interval = Some(self.idle_limit());
        }
        if self.one_in(6) {
            changes.login = Some(Login {
                authentication: self.login(now).into(),
                limit: None,
                absolute_deadline: self.deadline(now),
            });
        }
        for _ in 0..self.below(4) {
            let name = self.name();
            if changes
                .attributes
                .iter()
                .any(|change| &*change.name == name)
            {
                continue;
            }
            changes.attributes.push(AttributeChange {
                name: name.into(),
                expected: self.expected(),
                edit: self.edit(),
            });
        }
        changes
    }

    fn record(&mut self, now: Timestamp) -> Record {
        let handle =
            SessionHandle::from_bytes(self.next().to_le_bytes().repeat(2).try_into().unwrap());
        let mut record = Record::new(self.key(), handle, now);
        record.accessed_at = self.time(now);
        record.issued_at = self.time(now);
        record.max_inactive_interval = self.idle_limit();
        record.absolute_deadline = self.deadline(now);
        record.revision = Revision::new(self.below(6));
        if self.one_in(3) {
            record.authentication = Some(self.login(now).into());
        }
        let attributes = (0..self.below(5)).map(|_| Attribute {
            name: self.name().into(),
            revision: record.revision,
            value: self.value(),
        });
        record.attributes = attributes.collect();
        record
    }
}

async fn the_same_calls_have_the_same_answers(database: Database, seed: u64) {
    let place = database.place();
    let (store, memory) = (place.store().await, MemoryStore::new());
    let (ours, reference): (&dyn SessionStore, &dyn SessionStore) = (&store, &memory);
    let mut lot = Lot(seed);
    let mut now = Timestamp::from_millis(1_900_000_000_000);
    let (mut applied, mut refused) = (0, 0);
    for call in 0..CALLS {
        now = now.saturating_add(Duration::from_millis(lot.below(2_000)));
        let what = format!("call {call} with seed {seed} on {}", database.name());
        match lot.below(10) {
            0 | 1 => {
                let record = lot.record(now);
                let expected = reference.create(&record, None, now).await.unwrap();
                let created = ours.create(&record, None, now).await.unwrap();
                // What has expired and was not swept may be in the way in one store only.
                assert_eq!(created, expected, "{what}");
                assert!(matches!(created, Created::Created | Created::Taken));
            }
            2 | 3 => {
                let access = match lot.below(3) {
                    0 => Access::Peek,
                    spared => Access::Counted {
                        unless_within: Duration::from_millis((spared - 1) * 500),
                    },
                };
                let key = lot.key();
                let expected = reference.load(&key, access, now).await.unwrap();
                let loaded = ours.load(&key, access, now).await.unwrap();
                assert_eq!(loaded, expected, "{what}");
            }
            4 => {
                let (old, new, changes) = (lot.key(), lot.key(), lot.changes(now));
                let expected = reference.rename(&old, &new, &changes, now).await.unwrap();
                let renamed = ours.rename(&old, &new, &changes, now).await.unwrap();
                assert_eq!(renamed, expected, "{what}: {changes:?}");
            }
            5 if lot.one_in(4) => {
                let key = lot.key();
                let expected = reference.delete(&key).await.unwrap();
                assert_eq!(ours.delete(&key).await.unwrap(), expected, "{what}");
            }
            6 => {
                let principal = PrincipalKey::from_bytes([u8::try_from(lot.below(3)).unwrap(); 32]);
                let expected = reference.principals().unwrap().list(&principal, now);
                let listed = ours.principals().unwrap().list(&principal, now);
                assert_eq!(listed.await.unwrap(), expected.await.unwrap(), "{what}");
            }
            7 => {
                let expected = reference.census(now).await.unwrap();
                assert_eq!(ours.census(now).await.unwrap(), expected, "{what}");
            }
            8 if lot.one_in(5) => {
                let mut expected = Vec::new();
                let mut swept = Vec::new();
                for (store, removed) in [(reference, &mut expected), (ours, &mut swept)] {
                    loop {
                        let mut some = store.sweep(now, 5).await.unwrap();
                        removed.append(&mut some.removed);
                        if !some.more {
                            break;
                        }
                    }
                    removed.sort_by_key(|it| it.record.key);
                }
                assert_eq!(swept, expected, "{what}");
            }
            _ => {
                let (key, changes) = (lot.key(), lot.changes(now));
                let expected = reference.apply(&key, &changes, now).await.unwrap();
                let answer = ours.apply(&key, &changes, now).await.unwrap();
                assert_eq!(answer, expected, "{what}: {changes:?}");
                match answer {
                    Applied::Applied { .. } => applied += 1,
                    _ => refused += 1,
                }
            }
        }
    }
    // Otherwise the lots say nothing.
    assert!(
        applied > CALLS / 40 && refused > CALLS / 40,
        "{applied} and {refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_calls_have_the_same_answers_in_postgres() {
    for seed in 1..=4 {
        the_same_calls_have_the_same_answers(Database::Postgres, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_calls_have_the_same_answers_in_mariadb() {
    for seed in 1..=2 {
        the_same_calls_have_the_same_answers(Database::MariaDb, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_calls_have_the_same_answers_in_sqlite() {
    for seed in 1..=2 {
        the_same_calls_have_the_same_answers(Database::Sqlite, seed).await;
    }
}
