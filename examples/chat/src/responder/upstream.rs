//! A model behind an OpenAI-compatible chat-completions endpoint, streamed.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::Tokens;
use super::sse::SseReader;
use crate::prompt::{Message, Role, Turn};

/// A model behind an endpoint.
#[derive(Clone)]
pub struct Upstream {
    client: Client,
    endpoint: Url,
    model: String,
    key: Option<ApiKey>,
}

/// The key of an endpoint. Prints redacted.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key as the provider gave it.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(redacted)")
    }
}

/// Why a model did not answer, or not to the end. None of these holds a word of what the
/// endpoint said: providers repeat parts of the key in their messages.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The connection could not be made, or broke.
    #[error("the model cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The endpoint answered with an error status.
    #[error("the model's endpoint answered {0}")]
    Refused(StatusCode),
    /// The endpoint reported an error in the middle of the reply.
    #[error("the model reported an error in the middle of its reply")]
    Failed,
    /// What the endpoint sent is not a stream of chat completions.
    #[error("the endpoint does not stream chat completions")]
    Unintelligible,
    /// The stream ended before the reply did.
    #[error("the model's reply broke off")]
    BrokeOff,
    /// The model reached its own limit, or a filter of the provider cut the reply.
    #[error("the model's reply was cut short by its provider")]
    CutShort,
}

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the endpoint may be silent: large models on small machines read a long
/// conversation for minutes before the first token.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(300);

impl Upstream {
    /// The model `model` behind `base`: the URL under which `chat/completions` is found, or
    /// the full URL of that.
    ///
    /// # Errors
    /// [`reqwest::Error`] when the HTTP client cannot be set up.
    pub fn new(base: &Url, model: String, key: Option<ApiKey>) -> Result<Self, reqwest::Error> {
        // Fails when a provider was chosen before, and then that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            endpoint: chat_completions(base),
            model,
            key,
        })
    }

    pub(super) async fn reply(&self, turn: &Turn) -> Result<Tokens, UpstreamError> {
        let mut request = self.client.post(self.endpoint.clone()).json(&Request {
            model: &self.model,
            messages: alternating(&turn.messages),
            stream: true,
        });
        if let Some(ApiKey(key)) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(UpstreamError::Refused(response.status()));
        }
        let completion = Completion {
            bytes: response.bytes_stream().boxed(),
            reader: SseReader::default(),
            events: VecDeque::new(),
            ended: false,
        };
        Ok(stream::try_unfold(completion, Completion::next).boxed())
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("endpoint", &self.endpoint.as_str())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

fn chat_completions(base: &Url) -> Url {
    let mut endpoint = base.clone();
    let path = base.path().trim_end_matches('/');
    if !path.ends_with("/chat/completions") {
        endpoint.set_path(&format!("{path}/chat/completions"));
    }
    endpoint
}

fn unreachable(error: reqwest::Error) -> UpstreamError {
    UpstreamError::Unreachable(error.without_url())
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<RequestMessage<'a>>,
    stream: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct RequestMessage<'a> {
    role: Role,
    content: &'a str,
}

/// The messages for the model. Many models insist that questions and replies alternate, so a
/// question that has no reply, since another tab still waits for it or since the model failed,
/// is left out; the last one is the one to be answered.
fn alternating(messages: &[Message]) -> Vec<RequestMessage<'_>> {
    let mut chosen: Vec<RequestMessage<'_>> = Vec::with_capacity(messages.len());
    for message in messages
        .iter()
        .filter(|message| !message.content.is_empty())
    {
        if chosen.last().is_some_and(|last| last.role == message.role) {
            chosen.pop();
        }
        chosen.push(RequestMessage {
            role: message.role,
            content: &message.content,
        });
    }
    chosen
}

/// A reply on its way from the endpoint.
struct Completion {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    reader: SseReader,
    events: VecDeque<String>,
    /// True when the model said that it has ended; what follows (usage, `[DONE]`) is not text.
    ended: bool,
}

impl Completion {
    /// The next piece of text, or `None` at the end of a complete reply.
    async fn next(mut self) -> Result<Option<(String, Self)>, UpstreamError> {
        loop {
            while let Some(event) = self.events.pop_front() {
                match Event::read(&event)? {
                    Event::Text { text, ended } => {
                        self.ended |= ended;
                        if !text.is_empty() {
                            return Ok(Some((text, self)));
                        }
                    }
                    Event::Done => return Ok(None),
                }
            }
            match self.bytes.try_next().await.map_err(unreachable)? {
                Some(bytes) => {
                    let events = self.reader.push(&bytes);
                    let events = events.map_err(|_| UpstreamError::Unintelligible)?;
                    self.events.extend(events);
                }
                None if self.ended => return Ok(None),
                None => return Err(UpstreamError::BrokeOff),
            }
        }
    }
}

enum Event {
    Text { text: String, ended: bool },
    Done,
}

impl Event {
    fn read(data: &str) -> Result<Self, UpstreamError> {
        if data.trim() == "[DONE]" {
            return Ok(Self::Done);
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|_| UpstreamError::Unintelligible)?;
        if chunk.error.is_some() {
            return Err(UpstreamError::Failed);
        }
        // A chunk without a choice reports usage.
        let Some(choice) = chunk.choices.into_iter().flatten().next() else {
            return Ok(Self::Text {
                text: String::new(),
                ended: false,
            });
        };
        match choice.finish_reason.as_deref() {
            Some("length" | "content_filter") => Err(UpstreamError::CutShort),
            reason => Ok(Self::Text {
                text: choice.delta.and_then(|it| it.content).unwrap_or_default(),
                ended: reason.is_some(),
            }),
        }
    }
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_found_below_a_base_and_taken_as_it_is_when_complete() {
        for (base, endpoint) in [
            ("http://h:1/v1", "http://h:1/v1/chat/completions"),
            ("http://h:1/v1/", "http://h:1/v1/chat/completions"),
            ("http://h:1", "http://h:1/chat/completions"),
            (
                "http://h:1/chat/completions?v=2",
                "http://h:1/chat/completions?v=2",
            ),
        ] {
            assert_eq!(chat_completions(&base.parse().unwrap()).as_str(), endpoint);
        }
    }

    #[test]
    fn a_question_without_a_reply_is_left_out_for_the_model() {
        let mut empty = Message::assistant("");
        empty.complete = false;
        let messages = [
            Message::user("lost"),
            empty,
            Message::user("one?"),
            Message::assistant("one!"),
            Message::user("of another tab"),
            Message::user("two?"),
        ];
        let chosen: Vec<&str> = alternating(&messages).iter().map(|it| it.content).collect();
        assert_eq!(chosen, ["one?", "one!", "two?"]);
    }

    #[test]
    fn a_key_and_the_endpoint_that_holds_it_print_redacted() {
        let key = ApiKey::new("sk-very-secret");
        let upstream =
            Upstream::new(&"http://h".parse().unwrap(), "m".into(), Some(key.clone())).unwrap();
        assert!(!format!("{key:?} {upstream:?}").contains("secret"));
    }
}
