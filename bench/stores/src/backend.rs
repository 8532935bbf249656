//! Where sessions are, and which libraries can keep them there.

use std::error::Error;
use std::path::PathBuf;

use testbed::{Kind, Server, Wire};

use crate::site::Library;
use crate::{on_actix, on_axum};

/// A kind of store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Redis,
    Postgres,
    Sqlite,
}

/// A store that runs, and how to reach it.
pub(crate) struct Running {
    /// Where clients connect.
    pub(crate) url: String,
    server: Option<Server>,
    folder: Option<PathBuf>,
}

impl Backend {
    pub(crate) const ALL: [Self; 3] = [Self::Redis, Self::Postgres, Self::Sqlite];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }

    /// What is compared on it, each of ours before its peers.
    pub(crate) const fn libraries(self) -> &'static [Library] {
        const REDIS: [Library; 2] = on_axum::TOWER_SESSIONS_ON_REDIS;
        const POSTGRES: [Library; 2] = on_axum::TOWER_SESSIONS_ON_POSTGRES;
        const SQLITE: [Library; 2] = on_axum::TOWER_SESSIONS_ON_SQLITE;
        const ACTIX: [Library; 2] = on_actix::ACTIX_SESSION_ON_REDIS;
        match self {
            Self::Redis => &[
                on_axum::OURS_ON_REDIS,
                REDIS[0],
                REDIS[1],
                on_actix::OURS_ON_REDIS,
                ACTIX[0],
                ACTIX[1],
            ],
            Self::Postgres => &[on_axum::OURS_ON_SQL, POSTGRES[0], POSTGRES[1]],
            Self::Sqlite => &[on_axum::OURS_ON_SQL, SQLITE[0], SQLITE[1]],
        }
    }

    /// Starts a server, or makes an empty file.
    pub(crate) fn start(self) -> Result<Running, Box<dyn Error>> {
        let kind = match self {
            Self::Redis => Kind::Redis,
            Self::Postgres => Kind::Postgres,
            Self::Sqlite => {
                let name = format!("bench-stores-{}", std::process::id());
                let folder = std::env::temp_dir().join(name);
                std::fs::create_dir_all(&folder)?;
                return Ok(Running {
                    url: format!("sqlite:{}", folder.join("sessions.db").display()),
                    server: None,
                    folder: Some(folder),
                });
            }
        };
        let server = Server::start(kind)?;
        Ok(Running {
            url: server.url(),
            server: Some(server),
            folder: None,
        })
    }
}

impl Running {
    /// A wire to the server that counts; `None` for a store in this process.
    pub(crate) fn wire(&self) -> Result<Option<(Wire, String)>, Box<dyn Error>> {
        let Some(server) = &self.server else {
            return Ok(None);
        };
        let wire = Wire::to(server.port())?;
        let url = server.url_over(&wire);
        Ok(Some((wire, url)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // What cannot be removed lies in the folder for temporary files.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
