//! Where accounts are kept.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::AccountError;
use super::credentials::AccountName;
use super::passwords::PasswordHash;

/// Where accounts are kept. Whatever keeps them says of a name whether it is new in one atomic
/// step, so that of two visitors who want one name at once, one gets it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AccountStore {
    /// In the memory of this process; they end with it.
    Memory(MemoryAccounts),
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
    ) -> Result<(), AccountError> {
        match self {
            Self::Memory(accounts) => accounts.insert(name, password),
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
        }
    }
}

/// Accounts in memory. Clones are the same accounts.
#[derive(Clone)]
pub struct MemoryAccounts {
    passwords: Arc<Mutex<HashMap<AccountName, PasswordHash>>>,
    max: usize,
}

impl MemoryAccounts {
    /// No accounts yet, and room for `max`: anybody may create them.
    #[must_use]
    pub fn with_room_for(max: usize) -> Self {
        Self {
            passwords: Arc::default(),
            max,
        }
    }

    fn insert(&self, name: AccountName, password: PasswordHash) -> Result<(), AccountError> {
        let mut passwords = self.passwords();
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
        self.passwords().get(name).cloned()
    }

    fn passwords(&self) -> MutexGuard<'_, HashMap<AccountName, PasswordHash>> {
        self.passwords
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryAccounts {
    /// Room for 100,000 accounts, which is about 30 MB.
    fn default() -> Self {
        Self::with_room_for(100_000)
    }
}

impl fmt::Debug for MemoryAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryAccounts")
            .field("accounts", &self.passwords().len())
            .field("max", &self.max)
            .finish()
    }
}
