//! The libraries that are compared: the same routes on axum, each with its store in memory.

use std::error::Error;

use axum::Router;
use clap::ValueEnum;
use http::StatusCode;
use serde::Serialize;

mod axum_session;
mod bare;
mod ours;
mod tower_sessions;

pub(crate) use ours::{Calendar, repeatable};

/// The attribute that is read and counted.
const COUNTER: &str = "counter";
/// The attribute of which the bytes of a session are measured.
const TEXT: &str = "text";

/// Answers with the counter, or with [`NOBODY`].
pub(crate) const READ: &str = "/read";
/// Adds one to the counter and answers with it: 1 in a session that is new.
pub(crate) const COUNT: &str = "/count";
/// Sets the counter to 1.
pub(crate) const CREATE: &str = "/create";
/// Sets a text of 100 bytes.
pub(crate) const REMEMBER: &str = "/remember";

/// The answer to a visitor without a session.
pub(crate) const NOBODY: &str = "nobody";
/// The answer to who is not asked for anything.
const DONE: &str = "done";

/// The text that [`REMEMBER`] sets.
const HUNDRED_BYTES: &str = "The quick brown fox jumps over the lazy dog, and that dog looks up, \
    yawns, turns over and sleeps on.";
const _: () = assert!(
    HUNDRED_BYTES.len() == 100,
    "sessions of 100 bytes are compared"
);

/// What a handler answers.
type Answer = Result<String, StatusCode>;

/// A way to give an application sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Library {
    /// None at all: what the others are compared with.
    Bare,
    /// This workspace.
    Ours,
    /// With a signed cookie.
    #[value(name = "tower-sessions")]
    TowerSessions,
    /// With a plain cookie: a signed one leaves each request to a pool of threads twice.
    #[value(name = "axum_session")]
    AxumSession,
}

impl Library {
    /// All of them, in the order of the report.
    pub(crate) const ALL: [Self; 4] = [
        Self::Bare,
        Self::Ours,
        Self::TowerSessions,
        Self::AxumSession,
    ];

    /// Those that store sessions.
    pub(crate) const STORING: [Self; 3] = [Self::Ours, Self::TowerSessions, Self::AxumSession];

    /// The name in reports and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Ours => "ours",
            Self::TowerSessions => "tower-sessions",
            Self::AxumSession => "axum_session",
        }
    }

    /// A site with an empty store. It has its state (`with_state`), as under `axum::serve`:
    /// without one, layers are applied again for every request.
    pub(crate) async fn router(self) -> Result<Router, Box<dyn Error>> {
        match self {
            Self::Bare => Ok(bare::router()),
            Self::Ours => ours::router(),
            Self::TowerSessions => Ok(tower_sessions::router()),
            Self::AxumSession => axum_session::router().await,
        }
    }
}

/// Turns a failure of a library into an answer that ends the run.
fn failed(error: impl Error) -> StatusCode {
    eprintln!("a handler failed: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}

fn number(counter: Option<u64>) -> String {
    counter.map_or_else(|| NOBODY.to_owned(), |counter| counter.to_string())
}
