//! The conversations of accounts, which their sessions have copies of.

use super::kept::{Kept, Put};
use super::{AccountError, AccountName, Accounts, Inner};
use crate::prompt::ChatPrompt;

/// How often something is kept that others are faster with. One of them gets through each time.
const TRIES: u32 = 100;

impl Accounts {
    /// Keeps what `copy` has of the conversation of `name`, and answers everything that is kept
    /// and everything that is in `copy`. What would take more than `limit` bytes together stays
    /// apart: it is answered, and what was kept is as it was.
    ///
    /// It is done also when its caller vanishes.
    ///
    /// # Errors
    /// [`AccountError`] when it is not known whether anything was kept.
    pub async fn unite(
        &self,
        name: &AccountName,
        copy: ChatPrompt,
        limit: usize,
    ) -> Result<ChatPrompt, AccountError> {
        let (inner, name) = (self.0.clone(), name.clone());
        let united = async move { inner.unite(&name, &copy, limit).await };
        self.0.tasks.run(united).await
    }

    /// As [`unite`](Self::unite), for a caller that does not wait for it.
    pub(crate) fn unite_later(&self, name: AccountName, copy: ChatPrompt, limit: usize) {
        let inner = self.0.clone();
        self.0.tasks.begin(async move {
            if let Err(error) = inner.unite(&name, &copy, limit).await {
                error.log();
            }
        });
    }

    /// Forgets the conversation of `name`, of which there is a `copy`, and answers the blank one
    /// that takes its place.
    ///
    /// # Errors
    /// [`AccountError`] when it may not be forgotten.
    pub async fn forget(
        &self,
        name: &AccountName,
        copy: ChatPrompt,
    ) -> Result<ChatPrompt, AccountError> {
        let (inner, name) = (self.0.clone(), name.clone());
        let forgotten = async move { inner.forget(&name, &copy).await };
        self.0.tasks.run(forgotten).await
    }

    /// Completes when everything that was begun for callers who do not wait has been done.
    pub async fn drain(&self) {
        self.0.tasks.drain().await;
    }
}

impl Inner {
    async fn unite(
        &self,
        name: &AccountName,
        copy: &ChatPrompt,
        limit: usize,
    ) -> Result<ChatPrompt, AccountError> {
        for _ in 0..TRIES {
            let kept = self.kept.conversation_of(name).await?;
            let union = chaptered(&kept.prompt).united(copy);
            let is_news = kept.revision.is_none() || !union.says_the_same_as(&kept.prompt);
            if !is_news || union.size_bound() > limit {
                return Ok(union);
            }
            if self.put(name, &kept, &union).await? == Put::Done {
                return Ok(union);
            }
        }
        Err(AccountError::Busy)
    }

    async fn forget(
        &self,
        name: &AccountName,
        copy: &ChatPrompt,
    ) -> Result<ChatPrompt, AccountError> {
        for _ in 0..TRIES {
            let kept = self.kept.conversation_of(name).await?;
            let chapter = kept.prompt.chapter().max(copy.chapter());
            let blank = ChatPrompt::blank(chapter.map_or(1, |it| it.saturating_add(1)));
            if self.put(name, &kept, &blank).await? == Put::Done {
                return Ok(blank);
            }
        }
        Err(AccountError::Busy)
    }

    async fn put(
        &self,
        name: &AccountName,
        kept: &Kept,
        prompt: &ChatPrompt,
    ) -> Result<Put, AccountError> {
        let now = self.clock.now();
        let put = self
            .kept
            .put_conversation(name, kept.revision, prompt.clone(), now);
        put.await
    }
}

/// A conversation as that of an account: the first chapter has the number 0.
fn chaptered(kept: &ChatPrompt) -> ChatPrompt {
    match kept.chapter() {
        Some(_) => kept.clone(),
        None => ChatPrompt::blank(0).united(kept),
    }
}
