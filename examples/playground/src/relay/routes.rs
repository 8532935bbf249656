//! Which requests a page may ask the relay to send: those of the playground's table.

use hyper::Uri;
use hyper::http::uri::PathAndQuery;

/// The target of a request, when its method and path are in the table; `None` otherwise.
///
/// A target is a path with its query and nothing else, so that it can name no other host, and
/// it is sent exactly as it came. Nothing under `/page/` is in the table: the relay never
/// calls itself.
pub(super) fn target(method: &str, path: &str) -> Option<Uri> {
    let sendable = path.bytes().all(|byte| byte.is_ascii_graphic()) && !path.contains(['\\', '#']);
    let bare = path.split_once('?').map_or(path, |(path, _)| path);
    if !(sendable && bare.starts_with('/') && is_in_table(method, bare)) {
        return None;
    }
    let target: PathAndQuery = path.parse().ok()?;
    (target.as_str() == path).then(|| target.into())
}

/// An attribute's name may be empty: that it is refused is for the playground to say.
fn is_in_table(method: &str, path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    matches!(
        (method, &*segments),
        (
            "GET",
            ["session"
                | "untouched"
                | "stream"
                | "redirect"
                | "fail"
                | "panic"
                | "cookies"
                | "stats"]
        ) | ("GET" | "PUT" | "DELETE", ["attributes", _])
            | ("GET" | "DELETE", ["me", "sessions"])
            | ("DELETE", ["me", "sessions", _])
            | ("GET" | "POST", ["form"])
            | ("POST", ["attributes", _, "increment" | "append"])
            | ("POST", ["invalidate" | "change-id" | "login" | "logout"])
            | ("PUT", ["max-inactive-interval"])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_page_may_be_sent_exactly_as_it_is() {
        for (method, path) in [
            ("GET", "/session"),
            ("GET", "/untouched"),
            ("GET", "/attributes/a%2Fb"),
            ("PUT", "/attributes/greeting?delay_ms=10"),
            ("DELETE", "/attributes/greeting"),
            (
                "POST",
                "/attributes/count/increment?mode=update&delay_ms=20",
            ),
            ("POST", "/attributes/basket/append"),
            (
                "GET",
                "/stream?chunks=20&interval_ms=400&attribute=progress",
            ),
            ("GET", "/redirect?name=seen&value=yes"),
            ("GET", "/fail?status=500&name=seen&value=yes"),
            ("GET", "/panic?name=seen&value=yes"),
            ("GET", "/cookies"),
            ("POST", "/invalidate"),
            ("POST", "/change-id?delay_ms=5"),
            ("PUT", "/max-inactive-interval"),
            ("POST", "/login"),
            ("POST", "/logout"),
            ("GET", "/me/sessions"),
            ("DELETE", "/me/sessions"),
            ("DELETE", "/me/sessions/x"),
            ("GET", "/form"),
            ("POST", "/form"),
            ("GET", "/stats"),
            ("GET", "/attributes/"),
            ("GET", "/attributes/%zz"),
            ("GET", "/session?"),
        ] {
            let target = target(method, path).map(|target| target.to_string());
            assert_eq!(target.as_deref(), Some(path), "{method} {path}");
        }
    }

    #[test]
    fn a_path_can_name_no_other_host_and_smuggle_nothing() {
        for path in [
            "",
            "session",
            "//session",
            "//example.org/session",
            "http://example.org/session",
            "@example.org/session",
            "/\\example.org",
            "/session\\",
            "/session#x",
            "/session?x#y",
            "/session HTTP/1.1",
            "/session\r\nx: y",
            "/session?x=\u{0}",
            "/session?x=ä",
            "*",
        ] {
            assert_eq!(target("GET", path), None, "{path:?}");
        }
    }

    #[test]
    fn the_relay_never_calls_itself_nor_what_is_not_in_the_table() {
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/page/app.js"),
            ("POST", "/page/relay"),
            ("POST", "/session/../page/relay"),
            ("POST", "/attributes/../page/relay"),
            ("POST", "/%70age/relay"),
            ("GET", "/metrics"),
            ("GET", "/admin"),
            ("POST", "/admin/log-everyone-out"),
            ("GET", "/ws"),
            ("GET", "/session/"),
            ("GET", "/attributes"),
            ("GET", "/attributes/a/b"),
            ("POST", "/attributes/a/remove"),
        ] {
            assert_eq!(target(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn a_method_goes_with_its_path() {
        for (method, path) in [
            ("POST", "/session"),
            ("GET", "/invalidate"),
            ("POST", "/attributes/a"),
            ("PUT", "/attributes/a/increment"),
            ("get", "/session"),
            ("HEAD", "/session"),
            ("CONNECT", "/session"),
            ("GET /session HTTP/1.1\r\n", "/session"),
        ] {
            assert_eq!(target(method, path), None, "{method:?} {path}");
        }
    }
}
