//! What the client is told: the headers that a request's session adds to the response. Pure.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::SessionError;
use crate::exchange::IdSource;
use crate::exchange::state::State;
use crate::facts::HeaderSink;
use crate::session::SessionId;
use crate::transport::{TokenHeader, Transport};

/// What a committed session has for its response: headers, and now and then a failure.
#[derive(Clone, Default)]
#[must_use = "a client that is not told its session id loses its session"]
pub struct Delivery {
    consulted: bool,
    /// In a box, since most responses have nothing of it: what is left fits into two registers.
    rare: Option<Box<Rare>>,
}

#[derive(Clone, Default)]
struct Rare {
    /// A new token, or that the session ended.
    news: Option<News>,
    /// Where tokens travel, which caches have to know; the cookie alone in the usual case.
    transport: Transport,
    failure: Option<SessionError>,
}

/// What a client is told of its token, and how.
#[derive(Clone)]
enum News {
    Cookie(String),
    Header(Arc<TokenHeader>, String),
}

impl Delivery {
    /// True when the response gets no header at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.consulted && self.news().is_none()
    }

    /// The value of the `Set-Cookie` line, if there is one. A live credential: do not log it.
    #[must_use]
    pub fn set_cookie(&self) -> Option<&str> {
        match self.news()? {
            News::Cookie(line) => Some(line),
            News::Header(..) => None,
        }
    }

    /// The value of the header that carries the token, if there is one: empty when the session
    /// ended. A live credential: do not log it.
    #[must_use]
    pub fn token_header(&self) -> Option<&str> {
        match self.news()? {
            News::Cookie(_) => None,
            News::Header(_, token) => Some(token),
        }
    }

    /// What [`ExchangeHandle::note_failure`](crate::ExchangeHandle::note_failure) remembered;
    /// `None` for almost every request. An adapter whose framework answered for a handler that
    /// could not have its session puts the response of this error in the place of that answer.
    #[must_use]
    pub fn noted_failure(&self) -> Option<&SessionError> {
        self.rare.as_ref()?.failure.as_ref()
    }

    /// True when the client is told a new token, or that its session ended.
    pub(crate) fn tells_client(&self) -> bool {
        self.news().is_some()
    }

    fn news(&self) -> Option<&News> {
        self.rare.as_ref()?.news.as_ref()
    }

    /// Writes the headers.
    ///
    /// `Set-Cookie` is a line of its own beside those of the application (RFC 6265bis, 3).
    /// It comes with `Cache-Control: no-store`, unless the application's own says `no-store`
    /// or `private` already; so does a token in a header. `Vary` names the cookie or that
    /// header, or both where either may carry the token, whenever the session was consulted,
    /// so that no cache gives one visitor's page to another.
    pub fn write_to<H: HeaderSink + ?Sized>(self, headers: &mut H) {
        let (news, transport) = match self.rare {
            None => (None, Transport::Cookie),
            Some(rare) => (rare.news, rare.transport),
        };
        if self.consulted && transport.has_cookie() {
            vary(headers, Cow::Borrowed("Cookie"));
        }
        if self.consulted
            && let Some(header) = transport.header()
        {
            vary(headers, Cow::Owned(header.request.clone()));
        }
        let Some(news) = news else {
            return;
        };
        forbid_caches(headers);
        match news {
            News::Cookie(line) => headers.append("set-cookie", Cow::Owned(line)),
            News::Header(header, token) => headers.append(&header.response, Cow::Owned(token)),
        }
    }
}

/// Says that the response depends on the request header called `name`.
fn vary<H: HeaderSink + ?Sized>(headers: &mut H, name: Cow<'static, str>) {
    if said(headers, "vary", &[&*name, "*"]) != Said::This {
        headers.append("vary", name);
    }
}

/// Says that the response is for one client.
fn forbid_caches<H: HeaderSink + ?Sized>(headers: &mut H) {
    let said = said(headers, "cache-control", &["no-store", "private"]);
    if said == Said::SomethingElse {
        headers.remove("cache-control");
    }
    if said != Said::This {
        headers.append("cache-control", Cow::Borrowed("no-store"));
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

/// What the response says already in a header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// There is no such header.
    Nothing,
    /// One of its lines lists what is wanted.
    This,
    SomethingElse,
}

/// Looks through the lines of the header called `name` for one that lists one of `wanted`.
fn said<H: HeaderSink + ?Sized>(headers: &H, name: &str, wanted: &[&str]) -> Said {
    let mut said = Said::Nothing;
    headers.lines(name, &mut |line| {
        if said != Said::This {
            said = match lists(line, wanted) {
                true => Said::This,
                false => Said::SomethingElse,
            };
        }
    });
    said
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

/// What there is for the response in the state after the commit.
pub(crate) fn deliver(state: &mut State, engine: &Engine) -> Delivery {
    let news = match &mut state.live {
        Some(live) if live.stored && live.announce && !live.gone => {
            live.announce = false;
            let max_age = live
                .max_age(engine.max_age())
                .map(|life| life.min(live.record.absolute_deadline.saturating_since(engine.now())));
            live.id.map(|id| engine.tell(&id, state, max_age))
        }
        _ if state.expire_cookie => Some(engine.tell_end(state)),
        _ => None,
    };
    let failure = state.noted_failure.take();
    let is_usual = matches!(engine.transport, Transport::Cookie);
    let is_rare = news.is_some() || !is_usual || failure.is_some();
    Delivery {
        consulted: state.consulted,
        rare: is_rare.then(|| {
            Box::new(Rare {
                news,
                transport: engine.transport.clone(),
                failure: failure.map(|failure| *failure),
            })
        }),
    }
}

impl Engine {
    /// What the client is told of a session with this id. Kept apart from what every response
    /// goes through.
    #[inline(never)]
    fn tell(&self, id: &SessionId, state: &State, max_age: Option<Duration>) -> News {
        let token = self.keyring.sign(id);
        match self.header_of(state) {
            Some(header) => News::Header(header, token.as_str().to_owned()),
            None => News::Cookie(self.cookie.issue(token.as_str(), state.secure, max_age)),
        }
    }

    /// What the client is told when its session ended.
    fn tell_end(&self, state: &State) -> News {
        match self.header_of(state) {
            Some(header) => News::Header(header, String::new()),
            None => News::Cookie(self.cookie.expire(state.secure).to_owned()),
        }
    }

    /// The header by which this client is told, if it is not told by the cookie.
    fn header_of(&self, state: &State) -> Option<Arc<TokenHeader>> {
        let header = self.transport.header()?;
        (state.source == IdSource::Header).then(|| header.clone())
    }
}
