//! What the client is told: the headers that a request's session adds to the response. Pure.

use std::borrow::Cow;

use crate::engine::Engine;
use crate::exchange::state::State;
use crate::facts::HeaderSink;

/// The headers that a committed session adds to its response.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "a client that is not told its session id loses its session"]
pub struct Delivery {
    consulted: bool,
    set_cookie: Option<String>,
}

impl Delivery {
    /// True when the response gets no header at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.consulted && self.set_cookie.is_none()
    }

    /// The value of the `Set-Cookie` line, if there is one. A live credential: do not log it.
    #[must_use]
    pub fn set_cookie(&self) -> Option<&str> {
        self.set_cookie.as_deref()
    }

    /// Writes the headers.
    ///
    /// `Set-Cookie` is a line of its own beside those of the application (RFC 6265bis, 3).
    /// It comes with `Cache-Control: no-store`, unless the application's own says `no-store`
    /// or `private` already. `Vary` names the cookie whenever the session was consulted, so
    /// that no cache gives one visitor's page to another.
    pub fn write_to<H: HeaderSink + ?Sized>(self, headers: &mut H) {
        if self.consulted {
            headers.append_unless("vary", "Cookie", &|line| lists(line, &["cookie", "*"]));
        }
        if let Some(line) = self.set_cookie {
            headers.replace_unless("cache-control", "no-store", &|line| {
                lists(line, &["no-store", "private"])
            });
            headers.append("set-cookie", Cow::Owned(line));
        }
    }
}

impl std::fmt::Debug for Delivery {
    /// Tells whether there is a cookie, not which.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("consulted", &self.consulted)
            .field("sets_cookie", &self.set_cookie.is_some())
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
    let set_cookie = match &mut state.live {
        Some(live) if live.stored && live.announce && !live.gone => {
            live.announce = false;
            live.id.map(|id| {
                let max_age = engine.cookie.max_age().map(|life| {
                    life.min(live.record.absolute_deadline.saturating_since(engine.now()))
                });
                let token = engine.keyring.sign(&id);
                engine.cookie.issue(token.as_str(), state.secure, max_age)
            })
        }
        _ if state.expire_cookie => Some(engine.cookie.expire(state.secure).to_owned()),
        _ => None,
    };
    Delivery {
        consulted: state.consulted,
        set_cookie,
    }
}
