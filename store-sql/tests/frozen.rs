//! What the first version wrote is read by every later one, so that an upgrade logs nobody out.

mod common;

use std::sync::Arc;
use std::time::Duration;

use session_core::store::{Access, Applied, Loaded, SessionStore};
use session_core::{
    Attribute, Authentication, Codec, PrincipalKey, Record, Revision, SessionHandle, StoreKey,
    Timestamp, Value,
};

use self::common::samples::{NOW, put, touch};
use self::common::{Database, raw};

/// Rows as version 1 wrote them. What is between `<` and `>` are bytes.
const ROWS: &str = "
INSERT INTO session_record (
    store_key, generation, expires_at, sweep_from, revision, created_at, accessed_at, issued_at, idle_limit,
    absolute_deadline, authenticated_at, remembered_for, moved_at, format, ended, closed, handle,
    principal_key, principal, label, moved_to
) VALUES (
    <aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>, 0, 1900001700000, 1900001700000, 9,
    1899999000000, 1899999900000, 1899999300000, 1800000, 1902591300000, 1899999300000, 16909060,
    NULL, 1, 0, 0, <bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb>,
    <cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc>, <616461>, <746162>, NULL
), (
    <dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd>, 0, NULL, NULL, 1,
    1899999000000, 1899999000000, 1899999000000, 0, -1, NULL, NULL,
    NULL, 1, 0, 0, <eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee>, NULL, NULL, NULL, NULL
), (
    <ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff>, 0, 1900001700000, 1900001700000, 9,
    1899999000000, 1899999900000, 1899999300000, 1800000, 1902591300000, NULL, NULL,
    1899999900000, 1, 0, 0, <bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb>, NULL, NULL, NULL,
    <aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>
);
INSERT INTO session_attribute (store_key, name, revision, codec, value) VALUES
    (<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>, <61>, 4, 1, <a178>),
    (<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>, <63617274>, 9, 1,
     <93010203>);
";

fn rows(database: Database) -> String {
    let (before, after) = match database {
        Database::Postgres => ("'\\x", "'::bytea"),
        Database::MariaDb | Database::Sqlite => ("X'", "'"),
    };
    ROWS.replace('<', before).replace('>', after)
}

/// The session of the first row: somebody logged in, with two attributes.
fn of_ada() -> Record {
    let at = Timestamp::from_millis;
    let mut record = Record::new(
        StoreKey::from_bytes([0xaa; 32]),
        SessionHandle::from_bytes([0xbb; 16]),
        at(1_899_999_000_000),
    );
    record.accessed_at = at(1_899_999_900_000);
    record.issued_at = at(1_899_999_300_000);
    record.max_inactive_interval = Duration::from_secs(1_800).into();
    record.absolute_deadline = at(1_902_591_300_000);
    record.revision = Revision::new(9);
    let principal = PrincipalKey::from_bytes([0xcc; 32]);
    let mut login = Authentication::new("ada", principal, at(1_899_999_300_000));
    login.label = Some("tab".into());
    login.remembered_for = Some(Duration::from_millis(16_909_060));
    record.authentication = Some(Arc::new(login));
    let attributes = [
        ("a", 4, &[0xa1, b'x'][..]),
        ("cart", 9, &[0x93, 1, 2, 3][..]),
    ];
    let attributes = attributes.map(|(name, revision, value)| Attribute {
        name: name.into(),
        revision: Revision::new(revision),
        value: Value::new(Codec::MessagePack, value.to_vec()),
    });
    record.attributes = attributes.into_iter().collect();
    record
}

/// That of the other row: nobody is logged in, and it never ends.
fn of_nobody() -> Record {
    let mut record = Record::new(
        StoreKey::from_bytes([0xdd; 32]),
        SessionHandle::from_bytes([0xee; 16]),
        Timestamp::from_millis(1_899_999_000_000),
    );
    record.revision = Revision::new(1);
    record
}

async fn what_version_1_wrote_is_read_and_used(database: Database) {
    let place = database.place();
    let store = place.store().await;
    raw::run(database, &place, &rows(database)).await;
    for expected in [of_ada(), of_nobody()] {
        match store.load(&expected.key, Access::Peek, NOW).await.unwrap() {
            Loaded::Live { record, .. } => assert_eq!(record, expected),
            other => panic!("{other:?}"),
        }
        let mut write = touch(NOW);
        write.attributes.push(put("new", 1));
        let applied = store.apply(&expected.key, &write, NOW).await.unwrap();
        assert!(matches!(applied, Applied::Applied { .. }), "{applied:?}");
    }
    // The key that the first one had before.
    let old = StoreKey::from_bytes([0xff; 32]);
    let since = Timestamp::from_millis(1_899_999_900_000);
    let moved = store.load(&old, Access::Peek, NOW).await.unwrap();
    assert_eq!(moved, Loaded::Moved { since });
    let followed = store.apply(&old, &touch(NOW), NOW).await.unwrap();
    let to = StoreKey::from_bytes([0xaa; 32]);
    assert_eq!(followed, Applied::Moved(to));
    let principals = store.principals().unwrap();
    let ada = PrincipalKey::from_bytes([0xcc; 32]);
    assert_eq!(principals.list(&ada, NOW).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_version_1_wrote_is_read_and_used_in_postgres() {
    what_version_1_wrote_is_read_and_used(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_version_1_wrote_is_read_and_used_in_mariadb() {
    what_version_1_wrote_is_read_and_used(Database::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_version_1_wrote_is_read_and_used_in_sqlite() {
    what_version_1_wrote_is_read_and_used(Database::Sqlite).await;
}
