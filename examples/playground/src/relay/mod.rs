//! What lets one page be several browsers. A script never sees `Set-Cookie`, nor an `HttpOnly`
//! cookie, and a page has one cookie jar. So the server plays the browsers: it keeps a jar for
//! each pane of each page, sends the page's requests to itself, and tells everything about them
//! but the token.
//!
//! It is no open proxy: it reaches this server alone, and there only what the page has buttons
//! for; it answers pages of this server alone, and each reaches its own jars alone.

mod endpoints;
mod exchange;
mod jar;
mod pages;
mod target;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::ValueEnum;
use serde_json::{Value, json};
use session_core::SessionManager;

pub(crate) use endpoints::{forget, look, open, send, steal};
pub(crate) use jar::Token;
use pages::Pages;

use crate::options::{Framework, Options};

/// The relay of a server.
pub(crate) struct Relay {
    sessions: SessionManager,
    framework: Framework,
    /// Where this server listens.
    address: SocketAddr,
    /// How the token travels.
    token: Token,
    pages: Mutex<Pages>,
}

impl Relay {
    /// The relay of the server that listens on `address`.
    pub(crate) fn new(options: &Options, sessions: &SessionManager, address: SocketAddr) -> Self {
        Self {
            sessions: sessions.clone(),
            framework: options.framework,
            address: reachable(address),
            token: match &options.header {
                Some(name) => Token::Header(name.clone()),
                None => Token::Cookie(sessions.cookie_name().to_owned()),
            },
            pages: Mutex::default(),
        }
    }

    /// What a page is told when it opens.
    fn facts(&self) -> Value {
        let framework = self.framework.to_possible_value();
        let (kind, name) = match &self.token {
            Token::Cookie(name) => ("cookie", name),
            Token::Header(name) => ("header", name),
        };
        json!({
            "framework": framework.as_ref().map(clap::builder::PossibleValue::get_name),
            "store": "memory",
            "transport": { "kind": kind, "name": name },
        })
    }

    /// Jars are changed in one step each, so a panic leaves none of them half changed.
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server that listens on every address is reached on a loopback one.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Relay")
    }
}
