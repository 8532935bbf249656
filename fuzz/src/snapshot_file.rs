//! Snapshot files of any bytes: a damaged one changes nothing, and what one that can be read
//! holds is what the store holds, and what the next snapshot holds.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ring::digest::{SHA256, digest};
use session_core::store::memory::SnapshotError;
use session_core::testkit::ManualClock;
use session_core::{MemoryStore, Record};

const MAGIC: &[u8] = b"SESSIONS";
const VERSION: u8 = 1;

/// Loads a file that holds `data`, or that holds entries and the checksum which belongs to
/// them, since chance finds none.
pub fn run(data: &[u8]) {
    let [kind, content @ ..] = data else {
        return;
    };
    let file = match kind {
        0 => content.to_vec(),
        _ => sealed(content),
    };
    let (now, place) = (ManualClock::START, file_named("loaded"));
    fs::write(&place, &file).expect("the folder can be written to");
    let store = store();
    let count = match store.load_snapshot(&place, now) {
        Ok(count) => count,
        Err(error) => {
            assert!(store.is_empty(), "{error}");
            assert_eq!(store.bytes(), 0, "{error}");
            assert!(!matches!(error, SnapshotError::Read(_)), "{error}");
            return;
        }
    };
    assert_eq!(count, store.len());

    let first = saved(&store, count);
    let again = self::store();
    fs::write(&place, &first).expect("the folder can be written to");
    let loaded = again
        .load_snapshot(&place, now)
        .expect("the snapshot was just saved");
    assert_eq!(loaded, count);
    assert_eq!(again.bytes(), store.bytes());
    let second = saved(&again, count);
    let (first, second) = (entries(&first), entries(&second));
    assert!(
        first == second,
        "a snapshot changed on its way through a store"
    );

    // Nothing is in the store that was not in the file.
    let given = entries(&file);
    for (entry, times) in &first {
        assert!(
            given.get(entry).is_some_and(|given| times <= given),
            "an entry out of nothing"
        );
    }
}

fn store() -> MemoryStore {
    MemoryStore::builder()
        .shards(2)
        .max_sessions(50)
        .max_bytes(100_000)
        .build()
}

fn saved(store: &MemoryStore, count: usize) -> Vec<u8> {
    let place = file_named("saved");
    let saved = store.save_snapshot(&place, ManualClock::START);
    assert_eq!(saved.expect("the folder can be written to"), count);
    fs::read(&place).expect("the file was just written")
}

/// A file of this content, as its documentation has it.
fn sealed(content: &[u8]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.push(VERSION);
    file.extend_from_slice(content);
    let checksum = digest(&SHA256, &file);
    file.extend_from_slice(checksum.as_ref());
    file
}

/// The entries of a file that can be read, and how often each is there.
fn entries(file: &[u8]) -> BTreeMap<&[u8], usize> {
    const FORWARD: usize = 1 + 32 + 32 + 8;
    let mut entries = BTreeMap::new();
    let mut rest = &file[MAGIC.len() + 1..file.len() - 32];
    while let Some(tag) = rest.first() {
        let length = match tag {
            1 => {
                let length = rest[1..5].try_into().map(u32::from_le_bytes);
                5 + length.expect("these are four bytes") as usize
            }
            _ => FORWARD,
        };
        let entry;
        (entry, rest) = rest.split_at(length);
        if *tag == 1 {
            assert!(Record::from_bytes(&entry[5..]).is_ok());
        }
        *entries.entry(entry).or_default() += 1;
    }
    entries
}

thread_local! {
    static FOLDER: OnceCell<PathBuf> = const { OnceCell::new() };
}

/// A file for this process alone. Where `FUZZ_FOLDER` names a folder it is in there, for the
/// caller to remove.
fn file_named(name: &str) -> PathBuf {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| {
            let parent = std::env::var_os("FUZZ_FOLDER").map(PathBuf::from);
            let parent = parent.unwrap_or_else(std::env::temp_dir);
            let folder = parent.join(format!("snapshots-{}", std::process::id()));
            fs::create_dir_all(&folder).expect("the folder can be made");
            folder
        });
        folder.join(name)
    })
}
