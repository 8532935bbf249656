//! The middleware among others, and more than one of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::middleware::{Condition, DefaultHeaders, Next, NormalizePath, from_fn};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, web};
use adapter_actix::{ExistingSession, Rejection, Session, SessionMiddleware};
use session_core::SessionManager;
use session_core::testkit::test_key;

use crate::client::{Connection, Request};
use crate::play::{Play, Step, play};
use crate::server::{Door, Server, notes, session_cookies};
use crate::wait::eventually;

const fn is_cloneable_and_sendable<T: Clone + Send + Sync + 'static>(_: &T) {}

#[tokio::test]
async fn the_middleware_can_be_cloned_and_sent() {
    let sessions = SessionManager::builder()
        .secret_key(test_key())
        .build()
        .unwrap();
    is_cloneable_and_sendable(&SessionMiddleware::new(sessions));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_middlewares_may_be_around_it_and_inside_of_it() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::wrapped(
            |builder| builder.store(store),
            |sessions| {
                let middleware = SessionMiddleware::new(sessions);
                move || {
                    let mark = async |request: ServiceRequest, next: Next<_>| {
                        let mut response = next.call(request).await?;
                        let count = response.headers().get_all("set-cookie").count();
                        let seen = count.to_string().parse().unwrap();
                        response
                            .headers_mut()
                            .insert("x-cookies-seen".parse().unwrap(), seen);
                        Ok(response)
                    };
                    App::new()
                        .configure(notes)
                        .wrap(DefaultHeaders::new().add(("x-inside", "1")))
                        .wrap(NormalizePath::trim())
                        .wrap(Condition::new(true, middleware.clone()))
                        .wrap(DefaultHeaders::new().add(("x-outside", "1")))
                        .wrap(from_fn(mark))
                }
            },
        )
        .await;
        let mut visitor = server.browser();
        let write = Request::new("PUT", "/notes/first/").body("visit");
        let response = visitor.send(write).await;
        assert_eq!(response.status(), 204);
        for name in ["x-inside", "x-outside", "x-cookies-seen"] {
            assert_eq!(response.head.all(name), ["1"], "{name}");
        }
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_middleware_inside_of_it_uses_the_same_session() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::wrapped(
            |builder| builder.store(store),
            |sessions| {
                let middleware = SessionMiddleware::new(sessions);
                move || {
                    let count = async |session: Session, request: ServiceRequest, next: Next<_>| {
                        session
                            .update_attribute("visits", |visits: &mut u64| *visits += 1)
                            .map_err(Rejection::from)?;
                        let response = next.call(request).await?;
                        session
                            .set_attribute("answered", response.status().as_str())
                            .map_err(Rejection::from)?;
                        Ok(response)
                    };
                    let show = async |session: Session| {
                        let visits: Option<u64> = session.get_attribute("visits")?;
                        Ok::<_, Rejection>(format!("{visits:?}"))
                    };
                    let counted = web::resource("/counted").wrap(from_fn(count)).get(show);
                    App::new()
                        .service(counted)
                        .configure(notes)
                        .wrap(middleware.clone())
                }
            },
        )
        .await;
        let mut visitor = server.browser();
        assert_eq!(visitor.get("/counted").await.text(), "Some(1)");
        assert_eq!(visitor.get("/counted").await.text(), "Some(2)");
        assert_eq!(visitor.note("answered").await.as_deref(), Some("200"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_with_the_same_middleware_once_more_sends_one_cookie() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::wrapped(
            |builder| builder.store(store),
            |sessions| {
                let middleware = SessionMiddleware::new(sessions);
                move || {
                    let inner = web::scope("/inner").wrap(middleware.clone());
                    App::new()
                        .service(inner.configure(notes))
                        .configure(notes)
                        .wrap(middleware.clone())
                }
            },
        )
        .await;
        let mut visitor = server.browser();
        let write = Request::new("PUT", "/inner/notes/first").body("visit");
        let response = visitor.send(write).await;
        assert_eq!(session_cookies(&server, &response).len(), 1);
        assert_eq!(visitor.note("first").await.as_deref(), Some("visit"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_on_one_connection_keep_their_sessions_apart() {
    let server = Server::start(|_| {}).await;
    let (ada, eve) = (server.browser().returning().await, server.browser());
    let mut connection = Connection::open(server.address).await;
    for _ in 0..10 {
        let own = ada.prepare(Request::get("/notes/first"));
        assert_eq!(connection.exchange(&own).await.text(), "visit");
        let other = eve.prepare(Request::get("/notes/first"));
        assert_eq!(connection.exchange(&other).await.status(), 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_the_cookie_of_a_site_for_plain_http_is_secure_all_the_same() {
    for behind_https in [false, true] {
        let server = Server::wrapped(
            |builder| builder.secure(false),
            |sessions| {
                let middleware = SessionMiddleware::new(sessions).behind_https(behind_https);
                move || App::new().wrap(middleware.clone()).configure(notes)
            },
        )
        .await;
        let request = Request::new("PUT", "/notes/first")
            // No client can say this.
            .header("x-forwarded-proto", "https")
            .header("forwarded", "proto=https")
            .body("visit");
        let mut connection = Connection::open(server.address).await;
        let response = connection.exchange(&request).await;
        let [line] = session_cookies(&server, &response)[..] else {
            panic!("one cookie is set");
        };
        let is_secure = line.split("; ").any(|attribute| attribute == "Secure");
        assert_eq!(is_secure, behind_https, "{line}");
    }
}

enum Admin {}

#[tokio::test(flavor = "multi_thread")]
async fn two_kinds_of_session_live_side_by_side() {
    let admins: SessionManager<Admin> = SessionManager::builder()
        .marker::<Admin>()
        .secret_key(test_key())
        .cookie_name("__Host-admin")
        .build()
        .unwrap();
    let both = async |visitor: Session, admin: Session<Admin>| {
        visitor.set_attribute("first", "visit")?;
        admin.set_attribute("first", "inspection")?;
        Ok::<_, Rejection>(HttpResponse::Ok().finish())
    };
    let seen = async |visitor: ExistingSession, admin: ExistingSession<Admin>| {
        let visit: Option<String> = match visitor.into_inner() {
            Some(session) => session.get_attribute("first")?,
            None => None,
        };
        let inspection: Option<String> = match admin.into_inner() {
            Some(session) => session.get_attribute("first")?,
            None => None,
        };
        Ok::<_, Rejection>(format!("{visit:?} {inspection:?}"))
    };
    let server = Server::wrapped(
        |builder| builder,
        move |visitors| {
            let visitors = SessionMiddleware::new(visitors);
            let admins = SessionMiddleware::new(admins);
            move || {
                App::new()
                    .service(web::resource("/both").get(seen).post(both))
                    .wrap(visitors.clone())
                    .wrap(admins.clone())
            }
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
    let visitor_pair = visitor.cookie_line();

    for (line, answer) in [
        (
            format!("{admin_pair}; {visitor_pair}"),
            r#"Some("visit") Some("inspection")"#,
        ),
        (admin_pair.to_owned(), r#"None Some("inspection")"#),
        (visitor_pair, r#"Some("visit") None"#),
        // A token of one is no token of the other, although the key is the same.
        (
            format!(
                "__Host-admin={}; __Host-sid={}",
                visitor.token(),
                &admin_pair["__Host-admin=".len()..]
            ),
            "None None",
        ),
    ] {
        let mut connection = Connection::open(server.address).await;
        let request = Request::get("/both").cookies(line);
        assert_eq!(connection.exchange(&request).await.text(), answer);
    }
}

/// A site whose `/socket` writes before the upgrade, and goes on as the play says.
fn socket(play: Play) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |app| {
        let play = play.clone();
        let switch = move |session: Session| {
            let body = play.body(session.clone());
            async move {
                session.set_attribute("first", "visit")?;
                let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
                Ok::<_, Rejection>(response.upgrade("websocket").body(body))
            }
        };
        app.route("/socket", web::get().to(switch));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_gets_its_cookie_with_the_head_and_stores_what_it_wrote_when_it_ends() {
    for door in Door::BOTH {
        let (director, play) = play();
        let server = Server::with_store(&door.store(), socket(play)).await;
        let mut visitor = server.browser();
        let request = Request::get("/socket")
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        let mut socket = visitor.open(request).await;
        assert_eq!(socket.head.status, 101);
        director.step(Step::Say("hello"));
        assert_eq!(socket.next().await, "hello");
        assert!(visitor.has_session().await);
        director.step(Step::Set("heard", "x"));
        director.step(Step::Say("x"));
        assert_eq!(socket.next().await, "x");
        // A socket is no response body: nothing watches it.
        server.clock.advance(Duration::from_secs(1));
        director.step(Step::Say("bye"));
        assert_eq!(socket.next().await, "bye");
        assert_eq!(visitor.note("heard").await, None);
        drop(director);
        eventually("the write is stored", async || {
            visitor.note("heard").await.is_some()
        })
        .await;
    }
}

#[actix_web::test]
async fn a_body_is_watched_only_while_somebody_holds_the_session() {
    let sessions: SessionManager = SessionManager::builder()
        .secret_key(test_key())
        .build()
        .unwrap();
    let held = Arc::new(Mutex::new(None));
    let holder = held.clone();
    let hold = move |session: Session| {
        *holder.lock().unwrap() = Some(session);
        async { "a page" }
    };
    let app = App::new()
        .wrap(SessionMiddleware::new(sessions))
        .route("/read", web::get().to(async |_: Session| "a page"))
        .route("/plain", web::get().to(async || "a page"))
        .route("/hold", web::get().to(hold));
    let app = init_service(app).await;
    for (target, is_watched) in [("/read", false), ("/plain", false), ("/hold", true)] {
        let request = TestRequest::get().uri(target).to_request();
        let body = call_service(&app, request).await.into_body();
        assert_eq!(body.size(), BodySize::Sized(6));
        assert_eq!(body.try_into_bytes().is_err(), is_watched, "{target}");
    }
}
