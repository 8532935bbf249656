//! A temporary folder that goes with its owner.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Error;

/// A folder that other users may pass through: databases refuse to run as root.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn create() -> Result<Self, Error> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("testbed-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One that is left from a process that was killed and had the same number.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).map_err(Error::system("creating a temporary folder"))?;
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, open).map_err(Error::system("opening a temporary folder"))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The last lines of a file in it, for a message.
    pub(crate) fn tail(&self, name: &str) -> String {
        let text = fs::read_to_string(self.join(name)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Removes what processes left that are gone by now: one that was killed, and every one that ended
/// with a server that its tests shared.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(owner);
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            // Another process may be about it at the same time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The process that made the folder of this name, if one of this program did.
fn owner(name: &str) -> Option<u32> {
    let (owner, number) = name.strip_prefix("testbed-")?.split_once('-')?;
    number.parse::<u32>().ok()?;
    owner.parse().ok()
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
