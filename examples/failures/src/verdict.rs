//! What an attack came to.

use std::io;

/// Why an attack did not end with the server unharmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The server gave way; the text says how.
    Failed(String),
    /// There is nothing to attack; the text says why.
    NotApplicable(String),
}

/// An attack, which a server withstands when it comes to its end.
pub(crate) type Attempt<T = ()> = Result<T, Stop>;

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("no answer: {error}"))
    }
}

/// The server failed, and this is how.
pub(crate) fn failed<T>(how: impl Into<String>) -> Attempt<T> {
    Err(Stop::Failed(how.into()))
}

/// Goes on when the server did as it should.
pub(crate) fn ensure(did: bool, otherwise: impl FnOnce() -> String) -> Attempt {
    if did { Ok(()) } else { failed(otherwise()) }
}

/// What `part` of the target description says, without which there is nothing to attack.
pub(crate) fn described<'a, T>(part: Option<&'a T>, name: &str) -> Attempt<&'a T> {
    part.ok_or_else(|| Stop::NotApplicable(format!("the target describes no [{name}]")))
}
