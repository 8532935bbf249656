//! Where a browser finds the token: in a cookie, or in a header of its own.

use serde_json::{Value, json};
use session_core::SessionManager;

/// How the token travels. Names only, never a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// In the cookie of this name.
    Cookie(String),
    /// In the header of this name, spelled as it was configured.
    Header(String),
}

impl Transport {
    /// How the tokens of `sessions` travel. `spelled` is the header's name on the command line;
    /// the manager knows it in lower case.
    pub(super) fn of(sessions: &SessionManager, spelled: Option<&str>) -> Self {
        match sessions.token_header() {
            Some(name) => Self::Header(spelled.unwrap_or(name).to_owned()),
            None => Self::Cookie(sessions.cookie_name().to_owned()),
        }
    }

    /// The header that carries the token; `None` where a cookie does.
    pub(super) fn header(&self) -> Option<&str> {
        match self {
            Self::Cookie(_) => None,
            Self::Header(name) => Some(name),
        }
    }

    /// True for the header that carries the token.
    pub(super) fn is_header(&self, name: &str) -> bool {
        self.header()
            .is_some_and(|header| header.eq_ignore_ascii_case(name))
    }

    /// True for the cookie that carries the token. Names of cookies are told apart by case.
    pub(super) fn is_cookie(&self, name: &str) -> bool {
        matches!(self, Self::Cookie(cookie) if cookie == name)
    }

    /// What the page is told.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::Cookie(name) => json!({ "kind": "cookie", "name": name }),
            Self::Header(name) => json!({ "kind": "header", "name": name }),
        }
    }
}

#[cfg(test)]
mod tests {
    use session_core::testkit::Site;

    use super::*;

    #[test]
    fn the_manager_says_which_cookie_carries_the_token() {
        let transport = Transport::of(Site::new().sessions(), None);
        assert_eq!(transport, Transport::Cookie("__Host-sid".into()));
        assert!(transport.is_cookie("__Host-sid") && !transport.is_cookie("__host-sid"));
        assert!(!transport.is_header("__Host-sid"));
    }

    #[test]
    fn the_header_is_told_as_it_was_spelled_and_found_in_any_case() {
        let site = Site::with(|builder| builder.token_header("X-Auth-Token"));
        let transport = Transport::of(site.sessions(), Some("X-Auth-Token"));
        assert_eq!(
            transport.facts(),
            json!({ "kind": "header", "name": "X-Auth-Token" })
        );
        assert!(transport.is_header("x-auth-token") && !transport.is_header("x-auth"));
        assert!(!transport.is_cookie("X-Auth-Token"));
    }
}
