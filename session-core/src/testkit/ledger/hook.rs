//! The books of one attribute.

use std::fmt;

use async_trait::async_trait;

use super::Ledger;
use super::account::Account;
use crate::listener::{AttributeHook, SessionChange, SessionNotice};
use crate::session::SessionAttribute;

/// Keeps books of the values of one attribute; see [`Ledger::hook`].
#[derive(Clone)]
pub struct LedgerHook(Ledger);

impl LedgerHook {
    pub(super) const fn of(ledger: Ledger) -> Self {
        Self(ledger)
    }

    fn note<T: SessionAttribute>(
        &self,
        notice: &SessionNotice,
        enter: impl FnOnce(&mut Account) -> Result<(), String>,
    ) {
        let mut books = self.0.books.lock();
        let handle = notice.session().handle();
        let entered = match books.accounts.get_mut(&handle) {
            Some(account) => enter(account),
            None => Err("its creation was never told".into()),
        };
        if let Err(mistake) = entered {
            let mistake = format!("session {handle}, hook of {:?}: {mistake}", T::NAME);
            books.mistakes.push(mistake);
        }
    }
}

#[async_trait]
impl<T: SessionAttribute + Send + 'static> AttributeHook<T> for LedgerHook {
    async fn bound(&self, _: T, notice: &SessionNotice) {
        self.note::<T>(notice, |account| match notice.change() {
            SessionChange::AttributeAdded { value, .. }
            | SessionChange::AttributeReplaced { value, .. } => account.bind(T::NAME, value),
            other => Err(format!("a value was bound by {other:?}")),
        });
    }

    async fn unbound(&self, _: T, notice: &SessionNotice) {
        self.note::<T>(notice, |account| match notice.change() {
            SessionChange::AttributeRemoved { old, .. }
            | SessionChange::AttributeReplaced { old, .. } => account.unbind(T::NAME, old),
            other => Err(format!("a value was unbound by {other:?}")),
        });
    }
}

impl fmt::Debug for LedgerHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LedgerHook")
    }
}
