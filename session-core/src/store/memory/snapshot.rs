//! A snapshot of the store in a file, for restarts of a development server.
//!
//! The file: the magic bytes, a version byte, the entries, and SHA-256 over all before. An
//! entry is a tag and its content; numbers are little-endian.
//!
//! ```text
//! session    1, length (4 bytes), record in its binary form
//! forward    2, old key (32 bytes), new key (32 bytes), since (8 bytes, milliseconds)
//! closed     3, as a forward: somebody else's session went on under the new key
//! ```

mod file;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN, digest};

use super::MemoryStore;
use super::budget::Cost;
use super::shard::{Entry, Slot};
use crate::clock::Timestamp;
use crate::session::{EnvelopeError, Record, StoreKey};
use crate::store::{RemovalReason, Removed};

const MAGIC: [u8; 8] = *b"SESSIONS";
const VERSION: u8 = 1;
const HEADER_LEN: usize = MAGIC.len() + 1;

const SESSION: u8 = 1;
const FORWARD: u8 = 2;
const CLOSED: u8 = 3;

/// Why a snapshot could not be saved or loaded. Neither the store nor the file was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file begins like a snapshot, but it was altered or is cut short.
    #[error("the snapshot is damaged or cut short: its checksum does not fit")]
    Damaged,
    /// The sessions of the snapshot exceed the limits of the store.
    #[error("the store is too small for the snapshot")]
    Full,
    /// The file was written by a newer version of this library.
    #[error("the snapshot has format version {version}, which is newer than this program")]
    NewerFormat {
        /// The version found.
        version: u8,
    },
    /// The file is something else.
    #[error("the file is not a snapshot of sessions")]
    NotASnapshot,
    /// A snapshot is loaded into an empty store only, so that it never brings back a session
    /// that this process has ended, and never mixes with what others just began.
    #[error("the store is not empty")]
    NotEmpty,
    /// The file cannot be read.
    #[error("the snapshot cannot be read")]
    Read(#[source] io::Error),
    /// The checksum fits, but a session in it cannot be read.
    #[error("a session in the snapshot cannot be read")]
    Record(#[source] EnvelopeError),
    /// The file cannot be written.
    #[error("the snapshot cannot be written")]
    Write(#[source] io::Error),
}

impl From<EnvelopeError> for SnapshotError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::NewerVersion(version) => Self::NewerFormat { version },
            damage => Self::Record(damage),
        }
    }
}

impl MemoryStore {
    /// Saves the sessions that are live at `now` to a file, which only its owner may read, and
    /// answers how many there are.
    ///
    /// The file appears under `path`, or replaces the one that was there, when it is complete.
    /// Each shard is locked by itself and only for copying it, so requests go on meanwhile.
    /// What they change may be in the file or not: the snapshot of a restart is saved after the
    /// server has stopped and [`drain`](crate::SessionManager::drain) is done. What expired or
    /// was evicted before and no sweep has reported yet is not in it. A session that
    /// ends later is still in the file, so a file must not outlive the restart that it was made
    /// for.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// [`SnapshotError::Write`]; nothing is left behind then, and an earlier file stays.
    pub fn save_snapshot(
        &self,
        path: impl AsRef<Path>,
        now: Timestamp,
    ) -> Result<usize, SnapshotError> {
        file::replace(path.as_ref(), |out| self.write_snapshot(out, now))
            .map_err(SnapshotError::Write)
    }

    /// Loads the sessions of a snapshot that are live at `now`, and answers how many there are.
    /// Those that have expired since it was saved are reported by the next sweeps.
    ///
    /// The whole file is read and verified before the first session is stored. It stays where
    /// it is. Blocks on the file system.
    ///
    /// # Errors
    /// [`SnapshotError`] for a store that is not empty or is too small, and for a file that
    /// cannot be read; the store is then as it was.
    pub fn load_snapshot(
        &self,
        path: impl AsRef<Path>,
        now: Timestamp,
    ) -> Result<usize, SnapshotError> {
        let bytes = std::fs::read(path).map_err(SnapshotError::Read)?;
        let (entries, expired) = parse(&bytes, now)?;
        if self.budget.used() != Cost::NOTHING {
            return Err(SnapshotError::NotEmpty);
        }
        let cost = entries
            .iter()
            .map(Entry::cost)
            .fold(Cost::NOTHING, Cost::and);
        self.budget.take(cost).map_err(|_| SnapshotError::Full)?;
        for entry in entries {
            self.insert_charged(entry);
        }
        for record in expired.into_iter().filter_map(Entry::into_record) {
            self.evicted.report(Removed {
                record,
                reason: RemovalReason::Expired,
            });
        }
        Ok(cost.sessions)
    }

    /// Inserts an entry that the budget is charged with already.
    fn insert_charged(&self, entry: Entry) {
        let mut shard = self.shard(entry.key());
        // Only a session that was created after the store was found to be empty can be there.
        if shard.contains(entry.key()) {
            return self.budget.give_back(entry.cost());
        }
        let (principal, key) = (entry.principal(), *entry.key());
        self.add(&mut shard, Box::new(entry));
        drop(shard);
        if let Some(principal) = principal {
            self.note(&principal, &key, &key);
        }
    }

    fn write_snapshot(&self, out: &mut impl Write, now: Timestamp) -> io::Result<usize> {
        let mut out = Hashing {
            out,
            context: Context::new(&SHA256),
        };
        out.write_all(&MAGIC)?;
        out.write_all(&[VERSION])?;
        let mut sessions = 0;
        for index in 0..self.shards.len() {
            let slots: Vec<_> = {
                let shard = self.lock(index);
                let live = shard.entries().filter(|entry| !entry.is_over(now));
                live.map(|entry| entry.slot.clone()).collect()
            };
            for slot in slots {
                match slot {
                    Slot::Live(record) => {
                        write_session(&mut out, &record)?;
                        sessions += 1;
                    }
                    Slot::Forward {
                        from,
                        to,
                        since,
                        is_closed,
                    } => {
                        out.write_all(&[if is_closed { CLOSED } else { FORWARD }])?;
                        write_forward(&mut out, &from, &to, since)?;
                    }
                }
            }
        }
        let checksum = out.context.finish();
        out.out.write_all(checksum.as_ref())?;
        Ok(sessions)
    }
}

fn write_session(out: &mut impl Write, record: &Record) -> io::Result<()> {
    let record = record.to_bytes();
    let length = u32::try_from(record.len()).map_err(io::Error::other)?;
    out.write_all(&[SESSION])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&record)
}

fn write_forward(
    out: &mut impl Write,
    from: &StoreKey,
    to: &StoreKey,
    since: Timestamp,
) -> io::Result<()> {
    out.write_all(from.as_bytes())?;
    out.write_all(to.as_bytes())?;
    out.write_all(&since.as_millis().to_le_bytes())
}

/// Passes on what is written and computes its checksum.
struct Hashing<'a, W> {
    out: &'a mut W,
    context: Context,
}

impl<W: Write> Write for Hashing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.context.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The entries of a snapshot that are not over at `now`, and those that are.
fn parse(bytes: &[u8], now: Timestamp) -> Result<(Vec<Entry>, Vec<Entry>), SnapshotError> {
    let version = match bytes.split_first_chunk() {
        Some((&MAGIC, rest)) => *rest.first().ok_or(SnapshotError::Damaged)?,
        _ => return Err(SnapshotError::NotASnapshot),
    };
    // Before the checksum, which a newer version may compute in another way.
    if version > VERSION {
        return Err(SnapshotError::NewerFormat { version });
    }
    let (content, checksum) = bytes
        .split_last_chunk::<SHA256_OUTPUT_LEN>()
        .ok_or(SnapshotError::Damaged)?;
    if digest(&SHA256, content).as_ref() != checksum {
        return Err(SnapshotError::Damaged);
    }
    let mut input = content.get(HEADER_LEN..).ok_or(SnapshotError::Damaged)?;
    let mut found = Found::default();
    while let Some(entry) = next_entry(&mut input)? {
        found.add(entry)?;
    }
    let entries = found.entries.into_iter();
    Ok(entries.partition(|entry| !entry.is_over(now)))
}

/// The entries read so far.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    /// Under which keys they are.
    keys: HashSet<StoreKey>,
    /// Where each session is, by the name that it keeps when its id changes.
    sessions: HashMap<[u8; 16], usize>,
}

impl Found {
    /// A session that got another id while the snapshot was saved can be there twice. What was
    /// read later is what it is now: the old id must not come back to life.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] for two entries under one key, which no store ever has.
    fn add(&mut self, entry: Entry) -> Result<(), SnapshotError> {
        if !self.keys.insert(*entry.key()) {
            return Err(SnapshotError::Damaged);
        }
        if let Slot::Live(record) = &entry.slot {
            let handle = *record.handle.as_bytes();
            if let Some(&earlier) = self.sessions.get(&handle) {
                self.entries[earlier] = entry;
                return Ok(());
            }
            self.sessions.insert(handle, self.entries.len());
        }
        self.entries.push(entry);
        Ok(())
    }
}

fn next_entry(input: &mut &[u8]) -> Result<Option<Entry>, SnapshotError> {
    let Some((&tag, rest)) = input.split_first() else {
        return Ok(None);
    };
    *input = rest;
    Ok(Some(match tag {
        SESSION => {
            let length = u32::from_le_bytes(take(input)?);
            let length = usize::try_from(length).map_err(|_| SnapshotError::Damaged)?;
            let (record, rest) = input
                .split_at_checked(length)
                .ok_or(SnapshotError::Damaged)?;
            *input = rest;
            Entry::live(Record::from_bytes(record)?)
        }
        FORWARD | CLOSED => {
            let from = StoreKey::from_bytes(take(input)?);
            let to = StoreKey::from_bytes(take(input)?);
            let since = Timestamp::from_millis(u64::from_le_bytes(take(input)?));
            Entry::forward(from, to, tag == CLOSED, since)
        }
        _ => return Err(SnapshotError::Damaged),
    }))
}

fn take<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], SnapshotError> {
    let (taken, rest) = input.split_first_chunk().ok_or(SnapshotError::Damaged)?;
    *input = rest;
    Ok(*taken)
}
