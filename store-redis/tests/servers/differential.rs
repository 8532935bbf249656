//! The script that changes a session against the function that says what a change is.

use session_core::store::{Applied, SessionStore};
use session_core::{
    Attribute, AttributeChange, Authentication, ChangeSet, Codec, Edit, Expected, Items, Limits,
    Login, MaxInactiveInterval, PrincipalKey, Record, Refusal, Reply, Revision, Timestamp, Value,
};
use testbed::Kind;

use crate::stage::{MINUTE, SECOND, key, key_in, now, peek, principal, put_in, record, store};

/// Small numbers in an order that looks random and is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.roll(most);
        (0..length).map(|_| self.roll(256) as u8).collect()
    }

    fn value(&mut self) -> Value {
        let mut bytes = match self.roll(6) {
            0 => vec![0x90 | self.roll(16) as u8],
            1 => vec![0xdc, self.roll(2) as u8, self.roll(256) as u8],
            2 => vec![0xdd, 0, 0, self.roll(256) as u8, self.roll(256) as u8],
            3 => vec![0xdc, 1],
            4 => vec![0xdd, 0, 0, 1],
            _ => Vec::new(),
        };
        bytes.extend(self.bytes(20));
        Value::new(Codec::MessagePack, bytes)
    }

    fn name(&mut self) -> &'static str {
        const NAMES: [&str; 6] = ["a", "b", "\0", "Ä", "list", "p"];
        NAMES[self.roll(6) as usize]
    }

    /// A change set that is right for the record as often as not.
    fn changes(
        &mut self,
        record: &Record,
        principals: &[PrincipalKey],
        now: Timestamp,
    ) -> ChangeSet {
        let mut changes = ChangeSet::touch(self.time(now), Limits::NONE);
        changes.clear_attributes = self.roll(8) == 0;
        for _ in 0..self.roll(4) {
            let name = self.name();
            if changes
                .attributes
                .iter()
                .any(|change| &*change.name == name)
            {
                continue;
            }
            let current = record.attributes.get(name);
            let right = match current {
                _ if changes.clear_attributes => Expected::Absent,
                Some(current) => Expected::At(current.revision),
                None => Expected::Absent,
            };
            let expected = match self.roll(8) {
                0..4 => Expected::Anything,
                4 => Expected::At(Revision::new(self.roll(50))),
                5 => Expected::Absent,
                _ => right,
            };
            let edit = match self.roll(4) {
                0 => Edit::Remove,
                1 => Edit::Append(Items::from_parts(self.roll(300) as u32, self.bytes(9))),
                _ => Edit::Put(self.value()),
            };
            changes.attributes.push(AttributeChange {
                name: name.into(),
                expected,
                edit,
            });
        }
        if self.roll(6) == 0 {
            changes.max_inactive_interval = Some(match self.roll(3) {
                0 => MaxInactiveInterval::Never,
                1 => MINUTE.into(),
                _ => (3 * MINUTE).into(),
            });
        }
        if self.roll(6) == 0 {
            let principal = principals[self.roll(2) as usize];
            let mut login = Authentication::new("ada\0ä", principal, self.time(now));
            if self.roll(2) == 0 {
                login.label = Some("a label".into());
                login.remembered_for = Some(MINUTE);
            }
            changes.login = Some(Login {
                authentication: login.into(),
                limit: None,
                absolute_deadline: match self.roll(3) {
                    0 => Timestamp::NEVER,
                    _ => now.saturating_add(10 * MINUTE),
                },
            });
        }
        if self.roll(4) == 0 {
            changes.issued_at = Some(self.time(now));
        }
        if self.roll(3) == 0 {
            changes.limits = Limits {
                max_bytes: (record.size() + 30).saturating_sub(self.roll(60) as usize),
                max_attributes: self.roll(6) as usize,
            };
        }
        changes.reply = [Reply::Revision, Reply::Record, Reply::Change][self.roll(3) as usize];
        changes
    }

    /// A change set that sets attributes and does nothing else, which has a way of its own.
    fn plain_changes(
        &mut self,
        record: &Record,
        principals: &[PrincipalKey],
        now: Timestamp,
    ) -> ChangeSet {
        let mut changes = self.changes(record, principals, now);
        changes.clear_attributes = false;
        changes.max_inactive_interval = None;
        changes.login = None;
        changes.issued_at = None;
        changes.reply = Reply::Revision;
        for change in &mut changes.attributes {
            change.edit = Edit::Put(self.value());
        }
        changes
    }

    /// A time around now, on both sides of what counts as far ahead.
    fn time(&mut self, now: Timestamp) -> Timestamp {
        let early = Timestamp::from_millis(now.as_millis() - 60_000);
        early.saturating_add(SECOND * u32::try_from(self.roll(420)).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_does_what_the_record_says_it_does() {
    run(Kind::Redis, 2_500, |_| key()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_its_way_to_another_group_does_the_same() {
    run(Kind::RedisCluster, 400, |round| key_in(round as u8)).await;
}

async fn run(kind: Kind, rounds: u64, new_key: impl Fn(u64) -> session_core::StoreKey) {
    let store = store(kind).await;
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let principals = [principal(), principal()];
    let mut model = record(new_key(0));
    put_in(&store, &model).await;
    let mut moved = 0;
    for round in 1..=rounds {
        let now = now();
        if model.is_expired(now) || model.expires_at().saturating_since(now) < 30 * SECOND {
            model = record(new_key(round));
            put_in(&store, &model).await;
        }
        let changes = match dice.roll(2) {
            0 => dice.changes(&model, &principals, now),
            _ => dice.plain_changes(&model, &principals, now),
        };
        let new = (dice.roll(5) == 0).then(|| new_key(round));
        let before = model.clone();
        let expected = model.apply(&changes, now);
        let answer = match new {
            Some(new) => {
                if expected.is_ok() {
                    model.key = new;
                    moved += 1;
                }
                store
                    .rename(&before.key, &new, &changes, now)
                    .await
                    .unwrap()
            }
            None => store.apply(&before.key, &changes, now).await.unwrap(),
        };
        let context = format!("round {round}, {changes:?}");
        match (expected, answer) {
            (
                Ok(()),
                Applied::Applied {
                    revision,
                    record: after,
                    before: was,
                },
            ) => {
                assert_eq!(revision, model.revision, "{context}");
                assert_eq!(
                    after,
                    (changes.reply != Reply::Revision).then(|| model.clone()),
                    "{context}"
                );
                let asked = changes.reply == Reply::Change;
                assert_eq!(was.map(|was| *was), asked.then_some(before), "{context}");
            }
            (Err(Refusal::Conflict), Applied::Conflict(current)) => {
                assert_eq!(current, before, "{context}");
            }
            (Err(Refusal::TooLarge), Applied::TooLarge) => {}
            (Err(Refusal::NotAList(one)), Applied::NotAList(other)) => assert_eq!(one, other),
            (expected, answer) => panic!("{context}: {expected:?}, but {answer:?}"),
        }
        assert_eq!(
            peek(&store, &model.key).await.as_ref(),
            Some(&model),
            "{context}"
        );
    }
    assert!(moved > rounds / 20, "the session moves now and then");
}

/// Numbers that do not fit what Lua calculates with.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_beyond_those_of_lua_come_back_as_they_are() {
    let store = store(Kind::Redis).await;
    let mut session = record(key());
    session.created_at = Timestamp::from_millis((1 << 53) + 1);
    session.issued_at = Timestamp::from_millis(u64::MAX - 1);
    session.max_inactive_interval =
        MaxInactiveInterval::AfterMillis((u64::MAX - 2).try_into().unwrap());
    session.absolute_deadline = Timestamp::from_millis(u64::MAX - 3);
    session.revision = Revision::new(u64::from(u32::MAX));
    session.attributes = [Attribute {
        name: "a".into(),
        revision: Revision::new((1 << 53) + 1),
        value: Value::new(Codec::MessagePack, vec![1]),
    }]
    .into_iter()
    .collect();
    put_in(&store, &session).await;
    assert_eq!(peek(&store, &session.key).await.as_ref(), Some(&session));
    let now = now();
    let mut changes = ChangeSet::touch(now, Limits::NONE);
    changes.attributes.push(AttributeChange {
        name: "a".into(),
        expected: Expected::At(Revision::new((1 << 53) + 1)),
        edit: Edit::Put(Value::new(Codec::MessagePack, vec![2])),
    });
    session.apply(&changes, now).unwrap();
    let answer = store.apply(&session.key, &changes, now).await.unwrap();
    assert!(matches!(answer, Applied::Applied { revision, .. } if revision == session.revision));
    assert_eq!(session.revision, Revision::new(1 << 32));
    assert_eq!(peek(&store, &session.key).await, Some(session));
}
