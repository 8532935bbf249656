//! What a request costs, counted: allocations over the same request through a router without
//! sessions, and the calls that the store gets.

use adapter_axum::{Rejection, Session, SessionLayer};
use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use axum::routing::get;
use http_body_util::BodyExt;
use session_core::store::SessionStore;
use session_core::testkit::{Recording, Verb, test_key};
use session_core::{MemoryStore, SessionManager};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

#[test]
fn an_untouched_request_makes_at_most_5_allocations() {
    assert!(allocations_over_bare("/untouched", Client::Stranger) <= 5);
}

#[test]
fn an_untouched_request_makes_at_most_5_allocations_with_a_cookie_too() {
    assert!(allocations_over_bare("/untouched", Client::Regular) <= 5);
}

#[test]
fn a_request_that_reads_makes_at_most_5_allocations() {
    assert!(allocations_over_bare("/read", Client::Regular) <= 5);
}

#[test]
fn a_request_that_writes_makes_at_most_8_allocations() {
    assert!(allocations_over_bare("/count", Client::Regular) <= 8);
}

#[test]
fn an_untouched_request_makes_no_store_call() {
    assert_eq!(store_calls("/untouched", Client::Stranger), []);
    assert_eq!(store_calls("/untouched", Client::Regular), []);
}

#[test]
fn a_stranger_who_reads_makes_no_store_call() {
    assert_eq!(store_calls("/read", Client::Stranger), []);
}

#[test]
fn a_request_that_reads_makes_one_store_call() {
    assert_eq!(store_calls("/read", Client::Regular), [Verb::Load]);
}

#[test]
fn a_request_that_writes_makes_two_store_calls_and_a_step_of_sweeping() {
    assert_eq!(
        store_calls("/count", Client::Regular),
        [Verb::Load, Verb::Apply, Verb::Sweep]
    );
}

#[test]
fn a_new_session_makes_one_store_call_and_a_step_of_sweeping() {
    assert_eq!(
        store_calls("/count", Client::Stranger),
        [Verb::Create, Verb::Sweep]
    );
}

/// The bytes that are asked for. What an allocator adds, some ten for each allocation, belongs
/// to the allocator; the benchmark measures both together.
#[test]
fn a_session_with_a_value_of_100_bytes_takes_at_most_350() {
    // As full as the store is with a million sessions, on less of it.
    const SHARDS: usize = 256;
    const SESSIONS: u32 = 1_000_000 / 32_768 * 256;
    let site = Site::with_sessions(MemoryStore::builder().shards(SHARDS).build());
    let counted = allocation_counter::measure(|| {
        for _ in 0..SESSIONS {
            site.send(site.request("/remember", Client::Stranger));
        }
    });
    let bytes = counted.bytes_current as f64 / f64::from(SESSIONS);
    println!(
        "{bytes:.1} bytes of a session, in allocations of {}",
        counted.count_current
    );
    assert!((230.0..=350.0).contains(&bytes), "{bytes}");
}

/// Who sends a request.
#[derive(Clone, Copy)]
enum Client {
    /// Without a cookie.
    Stranger,
    /// With the cookie of a live session.
    Regular,
}

/// A router, and the cookie of a session that it has stored.
struct Site {
    router: Router,
    runtime: Runtime,
    cookie: HeaderValue,
}

impl Site {
    fn bare() -> Self {
        let router = Router::new()
            .route("/untouched", get(|| async { "done" }))
            .route("/read", get(|| async { 1_u64.to_string() }))
            .route("/count", get(|| async { 1_u64.to_string() }));
        Self {
            router: router.with_state(()),
            runtime: runtime(),
            cookie: HeaderValue::from_static("visitor=1"),
        }
    }

    fn with_sessions(store: impl SessionStore + 'static) -> Self {
        let sessions: SessionManager = SessionManager::builder()
            .secret_key(test_key())
            .store(store)
            .build()
            .expect("the configuration is valid");
        let router = Router::new()
            .route("/untouched", get(|| async { "done" }))
            .route("/read", get(read))
            .route("/count", get(count))
            .route("/remember", get(remember))
            .layer(SessionLayer::new(sessions));
        let mut site = Self {
            router: router.with_state(()),
            runtime: runtime(),
            cookie: HeaderValue::from_static(""),
        };
        let response = site.send(Request::get("/count").body(Body::empty()).unwrap());
        let line = response.headers()[SET_COOKIE].to_str().unwrap();
        let pair = line.split(';').next().unwrap();
        site.cookie = HeaderValue::from_str(pair).unwrap();
        site
    }

    fn request(&self, path: &str, client: Client) -> Request<Body> {
        let request = Request::get(path);
        match client {
            Client::Stranger => request,
            Client::Regular => request.header(COOKIE, self.cookie.clone()),
        }
        .body(Body::empty())
        .unwrap()
    }

    /// Sends a request and takes in the answer to its end, as a server does.
    fn send(&self, request: Request<Body>) -> Response<()> {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), 200);
            let (head, mut body) = response.into_parts();
            while let Some(frame) = body.frame().await {
                frame.unwrap();
            }
            Response::from_parts(head, ())
        })
    }

    /// How many allocations a request costs: the median of many, because a table of the store
    /// or of the allocator grows now and then.
    fn allocations(&self, path: &str, client: Client) -> u64 {
        const REQUESTS: usize = 101;
        let mut counts: Vec<u64> = (0..REQUESTS)
            .map(|_| {
                let request = self.request(path, client);
                let counted = allocation_counter::measure(|| drop(self.send(request)));
                counted.count_total
            })
            .collect();
        counts.sort_unstable();
        counts[REQUESTS / 2]
    }
}

async fn read(session: Session) -> Result<String, Rejection> {
    let count: Option<u64> = session.get_attribute("count")?;
    Ok(count.unwrap_or_default().to_string())
}

async fn count(session: Session) -> Result<String, Rejection> {
    let count = session.update_attribute("count", |count: &mut u64| *count += 1)?;
    Ok(count.to_string())
}

async fn remember(session: Session) -> Result<(), Rejection> {
    Ok(session.set_attribute("text", &"a".repeat(100))?)
}

/// A runtime on the calling thread, where allocations are counted.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn allocations_over_bare(path: &str, client: Client) -> u64 {
    let bare = Site::bare().allocations(path, client);
    let ours = Site::with_sessions(MemoryStore::new()).allocations(path, client);
    assert!(bare > 0, "the counter is installed");
    let over = ours - bare;
    println!("{path}: {over} allocations over {bare}");
    over
}

/// The calls of one request, after the session of the client was made.
fn store_calls(path: &str, client: Client) -> Vec<Verb> {
    let store = Recording::new(MemoryStore::new());
    let site = Site::with_sessions(store.clone());
    store.take_calls();
    site.send(site.request(path, client));
    store.take_calls()
}
