//! What one browser keeps: its cookies, or the token that came in a header.

use std::fmt;
use std::time::{Duration, SystemTime};

use cookie::Cookie;
use session_core::Timestamp;

use super::transport::Transport;

/// The most cookies of one jar; the oldest go first. This site sets three.
const COOKIES_MAX: usize = 32;

/// The longest `Set-Cookie` line that is kept, in bytes. Name and value have at most 4,096 in
/// browsers (RFC 6265bis, 5.6), and what remains is room for attributes.
const LINE_MAX: usize = 8 << 10;

/// The cookies of one browser at this one server, as in RFC 6265bis, 5.7.
///
/// The server is reached over loopback, which browsers take for trustworthy without TLS (W3C
/// Secure Contexts, 3.1), so `Secure` cookies are kept and sent. It has one host and sets
/// cookies for the path `/` alone: those with a `Domain` or another `Path` are not kept.
#[derive(Clone, Default)]
pub(super) struct Jar {
    cookies: Vec<Kept>,
    /// What the token's header said last.
    token: Option<String>,
}

#[derive(Clone)]
struct Kept {
    name: String,
    value: String,
    line: String,
    expires_at: Timestamp,
}

impl Jar {
    /// Does what a line of `Set-Cookie` asks for.
    pub(super) fn keep_cookie(&mut self, line: &str, now: Timestamp) {
        let Some(cookie) = acceptable(line) else {
            return;
        };
        let kept = Kept {
            name: cookie.name().to_owned(),
            value: cookie.value().to_owned(),
            line: line.to_owned(),
            expires_at: expires_at(&cookie, now),
        };
        // A cookie that is set anew keeps its creation time, and with it its place.
        match self.cookies.iter_mut().find(|old| old.name == kept.name) {
            Some(old) => *old = kept,
            None => self.cookies.push(kept),
        }
        self.cookies.retain(|cookie| cookie.expires_at > now);
        if self.cookies.len() > COOKIES_MAX {
            self.cookies.remove(0);
        }
    }

    /// Keeps the token of a header, or forgets it: an ended session is an empty value.
    pub(super) fn keep_token(&mut self, value: &str) {
        self.token = (!value.is_empty()).then(|| value.to_owned());
    }

    /// The headers that the browser sends with its next request, with names in lower case. The
    /// token is among them, unmasked.
    pub(super) fn request_headers(
        &self,
        transport: &Transport,
        now: Timestamp,
    ) -> Vec<(String, String)> {
        let pairs: Vec<String> = self
            .live(now)
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        let mut headers = Vec::new();
        if !pairs.is_empty() {
            headers.push(("cookie".to_owned(), pairs.join("; ")));
        }
        if let (Some(name), Some(token)) = (transport.header(), &self.token) {
            headers.push((name.to_ascii_lowercase(), token.clone()));
        }
        headers
    }

    /// The `Set-Cookie` lines of the cookies that are kept, unmasked.
    pub(super) fn lines(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.live(now).map(|cookie| cookie.line.as_str())
    }

    /// The token that came in a header, unmasked.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn live(&self, now: Timestamp) -> impl Iterator<Item = &Kept> {
        self.cookies
            .iter()
            .filter(move |cookie| cookie.expires_at > now)
    }
}

impl fmt::Debug for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jar({} cookies)", self.cookies.len())
    }
}

/// The cookie of a line that a browser would not ignore.
fn acceptable(line: &str) -> Option<Cookie<'_>> {
    if line.len() > LINE_MAX {
        return None;
    }
    let cookie = Cookie::parse(line).ok()?;
    // A path that does not begin with a slash counts as absent (RFC 6265bis, 5.6.4).
    let path = cookie.path().filter(|path| path.starts_with('/'));
    let secure = cookie.secure() == Some(true);
    // Of the pages that set cookies here, each has the default path `/`.
    let for_all_of_this_host = cookie.domain().is_none() && path.unwrap_or("/") == "/";
    let starts_with = |prefix: &str| {
        let start = cookie.name().get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    // RFC 6265bis, 4.1.3.
    let keeps_promise = if starts_with("__Host-") {
        secure && path == Some("/")
    } else {
        secure || !starts_with("__Secure-")
    };
    (for_all_of_this_host && keeps_promise).then_some(cookie)
}

/// `Max-Age` wins over `Expires`, and without either the cookie lives as long as the browser.
fn expires_at(cookie: &Cookie<'_>, now: Timestamp) -> Timestamp {
    if let Some(age) = cookie.max_age() {
        let seconds = u64::try_from(age.whole_seconds()).unwrap_or(0);
        return now.saturating_add(Duration::from_secs(seconds));
    }
    match cookie.expires_datetime() {
        Some(date) => SystemTime::from(date).into(),
        None => Timestamp::NEVER,
    }
}

#[cfg(test)]
mod tests {
    use session_core::testkit::ManualClock;

    use super::*;

    const NOW: Timestamp = ManualClock::START;

    fn jar(lines: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for line in lines {
            jar.keep_cookie(line, NOW);
        }
        jar
    }

    fn sent(jar: &Jar, now: Timestamp) -> Option<String> {
        let transport = Transport::Cookie("__Host-sid".into());
        let headers = jar.request_headers(&transport, now);
        headers.into_iter().next().map(|(name, value)| {
            assert_eq!(name, "cookie");
            value
        })
    }

    #[test]
    fn cookies_are_sent_back_in_the_order_in_which_they_came() {
        let lines = [
            "b=2",
            "a=1; Path=/; HttpOnly",
            "__Host-sid=x; Secure; Path=/",
        ];
        let jar = jar(&lines);
        assert_eq!(sent(&jar, NOW).as_deref(), Some("b=2; a=1; __Host-sid=x"));
        assert_eq!(jar.lines(NOW).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_cookie_that_is_set_anew_takes_the_place_of_the_old_one() {
        let jar = jar(&["a=1; Max-Age=5", "b=2", "a=3"]);
        assert_eq!(sent(&jar, NOW).as_deref(), Some("a=3; b=2"));
        assert_eq!(jar.lines(NOW).next(), Some("a=3"));
    }

    #[test]
    fn max_age_zero_and_a_date_in_the_past_delete() {
        for deletion in [
            "a=; Max-Age=0",
            "a=; Max-Age=-1",
            "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "a=; Max-Age=0; Expires=Thu, 01 Jan 2037 00:00:00 GMT",
        ] {
            let jar = jar(&["a=1", "b=2", deletion]);
            assert_eq!(sent(&jar, NOW).as_deref(), Some("b=2"), "{deletion}");
        }
    }

    #[test]
    fn max_age_wins_over_expires_and_counts_only_when_it_is_a_number() {
        let both = jar(&["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=10"]);
        assert_eq!(sent(&both, NOW).as_deref(), Some("a=1"));
        let unreadable = jar(&["a=1; Max-Age=soon"]);
        assert_eq!(sent(&unreadable, NOW).as_deref(), Some("a=1"));
    }

    #[test]
    fn a_cookie_is_gone_when_its_time_is_over() {
        let jar = jar(&[
            "a=1; Max-Age=10",
            "b=2; Expires=Thu, 01 Jan 2026 00:00:05 GMT",
        ]);
        let after = |seconds| NOW.saturating_add(Duration::from_secs(seconds));
        assert_eq!(sent(&jar, after(4)).as_deref(), Some("a=1; b=2"));
        assert_eq!(sent(&jar, after(5)).as_deref(), Some("a=1"));
        assert_eq!(sent(&jar, after(10)), None);
        assert_eq!(jar.lines(after(10)).count(), 0);
    }

    #[test]
    fn what_a_browser_would_ignore_is_not_kept() {
        let long = format!("long={}", "x".repeat(LINE_MAX));
        for ignored in [
            "no pair",
            "=1",
            "a=1; Path=/below",
            "a=1; Domain=example.org",
            "__Host-sid=x; Path=/",
            "__Host-sid=x; Secure",
            "__host-sid=x; Secure; Path=/below",
            "__Secure-sid=x",
            &long,
        ] {
            assert_eq!(sent(&jar(&[ignored]), NOW), None, "{ignored:?}");
        }
    }

    #[test]
    fn a_full_jar_drops_the_oldest_cookie() {
        let mut jar = Jar::default();
        for number in 0..=COOKIES_MAX {
            jar.keep_cookie(&format!("c{number}=x"), NOW);
        }
        let lines: Vec<&str> = jar.lines(NOW).collect();
        assert_eq!(lines.len(), COOKIES_MAX);
        assert_eq!(lines.first(), Some(&"c1=x"));
    }

    #[test]
    fn a_token_that_came_in_a_header_is_sent_in_it_until_the_session_ends() {
        let transport = Transport::Header("X-Auth-Token".into());
        let mut jar = Jar::default();
        jar.keep_token("s3cret");
        let headers = jar.request_headers(&transport, NOW);
        assert_eq!(headers, [("x-auth-token".into(), "s3cret".into())]);
        jar.keep_token("");
        assert!(jar.request_headers(&transport, NOW).is_empty());
    }

    #[test]
    fn a_jar_does_not_print_what_it_keeps() {
        let mut jar = jar(&["__Host-sid=s3cret; Secure; Path=/"]);
        jar.keep_token("s3cret");
        assert_eq!(format!("{jar:?}"), "Jar(1 cookies)");
    }
}
