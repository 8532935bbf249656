//! What a visitor does with a session.

use std::sync::Arc;

use adapter_warp::{
    Session, SessionLayer, SessionRejection, attribute, peek, remote, serve_service, session,
};
use serde::{Deserialize, Serialize};
use session_core::testkit::{ManualClock, test_key};
use session_core::{SessionAttribute, SessionManager, SessionView};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tower_layer::Layer;
use warp::{Filter, Reply};

use crate::client::Request;
use crate::server::{Server, notes, nothing, sessions, staff_notes, stores};

const PARALLEL: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_set_once() {
    for store in stores() {
        let server = Server::start(&store, nothing()).await;
        let mut visitor = server.browser();
        let first = visitor.write("a", "1").await;
        let [line] = first.head.all("set-cookie")[..] else {
            panic!("one cookie is set");
        };
        let (pair, attributes) = line.split_once("; ").expect("a cookie has attributes");
        assert!(pair.starts_with("__Host-sid="));
        let mut attributes: Vec<_> = attributes.split("; ").collect();
        attributes.sort_unstable();
        assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
        let second = visitor.write("b", "2").await;
        assert_eq!(second.head.all("set-cookie"), [""; 0]);
        assert_eq!(visitor.note("a").await.as_deref(), Some("1"));
        assert_eq!(visitor.note("b").await.as_deref(), Some("2"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_use_its_session_gets_no_header_and_asks_no_store() {
    let plain = warp::path("plain").map(|| "plain".into_response()).boxed();
    for store in stores() {
        let server = Server::start(&store, plain.clone()).await;
        let mut visitor = server.browser().returning().await;
        store.inner().take_calls();
        let response = visitor.get("/plain").await;
        assert_eq!((response.status(), response.text()), (200, "plain"));
        for name in ["set-cookie", "vary", "cache-control"] {
            assert_eq!(response.head.all(name), [""; 0], "{name}");
        }
        assert_eq!(store.inner().take_calls(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_made_only_when_something_is_written_to_it() {
    let mine = warp::path("mine")
        .and(session())
        .map(|_| "mine".into_response());
    for store in stores() {
        let server = Server::start(&store, mine.boxed()).await;
        let mut visitor = server.browser();
        assert_eq!(visitor.get("/mine").await.text(), "mine");
        assert_eq!(visitor.note("first").await, None);
        assert_eq!(visitor.cookie, None);
        assert_eq!(store.inner().take_calls(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_changes_the_id_and_keeps_the_notes() {
    for store in stores() {
        let server = Server::start(&store, nothing()).await;
        let mut visitor = server.browser().returning().await;
        let mut thief = visitor.clone();
        assert_eq!(visitor.post("/login/ada").await.status(), 204);
        assert_ne!(visitor.cookie, thief.cookie);
        assert_eq!(visitor.note("first").await.as_deref(), Some("visit"));
        assert_eq!(thief.note("first").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_the_session_and_deletes_the_cookie() {
    for store in stores() {
        let server = Server::start(&store, nothing()).await;
        let mut visitor = server.browser().returning().await;
        let mut other_tab = visitor.clone();
        visitor.post("/logout").await;
        assert_eq!(visitor.cookie, None);
        assert_eq!(other_tab.note("first").await, None);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Cart {
    books: u32,
}

impl SessionAttribute for Cart {
    const NAME: &'static str = "cart";
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_attribute_and_a_look_have_filters_of_their_own() {
    let put =
        warp::path!("cart")
            .and(warp::post())
            .and(session())
            .then(async |session: Session| {
                session.update(|cart: &mut Cart| cart.books += 1)?;
                Ok::<_, SessionRejection>("put")
            });
    let show = warp::path!("cart").and(attribute::<Cart>());
    let show = show.map(|cart: Option<Cart>| cart.map_or(0, |cart| cart.books).to_string());
    let look = warp::path!("look")
        .and(peek())
        .map(|view: Option<SessionView>| {
            let names = view.map(|view| view.attribute_names().count());
            format!("{names:?}")
        });
    let routes = put.map(Reply::into_response);
    let routes = routes.or(show.map(Reply::into_response)).unify();
    let routes = routes.or(look.map(Reply::into_response)).unify().boxed();
    for store in stores() {
        let server = Server::start(&store, routes.clone()).await;
        let mut visitor = server.browser();
        assert_eq!(visitor.get("/cart").await.text(), "0");
        assert_eq!(visitor.get("/look").await.text(), "None");
        visitor.post("/cart").await;
        visitor.post("/cart").await;
        assert_eq!(visitor.get("/cart").await.text(), "2");
        assert_eq!(visitor.get("/look").await.text(), "Some(1)");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_parallel_increments_none_is_lost() {
    for store in stores() {
        let all_loaded = Arc::new(Barrier::new(PARALLEL));
        let count = warp::path("count")
            .and(session())
            .then(move |session: Session| {
                let all_loaded = all_loaded.clone();
                async move {
                    all_loaded.wait().await;
                    session.update_attribute("count", |count: &mut usize| *count += 1)?;
                    Ok::<_, SessionRejection>("counted")
                }
            });
        let total = warp::path("total")
            .and(session())
            .then(async |session: Session| {
                let total: Option<usize> = session.get_attribute("count")?;
                Ok::<_, SessionRejection>(format!("{total:?}"))
            });
        let routes = count.map(Reply::into_response);
        let routes = routes.or(total.map(Reply::into_response)).unify();
        let server = Server::start(&store, routes.boxed()).await;
        let mut visitor = server.browser().returning().await;
        let mut tabs = JoinSet::new();
        for _ in 0..PARALLEL {
            let mut tab = visitor.clone();
            tabs.spawn(async move { tab.get("/count").await.status() });
        }
        assert_eq!(tabs.join_all().await, [200; PARALLEL]);
        assert_eq!(visitor.get("/total").await.text(), "Some(64)");
    }
}

/// The manager of a second kind of session.
enum Staff {}

#[tokio::test(flavor = "multi_thread")]
async fn two_managers_side_by_side_do_not_mix_their_sessions() {
    let [visitors, staff] = stores();
    let staff: SessionManager<Staff> = SessionManager::builder()
        .secret_key(test_key())
        .store(staff)
        .clock(ManualClock::new())
        .cookie_name("__Host-staff")
        .marker()
        .build()
        .expect("the configuration builds");
    let routes = notes().or(staff_notes::<Staff>()).unify();
    let inner = SessionLayer::new(sessions(&visitors)).layer(warp::service(routes));
    let service = SessionLayer::new(staff).layer(inner);
    let server = Server::run(serve_service(service)).await;

    let mut ada = server.browser();
    ada.write("name", "visitor").await;
    let mut at_work = server.browser();
    let request = Request::new("PUT", "/staff/notes/name").body("staff");
    let response = at_work.send(request).await;
    assert!(response.head.all("set-cookie")[0].starts_with("__Host-staff="));
    // Neither cookie opens a session of the other manager.
    let both = [ada.cookie, at_work.cookie].map(|cookie| cookie.expect("each has a session"));
    for (target, cookies, note) in [
        ("/notes/name", both.join("; "), Some("visitor")),
        ("/staff/notes/name", both.join("; "), Some("staff")),
        ("/notes/name", both[1].clone(), None),
        ("/staff/notes/name", both[0].clone(), None),
    ] {
        let mut visitor = server.browser();
        visitor.cookie = Some(cookies);
        let response = visitor.get(target).await;
        let found = (response.status() == 200).then(|| response.text());
        assert_eq!(found, note, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_client_is_known() {
    let [store, _] = stores();
    let routes = warp::path("whence").and(remote());
    let routes = routes.map(|address: Option<std::net::SocketAddr>| {
        address
            .map_or("nowhere".into(), |address| address.ip().to_string())
            .into_response()
    });
    let server = Server::start(&store, routes.boxed()).await;
    assert_eq!(server.browser().get("/whence").await.text(), "127.0.0.1");
}
