//! Accounts: a name and a password by which somebody is known on every device.
//!
//! Nothing here knows of sessions or of HTTP: [`Accounts`] says whether somebody is who they
//! claim to be, and [`login`](crate::login) lets them in. An account has a conversation, and
//! `shared.rs` brings it together with those of the sessions.

mod conversations;
mod credentials;
mod database;
mod fault;
mod kept;
mod passwords;
mod queue;
mod sql;
mod tasks;
mod throttle;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Clock, Entropy};
use tokio::runtime::Handle;

pub use credentials::{AccountName, NameError, Password, PasswordError};
pub use fault::SqlFault;
pub use kept::{AccountStore, MemoryAccounts};
pub use passwords::{Cost, HashError, PasswordHash};
pub use sql::SqlAccounts;

use passwords::Passwords;
use tasks::Tasks;
use throttle::Throttle;

/// Who may log in. Cheap to clone; clones are the same accounts.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    kept: AccountStore,
    passwords: Passwords,
    throttle: Throttle,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
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
    /// The database does not answer: nobody knows who has an account.
    #[error("Accounts cannot be reached at the moment. Try again in a moment.")]
    Away(#[source] SqlFault),
    /// The database answers, and does not do what it is there for.
    #[error("Accounts cannot be used at the moment.")]
    Broken(#[source] SqlFault),
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

impl From<SqlFault> for AccountError {
    fn from(fault: SqlFault) -> Self {
        match fault {
            fault if fault.is_outage() => Self::Away(fault),
            fault => Self::Broken(fault),
        }
    }
}

impl AccountError {
    /// Tells the operator what the visitor is not told.
    pub(crate) fn log(&self) {
        match self {
            Self::Away(fault) | Self::Broken(fault) => eprintln!("accounts: {fault}"),
            other => eprintln!("accounts: {other}"),
        }
    }
}

impl Accounts {
    /// The accounts that are in `kept`, asked for on `runtime`. Passwords of new ones are hashed at
    /// `cost`, with salts from `entropy`; `clock` says when somebody may try again.
    ///
    /// # Errors
    /// [`HashError`] when passwords cannot be hashed so.
    pub fn new(
        kept: AccountStore,
        cost: Cost,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
        runtime: Handle,
    ) -> Result<Self, HashError> {
        Ok(Self(Arc::new(Inner {
            kept,
            passwords: Passwords::new(cost, entropy)?,
            throttle: Throttle::new(clock.clone()),
            clock,
            tasks: Tasks::new(runtime),
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
        let (inner, new) = (self.0.clone(), name.clone());
        let inserted = async move { inner.kept.insert(new, hash, inner.clock.now()).await };
        self.0.tasks.run(inserted).await?;
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
        let (inner, asked) = (self.0.clone(), name.clone());
        let known = async move { inner.kept.password_of(&asked).await };
        let known = self.0.tasks.run(known).await;
        let known = known.inspect_err(|_| throttle.spared(&name))?;
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
