//! The pages that are open, each with the jars of its two panes. Bounded in number and time,
//! since anybody can open one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::SET_COOKIE;
use serde::{Deserialize, Serialize};
use session_core::Timestamp;

use super::jar::Jar;
use super::mask::Mask;
use super::socket::Sockets;
use super::transport::Transport;

/// The most pages; the one that is unused for the longest time goes first. Each has a few
/// kilobytes: the tokens that it has seen, and the cookies of this site.
const PAGES_MAX: usize = 256;

/// How long a page is kept without use: as long as one may look away and go on.
const IDLE_MAX: Duration = Duration::from_secs(60 * 60);

/// The pages by their names.
pub(super) struct Pages {
    transport: Arc<Transport>,
    pages: HashMap<String, Page>,
}

/// One loaded page.
pub(super) struct Page {
    transport: Arc<Transport>,
    mask: Mask,
    /// The browsers' own, in the order of [`Pane`].
    jars: [Jar; 2],
    sockets: Sockets,
    used_at: Timestamp,
}

/// One of the two browsers that a page plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Pane {
    A,
    B,
}

/// What a page is shown of a jar: masked.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ShownJar {
    cookies: Vec<String>,
    header: Option<String>,
}

impl Pages {
    pub(super) fn new(transport: Arc<Transport>) -> Self {
        Self {
            transport,
            pages: HashMap::new(),
        }
    }

    /// Opens a page with empty jars under a name that is not in use.
    pub(super) fn open(&mut self, name: String, now: Timestamp) {
        self.drop_unused(now);
        if self.pages.len() == PAGES_MAX {
            let unused = self.pages.iter().min_by_key(|(_, page)| page.used_at);
            if let Some(name) = unused.map(|(name, _)| name.clone()) {
                self.pages.remove(&name);
            }
        }
        let page = Page {
            transport: self.transport.clone(),
            mask: Mask::new(self.transport.clone()),
            jars: Default::default(),
            sockets: Sockets::default(),
            used_at: now,
        };
        self.pages.insert(name, page);
    }

    /// The page of this name, which is in use by that; `None` when it is no longer known.
    pub(super) fn get(&mut self, name: &str, now: Timestamp) -> Option<&mut Page> {
        self.drop_unused(now);
        let page = self.pages.get_mut(name)?;
        page.used_at = now;
        Some(page)
    }

    fn drop_unused(&mut self, now: Timestamp) {
        let used = |page: &Page| now.saturating_since(page.used_at) < IDLE_MAX;
        self.pages.retain(|_, page| used(page));
    }
}

impl Page {
    /// The WebSockets that its browsers have open.
    pub(super) fn sockets(&mut self) -> &mut Sockets {
        &mut self.sockets
    }

    /// Copies everything that one browser keeps to the other, as a thief would.
    pub(super) fn steal(&mut self, from: Pane, to: Pane) {
        self.jars[to as usize] = self.jars[from as usize].clone();
    }

    /// Clears a browser's cookies. No server learns of that.
    pub(super) fn forget(&mut self, pane: Pane) {
        self.jars[pane as usize] = Jar::default();
    }

    /// The headers of the browser's next request, the token among them.
    pub(super) fn request_headers(&self, pane: Pane, now: Timestamp) -> Vec<(String, String)> {
        self.jars[pane as usize].request_headers(&self.transport, now)
    }

    /// Keeps what a response says.
    pub(super) fn receive(&mut self, pane: Pane, headers: &HeaderMap, now: Timestamp) {
        let jar = &mut self.jars[pane as usize];
        for line in headers.get_all(SET_COOKIE) {
            jar.keep_cookie(&String::from_utf8_lossy(line.as_bytes()), now);
        }
        if let Some(name) = self.transport.header() {
            for token in headers.get_all(name) {
                jar.keep_token(String::from_utf8_lossy(token.as_bytes()).trim());
            }
        }
    }

    /// Header lines as the page may see them.
    pub(super) fn show_headers(&mut self, headers: &HeaderMap) -> Vec<(String, String)> {
        let shown = headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            let value = self.mask.header(name.as_str(), &value);
            (name.as_str().to_owned(), value)
        });
        shown.collect()
    }

    /// A jar as the page may see it.
    pub(super) fn show_jar(&mut self, pane: Pane, now: Timestamp) -> ShownJar {
        let jar = &self.jars[pane as usize];
        let mask = &mut self.mask;
        let cookies = jar.lines(now).map(|line| mask.header("set-cookie", line));
        let cookies = cookies.collect();
        let header = self.transport.header().zip(jar.token());
        let header = header.map(|(name, token)| format!("{name}: {}", mask.header(name, token)));
        ShownJar { cookies, header }
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pages({})", self.pages.len())
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};
    use session_core::testkit::ManualClock;

    use super::*;

    const NOW: Timestamp = ManualClock::START;

    fn pages(transport: Transport) -> Pages {
        let mut pages = Pages::new(Arc::new(transport));
        pages.open("page".into(), NOW);
        pages
    }

    fn with_cookie() -> Pages {
        pages(Transport::Cookie("__Host-sid".into()))
    }

    fn after(seconds: u64) -> Timestamp {
        NOW.saturating_add(Duration::from_secs(seconds))
    }

    fn response(lines: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for &(name, value) in lines {
            let value = HeaderValue::from_bytes(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    fn cookies(jar: &ShownJar) -> Vec<&str> {
        jar.cookies.iter().map(String::as_str).collect()
    }

    #[test]
    fn a_page_is_forgotten_after_an_hour_without_use() {
        let mut pages = with_cookie();
        assert!(pages.get("page", after(3_599)).is_some());
        assert!(pages.get("page", after(3_599 + 3_599)).is_some());
        assert!(pages.get("page", after(3_599 + 3_599 + 3_600)).is_none());
        assert!(pages.get("other", NOW).is_none());
    }

    #[test]
    fn where_there_are_too_many_the_longest_unused_page_goes() {
        let mut pages = with_cookie();
        for (number, seconds) in (1..PAGES_MAX).zip(1..) {
            pages.open(format!("page {number}"), after(seconds));
        }
        assert!(pages.get("page", after(300)).is_some());
        pages.open("one more".into(), after(301));
        assert_eq!(pages.pages.len(), PAGES_MAX);
        assert!(pages.get("page", after(302)).is_some());
        assert!(pages.get("page 1", after(302)).is_none());
        assert!(pages.get("one more", after(302)).is_some());
    }

    #[test]
    fn a_pane_keeps_what_its_responses_say_and_the_page_sees_no_token() {
        let mut pages = with_cookie();
        let page = pages.get("page", NOW).unwrap();
        let headers = response(&[
            ("set-cookie", b"a=1"),
            ("set-cookie", b"__Host-sid=s3cret; Secure; Path=/"),
        ]);
        page.receive(Pane::A, &headers, NOW);
        let sent = page.request_headers(Pane::A, NOW);
        assert_eq!(sent, [("cookie".into(), "a=1; __Host-sid=s3cret".into())]);
        let jar = page.show_jar(Pane::A, NOW);
        let masked = ["a=1", "__Host-sid=<token #1>; Secure; Path=/"];
        assert_eq!(cookies(&jar), masked);
        assert!(page.request_headers(Pane::B, NOW).is_empty());
        assert!(cookies(&page.show_jar(Pane::B, NOW)).is_empty());
    }

    #[test]
    fn a_stolen_token_has_the_number_that_it_has_where_it_was_stolen() {
        let mut pages = with_cookie();
        let page = pages.get("page", NOW).unwrap();
        let other = response(&[("set-cookie", b"__Host-sid=other; Secure; Path=/")]);
        page.receive(Pane::B, &other, NOW);
        let line = |number: u8| format!("__Host-sid=<token #{number}>; Secure; Path=/");
        assert_eq!(cookies(&page.show_jar(Pane::B, NOW)), [line(1)]);
        let mine = response(&[("set-cookie", b"__Host-sid=mine; Secure; Path=/")]);
        page.receive(Pane::A, &mine, NOW);
        page.steal(Pane::A, Pane::B);
        assert_eq!(cookies(&page.show_jar(Pane::B, NOW)), [line(2)]);
        assert_eq!(cookies(&page.show_jar(Pane::A, NOW)), [line(2)]);
    }

    #[test]
    fn a_jar_that_is_cleared_sends_nothing() {
        let mut pages = with_cookie();
        let page = pages.get("page", NOW).unwrap();
        page.receive(Pane::A, &response(&[("set-cookie", b"a=1")]), NOW);
        page.steal(Pane::A, Pane::B);
        page.forget(Pane::A);
        assert!(page.request_headers(Pane::A, NOW).is_empty());
        assert_eq!(cookies(&page.show_jar(Pane::B, NOW)), ["a=1"]);
    }

    #[test]
    fn a_token_in_a_header_is_shown_under_the_name_it_was_given() {
        let mut pages = pages(Transport::Header("X-Auth-Token".into()));
        let page = pages.get("page", NOW).unwrap();
        assert_eq!(page.show_jar(Pane::A, NOW).header, None);
        page.receive(Pane::A, &response(&[("x-auth-token", b"s3cret")]), NOW);
        let header = page.show_jar(Pane::A, NOW).header;
        assert_eq!(header.as_deref(), Some("X-Auth-Token: <token #1>"));
        page.receive(Pane::A, &response(&[("x-auth-token", b"")]), NOW);
        assert_eq!(page.show_jar(Pane::A, NOW).header, None);
    }

    #[test]
    fn every_line_that_a_page_sees_is_masked() {
        let mut pages = with_cookie();
        let page = pages.get("page", NOW).unwrap();
        let shown = page.show_headers(&response(&[
            ("set-cookie", b"__Host-sid=s3cret; Path=/"),
            ("location", b"/x"),
            ("x-broken", b"\xff"),
        ]));
        let expected = [
            ("set-cookie", "__Host-sid=<token #1>; Path=/"),
            ("location", "/x"),
            ("x-broken", "\u{fffd}"),
        ];
        assert_eq!(shown, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }
}
