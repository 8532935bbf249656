//! The conversation of an account, which all of its sessions share.
//!
//! What an account keeps is the union of what its sessions have; a session has a copy, which
//! serves it while it talks and when the accounts cannot be reached. The two are brought together at
//! the login, at every request for the conversation, and when a reply has ended: each
//! learns what the other knows, by the entries themselves, so that the order in which that happens
//! makes no difference and a time that was missed is made up for by the next.

use session_core::Session;

use crate::accounts::{AccountName, Accounts};
use crate::prompt::ChatPrompt;
use crate::refusal::Refusal;

/// What the session has of the conversation.
pub(crate) fn copy_of(session: &Session) -> Result<ChatPrompt, Refusal> {
    Ok(session.get()?.unwrap_or_default())
}

/// Whose conversation it is; `None` for an anonymous visitor's.
pub(crate) fn account_of(session: &Session) -> Result<Option<AccountName>, Refusal> {
    let principal = session.principal()?;
    Ok(principal.and_then(|name| AccountName::new(&name).ok()))
}

/// Brings the session's copy and what the account keeps together, up to `limit` bytes, and answers
/// everything there is. When the accounts cannot be reached, that is the copy.
///
/// # Errors
/// [`Refusal::Session`]
pub(crate) async fn bring_together(
    accounts: &Accounts,
    session: &Session,
    limit: usize,
) -> Result<ChatPrompt, Refusal> {
    let copy = copy_of(session)?;
    let Some(name) = account_of(session)? else {
        return Ok(copy);
    };
    let everything = match accounts.unite(&name, copy.clone(), limit).await {
        Ok(everything) => everything,
        Err(error) => {
            error.log();
            return Ok(copy);
        }
    };
    if everything.size_bound() <= limit && !everything.says_the_same_as(&copy) {
        let kept = everything.clone();
        // Made again on what other requests of this session have stored meanwhile.
        session.update(move |copy: &mut ChatPrompt| *copy = kept.united(copy))?;
    }
    Ok(everything)
}

/// Begins to tell the account what the session has; nobody waits for it.
pub(crate) fn tell_later(accounts: &Accounts, session: &Session, limit: usize) {
    if let Ok(Some(name)) = account_of(session)
        && let Ok(copy) = copy_of(session)
    {
        accounts.unite_later(name, copy, limit);
    }
}

/// Forgets the conversation: of an account everywhere, or nowhere.
///
/// # Errors
/// [`Refusal::Account`] when the account cannot be reached, and [`Refusal::Session`].
pub(crate) async fn forget(accounts: &Accounts, session: &Session) -> Result<(), Refusal> {
    let Some(name) = account_of(session)? else {
        session.update(ChatPrompt::forget)?;
        return Ok(());
    };
    let blank = accounts.forget(&name, copy_of(session)?).await?;
    session.update(move |copy: &mut ChatPrompt| copy.clone_from(&blank))?;
    Ok(())
}
