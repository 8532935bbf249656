//! A site on a real socket, and browsers that visit it.

use std::net::SocketAddr;

use adapter_warp::{
    HttpService, Session, SessionRejection, optional_session, optional_session_of, session,
    session_of,
};
use session_core::testkit::{Faulty, ManualClock, Recording, test_key};
use session_core::{MemoryStore, SessionManager};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;
use warp::{Filter, Reply};

use crate::client::{self, Connection, Request, Streamed};
use crate::wait::in_time;

/// A store whose calls are counted and fail on cue.
pub(crate) type TestStore = Faulty<Recording<MemoryStore>>;

/// Routes of any shape.
pub(crate) type Routes = BoxedFilter<(Response,)>;

/// A new store in this process, and one whose every call is awaited, as over a network.
pub(crate) fn stores() -> [TestStore; 2] {
    let store = || Faulty::new(Recording::new(MemoryStore::new()));
    [store(), store().without_immediate_door()]
}

/// A manager whose clock stands still.
pub(crate) fn sessions(store: &TestStore) -> SessionManager {
    SessionManager::builder()
        .secret_key(test_key())
        .store(store.clone())
        .clock(ManualClock::new())
        .build()
        .expect("the configuration builds")
}

/// A server that stops when it is told to, or when this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Server {
    /// Serves `routes` and the notes.
    pub(crate) async fn start(store: &TestStore, routes: Routes) -> Self {
        Self::with_sessions(sessions(store), routes).await
    }

    pub(crate) async fn with_sessions(sessions: SessionManager, routes: Routes) -> Self {
        Self::run(adapter_warp::serve(routes.or(notes()).unify(), sessions)).await
    }

    /// Runs a server of the test's own.
    pub(crate) async fn run(server: adapter_warp::Server<impl HttpService>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let (stop, stopped) = oneshot::channel();
        let running = server
            .incoming(listener)
            // Whatever still runs is cut at once.
            .grace(std::time::Duration::ZERO)
            .graceful(async {
                // Fails when the test has ended.
                let _ = stopped.await;
            })
            .run();
        Self {
            address,
            stop,
            running: tokio::spawn(running),
        }
    }

    /// Somebody new, without a cookie.
    pub(crate) fn browser(&self) -> Browser {
        Browser {
            address: self.address,
            cookie: None,
        }
    }

    /// Stops the server, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("the server runs");
        let stopped = in_time("the server stops", self.running).await;
        stopped.expect("the server does not panic");
    }
}

/// No routes but the notes.
pub(crate) fn nothing() -> Routes {
    warp::any()
        .and_then(async || Err::<Response, _>(warp::reject()))
        .boxed()
}

/// What every site here can do: keep notes in the session, log in and out.
pub(crate) fn notes() -> Routes {
    notes_of(&warp::any().boxed(), session(), optional_session())
}

/// The same below `/staff`, in the sessions of another manager.
pub(crate) fn staff_notes<S: 'static>() -> Routes {
    let below = warp::path("staff").boxed();
    notes_of(&below, session_of::<S>(), optional_session_of::<S>())
}

fn notes_of<S: 'static>(
    below: &BoxedFilter<()>,
    session: impl Filter<Extract = (Session<S>,), Error = warp::Rejection>
    + Copy
    + Send
    + Sync
    + 'static,
    optional: impl Filter<Extract = (Option<Session<S>>,), Error = warp::Rejection>
    + Copy
    + Send
    + Sync
    + 'static,
) -> Routes {
    let read = below
        .clone()
        .and(warp::path!("notes" / String))
        .and(warp::get())
        .and(optional)
        .then(read_note);
    let write = below
        .clone()
        .and(warp::path!("notes" / String))
        .and(warp::put())
        .and(session)
        .and(warp::body::bytes())
        .then(
            async |name: String, session: Session<S>, note: bytes::Bytes| {
                session.set_attribute(&name, &String::from_utf8_lossy(&note))?;
                Ok::<_, SessionRejection>(StatusCode::NO_CONTENT)
            },
        );
    let log_in = below
        .clone()
        .and(warp::path!("login" / String))
        .and(warp::post())
        .and(session)
        .then(async |name: String, session: Session<S>| {
            session.login(name)?;
            Ok::<_, SessionRejection>(StatusCode::NO_CONTENT)
        });
    let log_out = below
        .clone()
        .and(warp::path!("logout"))
        .and(warp::post())
        .and(optional)
        .then(async |session: Option<Session<S>>| {
            if let Some(session) = session {
                session.logout()?;
            }
            Ok::<_, SessionRejection>(StatusCode::NO_CONTENT)
        });
    let routes = read.map(Reply::into_response);
    let routes = routes.or(write.map(Reply::into_response)).unify();
    let routes = routes.or(log_in.map(Reply::into_response)).unify();
    routes.or(log_out.map(Reply::into_response)).unify().boxed()
}

async fn read_note<S: 'static>(
    name: String,
    session: Option<Session<S>>,
) -> Result<Response, SessionRejection> {
    let note: Option<String> = match session {
        Some(session) => session.get_attribute(&name)?,
        None => None,
    };
    Ok(note.map_or(StatusCode::NOT_FOUND.into_response(), Reply::into_response))
}

/// A visitor with a cookie jar. A clone is another tab; each request has its own connection.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    /// The pair `name=token`, which is what a request sends.
    pub(crate) cookie: Option<String>,
}

impl Browser {
    fn prepare(&self, request: Request) -> Request {
        match &self.cookie {
            Some(cookie) => request.cookies(cookie),
            None => request,
        }
    }

    pub(crate) async fn send(&mut self, request: Request) -> client::Response {
        let request = self.prepare(request);
        let mut connection = Connection::open(self.address).await;
        let response = connection.exchange(&request).await;
        self.keep(&response.head.all("set-cookie"));
        response
    }

    pub(crate) async fn get(&mut self, target: &str) -> client::Response {
        self.send(Request::get(target)).await
    }

    pub(crate) async fn post(&mut self, target: &str) -> client::Response {
        self.send(Request::post(target)).await
    }

    /// Reads the head of the response, and leaves the body to the test.
    pub(crate) async fn open(&mut self, target: &str) -> Streamed {
        let streamed = Streamed::open(self.address, &self.prepare(Request::get(target))).await;
        self.keep(&streamed.head.all("set-cookie"));
        streamed
    }

    pub(crate) async fn write(&mut self, name: &str, note: &str) -> client::Response {
        let request = Request::new("PUT", format!("/notes/{name}")).body(note);
        let response = self.send(request).await;
        assert_eq!(response.status(), 204);
        response
    }

    /// A visitor who has a session with one note in it.
    pub(crate) async fn returning(mut self) -> Self {
        self.write("first", "visit").await;
        self
    }

    /// The note in the stored session; `None` when there is no such note, or no session.
    pub(crate) async fn note(&mut self, name: &str) -> Option<String> {
        let response = self.get(&format!("/notes/{name}")).await;
        match response.status() {
            200 => Some(response.text().to_owned()),
            404 => None,
            status => panic!("a note cannot be read: {status}"),
        }
    }

    /// Does with `Set-Cookie` lines what a browser does.
    fn keep(&mut self, lines: &[&str]) {
        for line in lines {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            self.cookie = (!attributes.contains("Max-Age=0")).then(|| pair.to_owned());
        }
    }
}
