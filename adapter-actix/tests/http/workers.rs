//! Several workers share one manager, and what they leave behind outlives them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use actix_web::rt::System;
use actix_web::{App, HttpResponse, web};
use adapter_actix::{Rejection, Session, SessionMiddleware};
use session_core::SessionManager;
use session_core::testkit::{Fault, Verb, test_key};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::Request;
use crate::play::{Step, play, theatre};
use crate::server::{Door, Server, TestStore, WORKERS, notes};
use crate::wait::{eventually, in_time};

const PARALLEL: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn of_64_requests_in_several_workers_that_loaded_the_same_session_no_change_is_lost() {
    for door in Door::BOTH {
        let all_loaded = Arc::new(Barrier::new(PARALLEL));
        let threads = Arc::new(Mutex::new(HashSet::<ThreadId>::new()));
        let seen = threads.clone();
        let app = move |app: &mut web::ServiceConfig| {
            let (all_loaded, threads) = (all_loaded.clone(), seen.clone());
            let sign = move |guest: web::Path<String>, session: Session| {
                let (all_loaded, threads) = (all_loaded.clone(), threads.clone());
                async move {
                    all_loaded.wait().await;
                    threads.lock().unwrap().insert(std::thread::current().id());
                    session.set_attribute(&format!("guest {guest}"), &*guest)?;
                    session.update_attribute("count", |count: &mut usize| *count += 1)?;
                    Ok::<_, Rejection>(HttpResponse::Ok().finish())
                }
            };
            let read = |session: Session| async move {
                let names = session.attribute_names()?;
                let guests = names.iter().filter(|name| name.starts_with("guest "));
                let count: Option<usize> = session.get_attribute("count")?;
                Ok::<_, Rejection>(format!("{} keys, counted {count:?}", guests.count()))
            };
            app.route("/guests/{guest}", web::post().to(sign))
                .route("/guests", web::get().to(read));
        };
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let mut tabs = JoinSet::new();
        for guest in 0..PARALLEL {
            let mut tab = visitor.clone();
            tabs.spawn(async move { tab.post(&format!("/guests/{guest}")).await.status() });
        }
        assert_eq!(tabs.join_all().await, [200; PARALLEL]);
        let book = visitor.get("/guests").await;
        assert_eq!(book.text(), "64 keys, counted Some(64)", "{door:?}");
        assert_eq!(threads.lock().unwrap().len(), WORKERS);
    }
}

/// Stops the server while a body streams that has written to its session, and gives the commit
/// to the store only when the workers are gone.
async fn commit_after_the_workers_are_gone(is_made_in_the_workers: bool) {
    let store = Door::Awaited.store();
    let (director, play) = play();
    let app_store = store.clone();
    let server = Server::wrapped(
        |builder| builder.store(app_store),
        |sessions| {
            let shared =
                (!is_made_in_the_workers).then(|| SessionMiddleware::new(sessions.clone()));
            move || {
                let made_here = || SessionMiddleware::new(sessions.clone());
                App::new()
                    .wrap(shared.clone().unwrap_or_else(made_here))
                    .configure(theatre(play.clone()))
                    .configure(notes)
            }
        },
    )
    .await;
    let mut visitor = server.browser().returning().await;
    let mut body = visitor.open(Request::get("/body")).await;
    director.step(Step::Set("reply", "half of it"));
    director.step(Step::Say("half of it"));
    assert_eq!(body.next().await, "half of it");

    store.next(Verb::Apply, Fault::HoldRequest);
    body.reset();
    eventually("the commit reaches the store", async || store.held() == 1).await;
    in_time("the server stops", server.handle.stop(true)).await;
    store.release();
    in_time("the commits end", server.sessions.drain()).await;
    assert_eq!(store.inner().count(Verb::Apply), 1);
}

#[test]
fn what_is_on_its_way_when_the_workers_end_is_stored_in_an_actix_system() {
    for is_made_in_the_workers in [false, true] {
        System::new().block_on(commit_after_the_workers_are_gone(is_made_in_the_workers));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_when_the_workers_end_is_stored_in_a_tokio_runtime() {
    commit_after_the_workers_are_gone(false).await;
}

fn remote_sessions(store: &TestStore) -> SessionManager {
    SessionManager::builder()
        .secret_key(test_key())
        .store(store.clone())
        .build()
        .unwrap()
}

/// Serves with `middleware` and gives a commit to the runtime that it found.
async fn commit_beside_a_request(middleware: SessionMiddleware, store: &TestStore) {
    let (director, play) = play();
    let server = Server::wrapped(
        |builder| builder,
        move |_| {
            move || {
                App::new()
                    .wrap(middleware.clone())
                    .configure(theatre(play.clone()))
                    .configure(notes)
            }
        },
    )
    .await;
    let mut visitor = server.browser().returning().await;
    let mut body = visitor.open(Request::get("/body")).await;
    director.step(Step::Set("reply", "half of it"));
    director.step(Step::Say("half of it"));
    assert_eq!(body.next().await, "half of it");
    body.reset();
    eventually("the write is kept", async || {
        visitor.note("reply").await.is_some()
    })
    .await;
    assert_eq!(store.inner().count(Verb::Apply), 1);
}

#[test]
fn a_middleware_can_be_made_before_there_is_a_runtime() {
    let store = Door::Awaited.store();
    let sessions = remote_sessions(&store);
    let middleware = SessionMiddleware::new(sessions.clone());
    assert!(!sessions.has_runtime());
    System::new().block_on(commit_beside_a_request(middleware, &store));
    assert!(sessions.has_runtime());
}

#[test]
fn a_manager_outlives_the_system_that_it_was_used_in_first() {
    let store = Door::Awaited.store();
    let sessions = remote_sessions(&store);
    let middleware = System::new().block_on(async { SessionMiddleware::new(sessions.clone()) });
    assert!(sessions.has_runtime());
    System::new().block_on(commit_beside_a_request(middleware, &store));
}
