//! Handlers that never answer: the client is gone, or they panic.

use actix_web::{HttpResponse, web};
use adapter_actix::{Rejection, Session};
use session_core::testkit::Verb;

use crate::client::Request;
use crate::gate::{Dropped, Gate};
use crate::server::{Door, Server, WORKERS};
use crate::wait::{eventually, in_time};

/// A site where `/wait` writes and then waits behind the gate.
fn waiting(
    gate: &Gate,
    dropped: &Dropped,
) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    let (gate, dropped) = (gate.clone(), dropped.clone());
    move |app| {
        let (gate, dropped) = (gate.clone(), dropped.clone());
        let wait = move |session: Session| {
            let (gate, dropped) = (gate.clone(), dropped.clone());
            async move {
                let _guard = dropped.guard();
                session.set_attribute("draft", "written")?;
                gate.pass().await;
                Ok::<_, Rejection>(HttpResponse::Ok().finish())
            }
        };
        app.route("/wait", web::post().to(wait));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_whose_client_crashed_commits_nothing() {
    for door in Door::BOTH {
        let (gate, dropped) = (Gate::new(), Dropped::default());
        let store = door.store();
        let server = Server::with_store(&store, waiting(&gate, &dropped)).await;
        let mut visitor = server.browser().returning().await;
        let connection = visitor.call(Request::post("/wait")).await;
        gate.arrived(1).await;
        connection.reset();
        eventually("the handler is dropped", async || dropped.happened()).await;
        in_time("the commits end", server.sessions.drain()).await;
        assert_eq!(store.inner().count(Verb::Apply), 0);
        assert_eq!(visitor.note("draft").await, None);
        // No lock stays behind: the session can be written at once.
        visitor.write("draft", "kept").await;
        assert_eq!(visitor.note("draft").await.as_deref(), Some("kept"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_whose_client_closed_the_connection_runs_on_and_commits() {
    for door in Door::BOTH {
        let (gate, dropped) = (Gate::new(), Dropped::default());
        let server = Server::with_store(&door.store(), waiting(&gate, &dropped)).await;
        let mut visitor = server.browser().returning().await;
        let connection = visitor.call(Request::post("/wait")).await;
        gate.arrived(1).await;
        drop(connection);
        gate.open(1);
        eventually("the write is stored", async || {
            visitor.note("draft").await.is_some()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_commits_nothing_and_every_worker_goes_on() {
    for door in Door::BOTH {
        let panicking = |session: Session| async move {
            session.set_attribute("draft", "lost")?;
            if true {
                // Without the message that the default hook prints.
                std::panic::resume_unwind(Box::new("a fault of the program"));
            }
            Ok::<_, Rejection>("never said")
        };
        let app = move |app: &mut web::ServiceConfig| {
            app.route("/panic", web::post().to(panicking));
        };
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        for _ in 0..2 * WORKERS {
            let mut connection = visitor.call(Request::post("/panic")).await;
            assert_eq!(connection.head().await, None, "there is no answer");
        }
        in_time("the commits end", server.sessions.drain()).await;
        for _ in 0..2 * WORKERS {
            assert_eq!(visitor.note("draft").await, None);
            assert!(visitor.has_session().await);
        }
    }
}
