//! A temporary folder that goes with its owner.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Error;

/// Removes the folder once its input ends, which it does with the process that holds the other
/// end. The servers of a process that was killed may still write for a moment.
const HEIR: &str = r#"read -r _; for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$0" && [ ! -e "$0" ] && exit; sleep 0.5
done"#;

/// A folder that other users may pass through: databases refuse to run as root.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Removes the folder of a process that was killed, or that ended with what its tests share.
    heir: Child,
}

impl Folder {
    pub(crate) fn create() -> Result<Self, Error> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("testbed-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One that is left from a process that was killed and had the same number.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).map_err(Error::system("creating a temporary folder"))?;
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, open).map_err(Error::system("opening a temporary folder"))?;
        let mut heir = Command::new("sh");
        heir.args(["-c", HEIR]).arg(&path);
        // In a group of its own, or it would be killed with the tests.
        heir.process_group(0).stdin(Stdio::piped());
        heir.stdout(Stdio::null()).stderr(Stdio::null());
        let heir = heir
            .spawn()
            .map_err(Error::system("starting who removes a temporary folder"))?;
        Ok(Self { path, heir })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The last lines of a file in it, for a message.
    pub(crate) fn tail(&self, name: &str) -> String {
        let text = fs::read_to_string(self.join(name)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.path);
        drop(self.heir.stdin.take());
        let _ = self.heir.wait();
    }
}
