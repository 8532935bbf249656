//! The endpoints, without a framework.

use clap::Parser;
use serde_json::Value;
use session_core::testkit::{ManualClock, SeededEntropy, Site};

use super::pages::Pane;
use super::*;
use crate::answer::Body;
use crate::call::Provenance;
use crate::operations::Outcome;

/// The relay of a site, to a server that listens on `address`.
pub(super) fn relay(site: &Site, address: SocketAddr) -> Arc<Relay> {
    Arc::new(drawing(site, address, SeededEntropy::new(1)))
}

fn drawing(site: &Site, address: SocketAddr, entropy: SeededEntropy) -> Relay {
    let words = match site.sessions().token_header() {
        Some(_) => &["playground", "--header", "X-Auth-Token"][..],
        None => &["playground"],
    };
    let options = Options::try_parse_from(words).unwrap();
    let clock = Arc::new(site.clock().clone());
    Relay::with(&options, site.sessions(), address, clock, Arc::new(entropy))
}

fn nowhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, 1))
}

pub(super) fn the_page() -> Provenance {
    caller(&[
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
    ])
}

fn caller(headers: &[(&'static str, &'static str)]) -> Provenance {
    Provenance::read(|name| {
        let found = headers.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| value.as_bytes())
    })
}

fn told(answer: Outcome) -> (u16, Value) {
    let answer = answer.unwrap_or_else(|refused| refused.answer());
    let Body::Whole(body) = answer.body else {
        panic!("the answer comes at once");
    };
    (answer.status, serde_json::from_slice(&body).unwrap())
}

/// Opens a page and answers its name.
pub(super) fn opened(relay: &Relay) -> String {
    let (status, facts) = told(relay.open(&the_page(), b"{}"));
    assert_eq!(status, 201);
    facts["page"].as_str().unwrap().to_owned()
}

fn of(page: &str) -> Vec<u8> {
    json!({ "page": page, "pane": "A" }).to_string().into()
}

#[test]
fn a_page_is_opened_under_a_name_of_its_own_and_told_what_the_server_is() {
    let relay = relay(&Site::new(), nowhere());
    let (status, facts) = told(relay.open(&the_page(), b"{}"));
    assert_eq!(status, 201);
    let page = facts["page"].as_str().unwrap();
    assert!(page.len() == 32 && page.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(page, opened(&relay));
    let expected = json!({
        "page": page,
        "framework": "axum",
        "store": "memory",
        "transport": { "kind": "cookie", "name": "__Host-sid" },
    });
    assert_eq!(facts, expected);
}

#[test]
fn without_randomness_no_page_is_opened() {
    let relay = drawing(&Site::new(), nowhere(), SeededEntropy::exhausted());
    assert_eq!(told(relay.open(&the_page(), b"{}")).0, 503);
}

#[tokio::test]
async fn a_look_finds_the_session_of_the_jar_and_says_what_time_it_is() {
    let site = Site::with(|builder| builder.token_header("X-Auth-Token"));
    let relay = relay(&site, nowhere());
    let page = opened(&relay);
    let (status, seen) = told(relay.look(&the_page(), &of(&page)).await);
    assert_eq!(status, 200);
    assert_eq!(seen["now"], ManualClock::START.as_millis());
    assert_eq!(seen["session"]["exists"], false);
    assert_eq!(seen["jar"], json!({ "cookies": [], "header": null }));

    let mut ada = site.visitor();
    ada.visit(async |session| session.set_attribute("count", &7))
        .await
        .unwrap();
    let token = ada.cookie().unwrap();
    let mut headers = hyper::HeaderMap::new();
    headers.insert("x-auth-token", token.parse().unwrap());
    relay
        .pages
        .lock()
        .get(&page, ManualClock::START)
        .unwrap()
        .receive(Pane::A, &headers, ManualClock::START);
    let (_, seen) = told(relay.look(&the_page(), &of(&page)).await);
    assert_eq!(seen["session"]["attributes"], json!({ "count": 7 }));
    assert_eq!(seen["jar"]["header"], "X-Auth-Token: <token #1>");
    assert!(!seen.to_string().contains(&token));
}

#[test]
fn a_jar_can_be_stolen_and_cleared() {
    let relay = relay(&Site::new(), nowhere());
    let page = opened(&relay);
    let mut headers = hyper::HeaderMap::new();
    headers.insert("set-cookie", "a=1".parse().unwrap());
    relay
        .pages
        .lock()
        .get(&page, ManualClock::START)
        .unwrap()
        .receive(Pane::A, &headers, ManualClock::START);
    let full = json!({ "jar": { "cookies": ["a=1"], "header": null } });
    let empty = json!({ "jar": { "cookies": [], "header": null } });
    let theft = json!({ "page": page, "from": "A", "to": "B" }).to_string();
    let stolen = told(relay.steal(&the_page(), theft.as_bytes()));
    assert_eq!(stolen, (200, full.clone()));
    assert_eq!(told(relay.forget(&the_page(), &of(&page))), (200, empty));
    let back = json!({ "page": page, "from": "B", "to": "A" }).to_string();
    assert_eq!(told(relay.steal(&the_page(), back.as_bytes())), (200, full));
}

#[tokio::test]
async fn a_page_that_is_not_known_any_more_must_be_opened_anew() {
    let relay = relay(&Site::new(), nowhere());
    let unknown = of("00000000000000000000000000000000");
    let sending = json!({
        "page": "gone", "pane": "A", "method": "GET", "path": "/session", "body": null,
    });
    let theft = json!({ "page": "gone", "from": "A", "to": "B" });
    let page = the_page();
    assert_eq!(told(relay.look(&page, &unknown).await).0, 410);
    assert_eq!(told(relay.forget(&page, &unknown)).0, 410);
    assert_eq!(
        told(relay.steal(&page, theft.to_string().as_bytes())).0,
        410
    );
    assert_eq!(
        told(relay.send(&page, sending.to_string().as_bytes())).0,
        410
    );
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let relay = relay(&Site::new(), nowhere());
    let page = opened(&relay);
    for body in [
        "".to_owned(),
        "[".to_owned(),
        "{}".to_owned(),
        json!({ "page": page }).to_string(),
        json!({ "page": page, "pane": "C" }).to_string(),
        json!({ "page": page, "pane": 1 }).to_string(),
        json!({ "page": page, "pane": "A", "more": 1 }).to_string(),
    ] {
        let (status, told) = told(relay.look(&the_page(), body.as_bytes()).await);
        assert_eq!(status, 400, "{body}");
        assert!(told["error"].is_string());
    }
    assert_eq!(told(relay.open(&the_page(), b"{\"more\":1}")).0, 400);
    let sending = |changed: &str, value: Value| {
        let mut sending = json!({
            "page": page, "pane": "A", "method": "GET", "path": "/session", "body": null,
        });
        sending[changed] = value;
        told(relay.send(&the_page(), sending.to_string().as_bytes())).0
    };
    assert_eq!(sending("path", "/page/open".into()), 400);
    assert_eq!(sending("path", "//example.org".into()), 400);
    assert_eq!(sending("method", "TRACE".into()), 400);
    assert_eq!(sending("body", json!({ "not": "a string" })), 400);
    assert_eq!(sending("host", "example.org".into()), 400);
}

#[tokio::test]
async fn only_the_page_itself_is_answered_and_only_in_json() {
    let relay = relay(&Site::new(), nowhere());
    let page = opened(&relay);
    let foreign = caller(&[
        ("sec-fetch-site", "cross-site"),
        ("content-type", "application/json"),
    ]);
    let simple = caller(&[
        ("sec-fetch-site", "same-origin"),
        ("content-type", "text/plain"),
    ]);
    for (caller, status) in [(foreign, 403), (simple, 415)] {
        assert_eq!(told(relay.open(&caller, b"{}")).0, status);
        assert_eq!(told(relay.look(&caller, &of(&page)).await).0, status);
        assert_eq!(told(relay.forget(&caller, &of(&page))).0, status);
        // Nothing is said of a body either.
        assert_eq!(told(relay.steal(&caller, b"")).0, status);
        assert_eq!(told(relay.send(&caller, b"")).0, status);
    }
}

#[test]
fn a_server_that_listens_everywhere_is_reached_over_loopback() {
    for (listening, reached) in [
        ("0.0.0.0:8090", "127.0.0.1:8090"),
        ("[::]:8090", "[::1]:8090"),
        ("192.0.2.1:8090", "192.0.2.1:8090"),
    ] {
        let listening = listening.parse().unwrap();
        assert_eq!(reachable(listening).to_string(), reached);
    }
}
