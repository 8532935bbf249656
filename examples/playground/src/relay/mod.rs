//! The page's relay: it plays the page's browsers. A script is shown neither `Set-Cookie` nor
//! an `HttpOnly` cookie, and a page has but one cookie jar; so the relay keeps a jar for each
//! pane of each loaded page, sends the pane's requests to this very server, and tells of them
//! everything but the token.
//!
//! It consults no session of whoever asks: the page's own browser never gets a cookie by it.

mod conversation;
mod endpoints;
mod forward;
mod jar;
mod look;
mod mask;
mod pages;
mod routes;
mod socket;
mod text;
mod transport;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use parking_lot::Mutex;
use serde_json::{Value, json};
use session_core::{Clock, Entropy, EntropyError, SessionManager, SystemClock, SystemEntropy};

pub(crate) use endpoints::{forget, look, open, open_socket, say, send, steal};
use pages::Pages;
use transport::Transport;

use crate::options::Options;

/// The jars of all pages, and the way to the server.
pub(crate) struct Relay {
    sessions: SessionManager,
    /// Where the server is reached.
    address: SocketAddr,
    transport: Arc<Transport>,
    /// What a page is told when it opens.
    facts: Value,
    pages: Mutex<Pages>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Relay {
    /// The relay of the server that listens on `address`, without pages.
    pub(crate) fn new(options: &Options, sessions: &SessionManager, address: SocketAddr) -> Self {
        let entropy = Arc::new(SystemEntropy::new());
        Self::with(options, sessions, address, Arc::new(SystemClock), entropy)
    }

    fn with(
        options: &Options,
        sessions: &SessionManager,
        address: SocketAddr,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let transport = Arc::new(Transport::of(sessions, options.header.as_deref()));
        let framework = options.framework.to_possible_value();
        Self {
            sessions: sessions.clone(),
            address: reachable(address),
            facts: json!({
                "framework": framework.as_ref().map(PossibleValue::get_name),
                // What is behind the colon may hold a password.
                "store": options.store.reveal().split(':').next(),
                "transport": transport.facts(),
            }),
            pages: Mutex::new(Pages::new(transport.clone())),
            transport,
            clock,
            entropy,
        }
    }

    /// Opens a page and answers its name: 128 random bits in 32 hexadecimal digits, since
    /// whoever knows it can use the page's jars.
    fn open_page(&self) -> Result<String, EntropyError> {
        let mut bits = [0; 16];
        self.entropy.fill(&mut bits)?;
        let name = format!("{:032x}", u128::from_be_bytes(bits));
        self.pages.lock().open(name.clone(), self.clock.now());
        Ok(name)
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("address", &self.address)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// The address under which a server can be reached from its own machine: one that listens on
/// all interfaces also listens on loopback.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

#[cfg(test)]
mod tests;
