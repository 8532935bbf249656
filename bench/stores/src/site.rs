//! An application with sessions, and what can be asked of it.

use std::error::Error;

use futures_util::future::LocalBoxFuture;

/// The attribute that all requests are about.
pub(crate) const COUNTER: &str = "counter";

/// What a request does to the session of its visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing: the handler does not look at it.
    Untouched,
    /// Reads the counter.
    Read,
    /// Reads the counter, adds one, and writes it.
    Write,
    /// Sets the counter in a new session.
    Create,
}

impl Action {
    pub(crate) const ALL: [Self; 4] = [Self::Untouched, Self::Read, Self::Write, Self::Create];

    pub(crate) fn name(self) -> &'static str {
        &self.path()[1..]
    }

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Untouched => "/untouched",
            Self::Read => "/read",
            Self::Write => "/write",
            Self::Create => "/create",
        }
    }

    /// True when the visitor comes with a cookie.
    pub(crate) const fn returns(self) -> bool {
        !matches!(self, Self::Create)
    }
}

/// An answer.
pub(crate) struct Page {
    pub(crate) text: String,
    /// `name=value` of its `Set-Cookie`, if it has one.
    pub(crate) cookie: Option<String>,
}

/// Whatever went wrong; it ends the run.
pub(crate) type Trouble = Box<dyn Error>;

/// An application whose sessions are in a store.
pub(crate) trait Site {
    /// Sends a GET and reads the answer to its end; anything but 200 is an error.
    fn ask<'a>(
        &'a self,
        path: &'static str,
        cookie: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<Page, Trouble>>;
}

/// A site that is being built, with its sessions in the store at this URL.
pub(crate) type Opening = LocalBoxFuture<'static, Result<Box<dyn Site>, Trouble>>;

/// A library of sessions, on a framework.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    pub(crate) name: &'static str,
    /// True for what ours, the last one before it, is compared with.
    pub(crate) is_peer: bool,
    pub(crate) open: fn(String) -> Opening,
}

/// `name=value` at the beginning of a `Set-Cookie`.
pub(crate) fn pair(set_cookie: &str) -> String {
    let pair = set_cookie.split(';').next();
    pair.unwrap_or_default().to_owned()
}
