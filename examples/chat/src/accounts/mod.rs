//! Accounts: a name and a password by which somebody is known on every device.
//!
//! Nothing here knows of sessions or of HTTP: [`Accounts`] says whether somebody is who they
//! claim to be, and [`login`](crate::login) lets them in.

mod credentials;
mod kept;
mod passwords;
mod queue;
mod throttle;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Clock, Entropy};

pub use credentials::{AccountName, NameError, Password, PasswordError};
pub use kept::{AccountStore, MemoryAccounts};
pub use passwords::{Cost, HashError, PasswordHash};

use passwords::Passwords;
use throttle::Throttle;

/// Who may log in. Cheap to clone; clones are the same accounts.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    kept: AccountStore,
    passwords: Passwords,
    throttle: Throttle,
}

/// Why there is no new account, or why somebody is not let in. What it prints is shown to the
/// visitor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The name cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The password may not be chosen.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// There is an account of this name.
    #[error("This name is taken. Choose another one, or log in if it is yours.")]
    Taken,
    /// There is no such account, or its password is another one: nobody learns which.
    #[error("The name or the password is wrong.")]
    Wrong,
    /// Too many wrong passwords for this name; there is one more attempt after this time.
    #[error("Too many attempts to log in with this name. Try again in {} seconds.", whole_seconds(*.0))]
    TooManyAttempts(Duration),
    /// Too many visitors log in at the same time.
    #[error("Too many visitors are logging in. Try again in a moment.")]
    Busy,
    /// There is no room for another account.
    #[error("No more accounts can be created at the moment.")]
    Full,
    /// The password could not be hashed.
    #[error("The password could not be checked.")]
    Hash(#[source] HashError),
}

impl From<HashError> for AccountError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            error => Self::Hash(error),
        }
    }
}

impl Accounts {
    /// The accounts that are in `kept`. Passwords of new ones are hashed at `cost`, with salts
    /// from `entropy`; `clock` says when somebody may try again.
    ///
    /// # Errors
    /// [`HashError`] when passwords cannot be hashed so.
    pub fn new(
        kept: AccountStore,
        cost: Cost,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HashError> {
        Ok(Self(Arc::new(Inner {
            kept,
            passwords: Passwords::new(cost, entropy)?,
            throttle: Throttle::new(clock),
        })))
    }

    /// Makes an account called `name`, as somebody wrote it, and answers its name.
    ///
    /// # Errors
    /// [`AccountError`] when there is none.
    pub async fn register(
        &self,
        name: &str,
        password: Password,
    ) -> Result<AccountName, AccountError> {
        let name = AccountName::new(name)?;
        password.check()?;
        let hash = self.0.passwords.hash(password).await?;
        self.0.kept.insert(name.clone(), hash).await?;
        Ok(name)
    }

    /// Finds out whether `password` is that of the account called `name`, as somebody wrote it,
    /// and answers its name.
    ///
    /// # Errors
    /// [`AccountError`] when it is not, or when that cannot be said.
    pub async fn verify(
        &self,
        name: &str,
        password: Password,
    ) -> Result<AccountName, AccountError> {
        // What is no name has no account; everybody can know that, so nothing is hidden here.
        let name = AccountName::new(name).map_err(|_| AccountError::Wrong)?;
        let throttle = &self.0.throttle;
        throttle
            .attempt(&name)
            .map_err(AccountError::TooManyAttempts)?;
        let known = self.0.kept.password_of(&name).await?;
        if !self.0.passwords.check(password, known).await? {
            return Err(AccountError::Wrong);
        }
        throttle.succeeded(&name);
        Ok(name)
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("kept", &self.0.kept)
            .finish_non_exhaustive()
    }
}

/// What a `Retry-After` says: after fewer seconds it would be too early.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
