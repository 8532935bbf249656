//! A chat on a port of its own, and visitors of it, each with a cookie.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat::accounts::{AccountStore, Accounts, Cost, MemoryAccounts};
use chat::app::{App, Chat, Limits};
use chat::cors::Cors;
use chat::prompt::Message;
use chat::responder::Responder;
use reqwest::{Client, Method, RequestBuilder, Response, header};
use serde_json::{Value, json};
use session_core::testkit::{ManualClock, note_tokens};
use session_core::{SecretKey, SessionManager, SystemEntropy};
use testbed::Place;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::store::open;
use super::{FRAMEWORK, STORE};

/// A running chat. It stops with the test that started it.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    /// The time by which logins are throttled. Sessions go by the clock on the wall.
    pub(crate) clock: ManualClock,
    sessions: Sessions,
    break_off: Option<oneshot::Sender<()>>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Site {
    /// A chat answered by the embedded responder without a pause.
    pub(crate) async fn start() -> Self {
        Self::slow(Duration::ZERO).await
    }

    /// A chat answered by the embedded responder with a pause before each token.
    pub(crate) async fn slow(pause: Duration) -> Self {
        Self::answered_by(Responder::embedded(pause)).await
    }

    pub(crate) async fn answered_by(responder: Responder) -> Self {
        Self::with(responder, Limits::default(), Cors::default()).await
    }

    pub(crate) async fn with(responder: Responder, limits: Limits, cors: Cors) -> Self {
        let sessions = Sessions::with_room_for(limits.session).await;
        Self::over(sessions, responder, limits, cors).await
    }

    /// A chat with the sessions of another.
    pub(crate) async fn over(
        sessions: impl Into<Sessions>,
        responder: Responder,
        limits: Limits,
        cors: Cors,
    ) -> Self {
        let kept = AccountStore::Memory(MemoryAccounts::default());
        Self::of(sessions, kept, responder, limits, cors).await
    }

    /// A chat with the sessions and the accounts of another.
    pub(crate) async fn of(
        sessions: impl Into<Sessions>,
        kept: AccountStore,
        responder: Responder,
        limits: Limits,
        cors: Cors,
    ) -> Self {
        let sessions = sessions.into();
        let (break_off, broken_off) = signal();
        let (stop, stopped) = signal();
        let clock = ManualClock::new();
        let app = App {
            sessions: sessions.manager.clone(),
            chat: Chat::new(responder, limits, broken_off),
            accounts: accounts(kept, clock.clone()),
            cors,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self {
            address,
            clock,
            sessions,
            break_off: Some(break_off),
            stop,
            server: tokio::spawn(FRAMEWORK.serve(listener, app, stopped)),
        }
    }

    /// Lets replies break off as when the server stops. It goes on answering here.
    pub(crate) fn break_off_replies(&mut self) {
        self.break_off.take().unwrap().send(()).unwrap();
    }

    /// Stops the server as the program does, and hands its sessions back when it has ended.
    pub(crate) async fn stop(self) -> Sessions {
        self.stop.send(()).unwrap();
        self.server.await.unwrap().unwrap();
        self.sessions.manager.drain().await;
        self.sessions
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(format!("http://{}", self.address))
    }
}

/// The sessions of a chat.
pub(crate) struct Sessions {
    manager: SessionManager,
    /// Where they are. It stays as long as they are used.
    _place: Option<Place>,
}

impl Sessions {
    /// Sessions that nobody else has, in the store that the suite is about, of so many bytes at
    /// most.
    pub(crate) async fn with_room_for(bytes: usize) -> Self {
        let place = STORE.place().unwrap();
        let manager = SessionManager::builder()
            .secret_key(SecretKey::generate().unwrap())
            .shared_store(open(&place).await)
            .secure(false)
            .max_bytes(bytes)
            .build()
            .unwrap();
        Self {
            manager,
            _place: Some(place),
        }
    }
}

impl From<SessionManager> for Sessions {
    fn from(manager: SessionManager) -> Self {
        Self {
            manager,
            _place: None,
        }
    }
}

/// Accounts with passwords that are cheap to hash.
pub(crate) fn accounts(kept: AccountStore, clock: ManualClock) -> Accounts {
    let cost = Cost {
        memory: 64,
        passes: 1,
    };
    let (entropy, clock) = (Arc::new(SystemEntropy::new()), Arc::new(clock));
    Accounts::new(kept, cost, entropy, clock, Handle::current()).unwrap()
}

/// A signal that is never given when its sender is dropped.
fn signal() -> (oneshot::Sender<()>, impl Future<Output = ()> + Send) {
    let (sender, receiver) = oneshot::channel();
    let given = async {
        if receiver.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    (sender, given)
}

fn client() -> Client {
    // Fails when a test of this process chose it before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

/// A folder of a test's own, which goes with it.
pub(crate) struct Folder(std::path::PathBuf);

impl Folder {
    pub(crate) fn create() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("chat-{FRAMEWORK}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// The URL of a database in it.
    pub(crate) fn sqlite(&self) -> String {
        format!("sqlite:{}", self.0.join("chat.db").display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A browser, as far as the chat can tell. Clones are tabs of it.
#[derive(Clone)]
pub(crate) struct Visitor {
    client: Client,
    base: String,
    cookie: Arc<Mutex<Option<String>>>,
}

impl Visitor {
    /// A visitor of a chat that listens at `base`.
    pub(crate) fn new(base: impl Into<String>) -> Self {
        Self {
            client: client(),
            base: base.into(),
            cookie: Arc::default(),
        }
    }

    /// The same visitor, with the same cookie, at another site.
    pub(crate) fn at(&self, site: &Site) -> Self {
        self.moved_to(&format!("http://{}", site.address))
    }

    /// The same visitor, with the same cookie, at what listens at `base`.
    pub(crate) fn moved_to(&self, base: &str) -> Self {
        Self {
            base: base.into(),
            ..self.clone()
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &*self.cookie.lock().unwrap() {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        }
    }

    /// Sends a request and keeps the cookie of the response.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Response {
        let response = request.send().await.unwrap();
        if let Some(line) = response.headers().get(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            note_tokens(pair);
            *self.cookie.lock().unwrap() = Some(pair.to_owned());
        }
        response
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(self.request(Method::GET, path)).await
    }

    /// Says something and answers when the reply begins.
    pub(crate) async fn say(&self, message: &str) -> Response {
        let request = self.request(Method::POST, "/api/chat");
        self.send(request.json(&json!({ "message": message })))
            .await
    }

    /// Says something and listens to the whole reply.
    pub(crate) async fn talk(&self, message: &str) -> String {
        let response = self.say(message).await;
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    pub(crate) async fn regenerate(&self) -> Response {
        let request = self.request(Method::POST, "/api/chat/regenerate");
        self.send(request).await
    }

    pub(crate) async fn forget(&self) -> Response {
        self.send(self.request(Method::DELETE, "/api/chat")).await
    }

    pub(crate) async fn history(&self) -> Vec<Message> {
        let answer: Value = self.get("/api/chat").await.json().await.unwrap();
        serde_json::from_value(answer["messages"].clone()).unwrap()
    }

    /// The history as soon as it is as `expected`: the server learns that somebody hung up a
    /// moment after it happened.
    pub(crate) async fn history_when(&self, expected: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        for _ in 0..500 {
            let messages = self.history().await;
            if expected(&messages) {
                return messages;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("five seconds later it is still {:?}", self.history().await);
    }

    /// What the page's panel is told of the session; null without one.
    pub(crate) async fn panel(&self) -> Value {
        let mut panel: Value = self.get("/api/session").await.json().await.unwrap();
        panel["session"].take()
    }

    pub(crate) fn has_cookie(&self) -> bool {
        self.cookie().is_some()
    }

    /// The cookie as it is sent.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookie.lock().unwrap().clone()
    }

    /// Somebody else who has copied the cookie as it is now.
    pub(crate) fn thief(&self) -> Self {
        Self {
            cookie: Arc::new(Mutex::new(self.cookie())),
            ..self.clone()
        }
    }
}

/// The text of `{"error": ".."}`.
pub(crate) async fn error_of(response: Response) -> String {
    let answer: Value = response.json().await.unwrap();
    answer["error"].as_str().unwrap().to_owned()
}
