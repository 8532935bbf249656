//! Replacing a file as a whole: at every moment the old one or the new one is there.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Names that are tried for the temporary file: others may be saving, or may have been killed
/// while they did.
const TEMPORARY_NAMES: u32 = 64;

/// Writes a file under another name in the same folder and gives it the name `path` when it is
/// complete and on the disk. When that fails the temporary file is removed.
pub(super) fn replace<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
) -> io::Result<T> {
    let (file, temporary) = create_beside(path)?;
    let replaced = write_all(file, write).and_then(|answer| {
        fs::rename(&temporary, path)?;
        Ok(answer)
    });
    match &replaced {
        Ok(_) => sync_folder(path),
        // The first failure is the one worth telling.
        Err(_) => drop(fs::remove_file(&temporary)),
    }
    replaced
}

fn write_all<T>(
    file: File,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
) -> io::Result<T> {
    let mut out = BufWriter::new(file);
    let answer = write(&mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(answer)
}

/// A new file, which only its owner may read, in the folder of `path`.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for number in 0..TEMPORARY_NAMES {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{number}.tmp"));
        let temporary = path.with_file_name(temporary);
        match options.open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Makes the new name outlive a power failure where folders can be synced; elsewhere the file
/// is complete all the same, under its old or its new name.
fn sync_folder(path: &Path) {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if let Ok(folder) = File::open(folder) {
        drop(folder.sync_all());
    }
}
