//! What every request of the playground shares.

use std::net::SocketAddr;
use std::sync::Arc;

use session_core::SessionManager;

use crate::admission::Admission;
use crate::monitor::Monitor;
use crate::options::Options;
use crate::relay::Relay;
use crate::stop::{Sockets, Stop};

/// What every request shares, whatever the framework.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// For what is done to sessions from outside of them.
    pub(crate) sessions: SessionManager,
    pub(crate) monitor: Arc<Monitor>,
    /// Who may see the administrator's page.
    pub(crate) admission: Admission,
    /// When streams are cut and sockets are closed.
    pub(crate) stop: Stop,
    pub(crate) sockets: Sockets,
    /// The most bytes of a request body that are kept.
    pub(crate) body_limit: usize,
    /// What the page sends its requests with.
    pub(crate) relay: Arc<Relay>,
}

/// Room for what surrounds a value that fills a session: punctuation, escapes, and the page's
/// own question around it.
const BODY_EXTRA: usize = 1 << 20;

impl Site {
    /// The site of a server that listens on `address`.
    pub(crate) fn new(
        options: &Options,
        sessions: &SessionManager,
        monitor: Arc<Monitor>,
        address: SocketAddr,
        stop: Stop,
    ) -> Self {
        Self {
            sessions: sessions.clone(),
            monitor,
            admission: Admission::of(address),
            stop,
            sockets: Sockets::default(),
            body_limit: options.max_session_bytes.saturating_add(BODY_EXTRA),
            relay: Arc::new(Relay::new(options, sessions, address)),
        }
    }
}
