//! Where accounts are kept.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_core::Timestamp;

use super::AccountError;
use super::credentials::AccountName;
use super::passwords::PasswordHash;
use super::sql::SqlAccounts;
use crate::prompt::ChatPrompt;

/// Where accounts are kept. Whatever keeps them says of a name whether it is new in one atomic
/// step, so that of two visitors who want one name at once, one gets it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AccountStore {
    /// In the memory of this process; they end with it.
    Memory(MemoryAccounts),
    /// In a database, which may be one file.
    Sql(SqlAccounts),
}

/// The conversation of an account as it is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) prompt: ChatPrompt,
    /// Counts the changes; `None` when nothing is kept yet.
    pub(super) revision: Option<i64>,
}

/// What became of a conversation that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    /// Somebody else was faster: what is kept now has to be looked at first.
    Outrun,
}

impl AccountStore {
    /// Keeps a new account.
    ///
    /// # Errors
    /// [`AccountError::Taken`] when there is one of this name, and what goes wrong where
    /// accounts are kept.
    pub(super) async fn insert(
        &self,
        name: AccountName,
        password: PasswordHash,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        match self {
            Self::Memory(accounts) => accounts.insert(name, password),
            Self::Sql(accounts) => accounts.insert(&name, &password, now).await,
        }
    }

    /// The password of an account; `None` when there is no account of this name.
    ///
    /// # Errors
    /// What goes wrong where accounts are kept.
    pub(super) async fn password_of(
        &self,
        name: &AccountName,
    ) -> Result<Option<PasswordHash>, AccountError> {
        match self {
            Self::Memory(accounts) => Ok(accounts.password_of(name)),
            Self::Sql(accounts) => accounts.password_of(name).await,
        }
    }

    /// The conversation of an account; nothing, when none was kept yet.
    ///
    /// # Errors
    /// What goes wrong where accounts are kept.
    pub(super) async fn conversation_of(&self, name: &AccountName) -> Result<Kept, AccountError> {
        match self {
            Self::Memory(accounts) => Ok(accounts.conversation_of(name)),
            Self::Sql(accounts) => accounts.conversation_of(name).await,
        }
    }

    /// Keeps the conversation of an account in the place of what was kept at `revision`.
    ///
    /// # Errors
    /// What goes wrong where accounts are kept.
    pub(super) async fn put_conversation(
        &self,
        name: &AccountName,
        revision: Option<i64>,
        prompt: ChatPrompt,
        now: Timestamp,
    ) -> Result<Put, AccountError> {
        match self {
            Self::Memory(accounts) => accounts.put_conversation(name, revision, prompt),
            Self::Sql(accounts) => {
                accounts
                    .put_conversation(name, revision, &prompt, now)
                    .await
            }
        }
    }
}

/// Accounts in memory. Clones are the same accounts.
#[derive(Clone)]
pub struct MemoryAccounts {
    accounts: Arc<Mutex<InMemory>>,
    max: usize,
}

#[derive(Default)]
struct InMemory {
    passwords: HashMap<AccountName, PasswordHash>,
    conversations: HashMap<AccountName, Kept>,
    /// What the conversations occupy, at most.
    bytes: usize,
}

/// How many bytes of conversations are kept. What finds no room stays in the sessions.
const MAX_BYTES: usize = 256 << 20;

impl MemoryAccounts {
    /// No accounts yet, and room for `max`: anybody may create them.
    #[must_use]
    pub fn with_room_for(max: usize) -> Self {
        Self {
            accounts: Arc::default(),
            max,
        }
    }

    fn insert(&self, name: AccountName, password: PasswordHash) -> Result<(), AccountError> {
        let passwords = &mut self.accounts().passwords;
        let is_full = passwords.len() >= self.max;
        match passwords.entry(name) {
            Entry::Occupied(_) => Err(AccountError::Taken),
            Entry::Vacant(_) if is_full => Err(AccountError::Full),
            Entry::Vacant(place) => {
                place.insert(password);
                Ok(())
            }
        }
    }

    fn password_of(&self, name: &AccountName) -> Option<PasswordHash> {
        self.accounts().passwords.get(name).cloned()
    }

    fn conversation_of(&self, name: &AccountName) -> Kept {
        let accounts = self.accounts();
        accounts
            .conversations
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    fn put_conversation(
        &self,
        name: &AccountName,
        revision: Option<i64>,
        prompt: ChatPrompt,
    ) -> Result<Put, AccountError> {
        let mut accounts = self.accounts();
        let before = accounts.conversations.get(name);
        if before.and_then(|kept| kept.revision) != revision {
            return Ok(Put::Outrun);
        }
        let freed = before.map_or(0, |kept| kept.prompt.size_bound());
        let bytes = accounts.bytes.saturating_sub(freed) + prompt.size_bound();
        if bytes > MAX_BYTES {
            return Err(AccountError::Full);
        }
        accounts.bytes = bytes;
        let revision = Some(revision.map_or(1, |revision| revision + 1));
        let kept = Kept { prompt, revision };
        accounts.conversations.insert(name.clone(), kept);
        Ok(Put::Done)
    }

    fn accounts(&self) -> MutexGuard<'_, InMemory> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryAccounts {
    /// Room for 100,000 accounts, which is about 30 MB besides what they say.
    fn default() -> Self {
        Self::with_room_for(100_000)
    }
}

impl fmt::Debug for MemoryAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryAccounts")
            .field("accounts", &self.accounts().passwords.len())
            .field("max", &self.max)
            .finish()
    }
}
