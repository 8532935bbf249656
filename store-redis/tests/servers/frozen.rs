//! What the first version left on a server is found there and used by every later one, so that an
//! upgrade logs nobody out.

use session_core::store::{Access, Applied, Loaded, RemovalReason, SessionStore};
use session_core::{ChangeSet, Limits, PrincipalKey, StoreKey, Timestamp};

use crate::stage::{BOTH, HOUR, MINUTE, append, connections, key, store_at};

/// When the session was used last.
const ACCESSED: Timestamp = Timestamp::from_millis(0x0102_0304_0507);

/// How many groups of keys a cluster has.
const GROUPS: usize = 256;

/// Keys as version 1 named them, behind the prefix, and what it wrote there. What is between `<`
/// and `>` are bytes; GROUP is that of the last byte of a key on a cluster, and 00 elsewhere.
const WRITTEN: [&str; 8] = [
    // A session of ada, with two attributes.
    "HSET :{gGROUP(aa)}:s:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \
     k <01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
     bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0000010203040506> \
     m <0000000000000001000001020304050700000102030405080\
     0000000001b7740ffffffffffffffff0000000000000009000000000000000b> \
     p <0000010203040509cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\
     000000000102030400000003616461746162> \
     aa <000000000000000401a178> acart <00000000000000090193010203>",
    "ZADD :{gGROUP(aa)}:index 1108153957447 \
     <aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>",
    "HSET :{gGROUP(cc)}:p:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc \
     # 3 <aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa> \
     <00000000000000000000000000000003>",
    // Everybody was ended once,
    "SET :{gGROUP(aa)}:generation 1",
    "SET :{gGROUP(dd)}:generation 1",
    "SET :{gGROUP(ee)}:generation 1",
    // after this session began.
    "HSET :{gGROUP(dd)}:s:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd \
     k <01dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\
     bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0000010203040506> \
     m <0000000000000000000001020304050700000102030405080\
     0000000001b7740ffffffffffffffff00000000000000010000000000000000>",
    // What the session of ada was called before.
    "HSET :{gGROUP(ee)}:s:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee \
     f <01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
     0000010203040507000000000000000001>",
];

/// The words of a command for the keys under this prefix.
fn words(written: &str, prefix: &str, is_cluster: bool) -> Vec<Vec<u8>> {
    let word = |word: &str| match word.strip_prefix('<').and_then(|it| it.strip_suffix('>')) {
        Some(digits) => unhex(digits),
        None => word.as_bytes().to_vec(),
    };
    let mut words: Vec<_> = written.split_whitespace().map(word).collect();
    let name = written.split_whitespace().nth(1).unwrap();
    let (before, rest) = name.split_once("GROUP(").unwrap();
    let (group, rest) = rest.split_once(')').unwrap();
    let group = if is_cluster { group } else { "00" };
    words[1] = format!("{prefix}{before}{group}{rest}").into_bytes();
    words
}

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

/// Writes it where it belongs: the other nodes of a cluster refuse it.
async fn write(url: &str, words: &[Vec<u8>]) {
    let mut refused = Vec::new();
    for mut connection in connections(url).await {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        match command.query_async::<redis::Value>(&mut connection).await {
            Ok(_) => return,
            Err(error) => refused.push(error),
        }
    }
    panic!("nobody takes it: {refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_version_1_left_on_a_server_is_found_and_used() {
    let [ada, outdated, moved] = [0xaa, 0xdd, 0xee].map(|byte| StoreKey::from_bytes([byte; 32]));
    let now = ACCESSED.saturating_add(MINUTE);
    for kind in BOTH {
        let url = testbed::shared(kind).unwrap();
        let prefix = format!("frozen{}", key().to_hex());
        for written in WRITTEN {
            let is_cluster = url.starts_with("redis-cluster");
            write(&url, &words(written, &prefix, is_cluster)).await;
        }
        let store = store_at(&url, &prefix).await;

        let loaded = store.load(&ada, Access::Peek, now).await.unwrap();
        let Loaded::Live { record, .. } = loaded else {
            panic!("{loaded:?}");
        };
        let names: Vec<_> = record.attributes.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["a", "cart"]);
        let ended = store.load(&outdated, Access::Peek, now).await.unwrap();
        assert_eq!(ended, Loaded::Absent);
        let elsewhere = store.load(&moved, Access::Peek, now).await.unwrap();
        assert_eq!(elsewhere, Loaded::Moved { since: ACCESSED });

        let principals = store.principals().unwrap();
        let of_ada = PrincipalKey::from_bytes([0xcc; 32]);
        let listed = principals.list(&of_ada, now).await.unwrap();
        assert_eq!(listed.len(), 1);
        let mut write = ChangeSet::touch(now, Limits::NONE);
        write.attributes.push(append("cart"));
        let applied = store.apply(&ada, &write, now).await.unwrap();
        assert!(matches!(applied, Applied::Applied { .. }), "{applied:?}");
        let mut removed = Vec::new();
        // A step looks at some of the groups of a cluster.
        let mut steps = 0..GROUPS;
        while removed.is_empty() && steps.next().is_some() {
            let swept = store.sweep(now.saturating_add(HOUR), 10).await.unwrap();
            removed.extend(swept.removed.into_iter().map(|it| it.reason));
        }
        assert_eq!(removed, [RemovalReason::Expired]);
    }
}
