//! What can go wrong, in words for users of the store and for the store itself.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use session_core::BoxError;
use session_core::store::StoreError;

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one that the store understands; it is not repeated here, for it may hold
    /// a password.
    #[error("the URL of the session store {0}")]
    Url(&'static str),
    /// The server was reached, and refuses this client: a wrong password, say.
    #[error("the server refuses the session store")]
    Refused(#[source] BoxError),
    /// `redis://` names a node of a cluster.
    #[error("the server is a node of a cluster: use redis-cluster:// instead of redis://")]
    IsCluster,
    /// `redis-cluster://` names a server that is not part of a cluster.
    #[error("the server is not part of a cluster: use redis:// instead of redis-cluster://")]
    IsNoCluster,
}

/// Why a script gave no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server has no memory left. Nothing was written.
    Full,
    /// The server, or nobody, was asked: nothing was written.
    Refused(BoxError),
    /// The answer did not come. Whether something was written is unknown.
    Lost(BoxError),
    /// The answer says that a record cannot be read.
    Record(StoreError),
}

impl Fault {
    pub(crate) fn damaged(what: &'static str) -> Self {
        Self::Record(StoreError::Unreadable(what.into()))
    }

    /// What the driver says, in terms of what it means for a write.
    pub(crate) fn of(error: RedisError) -> Self {
        let is_full = error.code() == Some("OOM")
            || error
                .detail()
                .is_some_and(|detail| detail.contains("OOM command"));
        if is_full {
            return Self::Full;
        }
        if error.code() == Some("WRONGTYPE") {
            return Self::Record(StoreError::Unreadable(error.into()));
        }
        match error.kind() {
            // A script that fails on its way may have written something.
            ErrorKind::Server(ServerErrorKind::ResponseError) => Self::Lost(error.into()),
            ErrorKind::Server(_)
            | ErrorKind::Extension
            | ErrorKind::AuthenticationFailed
            | ErrorKind::Client
            | ErrorKind::InvalidClientConfig => Self::Refused(error.into()),
            _ if error.is_connection_refusal() => Self::Refused(error.into()),
            _ => Self::Lost(error.into()),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Full => Self::Unavailable("the server has no memory left".into()),
            Fault::Refused(error) | Fault::Lost(error) => Self::Unavailable(error),
            Fault::Record(error) => error,
        }
    }
}
