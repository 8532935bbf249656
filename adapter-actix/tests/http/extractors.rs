//! What handlers get, and what clients are told when they get nothing.

use std::time::Duration;

use actix_web::{App, HttpResponse, Responder, web};
use adapter_actix::{Attribute, ExistingSession, Peek, Rejection, Session, SessionMiddleware};
use serde::{Deserialize, Serialize};
use session_core::SessionAttribute;
use session_core::testkit::{Fault, ManualClock, Verb};

use crate::client::{Connection, Request};
use crate::server::{Door, Server, notes, session_cookies};

const NOT_AVAILABLE: &str = "The session is not available at the moment.";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cart {
    books: Vec<String>,
}

impl SessionAttribute for Cart {
    const NAME: &'static str = "cart";
}

async fn put_into_cart(session: Session) -> Result<&'static str, Rejection> {
    session.update(|cart: &mut Cart| cart.books.push("Notes on the Engine".into()))?;
    Ok("put")
}

async fn show_cart(Attribute(cart): Attribute<Cart>) -> String {
    cart.map_or("no cart".into(), |cart| cart.books.join(", "))
}

async fn glance(Peek(view): Peek) -> Result<String, Rejection> {
    let Some(view) = view else {
        return Ok("no session".into());
    };
    let note: Option<String> = view.get_attribute("first")?;
    Ok(format!(
        "{} {:?}",
        note.unwrap_or_default(),
        view.expires_at()
    ))
}

async fn perhaps(ExistingSession(session): ExistingSession) -> &'static str {
    match session {
        Some(_) => "some",
        None => "none",
    }
}

/// As somebody writes it who comes from another framework.
async fn optional(session: Option<Session>) -> Result<String, Rejection> {
    let Some(session) = session else {
        return Ok("none".into());
    };
    let note: Option<String> = session.get_attribute("first")?;
    Ok(note.unwrap_or("no note".into()))
}

/// Answers for itself when there is no session to be had.
async fn result(session: Result<Session, Rejection>) -> impl Responder {
    match session {
        Ok(_) => HttpResponse::Ok().body("a session"),
        Err(_) => HttpResponse::Ok().body("the page for hard times"),
    }
}

fn all_extractors(app: &mut web::ServiceConfig) {
    app.service(web::resource("/cart").get(show_cart).post(put_into_cart))
        .route("/glance", web::get().to(glance))
        .route("/mine", web::get().to(async |_: Session| "mine"))
        .route("/perhaps", web::get().to(perhaps))
        .route("/optional", web::get().to(optional))
        .route(
            "/optional-perhaps",
            web::get().to(async |_: Option<ExistingSession>| "answered"),
        )
        .route(
            "/optional-cart",
            web::get().to(async |_: Option<Attribute<Cart>>| "answered"),
        )
        .route(
            "/optional-glance",
            web::get().to(async |_: Option<Peek>| "answered"),
        )
        // An error of actix-web's own type is lost without a response: nobody has answered.
        .route(
            "/result-lost",
            web::get().to(async |_: Result<Session, actix_web::Error>| "answered"),
        )
        .route("/result", web::get().to(result))
        .route("/plain", web::get().to(async || "plain"));
}

const WITH_SESSION: [&str; 9] = [
    "/cart",
    "/glance",
    "/mine",
    "/perhaps",
    "/optional",
    "/optional-perhaps",
    "/optional-cart",
    "/optional-glance",
    "/result-lost",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_made_only_when_something_is_written_to_it() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, all_extractors).await;
        let mut visitor = server.browser();
        for (target, answer) in [
            ("/mine", "mine"),
            ("/perhaps", "none"),
            ("/optional", "no note"),
            ("/cart", "no cart"),
            ("/glance", "no session"),
        ] {
            let response = visitor.get(target).await;
            assert_eq!((response.status(), response.text()), (200, answer));
            assert!(!visitor.has_cookie());
        }
        assert_eq!(store.inner().take_calls(), []);
        visitor.post("/cart").await;
        assert!(visitor.has_cookie());
        assert_eq!(visitor.get("/perhaps").await.text(), "some");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_attribute_is_read_by_its_own_extractor() {
    for door in Door::BOTH {
        let server = Server::with_store(&door.store(), all_extractors).await;
        let mut visitor = server.browser();
        visitor.post("/cart").await;
        visitor.post("/cart").await;
        let response = visitor.get("/cart").await;
        assert_eq!(response.text(), "Notes on the Engine, Notes on the Engine");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_of_another_type_is_an_opaque_500() {
    let server = Server::start(all_extractors).await;
    let mut visitor = server.browser();
    visitor.write("cart", "the secret of the visitor").await;
    for target in ["/cart", "/optional-cart"] {
        let response = visitor.get(target).await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.text(), "The session could not be used.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peek_prolongs_nothing_and_an_access_does() {
    for door in Door::BOTH {
        let server = Server::with_store(&door.store(), all_extractors).await;
        let half_the_limit = Duration::from_secs(15 * 60);
        let expiry = |after: Duration| {
            let at = ManualClock::START.saturating_add(after);
            format!("visit {:?}", Some(at))
        };
        let mut visitor = server.browser().returning().await;
        server.clock.advance(half_the_limit);
        let glance = visitor.get("/glance").await;
        assert_eq!(glance.text(), expiry(2 * half_the_limit));
        assert_eq!(visitor.get("/mine").await.text(), "mine");
        let glance = visitor.get("/glance").await;
        assert_eq!(glance.text(), expiry(3 * half_the_limit));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_extractors_of_one_request_see_one_session() {
    let both = async |first: Session, second: Session, third: ExistingSession| {
        first.set_attribute("first", "visit")?;
        let seen: Option<String> = second.get_attribute("first")?;
        assert!(third.0.is_none(), "there was none when it was extracted");
        Ok::<_, Rejection>(seen.unwrap_or_default())
    };
    let server = Server::start(move |app| {
        app.route("/both", web::post().to(both));
    })
    .await;
    let mut visitor = server.browser();
    let response = visitor.post("/both").await;
    assert_eq!(response.text(), "visit");
    assert_eq!(session_cookies(&server, &response).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_the_middleware_is_an_opaque_500() {
    let server = Server::wrapped(
        |builder| builder,
        |_| || App::new().configure(all_extractors),
    )
    .await;
    for target in ["/cart", "/glance", "/mine", "/perhaps"] {
        let mut connection = Connection::open(server.address).await;
        let response = connection.exchange(&Request::get(target)).await;
        assert_eq!(response.status(), 500, "{target}");
        assert_eq!(response.text(), "The session could not be used.");
        assert_eq!(response.head.all("cache-control"), ["no-store"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_down_its_sessions_are_a_503_and_all_else_answers() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, all_extractors).await;
        let mut visitor = server.browser().returning().await;
        let before = visitor.token().to_owned();
        store.break_down();
        for target in WITH_SESSION {
            let response = visitor.get(target).await;
            assert_eq!((response.status(), response.text()), (503, NOT_AVAILABLE));
            assert_eq!(response.head.all("set-cookie"), [""; 0]);
            assert_eq!(response.head.all("cache-control"), ["no-store"]);
        }
        assert_eq!(visitor.get("/plain").await.status(), 200);
        let result = visitor.get("/result").await;
        assert_eq!(
            (result.status(), result.text()),
            (200, "the page for hard times")
        );
        // Somebody without a cookie can be told that there is no session.
        assert_eq!(server.browser().get("/perhaps").await.text(), "none");
        store.repair();
        assert_eq!(visitor.token(), before);
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_an_option_swallows_creates_no_second_session() {
    for door in Door::BOTH {
        let sign = async |session: Option<Session>| {
            if let Some(session) = session {
                session.set_attribute("name", "Ada")?;
            }
            Ok::<_, Rejection>("signed")
        };
        let store = door.store();
        let server = Server::with_store(&store, move |app| {
            app.route("/sign", web::post().to(sign));
        })
        .await;
        let mut visitor = server.browser().returning().await;
        store.inner().take_calls();
        store.next(Verb::Load, Fault::Unavailable);
        let response = visitor.post("/sign").await;
        assert_eq!((response.status(), response.text()), (503, NOT_AVAILABLE));
        assert_eq!(store.inner().count(Verb::Create), 0);
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_sessions_are_switched_off_there_is_none_and_no_store_call() {
    let store = Door::Immediate.store();
    let switched = store.clone();
    let app = |app: &mut web::ServiceConfig| {
        app.service(web::scope("/static").configure(all_extractors));
    };
    let server = Server::configured(app, |builder| {
        builder
            .store(switched)
            .skip_when(|facts| facts.path().starts_with("/static/"))
    })
    .await;
    let mut visitor = server.browser().returning().await;
    store.inner().take_calls();
    for (target, answer) in [
        ("/static/perhaps", "none"),
        ("/static/optional", "none"),
        ("/static/glance", "no session"),
        ("/static/cart", "no cart"),
    ] {
        assert_eq!(visitor.get(target).await.text(), answer);
    }
    // To insist on a session there is a fault of the program.
    assert_eq!(visitor.get("/static/mine").await.status(), 500);
    assert_eq!(store.inner().take_calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_request_has_no_session_after_the_head_and_a_kept_session_goes_on() {
    use actix_web::{FromRequest, HttpRequest};

    let stream = async |request: HttpRequest, session: Session| {
        let late = async move {
            let again = Session::<session_core::Main>::extract(&request).await;
            let again = again.map_err(Rejection::from);
            assert!(matches!(again, Err(Rejection::NoLayer)));
            session.set_attribute("late", "kept")?;
            Ok::<_, Rejection>(web::Bytes::from_static(b"done"))
        };
        HttpResponse::Ok().streaming(futures_util::stream::once(late))
    };
    let server = Server::wrapped(
        |builder| builder,
        move |sessions| {
            let middleware = SessionMiddleware::new(sessions);
            move || {
                App::new()
                    .wrap(middleware.clone())
                    .route("/stream", web::get().to(stream))
                    .configure(notes)
            }
        },
    )
    .await;
    let mut visitor = server.browser().returning().await;
    assert_eq!(visitor.get("/stream").await.text(), "done");
    assert_eq!(visitor.note("late").await.as_deref(), Some("kept"));
}
