//! Whether a question comes from this site's own page.

use serde::de::DeserializeOwned;

use crate::arguments;
use crate::call::Provenance;
use crate::refusal::Refusal;

/// What is asked, when the page itself asks it. JSON alone is taken, which no page of another
/// origin can send without a preflight, and this server answers none.
///
/// # Errors
/// When somebody else asks, or something else.
pub(crate) fn question<T: DeserializeOwned>(asker: &Provenance, body: &[u8]) -> Result<T, Refusal> {
    if !is_same_origin(asker) {
        return Err(Refusal::ForeignOrigin);
    }
    if !sends_json(asker) {
        return Err(Refusal::NotJson);
    }
    Ok(arguments::object(body)?)
}

/// True for a request of a page of this very origin. A browser says so by itself (Fetch
/// Metadata), and an older one names the page's origin, which then must be the host that it
/// asked.
fn is_same_origin(asker: &Provenance) -> bool {
    if let Some(site) = &asker.fetch_site {
        return site == "same-origin";
    }
    asker.names_own_origin().unwrap_or(false)
}

/// True for JSON, whatever its parameters.
fn sends_json(asker: &Provenance) -> bool {
    let named = asker.content_type.as_deref().unwrap_or_default();
    let essence = named.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(headers: &[(&'static str, &'static str)]) -> Provenance {
        Provenance::read(|name| {
            let found = headers.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| value.as_bytes())
        })
    }

    #[test]
    fn the_page_itself_is_let_in() {
        for headers in [
            &[("sec-fetch-site", "same-origin")][..],
            &[
                ("host", "127.0.0.1:8090"),
                ("origin", "http://127.0.0.1:8090"),
            ],
            &[("host", "Example.org"), ("origin", "https://example.org")],
        ] {
            assert!(is_same_origin(&asker(headers)), "{headers:?}");
        }
    }

    #[test]
    fn a_page_from_elsewhere_is_kept_out() {
        for headers in [
            &[][..],
            &[("host", "127.0.0.1:8090")],
            &[("origin", "http://127.0.0.1:8090")],
            &[("host", ""), ("origin", "http://")],
            &[("host", "127.0.0.1:8090"), ("origin", "null")],
            &[("host", "127.0.0.1:8090"), ("origin", "127.0.0.1:8090")],
            &[
                ("host", "127.0.0.1:8090"),
                ("origin", "http://127.0.0.1:8091"),
            ],
            &[
                ("host", "127.0.0.1:8090"),
                ("origin", "http://127.0.0.1:8090.example.org"),
            ],
        ] {
            assert!(!is_same_origin(&asker(headers)), "{headers:?}");
        }
    }

    #[test]
    fn what_the_browser_says_of_the_site_goes_before_the_origin() {
        for site in ["same-site", "cross-site", "none", "", "Same-Origin"] {
            let asker = asker(&[
                ("sec-fetch-site", site),
                ("host", "127.0.0.1:8090"),
                ("origin", "http://127.0.0.1:8090"),
            ]);
            assert!(!is_same_origin(&asker), "{site:?}");
        }
    }

    #[test]
    fn only_json_is_json() {
        for json in ["application/json", "Application/JSON ; charset=utf-8"] {
            assert!(sends_json(&asker(&[("content-type", json)])), "{json}");
        }
        assert!(!sends_json(&asker(&[])));
        for other in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=application/json",
            "text/plain; application/json",
            "application/jsonx",
        ] {
            assert!(!sends_json(&asker(&[("content-type", other)])), "{other}");
        }
    }
}
