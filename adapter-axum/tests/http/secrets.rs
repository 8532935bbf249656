//! What must never be printed, and what must never leave in a page.

use std::sync::{Arc, Mutex};

use adapter_axum::{Peek, Rejection, Session, SessionLayer};
use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use session_core::testkit::{Fault, Verb};
use session_core::{ExchangeHandle, SessionEvent};
use tower::{Layer, Service};

use crate::client::Request;
use crate::server::{Door, Server};

/// True when `text` contains a part of the token, as it is, or of its bytes in a usual form.
fn gives_away(text: &str, token: &str) -> bool {
    // A part as long as this is no chance.
    let spelled = token
        .as_bytes()
        .windows(16)
        .map(|part| part.escape_ascii().to_string());
    let bytes = decoded(token);
    let listed = bytes.windows(8).map(|part| {
        let list = format!("{part:?}");
        list.trim_matches(['[', ']']).to_owned()
    });
    let hex = bytes
        .windows(8)
        .map(|part| part.iter().map(|byte| format!("{byte:02x}")).collect());
    let lower = text.to_ascii_lowercase();
    spelled.chain(listed).any(|part| text.contains(&part))
        || hex.into_iter().any(|part: String| lower.contains(&part))
}

/// The bytes that a token spells in base64url (RFC 4648, 5).
fn decoded(token: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for digit in token.chars() {
        let value = DIGITS.find(digit).expect("a token is base64url");
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

#[test]
fn what_gives_a_token_away_is_noticed() {
    let token = "AAECAwQFBgcICQoLDA0ODxAREhM";
    for text in [
        "the cookie AAECAwQFBgcICQoL",
        "Id([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])",
        "0x08090A0B0C0D0E0F10",
    ] {
        assert!(gives_away(text, token), "{text}");
    }
    assert!(!gives_away("SessionId(redacted) AAECAwQFBgc", token));
}

/// What a program could log of a request and its session.
fn everything_printed(
    request: &AxumRequest,
    session: &Session,
    Peek(view): &Peek,
) -> Result<String, Rejection> {
    let handle = request
        .extensions()
        .get::<ExchangeHandle>()
        .expect("the layer is there");
    let mut printed = format!(
        "{session:?} {:?} {:?} {:?} {view:?} {handle:?} {:?} {:?}",
        session.id(),
        session.fingerprint(),
        session.clone().into_inner(),
        handle.requested_session_id(),
        request.extensions(),
    );
    for error in [
        session.get_attribute::<u32>("first").err(),
        session.append_attribute("first", &1).err(),
        session.set_attribute("", "x").err(),
    ] {
        let rejection = Rejection::from(error.expect("each of these fails"));
        printed += &format!(" {rejection:?} {rejection}");
        printed += &format!(" {:?}", rejection.into_response());
    }
    Ok(printed)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_can_be_printed_gives_the_token_away() {
    for door in Door::BOTH {
        let printed = Arc::new(Mutex::new(String::new()));
        let collected = printed.clone();
        let print = async move |peek: Peek, session: Session, request: AxumRequest| {
            let text = everything_printed(&request, &session, &peek)?;
            collected.lock().unwrap().push_str(&text);
            session.change_session_id()?;
            Ok::<_, Rejection>(format!("{session:?} {:?}", session.id()))
        };
        let store = door.store();
        let server = Server::with_store(&store, Router::new().route("/print", any(print))).await;
        let mut visitor = server.browser().returning().await;
        let old_token = visitor.token().to_owned();
        let response = visitor.get("/print").await;
        assert_eq!(response.status(), 200);
        let printed = format!(
            "{} {} {:?} {:?}",
            printed.lock().unwrap(),
            response.text(),
            server.sessions,
            store
        );
        assert!(printed.contains("Session"), "something was printed");
        for token in [&old_token, visitor.token()] {
            assert!(!gives_away(&printed, token));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_type_of_the_layer_prints_a_token() {
    let server = Server::start(Router::new()).await;
    let visitor = server.browser().returning().await;
    let layer: SessionLayer = SessionLayer::new(server.sessions.clone());
    let mut service = layer.layer(Router::new().route("/", get(async |_: Session| "page")));
    let request = http::Request::get("/")
        .header("cookie", visitor.cookie_line())
        .body(axum::body::Body::empty())
        .unwrap();
    let service_text = format!("{service:?}");
    let future = service.call(request);
    let printed = format!("{layer:?} {service_text} {future:?}");
    let response = future.await.unwrap();
    let printed = format!("{printed} {response:?}");
    assert!(printed.contains("SessionLayer") && printed.contains("ResponseFuture"));
    assert!(!gives_away(&printed, visitor.token()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_in_its_cookie_line_and_nowhere_else_in_a_response() {
    for door in Door::BOTH {
        let store = door.store();
        let whoami = async |session: Session| {
            let text = format!(
                "{:?} {:?} {:?}",
                session.id(),
                session.fingerprint(),
                *session
            );
            Ok::<_, Rejection>(text)
        };
        let app = Router::new().route("/whoami", get(whoami));
        let server = Server::with_store(&store, app).await;
        let mut visitor = server.browser();
        visitor.write("first", "visit").await;
        let mut tokens = vec![visitor.token().to_owned()];
        visitor.post("/login/ada").await;
        tokens.push(visitor.token().to_owned());
        let mut responses = vec![
            visitor.get("/whoami").await,
            visitor.get("/notes/first").await,
        ];
        for fault in [
            Fault::Unavailable,
            Fault::LoseReply,
            Fault::Full,
            Fault::NewerFormat,
        ] {
            store.next(Verb::Apply, fault);
            let write = Request::new("PUT", "/notes/first").body("again");
            responses.push(visitor.send(write).await);
        }
        for response in responses {
            let shown = format!("{:?} {}", response.head, response.text());
            assert!(
                tokens.iter().all(|token| !gives_away(&shown, token)),
                "{shown}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_name_no_session() {
    let server = Server::start(Router::new()).await;
    let mut visitor = server.browser().returning().await;
    let token = visitor.token().to_owned();
    visitor.post("/login/ada").await;
    visitor.post("/logout").await;
    let events = server.events();
    assert!(events.contains(&SessionEvent::Created) && events.contains(&SessionEvent::Renamed));
    assert!(!gives_away(&format!("{events:?}"), &token));
}
