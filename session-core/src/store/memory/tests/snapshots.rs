//! A snapshot is loaded whole or not at all, and saved whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io};

use futures_executor::block_on;

use super::super::SnapshotError;
use super::*;
use crate::store::{PrincipalIndex, RemovalReason, Removed};

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sessions-snapshot-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("sessions")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Two sessions, one of which got another id.
fn sample() -> MemoryStore {
    let store = builder().build();
    create(&store, &anonymous(1, START));
    create(&store, &logged_in(2, START));
    apply(&store, 1, &put(START, "a", 20));
    rename(&store, 2, 3, &append(START, "list", 5));
    store
}

fn load(store: &MemoryStore, number: u64) -> Loaded {
    door(store).load(&key(number), Access::Peek, START).unwrap()
}

fn refused(path: &Path) -> SnapshotError {
    let store = builder().build();
    let error = store.load_snapshot(path, START).unwrap_err();
    assert_eq!(store.budget.used(), Cost::NOTHING, "{error}");
    assert_eq!(recount(&store), Cost::NOTHING, "{error}");
    error
}

/// A file of these sessions, with the checksum that belongs to it.
fn snapshot_of(records: &[Record]) -> Vec<u8> {
    let mut bytes = b"SESSIONS\x01".to_vec();
    for record in records {
        let record = record.to_bytes();
        bytes.push(1);
        bytes.extend_from_slice(&u32::try_from(record.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&record);
    }
    let checksum = ring::digest::digest(&ring::digest::SHA256, &bytes);
    bytes.extend_from_slice(checksum.as_ref());
    bytes
}

#[test]
fn the_sessions_of_a_principal_are_listed_again_and_those_that_ended_with_everybody_are_not() {
    let (folder, saved, loaded) = (Folder::new(), sample(), builder().build());
    block_on(saved.end_everybody()).unwrap();
    create(&saved, &logged_in(5, START));
    rename(&saved, 5, 6, &touch(START));
    assert_eq!(saved.save_snapshot(folder.file(), START).unwrap(), 1);
    assert_eq!(loaded.load_snapshot(folder.file(), START).unwrap(), 1);
    let ada = authentication(START).key;
    let listed = block_on(PrincipalIndex::list(&loaded, &ada, START)).unwrap();
    let [session] = &listed[..] else {
        panic!("{listed:?}");
    };
    assert!(session.key == key(6));
    let ended = block_on(loaded.end_all(&ada, None, START)).unwrap();
    assert_eq!(ended.len(), 1);
    assert!(loaded.is_empty());
}

#[test]
fn sessions_and_forwards_come_back_as_they_were() {
    let (folder, saved, loaded) = (Folder::new(), sample(), builder().shards(2).build());
    assert_eq!(saved.save_snapshot(folder.file(), START).unwrap(), 2);
    assert_eq!(loaded.load_snapshot(folder.file(), START).unwrap(), 2);
    for number in 1..=3 {
        assert_eq!(load(&loaded, number), load(&saved, number));
    }
    assert_eq!(apply(&loaded, 2, &touch(START)), Applied::Moved(key(3)));
    assert_eq!((loaded.len(), loaded.bytes()), (saved.len(), saved.bytes()));
    assert_sound(&loaded);
    let over = START.saturating_add(HOUR);
    assert_eq!(sweep_all(&loaded, over, 5).len(), 2);
    assert_eq!(loaded.bytes(), 0);
}

#[test]
fn a_closed_forward_stays_closed() {
    let (folder, saved, loaded) = (Folder::new(), sample(), builder().build());
    let mut cleared = touch(START);
    cleared.clear_attributes = true;
    rename(&saved, 3, 4, &cleared);
    saved.save_snapshot(folder.file(), START).unwrap();
    loaded.load_snapshot(folder.file(), START).unwrap();
    assert_eq!(apply(&loaded, 2, &touch(START)), Applied::Moved(key(3)));
    assert_eq!(apply(&loaded, 3, &touch(START)), Applied::Gone);
}

#[test]
fn an_empty_store_has_an_empty_snapshot() {
    let folder = Folder::new();
    assert_eq!(
        builder()
            .build()
            .save_snapshot(folder.file(), START)
            .unwrap(),
        0
    );
    assert_eq!(
        builder()
            .build()
            .load_snapshot(folder.file(), START)
            .unwrap(),
        0
    );
}

#[test]
fn what_expired_before_saving_or_between_saving_and_loading_stays_gone() {
    let (folder, store) = (Folder::new(), sample());
    let minutes = |n: u32| START.saturating_add(n * MINUTE);
    apply(&store, 1, &touch(minutes(29)));
    assert_eq!(store.save_snapshot(folder.file(), minutes(30)).unwrap(), 1);
    let at = |now| builder().build().load_snapshot(folder.file(), now).unwrap();
    assert_eq!(at(minutes(58)), 1);
    assert_eq!(at(minutes(59)), 0);
}

#[test]
fn what_expired_between_saving_and_loading_is_reported_by_the_next_sweep_once() {
    let (folder, store) = (Folder::new(), sample());
    store.save_snapshot(folder.file(), START).unwrap();
    let (loaded, late) = (builder().build(), START.saturating_add(31 * MINUTE));
    loaded.load_snapshot(folder.file(), late).unwrap();
    let mut reported = Vec::new();
    loop {
        let swept = door(&loaded).sweep(late, 1).unwrap();
        reported.extend(swept.removed);
        if !swept.more {
            break;
        }
    }
    reported.sort_by_key(|removed| removed.record.key);
    let expected = [1, 3].map(|number| match load(&store, number) {
        Loaded::Live { record, .. } => Removed {
            record,
            reason: RemovalReason::Expired,
        },
        other => panic!("{other:?}"),
    });
    let mut expected = Vec::from(expected);
    expected.sort_by_key(|removed| removed.record.key);
    assert_eq!(reported, expected);
    assert_eq!(door(&loaded).sweep(late, 9).unwrap().removed, []);
}

#[test]
fn an_id_that_was_changed_while_the_snapshot_was_saved_does_not_come_back() {
    // What a walk through the shards reads when the session moves from one it has read to one
    // it has still to read: both records, in this order.
    let old = anonymous(1, START);
    let new = anonymous(1, START).renamed(key(2));
    let (folder, store) = (Folder::new(), builder().build());
    fs::write(folder.file(), snapshot_of(&[old, new])).unwrap();
    assert_eq!(store.load_snapshot(folder.file(), START).unwrap(), 1);
    assert!(!is_live(&store, 1, START));
    assert!(is_live(&store, 2, START));
    assert_sound(&store);
}

/// A store saves one entry of each key; a file with two would promise more sessions than the
/// store then holds.
#[test]
fn a_file_with_two_sessions_of_one_key_is_refused() {
    let folder = Folder::new();
    let other = anonymous(2, START).renamed(key(1));
    fs::write(folder.file(), snapshot_of(&[anonymous(1, START), other])).unwrap();
    assert!(matches!(refused(&folder.file()), SnapshotError::Damaged));
}

#[test]
fn a_file_that_is_cut_short_anywhere_is_refused() {
    let folder = Folder::new();
    sample().save_snapshot(folder.file(), START).unwrap();
    let bytes = fs::read(folder.file()).unwrap();
    for length in 0..bytes.len() {
        fs::write(folder.file(), &bytes[..length]).unwrap();
        match refused(&folder.file()) {
            SnapshotError::NotASnapshot => assert!(length < 8, "{length} bytes"),
            SnapshotError::Damaged => assert!(length >= 8, "{length} bytes"),
            other => panic!("{length} bytes: {other:?}"),
        }
    }
}

#[test]
fn a_file_with_any_byte_altered_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    sample().save_snapshot(folder.file(), START).unwrap();
    let bytes = fs::read(folder.file()).unwrap();
    for index in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[index] ^= 0x10;
        fs::write(folder.file(), &altered).unwrap();
        match (index, refused(&folder.file())) {
            (0..8, SnapshotError::NotASnapshot) => {}
            (8, SnapshotError::NewerFormat { version: 0x11 }) => {}
            (9.., SnapshotError::Damaged) => {}
            (_, other) => panic!("byte {index}: {other:?}"),
        }
        assert_eq!(fs::read(folder.file()).unwrap(), altered);
    }
    let longer = [&bytes[..], b"\0"].concat();
    fs::write(folder.file(), longer).unwrap();
    assert!(matches!(refused(&folder.file()), SnapshotError::Damaged));
}

#[test]
fn a_snapshot_is_loaded_into_an_empty_store_only() {
    let (folder, store) = (Folder::new(), sample());
    store.save_snapshot(folder.file(), START).unwrap();
    let before = store.budget.used();
    let error = store.load_snapshot(folder.file(), START).unwrap_err();
    assert!(matches!(error, SnapshotError::NotEmpty));
    assert_eq!(store.budget.used(), before);
}

#[test]
fn a_snapshot_that_does_not_fit_is_refused_whole() {
    let folder = Folder::new();
    sample().save_snapshot(folder.file(), START).unwrap();
    for store in [
        builder().max_sessions(1).build(),
        builder().max_bytes(sample().bytes() - 1).build(),
    ] {
        let error = store.load_snapshot(folder.file(), START).unwrap_err();
        assert!(matches!(error, SnapshotError::Full));
        assert_eq!(recount(&store), Cost::NOTHING);
        assert_sound(&store);
    }
}

#[test]
fn a_missing_file_cannot_be_read() {
    let folder = Folder::new();
    let error = refused(&folder.file());
    assert!(
        matches!(&error, SnapshotError::Read(source) if source.kind() == std::io::ErrorKind::NotFound)
    );
}

#[test]
fn saving_replaces_the_earlier_file_and_leaves_nothing_else_behind() {
    let (folder, store) = (Folder::new(), sample());
    store.save_snapshot(folder.file(), START).unwrap();
    door(&store).delete(&key(1)).unwrap();
    assert_eq!(store.save_snapshot(folder.file(), START).unwrap(), 1);
    assert_eq!(folder.names(), ["sessions"]);
    assert_eq!(
        builder()
            .build()
            .load_snapshot(folder.file(), START)
            .unwrap(),
        1
    );
}

#[cfg(unix)]
#[test]
fn nobody_but_the_owner_may_read_a_snapshot() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    fs::write(folder.file(), "open to all").unwrap();
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o644)).unwrap();
    sample().save_snapshot(folder.file(), START).unwrap();
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The name is taken by a folder that is not empty, so that the last step, the rename, fails.
#[test]
fn a_snapshot_that_cannot_get_its_name_is_removed() {
    let folder = Folder::new();
    fs::create_dir(folder.file()).unwrap();
    fs::write(folder.file().join("in the way"), "").unwrap();
    let error = sample().save_snapshot(folder.file(), START).unwrap_err();
    assert!(matches!(error, SnapshotError::Write(_)));
    assert_eq!(folder.names(), ["sessions"]);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_an_error() {
    let folder = Folder::new();
    // No folder at all, and a file where the folder should be: refused for every user.
    fs::write(folder.0.join("file"), "").unwrap();
    for path in ["none/sessions", "file/sessions", ".."] {
        let error = sample()
            .save_snapshot(folder.0.join(path), START)
            .unwrap_err();
        let SnapshotError::Write(cause) = error else {
            panic!("{path}: {error}");
        };
        // Else an operator looks for a file that is in the way.
        assert_ne!(cause.kind(), io::ErrorKind::AlreadyExists, "{path}");
    }
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn two_that_save_at_once_leave_one_whole_file() {
    let (folder, store) = (Folder::new(), sample());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| store.save_snapshot(folder.file(), START).unwrap());
        }
    });
    assert_eq!(folder.names(), ["sessions"]);
    assert_eq!(
        builder()
            .build()
            .load_snapshot(folder.file(), START)
            .unwrap(),
        2
    );
}
