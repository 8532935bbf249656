//! What the client is told: the headers that a request's session adds to the response. Pure.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::exchange::state::State;
use crate::facts::HeaderSink;
use crate::session::SessionId;
use crate::transport::{TokenHeader, Transport};

/// The headers that a committed session adds to its response.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "a client that is not told its session id loses its session"]
pub struct Delivery {
    consulted: bool,
    news: Option<String>,
    /// The header that carries the token where the cookie does not.
    header: Option<Arc<TokenHeader>>,
}

impl Delivery {
    /// True when the response gets no header at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.consulted && self.news.is_none()
    }

    /// The value of the `Set-Cookie` line, if there is one. A live credential: do not log it.
    #[must_use]
    pub fn set_cookie(&self) -> Option<&str> {
        match self.header {
            None => self.news.as_deref(),
            Some(_) => None,
        }
    }

    /// The value of the header that carries the token, if there is one: empty when the session
    /// ended. A live credential: do not log it.
    #[must_use]
    pub fn token_header(&self) -> Option<&str> {
        self.header.as_ref().and(self.news.as_deref())
    }

    /// True when the client is told a new token, or that its session ended.
    pub(crate) const fn tells_client(&self) -> bool {
        self.news.is_some()
    }

    /// Writes the headers.
    ///
    /// `Set-Cookie` is a line of its own beside those of the application (RFC 6265bis, 3).
    /// It comes with `Cache-Control: no-store`, unless the application's own says `no-store`
    /// or `private` already; so does a token in a header. `Vary` names the cookie or that
    /// header whenever the session was consulted, so that no cache gives one visitor's page to
    /// another.
    pub fn write_to<H: HeaderSink + ?Sized>(self, headers: &mut H) {
        if self.consulted {
            let name = match &self.header {
                None => Cow::Borrowed("Cookie"),
                Some(header) => Cow::Owned(header.request.clone()),
            };
            let says_so = |line: &[u8]| lists(line, &[&*name, "*"]);
            headers.append_unless("vary", name.clone(), &says_so);
        }
        if let Some(line) = self.news {
            headers.replace_unless("cache-control", Cow::Borrowed("no-store"), &|line| {
                lists(line, &["no-store", "private"])
            });
            let name = self.header.as_ref().map_or("set-cookie", |it| &it.response);
            headers.append(name, Cow::Owned(line));
        }
    }
}

impl std::fmt::Debug for Delivery {
    /// Tells whether there is a token, not which.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("consulted", &self.consulted)
            .field("tells_client", &self.tells_client())
            .finish()
    }
}

/// True when one of the comma-separated members of the line is one of `wanted`, whatever its
/// case and whatever follows its `=`.
fn lists(line: &[u8], wanted: &[&str]) -> bool {
    line.split(|&byte| byte == b',').any(|member| {
        let directive = member.split(|&byte| byte == b'=').next().unwrap_or(member);
        let directive = directive.trim_ascii();
        wanted
            .iter()
            .any(|wanted| directive.eq_ignore_ascii_case(wanted.as_bytes()))
    })
}

/// The headers for the state after the commit.
pub(crate) fn deliver(state: &mut State, engine: &Engine) -> Delivery {
    let news = match &mut state.live {
        Some(live) if live.stored && live.announce && !live.gone => {
            live.announce = false;
            let max_age = live
                .max_age(engine.max_age())
                .map(|life| life.min(live.record.absolute_deadline.saturating_since(engine.now())));
            live.id.map(|id| engine.tell(&id, state.secure, max_age))
        }
        _ if state.expire_cookie => Some(engine.tell_end(state.secure)),
        _ => None,
    };
    Delivery {
        consulted: state.consulted,
        news,
        header: match &engine.transport {
            Transport::Cookie => None,
            Transport::Header(header) => Some(header.clone()),
        },
    }
}

impl Engine {
    /// What the client is told of a session with this id.
    fn tell(&self, id: &SessionId, secure: bool, max_age: Option<Duration>) -> String {
        let token = self.keyring.sign(id);
        match self.transport {
            Transport::Cookie => self.cookie.issue(token.as_str(), secure, max_age),
            Transport::Header(_) => token.as_str().to_owned(),
        }
    }

    /// What the client is told when its session ended.
    fn tell_end(&self, secure: bool) -> String {
        match self.transport {
            Transport::Cookie => self.cookie.expire(secure).to_owned(),
            Transport::Header(_) => String::new(),
        }
    }
}
