//! A listener that keeps books of what it is told, and compares them with the store.

mod account;
mod audit;
mod hook;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use self::account::Account;
pub use self::audit::LedgerError;
pub use self::hook::LedgerHook;
use crate::listener::{SessionChange, SessionListener, SessionNotice};
use crate::session::{SessionAttribute, SessionHandle};

/// Keeps books of what listeners are told, and finds what does not add up: a session that was
/// created or destroyed twice, or of which something is told after its end; an old value that
/// was never the value before; an id that changed from one that was never told.
/// [`audit`](Self::audit) compares the books with the store: created = destroyed + live.
///
/// For tests of a site with listeners, and of stores:
/// [`testkit::store::History`](super::store::History) plays random histories with one. Clones
/// are one ledger. It must be there from the first session of the store on; managers that share
/// a store share a ledger.
///
/// ```
/// use session_core::testkit::{Ledger, Site, block_on};
///
/// # block_on(async {
/// let ledger = Ledger::new();
/// let site = Site::with(|builder| builder.listener(ledger.clone()));
/// let (mut ada, mut eve) = (site.visitor(), site.visitor());
/// ada.visit(async |session| session.set_attribute("cart", &["book"])).await?;
/// eve.visit(async |session| session.set_attribute("cart", &["pen"])).await?;
/// eve.visit(async |session| session.logout()).await?;
///
/// ledger.audit(site.sessions()).await.unwrap();
/// assert_eq!((ledger.created(), ledger.destroyed()), (2, 1));
/// # Ok::<(), session_core::SessionError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Ledger {
    books: Arc<Mutex<Books>>,
    answers: Answers,
}

/// Which answers of the store arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answers {
    #[default]
    All,
    /// Some are lost, so that nobody knows what was done.
    NotAll,
}

#[derive(Default)]
struct Books {
    accounts: BTreeMap<SessionHandle, Account>,
    /// The names of the attributes that hooks are told of.
    hooked: BTreeSet<Arc<str>>,
    created: usize,
    destroyed: usize,
    mistakes: Vec<String>,
}

impl Ledger {
    /// A ledger without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A ledger for a store whose answers are sometimes lost: what such a call did can be told
    /// by nobody. It still finds what is told twice or after the end of a session, and sessions
    /// that live on although their end was told.
    #[must_use]
    pub fn with_lost_answers() -> Self {
        Self {
            answers: Answers::NotAll,
            ..Self::default()
        }
    }

    /// A hook that keeps books of the values of `T`: each that is bound is unbound once.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use session_core::SessionAttribute;
    /// use session_core::testkit::{Ledger, Site, block_on};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Seat(u32);
    ///
    /// impl SessionAttribute for Seat {
    ///     const NAME: &'static str = "seat";
    /// }
    ///
    /// # block_on(async {
    /// let ledger = Ledger::new();
    /// let site = Site::with(|builder| {
    ///     builder.listener(ledger.clone()).attribute_hook::<Seat>(ledger.hook::<Seat>())
    /// });
    /// site.visitor().visit(async |session| session.set(&Seat(12))).await?;
    /// ledger.audit(site.sessions()).await.unwrap();
    /// # Ok::<(), session_core::SessionError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn hook<T: SessionAttribute>(&self) -> LedgerHook {
        self.books.lock().hooked.insert(T::NAME.into());
        LedgerHook::of(self.clone())
    }

    /// How many sessions were told to have been created.
    #[must_use]
    pub fn created(&self) -> usize {
        self.books.lock().created
    }

    /// How many sessions were told to have been destroyed.
    #[must_use]
    pub fn destroyed(&self) -> usize {
        self.books.lock().destroyed
    }

    /// How many sessions live by what was told.
    #[must_use]
    pub fn live(&self) -> usize {
        let books = self.books.lock();
        books.accounts.values().filter(|it| it.is_open()).count()
    }

    /// What did not add up so far, a sentence for each.
    #[must_use]
    pub fn mistakes(&self) -> Vec<String> {
        self.books.lock().mistakes.clone()
    }
}

impl Books {
    fn enter(&mut self, notice: &SessionNotice, answers: Answers) -> Result<(), String> {
        match notice.change() {
            SessionChange::Created => self.created += 1,
            SessionChange::Destroyed(_) => self.destroyed += 1,
            _ => {}
        }
        let handle = notice.session().handle();
        let is_created = matches!(notice.change(), SessionChange::Created);
        let is_known = self.accounts.contains_key(&handle);
        if !is_known && !is_created && answers == Answers::All {
            return Err("its creation was never told".into());
        }
        let account = self.accounts.entry(handle);
        let account = account.or_insert_with(|| Account::open(notice, answers));
        match is_created && !is_known {
            true => Ok(()),
            false => account.enter(notice),
        }
    }
}

#[async_trait]
impl SessionListener for Ledger {
    async fn notified(&self, notice: &SessionNotice) {
        let mut books = self.books.lock();
        if let Err(mistake) = books.enter(notice, self.answers) {
            let (handle, change) = (notice.session().handle(), notice.change());
            books
                .mistakes
                .push(format!("session {handle}, told of {change:?}: {mistake}"));
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("created", &self.created())
            .field("destroyed", &self.destroyed())
            .field("mistakes", &self.mistakes())
            .finish()
    }
}
