//! What a visitor does, and the few words that all variants share so that they answer the
//! same requests with the same texts.

use std::error::Error;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

/// The attribute that `read`, `count` and `create` are about.
pub(crate) const COUNTER: &str = "counter";
/// What [`SEED_COUNTER`] puts into it.
pub(crate) const COUNTER_SEED: u64 = 42;
/// The attribute that the two chat scenarios are about: a list of [`Message`].
pub(crate) const HISTORY: &str = "history";
/// Messages in the history before a batch of [`Scenario::batch`] appends: 45 to 55, so that
/// an append finds 50 on average.
const HISTORY_SEED: usize = 45;

/// Answers with the counter.
pub(crate) const READ: &str = "/read";
/// Adds one to the counter and answers with it.
pub(crate) const COUNT: &str = "/count";
/// Answers without a look at the session.
pub(crate) const UNTOUCHED: &str = "/untouched";
/// Sets the counter to 1 in what has to be a new session.
pub(crate) const CREATE: &str = "/create";
/// Appends a message to the history, the best way that the library has.
pub(crate) const APPEND: &str = "/append";
/// Appends a message to the history by reading and writing all of it.
pub(crate) const UPDATE: &str = "/update";
/// Not timed: sets the counter to [`COUNTER_SEED`].
pub(crate) const SEED_COUNTER: &str = "/seed/counter";
/// Not timed: sets the history to [`seed_history`].
pub(crate) const SEED_HISTORY: &str = "/seed/history";
/// Not timed: answers with the number of messages in the history.
pub(crate) const LENGTH: &str = "/length";

/// The text that answers a request which is not asked for anything.
pub(crate) const DONE: &str = "done";

/// One row of the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scenario {
    /// The cookie is sent, one value is read.
    Read,
    /// The cookie is sent, a counter is read, changed and written.
    Count,
    /// No cookie, and the handler ignores the session.
    Untouched,
    /// No cookie, and the handler writes: a session comes into being.
    Create,
    /// One message is added to a chat of about 10 KB, by whatever is best for that.
    Append,
    /// The same by read, change and write: what a library without an append has to do.
    Update,
}

impl Scenario {
    /// The name in reports and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Count => "count",
            Self::Untouched => "untouched",
            Self::Create => "create",
            Self::Append => "append",
            Self::Update => "update",
        }
    }

    /// The path that is timed.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Read => READ,
            Self::Count => COUNT,
            Self::Untouched => UNTOUCHED,
            Self::Create => CREATE,
            Self::Append => APPEND,
            Self::Update => UPDATE,
        }
    }

    /// Its method.
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Read | Self::Untouched => Method::GET,
            Self::Count | Self::Create | Self::Append | Self::Update => Method::POST,
        }
    }

    /// The path that prepares the visitor's session, `None` where the visitor has no cookie.
    pub(crate) const fn seed(self) -> Option<&'static str> {
        match self {
            Self::Read | Self::Count => Some(SEED_COUNTER),
            Self::Untouched | Self::Create => None,
            Self::Append | Self::Update => Some(SEED_HISTORY),
        }
    }

    /// True when the session has to be prepared again before every batch.
    pub(crate) const fn grows(self) -> bool {
        matches!(self, Self::Append | Self::Update)
    }

    /// Requests between two looks at the clock.
    pub(crate) const fn batch(self) -> u32 {
        if self.grows() { 11 } else { 100 }
    }
}

/// A turn of the chat, about 200 bytes.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Who spoke.
    role: String,
    /// What was said.
    content: String,
}

impl Message {
    /// The message that is appended.
    pub(crate) fn new() -> Self {
        Self {
            role: "user".to_owned(),
            content: CONTENT.to_owned(),
        }
    }
}

/// 200 bytes of what people say.
const CONTENT: &str = "Could you tell me again what we agreed on yesterday about the trip to \
    the lake, who brings the tent and the stove, and whether there is a train back on Sunday \
    evening that one can catch after dinner?!";
const _: () = assert!(CONTENT.len() == 200, "DESIGN asks for 200-byte messages");

/// The history that a batch of appends starts from.
pub(crate) fn seed_history() -> Vec<Message> {
    vec![Message::new(); HISTORY_SEED]
}

/// What a handler answers over http 1.x: a text, or 500 for a failure of the library, which
/// ends the run.
pub(crate) type Answer = Result<String, StatusCode>;

/// Turns a failure of a library into an answer that ends the run.
pub(crate) fn failed(error: impl Error) -> StatusCode {
    eprintln!("a handler failed: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}
