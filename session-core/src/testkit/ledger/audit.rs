//! The books against the store.

use super::{Answers, Ledger};
use crate::engine::Engine;
use crate::error::SessionError;
use crate::manager::SessionManager;
use crate::session::{SessionHandle, StoreKey};
use crate::store::{Access, Loaded};

/// Why an audit found no balance.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// What was told and what is stored do not agree, a sentence for each mistake.
    #[error("the ledger does not balance:\n{}", .0.join("\n"))]
    Imbalance(Vec<String>),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] SessionError),
}

impl Ledger {
    /// Waits for listeners, sweeps what has expired, and compares what was told with what is
    /// stored: as many sessions were created as were destroyed and live, each live one has the
    /// id and the attributes that were told of it, and hooks hold the values that sessions have.
    ///
    /// To be called while nobody uses the site. `sessions` is a manager of the store.
    ///
    /// # Errors
    /// [`LedgerError::Imbalance`] with what does not add up; [`LedgerError::Store`] when the
    /// store cannot be reached.
    pub async fn audit<S>(&self, sessions: &SessionManager<S>) -> Result<(), LedgerError> {
        sessions.drain().await;
        sessions.sweep().await?;
        sessions.drain().await;
        let mut mistakes = self.mistakes();
        let accounts: Vec<_> = {
            let books = self.books.lock();
            for (handle, account) in &books.accounts {
                let hooks = books.hooked.iter().map(|name| account.check_bound(name));
                let checks = hooks.chain([account.check_closed()]);
                let wrong = checks.filter_map(Result::err);
                mistakes.extend(wrong.map(|wrong| format!("session {handle}: {wrong}")));
            }
            let accounts = books.accounts.iter();
            accounts
                .map(|(handle, account)| (*handle, account.key, account.is_open()))
                .collect()
        };
        for (handle, key, is_open) in accounts {
            if let Some(wrong) = self.check(&sessions.engine, handle, key, is_open).await? {
                mistakes.push(format!("session {handle}: {wrong}"));
            }
        }
        if self.answers == Answers::All {
            mistakes.extend(self.check_sum(&sessions.engine).await?);
        }
        match mistakes.is_empty() {
            true => Ok(()),
            false => Err(LedgerError::Imbalance(mistakes)),
        }
    }

    async fn check(
        &self,
        engine: &Engine,
        handle: SessionHandle,
        key: StoreKey,
        is_open: bool,
    ) -> Result<Option<String>, SessionError> {
        let loaded = engine.load(&key, Access::Peek, engine.now()).await??;
        let record = match (loaded, is_open) {
            (Loaded::Live { record, .. }, true) => record,
            (Loaded::Live { .. }, false) => return Ok(Some("it ended, and lives".into())),
            (_, true) if self.answers == Answers::All => {
                return Ok(Some("it is gone, and its end was never told".into()));
            }
            (_, _) => return Ok(None),
        };
        if record.handle != handle {
            return Ok(Some("another session is stored under its id".into()));
        }
        let books = self.books.lock();
        let account = books.accounts.get(&handle);
        Ok(account.and_then(|account| account.compare(&record.attributes).err()))
    }

    /// Created = destroyed + live.
    async fn check_sum(&self, engine: &Engine) -> Result<Option<String>, SessionError> {
        let live = engine.census(engine.now()).await?.live();
        let (created, destroyed) = (self.created(), self.destroyed());
        Ok((created != destroyed + live).then(|| {
            format!("{created} sessions were created, {destroyed} destroyed, and {live} live")
        }))
    }
}
