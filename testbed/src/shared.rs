//! The servers that tests share.

use std::sync::{Mutex, PoisonError};

use crate::cluster::RedisCluster;
use crate::error::Error;
use crate::kind::Kind;
use crate::server::Server;

/// The URL of a server that all tests of this process share, and under `scripts/test` those of
/// all processes. Tests on it keep to names of their own, and leave it running.
///
/// # Errors
/// When it has to be started and is not installed, or does not start.
pub fn shared(kind: Kind) -> Result<String, Error> {
    static STARTED: Mutex<Everything> = Mutex::new(Everything::nothing());
    if let Ok(url) = std::env::var(kind.variable()) {
        return Ok(url);
    }
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    started.start(kind)
}

/// The servers of all kinds, one of each. They stop when this is dropped.
#[derive(Debug)]
pub struct Everything {
    servers: Vec<(Kind, Started)>,
}

#[derive(Debug)]
enum Started {
    Server(Server),
    Cluster(RedisCluster),
}

impl Everything {
    /// No server yet.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            servers: Vec::new(),
        }
    }

    /// Starts a server of this kind unless there is one, and answers its URL.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start(&mut self, kind: Kind) -> Result<String, Error> {
        let found = self.servers.iter().find(|(started, _)| *started == kind);
        if let Some((_, started)) = found {
            return Ok(started.url());
        }
        let started = match kind {
            Kind::RedisCluster => Started::Cluster(RedisCluster::start()?),
            single => Started::Server(Server::start(single)?),
        };
        let url = started.url();
        self.servers.push((kind, started));
        Ok(url)
    }
}

impl Started {
    fn url(&self) -> String {
        match self {
            Self::Server(server) => server.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }
}
