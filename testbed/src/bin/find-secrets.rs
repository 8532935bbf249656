//! Looks for secrets in everything that a test run printed.
//!
//! `find-secrets FOLDER`: the run had `TESTS_TELL_ALL` name the folder. The secrets are those
//! in `issued`; every other file is what was printed. The exit status is 0 only when something was
//! noted, something was printed, and no secret is in it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use testbed::secrets::{Finding, Secrets, find};

/// How much of a file is looked at in one piece.
const WINDOW: usize = 4 << 20;

/// How much of it is looked at again with the next one: a secret may lie across the two.
const OVERLAP: usize = 16 << 10;

/// How many places are shown.
const SHOWN_MAX: usize = 40;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let (Some(folder), None) = (words.next(), words.next()) else {
        eprintln!("usage: find-secrets FOLDER");
        return ExitCode::from(2);
    };
    match look_through(Path::new(&folder)) {
        Ok(account) => account.tell(),
        Err(error) => {
            eprintln!("find-secrets: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Account {
    secrets: usize,
    holders: usize,
    files: usize,
    bytes: usize,
    found: Vec<(PathBuf, Finding)>,
}

impl Account {
    fn tell(&self) -> ExitCode {
        let Self {
            secrets,
            holders,
            files,
            bytes,
            found,
        } = self;
        println!(
            "{secrets} secrets of {holders} processes; {:.1} MB in {files} files",
            *bytes as f64 / 1e6
        );
        for (file, finding) in found.iter().take(SHOWN_MAX) {
            println!("{} {finding}", file.display());
        }
        println!("{} places give a secret away", found.len());
        if *secrets == 0 || *bytes == 0 {
            println!("there is nothing to look for, or nowhere to look");
        } else if found.is_empty() {
            return ExitCode::SUCCESS;
        }
        ExitCode::FAILURE
    }
}

fn look_through(folder: &Path) -> Result<Account, String> {
    let issued = folder.join("issued");
    let mut account = Account::default();
    let mut noted = String::new();
    for file in files_in(&issued)? {
        noted += &fs::read_to_string(&file).map_err(|error| told(&file, &error))?;
        account.holders += 1;
    }
    let mut lines: Vec<_> = noted.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    account.secrets = lines.len();
    let secrets = Secrets::noted(lines)
        .map_err(|line| format!("{}: a line that is none: {line}", issued.display()))?;
    for path in files_in(folder)? {
        if path.starts_with(&issued) {
            continue;
        }
        let file = File::open(&path).map_err(|error| told(&path, &error))?;
        let read = look_at(file, |start, text| {
            for mut finding in find(&secrets, text) {
                finding.offset += start;
                account.found.push((path.clone(), finding));
            }
        });
        account.bytes += read.map_err(|error| told(&path, &error))?;
        account.files += 1;
    }
    Ok(account)
}

/// Hands a file over in pieces that overlap, each with its offset, and answers its length.
fn look_at(mut file: File, mut look: impl FnMut(usize, &[u8])) -> io::Result<usize> {
    let (mut start, mut text) = (0, Vec::new());
    loop {
        let kept = text.len();
        let read = (&mut file)
            .take((WINDOW - kept) as u64)
            .read_to_end(&mut text)?;
        if read == 0 {
            return Ok(start + kept);
        }
        look(start, &text);
        let done = text.len().saturating_sub(OVERLAP);
        text.drain(..done);
        start += done;
    }
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).map_err(|error| told(folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| told(folder, &error))?.path();
        if path.is_dir() {
            files.extend(files_in(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
