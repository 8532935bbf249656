//! What a visitor may tell their devices apart by.

use std::borrow::Cow;

/// Browsers by what is found in their `User-Agent`, the more particular first: most claim to be
/// several others as well.
const BROWSERS: [(&str, &str); 11] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems, the more particular first.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
    ("X11", "Unix"),
];

/// What a browser is called that names no other.
const UNKNOWN: &str = "Unknown browser";

/// A label such as "Firefox on Linux" for whoever sent this `User-Agent`. It is for display
/// only: anybody can claim anything in it, and nothing of its text comes into the label.
#[must_use]
pub fn label(user_agent: Option<&[u8]>) -> Cow<'static, str> {
    let user_agent = user_agent.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let user_agent = user_agent.unwrap_or_default();
    let browser = find(&BROWSERS, user_agent);
    match (browser, find(&SYSTEMS, user_agent)) {
        (browser, None) => browser.unwrap_or(UNKNOWN).into(),
        (browser, Some(system)) => format!("{} on {system}", browser.unwrap_or(UNKNOWN)).into(),
    }
}

fn find(names: &[(&str, &'static str)], user_agent: &str) -> Option<&'static str> {
    let found = names.iter().find(|(mark, _)| user_agent.contains(mark));
    found.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(user_agent: &str) -> Cow<'static, str> {
        label(Some(user_agent.as_bytes()))
    }

    #[test]
    fn a_browser_is_told_from_those_that_it_claims_to_be() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/139.0.0.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) Version/18.5 Safari/605.1.15",
                "Safari on Mac",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) FxiOS/141.0 Mobile/15E148 Safari/605.1.15",
                "Firefox on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/139.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like \
                 Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/139.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/139.0.0.0 Safari/537.36 OPR/123.0.0.0",
                "Opera on Windows",
            ),
        ] {
            assert_eq!(of(user_agent), expected, "{user_agent}");
        }
    }

    #[test]
    fn what_is_not_known_has_a_label_all_the_same() {
        assert_eq!(label(None), "Unknown browser");
        assert_eq!(label(Some(b"\xff\xfe Firefox/1")), "Unknown browser");
        assert_eq!(of(""), "Unknown browser");
        assert_eq!(of("curl/8.5.0"), "Unknown browser");
        assert_eq!(of("Lynx/2.9 (Linux)"), "Unknown browser on Linux");
        assert_eq!(of("Firefox/141.0"), "Firefox");
    }

    #[test]
    fn nothing_of_what_a_client_sent_comes_into_the_label() {
        let hostile = format!(
            "<script>alert(1)</script> {} Firefox/1 Linux",
            "x".repeat(9_999)
        );
        assert_eq!(of(&hostile), "Firefox on Linux");
    }
}
