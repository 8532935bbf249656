//! A chat on a port of its own, and visitors of it, each with a cookie.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat::app::{self, Chat, Limits};
use chat::cors::Cors;
use chat::prompt::Message;
use chat::responder::Responder;
use reqwest::{Client, Method, RequestBuilder, Response, header};
use serde_json::{Value, json};
use session_core::{MemoryStore, SecretKey, SessionManager};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A running chat. It stops with the test that started it.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
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
        let sessions = SessionManager::builder()
            .secret_key(SecretKey::generate().unwrap())
            .store(MemoryStore::new())
            .secure(false)
            .max_bytes(limits.session)
            .build()
            .unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let router = app::router(sessions, Chat::new(responder, limits, stopped), cors);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            stop: Some(stop),
        }
    }

    /// Lets replies break off as when the server stops. It goes on answering here.
    pub(crate) fn break_off_replies(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor {
            client: client(),
            base: format!("http://{}", self.address),
            cookie: Arc::default(),
        }
    }
}

pub(crate) fn client() -> Client {
    // Fails when a test of this process chose it before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

/// A browser, as far as the chat can tell. Clones are tabs of it.
#[derive(Clone)]
pub(crate) struct Visitor {
    client: Client,
    base: String,
    cookie: Arc<Mutex<Option<String>>>,
}

impl Visitor {
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
        self.cookie.lock().unwrap().is_some()
    }
}

/// The text of `{"error": ".."}`.
pub(crate) async fn error_of(response: Response) -> String {
    let answer: Value = response.json().await.unwrap();
    answer["error"].as_str().unwrap().to_owned()
}
