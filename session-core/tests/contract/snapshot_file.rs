//! The file of a snapshot, as everybody else on the machine finds it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use session_core::{MemoryStore, Timestamp};

/// Where the process that this test starts has to save a snapshot.
const FILE: &str = "SNAPSHOT_FILE";

/// A mask takes rights away when a file is made, and not when they are changed later. Under one
/// that takes away writing, a file that was made as 0600 is 0400 at the end. One that got its
/// rights afterwards would have all that it was given, and one that was made for others as well
/// would still be theirs.
#[test]
fn a_snapshot_is_its_owners_alone_from_the_moment_it_is_made() {
    if let Some(file) = env::var_os(FILE) {
        MemoryStore::new()
            .save_snapshot(Path::new(&file), Timestamp::EPOCH)
            .unwrap();
        return;
    }
    // A mask is for a whole process.
    let name = format!("session-mask-{}", std::process::id());
    let file = env::temp_dir().join(name);
    let saved = Command::new("sh")
        .args(["-c", "umask 0200 && exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .arg("--exact")
        .arg("snapshot_file::a_snapshot_is_its_owners_alone_from_the_moment_it_is_made")
        .env(FILE, &file)
        .output()
        .unwrap();
    assert!(saved.status.success(), "{saved:?}");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    fs::remove_file(&file).unwrap();
    assert_eq!(mode & 0o777, 0o400, "{mode:o}");
}
