//! Cookies and headers as they travel.

use adapter_axum::{Rejection, Session};
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use http::HeaderValue;
use session_core::{SecretKey, SessionManager};

use crate::client::{Connection, Request, Response};
use crate::server::{Server, notes, session_cookies};

async fn exchange(server: &Server, request: Request) -> Response {
    Connection::open(server.address)
        .await
        .exchange(&request)
        .await
}

/// The answer to a request for the note of a visitor, with these lines of cookies.
async fn note_with(server: &Server, lines: &[&str]) -> u16 {
    let request = lines
        .iter()
        .fold(Request::get("/notes/first"), |request, line| {
            request.cookies(line)
        });
    exchange(server, request).await.status()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_for_this_host_https_and_http_alone_and_ends_with_the_browser() {
    let server = Server::start(Router::new()).await;
    let request = Request::new("PUT", "/notes/first").body("visit");
    let response = exchange(&server, request).await;
    let [line] = session_cookies(&server, &response)[..] else {
        panic!("one cookie is set");
    };
    let (pair, attributes) = line.split_once("; ").expect("a cookie has attributes");
    assert!(pair.starts_with("__Host-sid="));
    let mut attributes: Vec<_> = attributes.split("; ").collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_found_in_whichever_line_its_cookie_is() {
    let server = Server::start(Router::new()).await;
    let visitor = server.browser().returning().await;
    let own = &*visitor.cookie_line();
    for lines in [
        &[own][..],
        &["theme=dark", own],
        &[own, "theme=dark"],
        &["a=b; c=d", "e=f", own, "g=h"],
        &["theme=dark; lang=en", "", own],
        // The same id twice is no riddle.
        &[own, own],
    ] {
        assert_eq!(note_with(&server, lines).await, 200);
    }
    let between = format!("theme=dark;{own};lang=en");
    assert_eq!(note_with(&server, &[&between]).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_live_id_among_dead_ones_is_used_whatever_its_position() {
    let server = Server::start(Router::new()).await;
    let visitor = server.browser().returning().await;
    let mut gone = server.browser().returning().await;
    let dead = &*gone.cookie_line();
    gone.post("/logout").await;
    let own = &*visitor.cookie_line();
    let forged = &*format!("{}x", &own[..own.len() - 1]);
    for lines in [
        &[dead, own][..],
        &[own, dead],
        &["__Host-sid=", own],
        &["__Host-sid=garbage", own, "__Host-sid=\u{e9}"],
        &[forged, own, forged],
    ] {
        assert_eq!(note_with(&server, lines).await, 200);
    }
    let in_one_line = format!("__Host-sid=1; {dead}; {own}; {forged}");
    assert_eq!(note_with(&server, &[&in_one_line]).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_different_live_ids_are_nobody_and_may_not_start_a_session() {
    let server = Server::start(Router::new()).await;
    let mut ada = server.browser().returning().await;
    let mut mallory = server.browser().returning().await;
    let (one, other) = (&*ada.cookie_line(), &*mallory.cookie_line());
    for lines in [[one, other], [other, one]] {
        assert_eq!(note_with(&server, &lines).await, 404);
        let write = Request::new("PUT", "/notes/first")
            .cookies(lines[0])
            .cookies(lines[1]);
        let response = exchange(&server, write.body("tossed")).await;
        assert_eq!(response.status(), 400);
        assert_eq!(response.text(), "The request carries two sessions.");
        assert_eq!(session_cookies(&server, &response), [""; 0]);
    }
    assert_eq!(ada.note("first").await.as_deref(), Some("visit"));
    assert_eq!(mallory.note("first").await.as_deref(), Some("visit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_applications_own_cookies_survive() {
    const OWN: [&str; 3] = ["theme=dark; Path=/", "lang=en; Secure", "__Host-sidecar=1"];
    for own in 0..=OWN.len() {
        let write = async move |session: Session| {
            session.set_attribute("first", "visit")?;
            let mut headers = HeaderMap::new();
            for line in &OWN[..own] {
                headers.append("set-cookie", HeaderValue::from_static(line));
            }
            Ok::<_, Rejection>(headers)
        };
        let server = Server::start(Router::new().route("/write", post(write))).await;
        let response = server.browser().post("/write").await;
        let lines = response.head.all("set-cookie");
        assert_eq!(lines[..own], OWN[..own]);
        assert_eq!(lines.len(), own + 1);
        assert_eq!(session_cookies(&server, &response).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_sent_once_and_not_again_when_nothing_about_it_changes() {
    let server = Server::start(Router::new()).await;
    let mut visitor = server.browser().returning().await;
    for visit in 0..20 {
        let request = Request::new("PUT", "/notes/count").body(visit.to_string());
        let response = visitor.send(request).await;
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
        let response = visitor.get("/notes/count").await;
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
    }
}

/// The headers of a response to a write or a read, when the application sets these.
async fn headers_beside(own: &'static [(&'static str, &'static str)]) -> (Response, Response) {
    let answer = async move |session: Session, method: http::Method| {
        if method == http::Method::POST {
            session.set_attribute("first", "visit")?;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Ok::<_, Rejection>(headers)
    };
    let app = Router::new().route("/page", get(answer).post(answer));
    let server = Server::start(app).await;
    let mut visitor = server.browser();
    let written = visitor.post("/page").await;
    (written, visitor.get("/page").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_that_depends_on_the_session_varies_with_the_cookie() {
    for (own, expected) in [
        (&[][..], &["Cookie"][..]),
        (
            &[("vary", "Accept-Encoding")],
            &["Accept-Encoding", "Cookie"],
        ),
        (&[("vary", "Accept, cookie")], &["Accept, cookie"]),
        (&[("vary", "*")], &["*"]),
        (
            &[("vary", "Accept"), ("vary", "COOKIE")],
            &["Accept", "COOKIE"],
        ),
        (&[("vary", "X-Cookie")], &["X-Cookie", "Cookie"]),
    ] {
        let (written, read) = headers_beside(own).await;
        assert_eq!(written.head.all("vary"), expected);
        assert_eq!(read.head.all("vary"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_keeps_a_response_that_sets_the_cookie() {
    for (own, written_expected) in [
        (&[][..], &["no-store"][..]),
        (&[("cache-control", "public, max-age=600")], &["no-store"]),
        (&[("cache-control", "no-cache")], &["no-store"]),
        (
            &[("cache-control", "private, max-age=600")],
            &["private, max-age=600"],
        ),
        (&[("cache-control", "No-Store")], &["No-Store"]),
        (
            &[
                ("cache-control", "public"),
                ("cache-control", "max-age=600"),
            ],
            &["no-store"],
        ),
    ] {
        let (written, read) = headers_beside(own).await;
        assert_eq!(written.head.all("cache-control"), written_expected);
        // Without a new cookie the application's own word stands.
        let untouched: Vec<_> = own.iter().map(|(_, value)| *value).collect();
        assert_eq!(read.head.all("cache-control"), untouched);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_deletes_the_cookie_of_that_browser_and_of_no_other() {
    let server = Server::start(Router::new()).await;
    let mut visitor = server.browser().returning().await;
    let mut tab = visitor.clone();
    let response = visitor.post("/logout").await;
    let [line] = session_cookies(&server, &response)[..] else {
        panic!("the cookie is deleted");
    };
    assert!(line.starts_with("__Host-sid=;"), "{line}");
    for attribute in [
        "Max-Age=0",
        "Expires=Thu, 01 Jan 1970",
        "Path=/",
        "Secure",
        "SameSite=Lax",
    ] {
        assert!(line.contains(attribute), "{attribute} in {line}");
    }
    assert!(!visitor.has_cookie());
    // Another tab with the dead cookie is told nothing: it might be somebody who guesses.
    for response in [tab.post("/logout").await, tab.get("/notes/first").await] {
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_has_ended_is_never_adopted_again() {
    let server = Server::start(Router::new()).await;
    let mut visitor = server.browser().returning().await;
    let mut thief = visitor.clone();
    let stolen = thief.token().to_owned();
    visitor.post("/logout").await;
    assert!(!thief.has_session().await);
    thief.write("first", "again").await;
    assert_ne!(thief.token(), stolen);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_is_read_from_its_cookie_and_from_nowhere_else() {
    let server = Server::start(Router::new()).await;
    let visitor = server.browser().returning().await;
    let (token, pair) = (visitor.token(), visitor.cookie_line());
    let note = || Request::get("/notes/first");
    let form = "application/x-www-form-urlencoded";
    for request in [
        Request::get(format!("/notes/first?{pair}")),
        Request::get(format!("/notes/first?sid={token}")),
        Request::get(format!("/notes/first?jsessionid={token}")),
        Request::get(format!("/notes/first;{pair}")),
        Request::get(format!("/notes/first;jsessionid={token}")),
        note().header("content-type", form).body(pair.clone()),
        note().header("__Host-sid", token),
        note().header("x-auth-token", token),
        note().header("authorization", format!("Bearer {token}")),
        note().header("set-cookie", &pair),
        note().header("cookie2", &pair),
        note().header("x-cookie", &pair),
        // Names are compared byte for byte, and nothing is decoded.
        note().cookies(format!("sid={token}")),
        note().cookies(format!("__host-sid={token}")),
        note().cookies(format!("%5F%5FHost-sid={token}")),
        note().cookies(format!("__Host-sid=\"{token}\"")),
        note().cookies(format!("\u{2000}__Host-sid={token}")),
        note().cookies(format!("=__Host-sid={token}")),
        note().cookies(format!("x={pair}")),
        note().cookies(format!("__Host-sid={}", token.to_ascii_uppercase())),
        note().cookies(format!("__Host-sid={token}=")),
        note().cookies(format!("$Version=1; $__Host-sid={token}")),
    ] {
        assert_eq!(exchange(&server, request).await.status(), 404);
    }
    assert_eq!(note_with(&server, &[&pair]).await, 200);
}

fn key(number: u8) -> SecretKey {
    SecretKey::new(format!("key number {number} of a site for tests alone"))
        .expect("it is long enough")
}

/// A server on `store` that signs with the first key and accepts all.
async fn with_keys(store: &crate::server::TestStore, keys: &[u8]) -> Server {
    let mut builder = SessionManager::builder()
        .secret_key(key(keys[0]))
        .store(store.clone());
    for older in &keys[1..] {
        builder = builder.previous_key(key(*older));
    }
    Server::layered(
        move |_| builder,
        |sessions| notes().layer(adapter_axum::SessionLayer::new(sessions)),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_older_key_is_replaced_and_one_of_a_dropped_key_is_dead() {
    let store = crate::server::Door::Immediate.store();
    let first = with_keys(&store, &[1]).await;
    let mut visitor = first.browser().returning().await;
    let first_token = visitor.token().to_owned();

    let second = with_keys(&store, &[2, 1]).await;
    visitor.moves_to(&second);
    assert!(visitor.has_session().await);
    let second_token = visitor.token().to_owned();
    assert_ne!(second_token, first_token);
    let response = visitor.get("/notes/first").await;
    assert_eq!(response.head.all("set-cookie"), [""; 0]);

    let third = with_keys(&store, &[3, 2]).await;
    let status = note_with(&third, &[&format!("__Host-sid={first_token}")]).await;
    assert_eq!(status, 404);
    visitor.moves_to(&third);
    assert!(visitor.has_session().await);
}
