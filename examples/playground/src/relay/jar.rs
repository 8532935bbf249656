//! The cookie jar of one pane, and the mask over its token.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How the token travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// In the cookie of this name.
    Cookie(String),
    /// In the header of this name.
    Header(String),
}

/// The most cookies of a jar, and the most bytes of one: more than this server ever sets.
const COOKIES_MAX: usize = 32;
const COOKIE_LEN_MAX: usize = 8 << 10;

/// What a browser keeps of what it was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar {
    /// The oldest first.
    cookies: Vec<Cookie>,
    /// The token, where a header carries it.
    token: Option<String>,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    /// What was sent behind name and value.
    attributes: String,
    expires: Option<Instant>,
}

impl Jar {
    /// Keeps what a `Set-Cookie` line says. It goes by `Max-Age` alone: this server sends no
    /// `Expires` without it.
    pub(super) fn set_cookie(&mut self, line: &str, now: Instant) {
        let (pair, attributes) = line.split_at(line.find(';').unwrap_or(line.len()));
        let Some((name, value)) = pair.split_once('=') else {
            return;
        };
        self.cookies.retain(|cookie| cookie.name != name);
        let max_age = attributes.split(';').find_map(|attribute| {
            let (name, value) = attribute.trim().split_once('=')?;
            let seconds = || value.parse().unwrap_or(0_i64);
            name.eq_ignore_ascii_case("max-age").then(seconds)
        });
        if max_age.is_some_and(|seconds| seconds <= 0) || line.len() > COOKIE_LEN_MAX {
            return;
        }
        if self.cookies.len() == COOKIES_MAX {
            self.cookies.remove(0);
        }
        let seconds = max_age.and_then(|seconds| u64::try_from(seconds).ok());
        self.cookies.push(Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            attributes: attributes.to_owned(),
            expires: seconds.and_then(|seconds| now.checked_add(Duration::from_secs(seconds))),
        });
    }

    /// Keeps the token that came in a header; an empty one ends it.
    pub(super) fn set_token(&mut self, token: &str) {
        self.token = Some(token.to_owned()).filter(|token| !token.is_empty());
    }

    /// Forgets what has expired.
    pub(super) fn expire(&mut self, now: Instant) {
        let live = |cookie: &Cookie| cookie.expires.is_none_or(|expires| now < expires);
        self.cookies.retain(live);
    }

    /// The value of the `Cookie` header; `None` when there is none to send.
    pub(super) fn cookie_header(&self) -> Option<String> {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|cookie| pair(&cookie.name, &cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The value of the token's header, where there is one.
    pub(super) fn token_header(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// What a page may know of it.
    pub(super) fn shown(&self, token: &Token, mask: &mut Mask) -> Value {
        let lines = self.cookies.iter().map(|cookie| {
            let line = pair(&cookie.name, &cookie.value) + &cookie.attributes;
            mask.cookies(token, &line)
        });
        let lines: Vec<_> = lines.collect();
        let header = match (token, &self.token) {
            (Token::Header(name), Some(value)) => Some(format!("{name}: {}", mask.token(value))),
            _ => None,
        };
        json!({ "cookies": lines, "header": header })
    }
}

fn pair(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// What stands for the tokens of a page: numbers in the order in which they appeared.
#[derive(Clone, Debug, Default)]
pub(super) struct Mask {
    tokens: VecDeque<String>,
    /// How many are too long ago to be remembered.
    forgotten: usize,
}

/// The most tokens that a page tells apart, so that one that logs in without end takes no
/// memory without end.
const TOKENS_MAX: usize = 1_000;

impl Mask {
    /// What stands for this token; an empty one, which ends a session, is no secret.
    pub(super) fn token(&mut self, token: &str) -> String {
        if token.is_empty() {
            return String::new();
        }
        let known = self.tokens.iter().position(|other| other == token);
        let index = known.unwrap_or_else(|| {
            if self.tokens.len() == TOKENS_MAX {
                self.tokens.pop_front();
                self.forgotten += 1;
            }
            self.tokens.push_back(token.to_owned());
            self.tokens.len() - 1
        });
        format!("<token #{}>", self.forgotten + index + 1)
    }

    /// A `Cookie` or `Set-Cookie` line without the token.
    pub(super) fn cookies(&mut self, token: &Token, line: &str) -> String {
        let Token::Cookie(name) = token else {
            return line.to_owned();
        };
        let parts = line.split("; ").map(|part| match part.split_once('=') {
            Some((other, value)) if other == name => pair(name, &self.token(value)),
            _ => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("; ")
    }

    /// The value of any header without the token.
    pub(super) fn header(&mut self, token: &Token, name: &str, value: &str) -> String {
        match token {
            Token::Header(other) if other.eq_ignore_ascii_case(name) => self.token(value),
            _ if matches!(name, "cookie" | "set-cookie") => self.cookies(token, value),
            _ => value.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_cookie() -> Token {
        Token::Cookie("sid".to_owned())
    }

    #[test]
    fn a_jar_sends_what_it_was_given_and_shows_no_token() {
        let (mut jar, mut mask, now) = (Jar::default(), Mask::default(), Instant::now());
        jar.set_cookie("a=1", now);
        jar.set_cookie("sid=SECRET; HttpOnly; Path=/", now);
        assert_eq!(jar.cookie_header().as_deref(), Some("a=1; sid=SECRET"));
        let shown = jar.shown(&by_cookie(), &mut mask);
        let lines = json!(["a=1", "sid=<token #1>; HttpOnly; Path=/"]);
        assert_eq!(shown, json!({ "cookies": lines, "header": null }));
    }

    #[test]
    fn a_deletion_and_the_passing_of_time_empty_a_jar() {
        let (mut jar, now) = (Jar::default(), Instant::now());
        jar.set_cookie("sid=x; Path=/", now);
        jar.set_cookie("sid=; Path=/; Max-Age=0", now);
        assert_eq!(jar.cookie_header(), None);
        jar.set_cookie("sid=x; Max-Age=60", now);
        jar.expire(now + Duration::from_secs(59));
        assert!(jar.cookie_header().is_some());
        jar.expire(now + Duration::from_secs(60));
        assert_eq!(jar.cookie_header(), None);
    }

    #[test]
    fn a_jar_does_not_grow_without_end() {
        let (mut jar, now) = (Jar::default(), Instant::now());
        for number in 0..100 {
            jar.set_cookie(&format!("c{number}=1"), now);
        }
        jar.set_cookie(&format!("large={}", "x".repeat(COOKIE_LEN_MAX)), now);
        assert_eq!(jar.cookies.len(), COOKIES_MAX);
        assert_eq!(jar.cookies[0].name, "c68");
    }

    #[test]
    fn tokens_are_numbered_as_they_appear() {
        let mut mask = Mask::default();
        assert_eq!(mask.token("x"), "<token #1>");
        assert_eq!(mask.token("y"), "<token #2>");
        assert_eq!(mask.token("x"), "<token #1>");
        assert_eq!(mask.token(""), "");
        for number in 0..TOKENS_MAX {
            mask.token(&number.to_string());
        }
        assert_eq!(mask.tokens.len(), TOKENS_MAX);
        assert_eq!(mask.token("new"), format!("<token #{}>", TOKENS_MAX + 3));
    }

    #[test]
    fn a_token_is_masked_wherever_it_travels() {
        let mut mask = Mask::default();
        let masked = mask.header(&by_cookie(), "cookie", "a=1; sid=SECRET");
        assert_eq!(masked, "a=1; sid=<token #1>");
        let by_header = Token::Header("X-Auth-Token".to_owned());
        assert_eq!(
            mask.header(&by_header, "x-auth-token", "OTHER"),
            "<token #2>"
        );
        assert_eq!(
            mask.header(&by_header, "vary", "x-auth-token"),
            "x-auth-token"
        );
    }
}
