//! The chat in front of a model: a small endpoint of the test's own.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use chat::app::Limits;
use chat::cors::Cors;
use chat::prompt::{Message, Role};
use chat::responder::{ApiKey, Responder, Upstream};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::site::{Site, error_of};

/// What the endpoint does with a request.
#[derive(Clone)]
enum Script {
    /// Streams these bytes, one chunk each, and ends.
    Chunks(Vec<String>),
    /// Streams these bytes and then breaks the connection.
    Break(Vec<String>),
    /// Answers with a status and a text that nobody else may see.
    Refuse(StatusCode),
    /// Streams a piece of text every few milliseconds and never ends.
    Endless,
}

#[derive(Clone)]
struct Endpoint {
    script: Arc<Mutex<Script>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Told when the listener of an endless reply is gone.
    hung_up: mpsc::UnboundedSender<()>,
}

/// What was asked.
#[derive(Clone)]
struct Asked {
    body: Value,
    /// The header with the key.
    authorization: Option<String>,
}

struct Model {
    endpoint: Endpoint,
    hung_up: mpsc::UnboundedReceiver<()>,
    responder: Responder,
}

impl Model {
    async fn start(script: Script) -> Self {
        let (sender, hung_up) = mpsc::unbounded_channel();
        let endpoint = Endpoint {
            script: Arc::new(Mutex::new(script)),
            asked: Arc::default(),
            hung_up: sender,
        };
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
            .with_state(endpoint.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let key = Some(ApiKey::new("sk-test"));
        let upstream = Upstream::new(&url.parse().unwrap(), "tiny".into(), key).unwrap();
        Self {
            endpoint,
            hung_up,
            responder: Responder::Upstream(upstream),
        }
    }

    async fn site(&self) -> Site {
        Site::answered_by(self.responder.clone()).await
    }

    fn will(&self, script: Script) {
        *self.endpoint.script.lock().unwrap() = script;
    }
}

async fn complete(
    State(endpoint): State<Endpoint>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let key = headers.get(header::AUTHORIZATION);
    endpoint.asked.lock().unwrap().push(Asked {
        body,
        authorization: key.map(|key| key.to_str().unwrap().to_owned()),
    });
    let script = endpoint.script.lock().unwrap().clone();
    let event_stream = [(header::CONTENT_TYPE, "text/event-stream")];
    let chunks =
        |chunks: Vec<String>| stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
    match script {
        Script::Chunks(all) => (event_stream, Body::from_stream(chunks(all))).into_response(),
        Script::Break(all) => {
            let broken = stream::once(async {
                // While the body waits, what came before is sent.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cable cut"))
            });
            let body = chunks(all).chain(broken);
            (event_stream, Body::from_stream(body)).into_response()
        }
        Script::Refuse(status) => (status, "Incorrect API key: sk-test").into_response(),
        Script::Endless => {
            let hang_up = HangUp(endpoint.hung_up);
            let body = stream::unfold(hang_up, async |hang_up| {
                tokio::time::sleep(Duration::from_millis(2)).await;
                Some((Ok::<_, Infallible>(Bytes::from(text("on and "))), hang_up))
            });
            (event_stream, Body::from_stream(body)).into_response()
        }
    }
}

/// Reports when the body it is part of is dropped.
struct HangUp(mpsc::UnboundedSender<()>);

impl Drop for HangUp {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// An event with a piece of text.
fn text(content: &str) -> String {
    event(&json!({ "choices": [{ "delta": { "content": content }, "finish_reason": null }] }))
}

fn finish(reason: &str) -> String {
    event(&json!({ "choices": [{ "delta": {}, "finish_reason": reason }] }))
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn done() -> String {
    "data: [DONE]\n\n".into()
}

fn incomplete(content: &str) -> Message {
    Message {
        role: Role::Assistant,
        content: content.into(),
        complete: false,
    }
}

#[tokio::test]
async fn the_reply_of_a_model_is_streamed_and_kept() {
    let role = event(&json!({ "choices": [{ "delta": { "role": "assistant", "content": "" } }] }));
    let usage = event(&json!({ "choices": [], "usage": { "total_tokens": 9 } }));
    let script = vec![
        role,
        text("Green "),
        text("茶."),
        finish("stop"),
        usage,
        done(),
    ];
    let model = Model::start(Script::Chunks(script)).await;
    let site = model.site().await;
    let visitor = site.visitor();
    assert_eq!(visitor.talk("What do you drink?").await, "Green 茶.");
    let expected = [
        Message::user("What do you drink?"),
        Message::assistant("Green 茶."),
    ];
    assert_eq!(visitor.history().await, expected);
}

#[tokio::test]
async fn the_model_is_told_the_whole_conversation_and_the_key() {
    let model = Model::start(Script::Chunks(vec![text("Yes."), done()])).await;
    let site = model.site().await;
    let visitor = site.visitor();
    visitor.talk("One?").await;
    visitor.talk("Two?").await;
    let asked = model.endpoint.asked.lock().unwrap().clone();
    let asked = &asked[1];
    assert_eq!(asked.authorization.as_deref(), Some("Bearer sk-test"));
    let expected = json!({
        "model": "tiny",
        "stream": true,
        "messages": [
            { "role": "user", "content": "One?" },
            { "role": "assistant", "content": "Yes." },
            { "role": "user", "content": "Two?" },
        ],
    });
    assert_eq!(asked.body, expected);
}

#[tokio::test]
async fn events_cut_anywhere_and_with_crlf_are_read_all_the_same() {
    let stream = [text("猫と"), text("茶"), finish("stop"), done()].concat();
    let stream = stream.replace('\n', "\r\n");
    let chunks: Vec<String> = stream.chars().map(String::from).collect();
    let model = Model::start(Script::Chunks(chunks)).await;
    let site = model.site().await;
    assert_eq!(site.visitor().talk("?").await, "猫と茶");
}

#[tokio::test]
async fn a_model_that_refuses_is_told_without_its_words_and_can_be_asked_again() {
    let model = Model::start(Script::Refuse(StatusCode::UNAUTHORIZED)).await;
    let site = model.site().await;
    let visitor = site.visitor();
    let response = visitor.say("Hello?").await;
    assert_eq!(response.status(), 502);
    let error = error_of(response).await;
    assert!(
        error.contains("does not answer") && !error.contains("sk-"),
        "{error}"
    );
    assert_eq!(visitor.history().await, [Message::user("Hello?")]);

    model.will(Script::Chunks(vec![text("Hello."), done()]));
    assert_eq!(visitor.regenerate().await.text().await.unwrap(), "Hello.");
    let expected = [Message::user("Hello?"), Message::assistant("Hello.")];
    assert_eq!(visitor.history().await, expected);
}

#[tokio::test]
async fn a_model_that_is_not_there_is_a_bad_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let upstream = Upstream::new(&url.parse().unwrap(), "tiny".into(), None).unwrap();
    let site = Site::answered_by(Responder::Upstream(upstream)).await;
    assert_eq!(site.visitor().say("Hello?").await.status(), 502);
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_kept_as_incomplete_and_ends_in_an_error() {
    let half = || vec![text("Half "), text("a re")];
    let failed = event(&json!({ "error": { "message": "overloaded" } }));
    for script in [
        Script::Break(half()),
        Script::Chunks(half()),
        Script::Chunks([half(), vec![failed]].concat()),
        Script::Chunks([half(), vec![finish("length"), done()]].concat()),
        Script::Chunks([half(), vec!["data: not json\n\n".into()]].concat()),
    ] {
        let model = Model::start(script).await;
        let site = model.site().await;
        let visitor = site.visitor();
        let response = visitor.say("Tell me.").await;
        assert_eq!(response.status(), 200);
        assert!(
            response.text().await.is_err(),
            "an end would mean a complete reply"
        );
        let history = visitor.history_when(|messages| messages.len() == 2).await;
        assert_eq!(history[1], incomplete("Half a re"));
    }
}

#[tokio::test]
async fn a_visitor_who_hangs_up_hangs_up_on_the_model_too() {
    let mut model = Model::start(Script::Endless).await;
    let site = model.site().await;
    let visitor = site.visitor();
    let mut response = visitor.say("Go on.").await;
    response.chunk().await.unwrap().unwrap();
    drop(response);
    let hung_up = tokio::time::timeout(Duration::from_secs(5), model.hung_up.recv());
    assert_eq!(hung_up.await, Ok(Some(())));
    let history = visitor.history_when(|messages| messages.len() == 2).await;
    assert!(history[1].content.starts_with("on and ") && !history[1].complete);
}

#[tokio::test]
async fn a_reply_that_outgrows_the_session_breaks_off_and_is_kept_up_to_there() {
    let model = Model::start(Script::Endless).await;
    let limits = Limits {
        session: 2_000,
        reply_reserve: 500,
    };
    let site = Site::with(model.responder.clone(), limits, Cors::default()).await;
    let visitor = site.visitor();
    let mut response = visitor.say("Go on.").await;
    let mut heard = String::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(piece)) => heard.push_str(std::str::from_utf8(&piece).unwrap()),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(error.is_some(), "an end would mean a complete reply");
    let history = visitor.history_when(|messages| messages.len() == 2).await;
    assert_eq!(history[1], incomplete(&heard));
    assert!(heard.len() > 1_000);
}
