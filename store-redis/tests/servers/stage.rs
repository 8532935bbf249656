//! Servers, sessions and change sets for the tests.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use session_core::store::{Access, Applied, Created, Loaded, SessionStore};
use session_core::{
    AttributeChange, Authentication, ChangeSet, Clock, Codec, Edit, Entropy, Expected, Items,
    Limits, Login, PrincipalKey, Record, Reply, SessionHandle, SessionLimit, StoreKey, SystemClock,
    SystemEntropy, Timestamp, Value,
};
use store_redis::RedisStore;
use testbed::Kind;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);

/// The kinds of server that a test about both runs on.
pub(crate) const BOTH: [Kind; 2] = [Kind::Redis, Kind::RedisCluster];

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy::new().fill(&mut bytes).unwrap();
    bytes
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// A key that nobody else uses.
pub(crate) fn key() -> StoreKey {
    StoreKey::from_bytes(random())
}

/// A key that nobody else uses, of the group with this number on a cluster.
pub(crate) fn key_in(group: u8) -> StoreKey {
    let mut bytes: [u8; 32] = random();
    bytes[31] = group;
    StoreKey::from_bytes(bytes)
}

pub(crate) fn principal() -> PrincipalKey {
    PrincipalKey::from_bytes(random())
}

/// A prefix that nobody else uses.
pub(crate) fn prefix() -> String {
    format!("test {}", key().to_hex())
}

/// A store on a server that other tests use as well, under a prefix of its own.
pub(crate) async fn store(kind: Kind) -> RedisStore {
    store_with(kind, &prefix()).await
}

pub(crate) async fn store_with(kind: Kind, prefix: &str) -> RedisStore {
    store_at(&testbed::shared(kind).unwrap(), prefix).await
}

/// A store with more patience than tests that share a machine need.
pub(crate) async fn store_at(url: &str, prefix: &str) -> RedisStore {
    let builder = RedisStore::builder().prefix(prefix).timeout(20 * SECOND);
    builder.connect(url).await.unwrap()
}

/// A connection of the test's own.
pub(crate) async fn connection(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// The nodes of the cluster at `url`, or the one server.
pub(crate) async fn connections(url: &str) -> Vec<MultiplexedConnection> {
    let nodes = url
        .trim_start_matches("redis-cluster://")
        .trim_start_matches("redis://");
    let mut connections = Vec::new();
    for node in nodes.split(',') {
        connections.push(connection(&format!("redis://{node}")).await);
    }
    connections
}

/// The names of all keys on the server, or on the nodes of the cluster, that contain `part`.
pub(crate) async fn names(url: &str, part: &str) -> Vec<(MultiplexedConnection, String)> {
    let mut found = Vec::new();
    for mut connection in connections(url).await {
        let names: Vec<String> = redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut connection)
            .await
            .unwrap();
        let names = names.into_iter().filter(|name| name.contains(part));
        found.extend(names.map(|name| (connection.clone(), name)));
    }
    found
}

/// The one key of a session, and a connection to the node that has it.
pub(crate) async fn name_of(url: &str, key: &StoreKey) -> (MultiplexedConnection, String) {
    let mut found = names(url, &key.to_hex()).await;
    assert_eq!(found.len(), 1, "a session is one key");
    found.remove(0)
}

/// A session of this moment that may lie idle for half an hour, not stored yet.
pub(crate) fn record(key: StoreKey) -> Record {
    let mut record = Record::new(key, SessionHandle::from_bytes(random()), now());
    record.max_inactive_interval = (30 * MINUTE).into();
    record
}

/// A session that somebody logged in to, not stored yet.
pub(crate) fn record_of(principal: PrincipalKey, key: StoreKey) -> Record {
    let mut record = record(key);
    record.authentication = Some(Authentication::new("ada", principal, now()).into());
    record.absolute_deadline = now().saturating_add(24 * HOUR);
    record
}

/// A stored session without attributes.
pub(crate) async fn session(store: &RedisStore, key: StoreKey) -> Record {
    let record = record(key);
    put_in(store, &record).await;
    record
}

pub(crate) async fn put_in(store: &RedisStore, record: &Record) {
    let created = store.create(record, None, now()).await.unwrap();
    assert_eq!(created, Created::Created);
}

pub(crate) fn number(number: u32) -> Value {
    let [a, b, c, d] = number.to_be_bytes();
    Value::new(Codec::MessagePack, vec![0xce, a, b, c, d])
}

pub(crate) fn number_in(record: &Record, name: &str) -> Option<u32> {
    let attribute = record.attributes.get(name)?;
    let bytes = attribute.value.bytes();
    Some(u32::from_be_bytes(bytes[1..5].try_into().unwrap()))
}

/// How many items the list `name` has.
pub(crate) fn items_in(record: &Record, name: &str) -> u32 {
    let Some(list) = record.attributes.get(name) else {
        return 0;
    };
    let bytes = list.value.bytes();
    assert_eq!(bytes[0], 0xdd, "what an append leaves is a list");
    u32::from_be_bytes(bytes[1..5].try_into().unwrap())
}

pub(crate) fn touch() -> ChangeSet {
    ChangeSet::touch(now(), Limits::NONE)
}

pub(crate) fn changes(attributes: impl IntoIterator<Item = AttributeChange>) -> ChangeSet {
    let mut changes = touch();
    changes.attributes = attributes.into_iter().collect();
    changes
}

pub(crate) fn put(name: &str, value: Value) -> AttributeChange {
    put_if(name, Expected::Anything, value)
}

pub(crate) fn put_if(name: &str, expected: Expected, value: Value) -> AttributeChange {
    AttributeChange {
        name: name.into(),
        expected,
        edit: Edit::Put(value),
    }
}

/// Adds one small number to the list `name`.
pub(crate) fn append(name: &str) -> AttributeChange {
    AttributeChange {
        name: name.into(),
        expected: Expected::Anything,
        edit: Edit::Append(Items::from_parts(1, vec![7])),
    }
}

pub(crate) fn login(principal: PrincipalKey, limit: Option<SessionLimit>) -> ChangeSet {
    let mut changes = touch();
    changes.login = Some(Login {
        authentication: Authentication::new("ada", principal, now()).into(),
        limit,
        absolute_deadline: now().saturating_add(24 * HOUR),
    });
    changes
}

pub(crate) async fn peek(store: &RedisStore, key: &StoreKey) -> Option<Record> {
    match store.load(key, Access::Peek, now()).await.unwrap() {
        Loaded::Live { record, .. } => Some(record),
        _ => None,
    }
}

/// Applies what nothing stands against, wherever the session has moved to.
pub(crate) async fn apply(store: &RedisStore, key: &StoreKey, changes: &ChangeSet) -> Record {
    let mut key = *key;
    let mut changes = changes.clone();
    changes.reply = Reply::Record;
    loop {
        match store.apply(&key, &changes, now()).await.unwrap() {
            Applied::Applied { record, .. } => return record.unwrap(),
            Applied::Moved(to) => key = to,
            other => panic!("nothing stands against the changes, but {other:?}"),
        }
    }
}

/// Adds one to the number `name`, as the engine does: again after each conflict, and wherever
/// the session has moved to.
pub(crate) async fn add_one(store: &RedisStore, key: &StoreKey, name: &str) {
    let mut key = *key;
    let mut seen = None;
    loop {
        let current = seen
            .as_ref()
            .and_then(|record: &Record| record.attributes.get(name));
        let expected = current.map_or(Expected::Absent, |found| Expected::At(found.revision));
        let next = seen
            .as_ref()
            .and_then(|record| number_in(record, name))
            .unwrap_or(0)
            + 1;
        let change = changes([put_if(name, expected, number(next))]);
        match store.apply(&key, &change, now()).await.unwrap() {
            Applied::Applied { .. } => return,
            Applied::Conflict(record) => seen = Some(record),
            Applied::Moved(to) => key = to,
            other => panic!("an update is applied or a conflict, but {other:?}"),
        }
    }
}
