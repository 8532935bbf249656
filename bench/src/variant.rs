//! The libraries that are compared. Each has a file of its own with one function: it builds
//! a router with an empty store, and with the same routes as all the others.

use axum::Router;

use crate::{axum_session, bare, ours, tower_sessions};

/// One way to give an axum application sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Variant {
    /// The same routes without sessions: what the others are compared with.
    Bare,
    /// This workspace.
    Ours,
    /// tower-sessions with a signed cookie.
    TowerSessions,
    /// axum_session with a signed cookie.
    AxumSession,
}

impl Variant {
    /// All of them, in the order in which they are declared.
    pub(crate) const ALL: [Self; 4] = [
        Self::Bare,
        Self::Ours,
        Self::TowerSessions,
        Self::AxumSession,
    ];

    /// Those that we are compared with.
    pub(crate) const PEERS: [Self; 2] = [Self::TowerSessions, Self::AxumSession];

    /// The name in reports and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Ours => "ours",
            Self::TowerSessions => "tower-sessions",
            Self::AxumSession => "axum_session",
        }
    }

    /// A router of this variant, with an empty store.
    pub(crate) async fn router(self) -> Result<Router, Box<dyn std::error::Error>> {
        match self {
            Self::Bare => Ok(bare::router()),
            Self::Ours => ours::router(),
            Self::TowerSessions => Ok(tower_sessions::router()),
            Self::AxumSession => axum_session::router().await,
        }
    }
}
