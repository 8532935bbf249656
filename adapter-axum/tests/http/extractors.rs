//! What axum handlers get, and what clients are told when they get nothing.

use std::time::Duration;

use adapter_axum::{Attribute, Peek, Rejection, Session, SessionLayer};
use axum::Router;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use session_core::testkit::{Fault, ManualClock, Verb};
use session_core::{SessionAttribute, Touch};

use crate::server::{Browser, Door, Server, notes, serve, session_cookies};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cart {
    books: Vec<String>,
}

impl SessionAttribute for Cart {
    const NAME: &'static str = "cart";
}

async fn put_into_cart(session: Session) -> Result<(), Rejection> {
    session.update(|cart: &mut Cart| cart.books.push("Notes on the Engine".into()))?;
    Ok(())
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

fn all_extractors() -> Router {
    Router::new()
        .route("/cart", get(show_cart).post(put_into_cart))
        .route("/glance", get(glance))
        .route("/mine", get(async |_: Session| "mine"))
        .route(
            "/perhaps",
            get(async |session: Option<Session>| match session {
                Some(_) => "some",
                None => "none",
            }),
        )
        .route("/plain", get(async || "plain"))
}

const WITH_SESSION: [&str; 4] = ["/cart", "/glance", "/mine", "/perhaps"];

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_made_only_when_something_is_written_to_it() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, all_extractors()).await;
        let mut visitor = server.browser();
        for (target, answer) in [
            ("/mine", "mine"),
            ("/perhaps", "none"),
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
        let server = Server::with_store(&door.store(), all_extractors()).await;
        let mut visitor = server.browser();
        visitor.post("/cart").await;
        visitor.post("/cart").await;
        let response = visitor.get("/cart").await;
        assert_eq!(response.text(), "Notes on the Engine, Notes on the Engine");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_of_another_type_is_an_opaque_500() {
    let server = Server::start(all_extractors()).await;
    let mut visitor = server.browser();
    visitor.write("cart", "the secret of the visitor").await;
    let response = visitor.get("/cart").await;
    assert_eq!(response.status(), 500);
    assert_eq!(response.text(), "The session could not be used.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peek_prolongs_nothing_and_an_access_does() {
    for door in Door::BOTH {
        let server = Server::with_store(&door.store(), all_extractors()).await;
        let half_the_limit = Duration::from_secs(15 * 60);
        let expiry = |after: Duration| {
            let at = ManualClock::START.saturating_add(after);
            format!("visit {:?}", Some(at))
        };
        let mut visitor = server.browser().returning().await;
        assert_eq!(
            visitor.get("/glance").await.text(),
            expiry(2 * half_the_limit)
        );
        server.clock.advance(half_the_limit);
        assert_eq!(
            visitor.get("/glance").await.text(),
            expiry(2 * half_the_limit)
        );
        assert_eq!(visitor.get("/mine").await.text(), "mine");
        assert_eq!(
            visitor.get("/glance").await.text(),
            expiry(3 * half_the_limit)
        );
        // Looking on does not help: in the end the session expires.
        server.clock.advance(2 * half_the_limit);
        assert_eq!(visitor.get("/glance").await.text(), "no session");
        assert!(!visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_ignores_its_session_prolongs_it_only_where_that_is_asked_for() {
    for door in Door::BOTH {
        for (touch, is_prolonged) in [(Touch::OnUse, false), (Touch::EveryRequest, true)] {
            let store = door.store();
            let server = Server::configured(all_extractors(), |builder| {
                builder.store(store).touch(touch)
            })
            .await;
            let mut visitor = server.browser().returning().await;
            for _ in 0..3 {
                server.clock.advance(Duration::from_secs(20 * 60));
                let response = visitor.get("/plain").await;
                assert_eq!(response.text(), "plain");
                assert_eq!(response.head.all("vary"), [""; 0]);
            }
            assert_eq!(
                visitor.has_session().await,
                is_prolonged,
                "{door:?} {touch:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_extractors_of_one_request_see_one_session() {
    let both = async |first: Session, second: Session, third: Option<Session>| {
        first.set_attribute("first", "visit")?;
        let seen: Option<String> = second.get_attribute("first")?;
        assert!(
            third.is_none(),
            "there was no session when it was extracted"
        );
        Ok::<_, Rejection>(seen.unwrap_or_default())
    };
    let server = Server::start(Router::new().route("/both", post(both))).await;
    let mut visitor = server.browser();
    let response = visitor.post("/both").await;
    assert_eq!(response.text(), "visit");
    assert_eq!(session_cookies(&server, &response).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_a_layer_is_an_opaque_500() {
    let (address, accepting) = serve(all_extractors()).await;
    for target in WITH_SESSION {
        let request = crate::client::Request::get(target);
        let mut connection = crate::client::Connection::open(address).await;
        let response = connection.exchange(&request).await;
        assert_eq!(response.status(), 500, "{target}");
        assert_eq!(response.text(), "The session could not be used.");
        assert_eq!(response.head.all("cache-control"), ["no-store"]);
    }
    accepting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_down_its_sessions_are_a_503_and_all_else_answers() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, all_extractors()).await;
        let mut visitor = server.browser().returning().await;
        let before = visitor.token().to_owned();
        store.break_down();
        for target in WITH_SESSION {
            let response = visitor.get(target).await;
            assert_eq!(response.status(), 503, "{target}");
            assert_eq!(
                response.text(),
                "The session is not available at the moment."
            );
            assert_eq!(response.head.all("set-cookie"), [""; 0]);
        }
        assert_eq!(visitor.get("/plain").await.status(), 200);
        // Somebody without a cookie can be told that there is no session.
        assert_eq!(server.browser().get("/perhaps").await.text(), "none");
        store.repair();
        assert_eq!(visitor.token(), before);
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_session_is_none_and_one_of_a_newer_version_is_a_503() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, all_extractors()).await;
        let mut visitor = server.browser().returning().await;
        store.next(Verb::Load, Fault::Unreadable);
        assert_eq!(visitor.get("/perhaps").await.text(), "none");
        store.next(Verb::Load, Fault::Foreign);
        assert_eq!(visitor.get("/perhaps").await.text(), "none");
        store.next(Verb::Load, Fault::NewerFormat);
        assert_eq!(visitor.get("/perhaps").await.status(), 503);
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_sessions_are_switched_off_there_is_none_and_no_store_call() {
    let store = Door::Immediate.store();
    let switched = store.clone();
    let app = all_extractors().nest("/static", all_extractors());
    let server = Server::configured(app, |builder| {
        builder
            .store(switched)
            .skip_when(|facts| facts.path().starts_with("/static/"))
    })
    .await;
    let mut visitor = server.browser().returning().await;
    store.inner().take_calls();
    assert_eq!(visitor.get("/static/perhaps").await.text(), "none");
    assert_eq!(visitor.get("/static/glance").await.text(), "no session");
    assert_eq!(visitor.get("/static/cart").await.text(), "no cart");
    // To insist on a session there is a fault of the program.
    assert_eq!(visitor.get("/static/mine").await.status(), 500);
    assert_eq!(store.inner().take_calls(), []);
    assert_eq!(visitor.get("/perhaps").await.text(), "some");
}

enum Admin {}

#[tokio::test(flavor = "multi_thread")]
async fn two_kinds_of_session_live_side_by_side() {
    use session_core::SessionManager;
    use session_core::testkit::test_key;

    let admins: SessionManager<Admin> = SessionManager::builder()
        .marker::<Admin>()
        .secret_key(test_key())
        .cookie_name("__Host-admin")
        .build()
        .unwrap();
    let both = async |visitor: Session, admin: Session<Admin>| {
        visitor.set_attribute("first", "visit")?;
        admin.set_attribute("first", "inspection")?;
        Ok::<_, Rejection>(())
    };
    let seen = async |visitor: Option<Session>, admin: Option<Session<Admin>>| {
        let visit: Option<String> = match visitor {
            Some(session) => session.get_attribute("first")?,
            None => None,
        };
        let inspection: Option<String> = match admin {
            Some(session) => session.get_attribute("first")?,
            None => None,
        };
        Ok::<_, Rejection>(format!("{visit:?} {inspection:?}"))
    };
    let server = Server::layered(
        |builder| builder,
        |visitors| {
            notes()
                .route("/both", get(seen).post(both))
                .layer(SessionLayer::new(visitors))
                .layer(SessionLayer::new(admins))
        },
    )
    .await;
    let mut visitor = server.browser();
    let response = visitor.post("/both").await;
    let lines = response.head.all("set-cookie");
    assert_eq!(lines.len(), 2);
    let admin_line = lines
        .iter()
        .find(|line| line.starts_with("__Host-admin="))
        .unwrap();
    let admin_pair = admin_line.split(';').next().unwrap();

    let get_with = async |line: String| {
        let request = crate::client::Request::get("/both").cookies(line);
        let mut connection = crate::client::Connection::open(server.address).await;
        connection.exchange(&request).await.text().to_owned()
    };
    let visitor_pair = visitor.cookie_line();
    let both_pairs = format!("{admin_pair}; {visitor_pair}");
    assert_eq!(
        get_with(both_pairs).await,
        r#"Some("visit") Some("inspection")"#
    );
    assert_eq!(
        get_with(admin_pair.to_owned()).await,
        r#"None Some("inspection")"#
    );
    assert_eq!(
        get_with(visitor_pair.clone()).await,
        r#"Some("visit") None"#
    );
    // A token of one is no token of the other, although the key is the same.
    let (admin_token, visitor_token) = (&admin_pair[13..], visitor.token());
    let swapped = format!("__Host-admin={visitor_token}; __Host-sid={admin_token}");
    assert_eq!(get_with(swapped).await, "None None");
    assert!(Browser::has_session(&mut visitor).await);
}
