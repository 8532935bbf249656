//! Cookies and headers as they travel.

use actix_web::http::header::HeaderValue;
use actix_web::{HttpResponse, web};
use adapter_actix::{ExistingSession, Rejection, Session};

use crate::client::{Connection, Request, Response};
use crate::server::{Server, nothing_else, session_cookies};

async fn exchange(server: &Server, request: Request) -> Response {
    let mut connection = Connection::open(server.address).await;
    connection.exchange(&request).await
}

/// The answer to a request for the note of a visitor, with these lines of cookies.
async fn note_with(server: &Server, lines: &[&str]) -> u16 {
    let mut request = Request::get("/notes/first");
    for line in lines {
        request = request.cookies(line);
    }
    exchange(server, request).await.status()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_for_this_host_https_and_http_alone_and_ends_with_the_browser() {
    let server = Server::start(nothing_else).await;
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
async fn the_cookie_is_sent_once_and_not_again_when_nothing_about_it_changes() {
    let server = Server::start(nothing_else).await;
    let mut visitor = server.browser().returning().await;
    for visit in 0..10 {
        let request = Request::new("PUT", "/notes/count").body(visit.to_string());
        let response = visitor.send(request).await;
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
        let response = visitor.get("/notes/count").await;
        assert_eq!(response.text(), visit.to_string());
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_found_in_whichever_line_its_cookie_is() {
    let server = Server::start(nothing_else).await;
    let visitor = server.browser().returning().await;
    let own = &*visitor.cookie_line();
    for lines in [
        &[own][..],
        &["theme=dark", own],
        &[own, "theme=dark"],
        &["a=b; c=d", "e=f", own, "g=h"],
        &["theme=dark; lang=en", "", own],
        &["__Host-sid=garbage", own, "__Host-sid=\u{e9}"],
        // The same id twice is no riddle.
        &[own, own],
    ] {
        assert_eq!(note_with(&server, lines).await, 200, "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_different_live_ids_are_nobody_and_may_not_start_a_session() {
    let server = Server::start(nothing_else).await;
    let ada = server.browser().returning().await;
    let mallory = server.browser().returning().await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_changes_the_id_and_keeps_the_session() {
    let server = Server::start(nothing_else).await;
    let mut visitor = server.browser().returning().await;
    let before = visitor.token().to_owned();
    visitor.post("/login/ada").await;
    assert_ne!(visitor.token(), before);
    assert!(visitor.has_session().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_has_ended_is_never_adopted_again() {
    let server = Server::start(nothing_else).await;
    let mut visitor = server.browser().returning().await;
    let mut thief = visitor.clone();
    let stolen = thief.token().to_owned();
    visitor.post("/logout").await;
    assert!(!thief.has_session().await);
    thief.write("first", "again").await;
    assert_ne!(thief.token(), stolen);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_deletes_the_cookie() {
    let server = Server::start(nothing_else).await;
    let mut visitor = server.browser().returning().await;
    let response = visitor.post("/logout").await;
    let [line] = session_cookies(&server, &response)[..] else {
        panic!("the cookie is deleted");
    };
    assert!(line.starts_with("__Host-sid=;"), "{line}");
    assert!(line.contains("Max-Age=0"), "{line}");
    assert!(!visitor.has_cookie());
}

/// The headers of a response to a write or a read, when the application sets these.
async fn headers_beside(own: &'static [(&'static str, &'static str)]) -> (Response, Response) {
    let response = move || {
        let mut response = HttpResponse::Ok();
        for (name, value) in own {
            response.append_header((*name, HeaderValue::from_static(value)));
        }
        response.finish()
    };
    let write = move |session: Session| async move {
        session.set_attribute("first", "visit")?;
        Ok::<_, Rejection>(response())
    };
    let read = move |_: ExistingSession| async move { response() };
    let server = Server::start(move |app| {
        app.service(web::resource("/page").post(write).get(read));
    })
    .await;
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
        (
            &[("vary", "Accept"), ("vary", "COOKIE")],
            &["Accept", "COOKIE"],
        ),
    ] {
        let (written, read) = headers_beside(own).await;
        assert_eq!(written.head.all("vary"), expected);
        assert_eq!(read.head.all("vary"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_keeps_a_response_that_sets_the_cookie() {
    for (own, expected) in [
        (&[][..], "no-store"),
        (
            &[
                ("cache-control", "public"),
                ("cache-control", "max-age=600"),
            ],
            "no-store",
        ),
        (&[("cache-control", "private")], "private"),
    ] {
        let (written, read) = headers_beside(own).await;
        assert_eq!(written.head.all("cache-control"), [expected]);
        // Without a new cookie the application's own word stands.
        let untouched: Vec<_> = own.iter().map(|(_, value)| *value).collect();
        assert_eq!(read.head.all("cache-control"), untouched);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_applications_own_cookies_survive() {
    const OWN: [(&str, &str); 2] = [
        ("set-cookie", "theme=dark; Path=/"),
        ("set-cookie", "__Host-sidecar=1"),
    ];
    let (written, _) = headers_beside(&OWN).await;
    let lines = written.head.all("set-cookie");
    assert_eq!(lines[..2], ["theme=dark; Path=/", "__Host-sidecar=1"]);
    assert_eq!(lines.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_travel_in_a_header_and_then_no_cookie_is_set() {
    let server =
        Server::configured(nothing_else, |builder| builder.token_header("X-Auth-Token")).await;
    let write = Request::new("PUT", "/notes/first").body("visit");
    let response = exchange(&server, write).await;
    assert_eq!(response.head.all("set-cookie"), [""; 0]);
    let [token] = response.head.all("x-auth-token")[..] else {
        panic!("one token is sent");
    };
    let read = Request::get("/notes/first").header("x-auth-token", token);
    let response = exchange(&server, read).await;
    assert_eq!(response.text(), "visit");
    assert_eq!(response.head.all("vary").len(), 1);
}
