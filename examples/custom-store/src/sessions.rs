//! What each verb does, within one transaction.

use redb::{ReadableTable, Table};
use session_core::store::{Applied, RemovalReason, Removed, StoreError, Swept};
use session_core::{ChangeSet, Record, Refusal, Reply, StoreKey, Timestamp};

use crate::entry::Entry;
use crate::store::unavailable;

/// The table within a write transaction.
pub(crate) struct Sessions<'t>(pub(crate) Table<'t, [u8; 32], &'static [u8]>);

impl Sessions<'_> {
    pub(crate) fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        let found = self.0.get(key.as_bytes()).map_err(unavailable)?;
        found
            .map(|bytes| Entry::from_bytes(bytes.value()))
            .transpose()
    }

    /// What stands under `key`, unless its time is over.
    fn find(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Entry>, StoreError> {
        Ok(self.get(key)?.filter(|entry| !entry.is_over(now)))
    }

    pub(crate) fn put(&mut self, key: &StoreKey, entry: &Entry) -> Result<(), StoreError> {
        let put = self.0.insert(key.as_bytes(), &*entry.to_bytes());
        put.map(drop).map_err(unavailable)
    }

    pub(crate) fn remove(&mut self, key: &StoreKey) -> Result<(), StoreError> {
        self.0.remove(key.as_bytes()).map(drop).map_err(unavailable)
    }

    pub(crate) fn apply(
        &mut self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        match self.find(key, now)? {
            None => Ok(Applied::Gone),
            Some(Entry::Forward {
                is_closed: true, ..
            }) => Ok(Applied::Gone),
            Some(Entry::Forward { to, .. }) => Ok(Applied::Moved(to)),
            Some(Entry::Live(mut record)) => {
                let applied = change(&mut record, changes, now)?;
                if let Applied::Applied { .. } = applied {
                    self.put(key, &Entry::Live(record))?;
                }
                Ok(applied)
            }
        }
    }

    pub(crate) fn rename(
        &mut self,
        old: &StoreKey,
        new: StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let mut record = match self.find(old, now)? {
            None => return Ok(Applied::Gone),
            Some(Entry::Forward { to, .. }) => return Ok(Applied::Moved(to)),
            Some(Entry::Live(record)) => record,
        };
        if self.get(&new)?.is_some() {
            return Ok(Applied::Taken);
        }
        let mut applied = change(&mut record, changes, now)?;
        if let Applied::Applied {
            record: answered, ..
        } = &mut applied
        {
            let record = record.renamed(new);
            *answered = answered.as_ref().map(|_| record.clone());
            let forward = Entry::Forward {
                to: new,
                since: now,
                is_closed: changes.clear_attributes,
            };
            self.put(old, &forward)?;
            self.put(&new, &Entry::Live(record))?;
        }
        Ok(applied)
    }

    pub(crate) fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        for (key, entry) in self.all()? {
            match entry {
                entry if !entry.is_over(now) => {}
                Entry::Forward { .. } => self.remove(&key)?,
                Entry::Live(_) if swept.removed.len() == limit => swept.more = true,
                Entry::Live(record) => {
                    self.remove(&key)?;
                    let reason = RemovalReason::Expired;
                    swept.removed.push(Removed { record, reason });
                }
            }
        }
        Ok(swept)
    }

    /// Everything there is that can be read. A store for more than some thousand sessions would
    /// keep a second table, ordered by deadline.
    pub(crate) fn all(&self) -> Result<Vec<(StoreKey, Entry)>, StoreError> {
        let mut all = Vec::new();
        for row in self.0.iter().map_err(unavailable)? {
            let (key, bytes) = row.map_err(unavailable)?;
            if let Ok(entry) = Entry::from_bytes(bytes.value()) {
                all.push((StoreKey::from_bytes(key.value()), entry));
            }
        }
        Ok(all)
    }
}

/// The answer to `changes` of `record`, which is changed if they apply.
fn change(record: &mut Record, changes: &ChangeSet, now: Timestamp) -> Result<Applied, StoreError> {
    let before = (changes.reply == Reply::Change).then(|| Box::new(record.clone()));
    Ok(match record.apply(changes, now) {
        Ok(()) => Applied::Applied {
            revision: record.revision,
            record: (changes.reply != Reply::Revision).then(|| record.clone()),
            before,
        },
        Err(Refusal::Conflict) => Applied::Conflict(record.clone()),
        Err(Refusal::NotAList(name)) => Applied::NotAList(name),
        Err(Refusal::TooLarge) => Applied::TooLarge,
        Err(_) => return Err(unavailable("a refusal that this store does not know")),
    })
}
