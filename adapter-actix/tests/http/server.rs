//! A site on a real socket, and browsers that visit it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use actix_web::body::MessageBody;
use actix_web::dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error, HttpResponse, HttpServer};
use adapter_actix::{ExistingSession, Rejection, Session, SessionMiddleware};
use session_core::testkit::{Faulty, ManualClock, Recording, test_key};
use session_core::{MemoryStore, SessionEvent, SessionManager, SessionManagerBuilder};

use crate::client::{Connection, Request, Response, Streamed};

/// Several, so that the requests of one visitor are answered in different threads.
pub(crate) const WORKERS: usize = 3;

/// A store whose calls are counted and fail on cue.
pub(crate) type TestStore = Faulty<Recording<MemoryStore>>;

/// How the engine reaches its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// In this process, at once.
    Immediate,
    /// As over a network: every call is awaited.
    Awaited,
}

impl Door {
    pub(crate) const BOTH: [Self; 2] = [Self::Immediate, Self::Awaited];

    /// A new store behind this door.
    pub(crate) fn store(self) -> TestStore {
        let store = Faulty::new(Recording::new(MemoryStore::new()));
        match self {
            Self::Immediate => store,
            Self::Awaited => store.without_immediate_door(),
        }
    }
}

/// A server that runs until this is dropped, with a clock that stands still.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) sessions: SessionManager,
    pub(crate) clock: ManualClock,
    pub(crate) handle: ServerHandle,
    events: Arc<Mutex<Vec<SessionEvent>>>,
}

impl Server {
    /// Serves `app` and the notes, with a memory store.
    pub(crate) async fn start(app: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        Self::configured(app, |builder| builder).await
    }

    /// As [`start`](Self::start), with this store.
    pub(crate) async fn with_store(
        store: &TestStore,
        app: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        let store = store.clone();
        Self::configured(app, |builder| builder.store(store)).await
    }

    /// As [`start`](Self::start), with a configuration of the test's own.
    pub(crate) async fn configured(
        app: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
        configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
    ) -> Self {
        Self::wrapped(configure, |sessions| {
            let middleware = SessionMiddleware::new(sessions);
            move || {
                App::new()
                    .wrap(middleware.clone())
                    .configure(&app)
                    .configure(notes)
            }
        })
        .await
    }

    /// Serves what `app` makes of the manager; the middleware is the test's own business.
    pub(crate) async fn wrapped<F, T, B>(
        configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
        app: impl FnOnce(SessionManager) -> F,
    ) -> Self
    where
        F: Fn() -> App<T> + Clone + Send + 'static,
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        let clock = ManualClock::new();
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = events.clone();
        let builder = SessionManager::builder()
            .secret_key(test_key())
            .clock(clock.clone())
            .on_event(move |event| seen.lock().unwrap().push(event));
        let sessions = configure(builder)
            .build()
            .expect("the configuration builds");
        let server = HttpServer::new(app(sessions.clone()))
            .workers(WORKERS)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .expect("a port is free");
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            address,
            sessions,
            clock,
            handle,
            events,
        }
    }

    /// Somebody new, without a cookie.
    pub(crate) fn browser(&self) -> Browser {
        Browser {
            address: self.address,
            cookie_name: self.sessions.cookie_name().to_owned(),
            cookie: None,
        }
    }

    /// What the engine has told so far.
    pub(crate) fn events(&self) -> Vec<SessionEvent> {
        self.events.lock().unwrap().clone()
    }

    /// True when the engine has told this.
    pub(crate) fn told(&self, event: SessionEvent) -> bool {
        self.events().contains(&event)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent at once; nobody waits until it is obeyed.
        drop(self.handle.stop(false));
    }
}

/// A site with nothing but its notes.
pub(crate) fn nothing_else(_: &mut ServiceConfig) {}

/// What every site here can do: keep notes in the session, log in and out.
pub(crate) fn notes(app: &mut ServiceConfig) {
    app.service(
        web::resource("/notes/{name}")
            .get(read_note)
            .put(write_note),
    )
    .route("/login/{name}", web::post().to(log_in))
    .route("/logout", web::post().to(log_out));
}

async fn read_note(
    name: web::Path<String>,
    ExistingSession(session): ExistingSession,
) -> Result<HttpResponse, Rejection> {
    let note: Option<String> = match session {
        Some(session) => session.get_attribute(&name)?,
        None => None,
    };
    Ok(match note {
        Some(note) => HttpResponse::Ok().body(note),
        None => HttpResponse::NotFound().finish(),
    })
}

async fn write_note(
    name: web::Path<String>,
    session: Session,
    note: String,
) -> Result<HttpResponse, Rejection> {
    session.set_attribute(&name, &note)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn log_in(name: web::Path<String>, session: Session) -> Result<HttpResponse, Rejection> {
    session.login(name.into_inner())?;
    Ok(HttpResponse::NoContent().finish())
}

async fn log_out(ExistingSession(session): ExistingSession) -> Result<HttpResponse, Rejection> {
    if let Some(session) = session {
        session.logout()?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// A visitor with a cookie jar. A clone is another tab; each request has its own connection.
#[derive(Clone)]
pub(crate) struct Browser {
    address: SocketAddr,
    cookie_name: String,
    cookie: Option<String>,
}

impl Browser {
    /// The token in the jar.
    pub(crate) fn token(&self) -> &str {
        self.cookie
            .as_deref()
            .expect("the visitor has a session cookie")
    }

    pub(crate) fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }

    /// The line `name=token`, for requests made by hand.
    pub(crate) fn cookie_line(&self) -> String {
        format!("{}={}", self.cookie_name, self.token())
    }

    /// `request` with the cookie.
    pub(crate) fn prepare(&self, request: Request) -> Request {
        match self.cookie {
            Some(_) => request.cookies(self.cookie_line()),
            None => request,
        }
    }

    pub(crate) async fn send(&mut self, request: Request) -> Response {
        let request = self.prepare(request);
        let response = Connection::open(self.address)
            .await
            .exchange(&request)
            .await;
        self.keep(&response);
        response
    }

    pub(crate) async fn get(&mut self, target: &str) -> Response {
        self.send(Request::get(target)).await
    }

    pub(crate) async fn post(&mut self, target: &str) -> Response {
        self.send(Request::post(target)).await
    }

    /// Reads the head of the response, and leaves the body to the test.
    pub(crate) async fn open(&mut self, request: Request) -> Streamed {
        let streamed = Streamed::open(self.address, &self.prepare(request)).await;
        self.keep_lines(&streamed.head.all("set-cookie"));
        streamed
    }

    /// Sends a request and does not wait for anything.
    pub(crate) async fn call(&self, request: Request) -> Connection {
        let mut connection = Connection::open(self.address).await;
        connection.send(&self.prepare(request)).await;
        connection
    }

    pub(crate) async fn write(&mut self, name: &str, note: &str) {
        let request = Request::new("PUT", format!("/notes/{name}")).body(note);
        assert_eq!(self.send(request).await.status(), 204);
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

    /// True when the cookie still names a session, of a visitor made by
    /// [`returning`](Self::returning).
    pub(crate) async fn has_session(&mut self) -> bool {
        self.note("first").await.is_some()
    }

    fn keep(&mut self, response: &Response) {
        self.keep_lines(&response.head.all("set-cookie"));
    }

    /// Does with `Set-Cookie` lines what a browser does.
    fn keep_lines(&mut self, lines: &[&str]) {
        for line in lines {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            if name == self.cookie_name {
                let has_ended = attributes.contains("Max-Age=0");
                self.cookie = (!has_ended).then(|| value.to_owned());
            }
        }
    }
}

/// The lines of a response that set or delete a session cookie.
pub(crate) fn session_cookies<'a>(server: &Server, response: &'a Response) -> Vec<&'a str> {
    let name = format!("{}=", server.sessions.cookie_name());
    let lines = response.head.all("set-cookie").into_iter();
    lines.filter(|line| line.starts_with(&name)).collect()
}
