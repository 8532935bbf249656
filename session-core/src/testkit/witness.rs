//! Everything that a test run prints, collected, and the secrets that it must not contain.
//!
//! Both only where `TESTS_TELL_ALL` names a folder; otherwise nothing happens here.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;

use crate::cookie::{TOKEN_LEN, id_unverified};
use crate::session::NamespaceTag;

/// Names the folder that everything goes to.
const VARIABLE: &str = "TESTS_TELL_ALL";

/// The names of the cookies, each the default namespace of its sessions, that tests and examples
/// have.
const NAMESPACES: [&str; 4] = ["__Host-sid", "sid", "chat-sid", "counter-sid"];

/// Notes a secret that a test has: a token that a client holds, or a key.
///
/// Where the environment variable `TESTS_TELL_ALL` names a folder, the secret goes to a file in
/// `issued` there, and with the feature `tracing` all that this process tells at any level goes to
/// a file in `inside`: then a scan of the whole output of a run finds out whether any secret
/// was printed. Otherwise nothing happens.
///
/// # Panics
/// When nothing can be written to the folder.
pub fn note_secret(secret: &str) {
    listen();
    let Some(file) = issued() else {
        return;
    };
    let mut lines = format!("text {}\n", hex(secret.as_bytes()));
    // The digest of the id is what a store knows of a session, and no log either.
    if let Some(id) = id_unverified(secret.as_bytes()) {
        for namespace in NAMESPACES {
            let key = NamespaceTag::of(namespace).store_key(&id);
            lines += &format!("bytes {}\n", key.to_hex());
        }
    }
    write(file, &lines);
}

/// Notes all that has the form of a token in a text, for example in the value of a header, as
/// [`note_secret`] does.
///
/// # Panics
/// When nothing can be written to the folder.
pub fn note_tokens(text: &str) {
    if folder().is_none() {
        return;
    }
    let is_of_a_token = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let words = text.split(|c| !is_of_a_token(c));
    for token in words.filter(|word| word.len() == TOKEN_LEN) {
        note_secret(token);
    }
}

/// Begins to write down what this process tells, once.
pub(crate) fn listen() {
    #[cfg(feature = "tracing")]
    if let Some(folder) = folder() {
        super::told::listen(|| create(folder, "inside"));
    }
}

pub(super) fn write(mut file: &File, lines: &str) {
    if let Err(error) = file.write_all(lines.as_bytes()) {
        panic!("{VARIABLE}: {error}");
    }
}

fn issued() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    FILE.get_or_init(|| folder().map(|folder| create(folder, "issued")))
        .as_ref()
}

fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER
        .get_or_init(|| std::env::var_os(VARIABLE).map(PathBuf::from))
        .as_deref()
}

/// A file of this process.
fn create(folder: &Path, kind: &str) -> File {
    let program = std::env::current_exe().unwrap_or_default();
    let program = program.file_stem().unwrap_or_default().to_string_lossy();
    let folder = folder.join(kind);
    let path = folder.join(format!("{program}-{}.log", process::id()));
    let open = || {
        fs::create_dir_all(&folder)?;
        OpenOptions::new().create(true).append(true).open(&path)
    };
    match open() {
        Ok(file) => file,
        Err(error) => panic!("{VARIABLE}: {}: {error}", path.display()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
