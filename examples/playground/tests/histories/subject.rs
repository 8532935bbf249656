//! A session that several clients share, and the book of what they did to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::calls::{Counting, Message, seen};
use crate::chance::Chance;
use crate::client::{Client, Lost, Response};
use crate::history::{Attribute, Attributes, Call, History, Operation, Outcome, Token, Value};

/// How much is asked of a session after it was ended: enough to see that it stays so.
const AFTER_THE_END: usize = 8;

/// One session.
#[derive(Debug)]
pub(crate) struct Subject {
    name: String,
    /// When it was created, in milliseconds since the epoch: what tells it from a session that
    /// begins in its place.
    pub(crate) created: u64,
    attributes: Attributes,
    /// How many more requests are sent to it.
    left: AtomicUsize,
    /// How many changes had no answer.
    lost: AtomicUsize,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    /// The values of the cookie, by [`Token`].
    tokens: Vec<String>,
    operations: Vec<Operation>,
}

impl Subject {
    /// Begins a session in which so many requests are to be sent; `None` when the server does
    /// not let it begin.
    pub(crate) fn begin(
        client: &mut Client,
        server: usize,
        name: &str,
        requests: usize,
    ) -> Option<Self> {
        let value = Value::Text(name.into());
        let put = Call::Put(Attribute::Name, value.clone());
        let put = Message::of(&put, Duration::ZERO, Counting::Atomic);
        let began = client.ask(server, put.request(None)).ok()?;
        let token = began.cookie.filter(|_| began.status == 204)?;
        let look = Message::look();
        let looked = client.ask(server, look.request(Some(&token))).ok()?;
        let seen = seen(&looked).ok()??;
        let mut attributes = Attributes::default();
        attributes.set(Attribute::Name, Some(value));
        assert_eq!(seen.attributes, attributes, "a new session is its own");
        // Whatever begins in its place is created in another millisecond.
        std::thread::sleep(Duration::from_millis(2));
        Some(Self {
            name: name.into(),
            created: seen.created,
            attributes,
            left: AtomicUsize::new(requests),
            lost: AtomicUsize::new(0),
            book: Mutex::new(Book {
                tokens: vec![token],
                operations: Vec::new(),
            }),
        })
    }

    /// The name that it keeps in an attribute.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes one of the requests that may be sent; false when there is none left.
    pub(crate) fn take(&self) -> bool {
        let order = Ordering::SeqCst;
        let taken = self
            .left
            .fetch_update(order, order, |left| left.checked_sub(1));
        taken.is_ok()
    }

    /// Gives a request back that told nothing.
    pub(crate) fn give_back(&self) {
        self.left.fetch_add(1, Ordering::SeqCst);
    }

    /// How many changes had no answer.
    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }

    /// The newest id that clients know, or at times an older one.
    pub(crate) fn pick(&self, chance: &mut Chance, older: usize) -> (Token, String) {
        let book = self.book();
        let newest = book.tokens.len() - 1;
        let number = match chance.happens(older) {
            true => chance.below(newest + 1),
            false => newest,
        };
        (Token(number), book.tokens[number].clone())
    }

    /// Lets all clients know an id that the session has got.
    pub(crate) fn publish(&self, token: String) -> Token {
        let mut book = self.book();
        book.tokens.push(token);
        Token(book.tokens.len() - 1)
    }

    /// Notes what was done.
    pub(crate) fn note(&self, operation: Operation) {
        match (&operation.call, &operation.outcome) {
            (call, Outcome::Unknown) if call.is_read() => self.give_back(),
            (_, Outcome::Unknown) => {
                self.lost.fetch_add(1, Ordering::SeqCst);
            }
            (Call::Invalidate, Outcome::Done) => {
                self.left.fetch_min(AFTER_THE_END, Ordering::SeqCst);
            }
            _ => {}
        }
        self.book().operations.push(operation);
    }

    /// All its ids.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.book().tokens.clone()
    }

    /// All that was done to it.
    pub(crate) fn history(&self) -> History {
        let operations = self.book().operations.clone();
        History::new(self.attributes.clone(), operations)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the session that an answer gave an id to: true when it is this one, false when it
/// is another, `None` when that cannot be told.
pub(crate) fn is_same(subject: &Subject, looked: &Result<Response, Lost>) -> Option<bool> {
    let looked = looked.as_ref().ok().filter(|it| it.status == 200)?;
    let seen = seen(looked).ok()??;
    Some(seen.created == subject.created)
}
