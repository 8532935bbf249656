//! What the engine did, compared with what the book says.

use std::collections::BTreeMap;

use session_core::{Session, SessionError};

use super::book::{Book, Content, Outcome, Wish};
use super::world::World;

impl Wish {
    /// Which id the client needs; `None` while there is none.
    pub(super) fn id_of_client(&self) -> Option<usize> {
        self.who.map(|_| self.id)
    }
}

fn read(get: impl Fn(&str) -> Option<i64>, list: Option<Vec<i64>>) -> Content {
    let sets = ["a", "b", "first"].into_iter();
    Content {
        sets: sets.filter_map(|name| Some((name, get(name)?))).collect(),
        sum: get("sum").unwrap_or_default(),
        list: list.unwrap_or_default(),
    }
}

/// A request sees what it loaded and its own changes.
pub(super) fn snapshot(session: &Session, wish: &Wish) {
    if wish.ends || wish.is_gone {
        return;
    }
    let list = session.get_attribute("list").unwrap();
    let seen = read(|name| session.get_attribute(name).unwrap(), list);
    assert_eq!(seen, wish.seen());
}

/// True when a change was taken, as it must be unless the session is over.
pub(super) fn may_change(
    book: &Book,
    wish: &Wish,
    is_late: bool,
    outcome: Result<(), SessionError>,
) -> bool {
    match outcome {
        Ok(()) => assert!(!wish.ends && !wish.is_gone, "what is over is changed"),
        Err(SessionError::Invalidated) => assert!(wish.ends),
        Err(SessionError::Gone) => assert!(book.is_over(wish), "what lives is said to be gone"),
        Err(SessionError::ResponseCommitted) => assert!(is_late && wish.who.is_none()),
        Err(error) => panic!("a change is refused: {error}"),
    }
    outcome.is_ok()
}

/// What a request is told of its commit.
pub(super) fn told<T>(committed: &Result<T, SessionError>) -> Outcome {
    match committed {
        Ok(_) => Outcome::Done,
        Err(SessionError::Gone) => Outcome::Gone,
        Err(SessionError::Moved) => Outcome::Moved,
        Err(error) => panic!("a commit failed: {error}"),
    }
}

impl World<'_> {
    /// Of all tokens ever sent, the newest of each live session is usable and shows every
    /// acknowledged write.
    pub(super) fn check_every_token(&self) {
        let mut usable = BTreeMap::new();
        for issued in &self.issued {
            let mut visitor = self.given.visitor();
            visitor.set_cookie(Some(issued.token.clone()));
            let view = self.given.peek(&visitor);
            let expected = self.book.is_usable(issued.who, issued.id);
            assert_eq!(
                view.is_some(),
                expected,
                "id {} of {}",
                issued.id,
                issued.who
            );
            let Some(view) = view else { continue };
            let list = view.get_attribute("list").unwrap();
            let seen = read(|name| view.get_attribute(name).unwrap(), list);
            let session = &self.book.sessions[issued.who];
            assert_eq!(seen, session.content);
            assert_eq!(view.principal().as_deref(), session.principal);
            assert_eq!(usable.insert(issued.who, &issued.token), None);
        }
    }
}
