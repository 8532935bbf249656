//! What the relay sends, and for whom.

use crate::call::Provenance;

/// True for a request that the page has a button for. `path` is as it is sent, with its query.
pub(super) fn is_allowed(method: &str, path: &str) -> bool {
    let clean = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\\#".contains(&byte));
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let Some(path) = path.strip_prefix('/').filter(|_| clean) else {
        return false;
    };
    let segments: Vec<_> = path.split('/').collect();
    matches!(
        (method, &segments[..]),
        (
            "GET",
            ["session" | "untouched" | "stream" | "redirect" | "fail" | "panic" | "cookies"]
        ) | ("GET" | "PUT" | "DELETE", ["attributes", _])
            | ("POST", ["attributes", _, "increment" | "append"])
            | ("POST", ["invalidate" | "change-id" | "login" | "logout"])
            | ("PUT", ["max-inactive-interval"])
    )
}

/// True for a request that a page of this server made. Browsers say so themselves, and no
/// script can change what they say; older ones name the page's origin, which must be the host
/// that they asked.
pub(super) fn is_same_origin(provenance: &Provenance) -> bool {
    if let Some(site) = &provenance.fetch_site {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (&provenance.origin, &provenance.host) else {
        return false;
    };
    let authority = origin
        .strip_prefix("http://")
        .or(origin.strip_prefix("https://"));
    authority == Some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_has_buttons_for_is_allowed() {
        for (method, path) in [
            ("GET", "/session"),
            ("GET", "/attributes/a%2Fb"),
            ("PUT", "/attributes/a?delay_ms=1"),
            ("DELETE", "/attributes/"),
            ("POST", "/attributes/n/increment?mode=getset"),
            ("POST", "/login"),
            ("PUT", "/max-inactive-interval"),
            ("GET", "/fail?status=500&name=a&value=/../x"),
        ] {
            assert!(is_allowed(method, path), "{method} {path}");
        }
    }

    #[test]
    fn nothing_else_is_and_no_other_server_can_be_named() {
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/page/app.js"),
            ("POST", "/page/relay"),
            ("GET", "//session"),
            ("GET", "//evil.example/session"),
            ("GET", "http://evil.example/session"),
            ("GET", "session"),
            ("GET", ""),
            ("POST", "/session"),
            ("get", "/session"),
            ("GET", "/session#x"),
            ("GET", "/\\evil.example"),
            ("GET", "/session HTTP/1.1"),
            ("GET", "/session\r\nx: y"),
            ("GET", "/attributes/ä"),
            ("GET", "/attributes/a/b"),
            ("CONNECT", "/session"),
        ] {
            assert!(!is_allowed(method, path), "{method} {path:?}");
        }
    }

    #[test]
    fn a_page_of_another_origin_is_no_page_of_this_server() {
        let provenance = |site: Option<&str>, origin: Option<&str>| Provenance {
            fetch_site: site.map(Into::into),
            origin: origin.map(Into::into),
            host: Some("127.0.0.1:8090".into()),
            content_type: None,
        };
        for (site, origin, expected) in [
            (Some("same-origin"), None, true),
            (Some("same-site"), Some("http://127.0.0.1:8090"), false),
            (Some("cross-site"), Some("http://127.0.0.1:8090"), false),
            (Some("none"), None, false),
            (None, Some("http://127.0.0.1:8090"), true),
            (None, Some("https://127.0.0.1:8090"), true),
            (None, Some("http://127.0.0.1:8091"), false),
            (None, Some("http://evil.example"), false),
            (None, Some("null"), false),
            (None, None, false),
        ] {
            let same = is_same_origin(&provenance(site, origin));
            assert_eq!(same, expected, "{site:?} {origin:?}");
        }
    }
}
