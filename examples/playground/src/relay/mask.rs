//! What a page is shown in the place of tokens, so that none ever leaves the server.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::transport::Transport;

/// The most tokens of one page whose numbers are kept. A page that has seen more gives an older
/// one a new number, should it appear again; a token has about 90 bytes.
const TOKENS_MAX: usize = 1_024;

/// Writes `<token #N>` for tokens, numbered from 1 in the order in which a page gets to see
/// them. Every header line that a page is shown passes [`header`](Self::header).
pub(super) struct Mask {
    transport: Arc<Transport>,
    tokens: VecDeque<String>,
    /// How many tokens came before the first that is kept.
    forgotten: usize,
}

impl Mask {
    pub(super) const fn new(transport: Arc<Transport>) -> Self {
        Self {
            transport,
            tokens: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// The value of the header `name` as a page may see it. Where the token travels it is
    /// masked whatever it is, valid or not; anywhere else, when it was seen before.
    pub(super) fn header(&mut self, name: &str, value: &str) -> String {
        let shown = if self.transport.is_header(name) {
            self.token(value.trim())
        } else if name.eq_ignore_ascii_case("set-cookie") {
            self.set_cookie(value)
        } else if name.eq_ignore_ascii_case("cookie") {
            let pairs = value.split(';').map(str::trim);
            pairs
                .map(|pair| self.pair(pair))
                .collect::<Vec<_>>()
                .join("; ")
        } else {
            value.to_owned()
        };
        self.without_known_tokens(shown)
    }

    fn set_cookie(&mut self, line: &str) -> String {
        let (pair, attributes) = match line.find(';') {
            Some(end) => line.split_at(end),
            None => (line, ""),
        };
        format!("{}{attributes}", self.pair(pair))
    }

    /// `name=value`, of either header.
    fn pair(&mut self, pair: &str) -> String {
        match pair.split_once('=') {
            Some((name, value)) if self.transport.is_cookie(name.trim()) => {
                format!("{name}={}", self.token(value.trim()))
            }
            _ => pair.to_owned(),
        }
    }

    /// An empty value ends a session, and stays empty.
    fn token(&mut self, value: &str) -> String {
        if value.is_empty() {
            return String::new();
        }
        let kept = self.tokens.iter().position(|token| token == value);
        let position = kept.unwrap_or_else(|| {
            if self.tokens.len() == TOKENS_MAX {
                self.tokens.pop_front();
                self.forgotten += 1;
            }
            self.tokens.push_back(value.to_owned());
            self.tokens.len() - 1
        });
        shown(self.forgotten + position)
    }

    /// For what no rule expects: a token that was copied into another header.
    fn without_known_tokens(&self, mut text: String) -> String {
        for (token, position) in self.tokens.iter().zip(self.forgotten..) {
            if text.contains(token.as_str()) {
                text = text.replace(token.as_str(), &shown(position));
            }
        }
        text
    }
}

fn shown(position: usize) -> String {
    format!("<token #{}>", position + 1)
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_cookie() -> Mask {
        Mask::new(Arc::new(Transport::Cookie("__Host-sid".into())))
    }

    fn for_header() -> Mask {
        Mask::new(Arc::new(Transport::Header("X-Auth-Token".into())))
    }

    #[test]
    fn the_value_of_the_session_cookie_is_masked_and_its_attributes_are_shown() {
        let mut mask = for_cookie();
        let line = "__Host-sid=s3cret; HttpOnly; SameSite=Lax; Secure; Path=/";
        assert_eq!(
            mask.header("set-cookie", line),
            "__Host-sid=<token #1>; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
        assert_eq!(
            mask.header("cookie", "a=1; b=2; __Host-sid=s3cret"),
            "a=1; b=2; __Host-sid=<token #1>"
        );
    }

    #[test]
    fn tokens_are_numbered_in_the_order_in_which_they_appear() {
        let mut mask = for_header();
        for (token, shown) in [
            ("one", "<token #1>"),
            ("two", "<token #2>"),
            ("one", "<token #1>"),
            ("three", "<token #3>"),
        ] {
            assert_eq!(mask.header("x-auth-token", token), shown);
        }
    }

    #[test]
    fn an_empty_value_stays_empty_and_takes_no_number() {
        let mut mask = for_cookie();
        let deletion = "__Host-sid=; Max-Age=0; Path=/";
        assert_eq!(mask.header("set-cookie", deletion), deletion);
        assert_eq!(
            mask.header("cookie", "__Host-sid=s3cret"),
            "__Host-sid=<token #1>"
        );
        assert_eq!(for_header().header("X-Auth-Token", ""), "");
    }

    #[test]
    fn no_spelling_of_a_line_lets_the_token_through() {
        for (name, line) in [
            ("set-cookie", "__Host-sid=s3cret"),
            ("Set-Cookie", " __Host-sid = s3cret ;Path=/"),
            ("set-cookie", "__Host-sid=s3cret=with=equals; Secure"),
            ("cookie", "a=1;__Host-sid=s3cret"),
            ("COOKIE", "__Host-sid=s3cret; __Host-sid=s3cret2"),
            ("cookie", "__Host-sid=\"s3cret\""),
        ] {
            let shown = for_cookie().header(name, line);
            assert!(!shown.contains("s3cret"), "{line:?} is shown as {shown:?}");
        }
        let shown = for_header().header("X-AUTH-TOKEN", " s3cret ");
        assert_eq!(shown, "<token #1>");
    }

    #[test]
    fn a_token_that_was_seen_is_masked_in_any_other_header_too() {
        let mut mask = for_cookie();
        mask.header("set-cookie", "__Host-sid=s3cret; Path=/");
        let location = mask.header("location", "/attributes/s3cret");
        assert_eq!(location, "/attributes/<token #1>");
        let cookie = mask.header("set-cookie", "copy=s3cret; Path=/s3cret");
        assert_eq!(cookie, "copy=<token #1>; Path=/<token #1>");
    }

    #[test]
    fn what_is_no_token_is_shown_as_it_is() {
        let mut mask = for_cookie();
        for (name, value) in [
            ("set-cookie", "a=1; Path=/"),
            ("cookie", "a=1; b=2; __host-sid=other"),
            ("x-auth-token", "of no meaning here"),
            ("content-type", "application/json"),
        ] {
            assert_eq!(mask.header(name, value), value);
        }
    }

    #[test]
    fn the_numbers_of_very_old_tokens_are_forgotten_and_never_given_twice() {
        let mut mask = for_header();
        for number in 1..=TOKENS_MAX + 1 {
            let token = format!("token-{number}-of-many.");
            let shown = mask.header("x-auth-token", &token);
            assert_eq!(shown, format!("<token #{number}>"));
        }
        assert_eq!(mask.tokens.len(), TOKENS_MAX);
        let again = mask.header("x-auth-token", "token-1-of-many.");
        assert_eq!(again, format!("<token #{}>", TOKENS_MAX + 2));
    }

    #[test]
    fn a_mask_does_not_print_what_it_hides() {
        let mut mask = for_header();
        mask.header("x-auth-token", "s3cret");
        assert_eq!(format!("{mask:?}"), "Mask");
    }
}
