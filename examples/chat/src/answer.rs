//! What a request is answered, in the words of no framework: each turns it into a response of
//! its own.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::reply::Reply;

/// The answer to a request.
pub type Answer = Response<Content>;

/// What an answer says.
#[derive(Debug)]
pub enum Content {
    /// Everything at once.
    Whole(Bytes),
    /// A reply as it comes. Boxed, since few answers are one.
    Stream(Box<Reply>),
}

impl Content {
    /// Nothing.
    pub(crate) const EMPTY: Self = Self::Whole(Bytes::new());
}

/// For answers that are one visitor's own.
pub(crate) const NO_STORE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

pub(crate) fn answer<const N: usize>(
    status: StatusCode,
    headers: [(HeaderName, HeaderValue); N],
    content: Content,
) -> Answer {
    let mut answer = Answer::new(content);
    *answer.status_mut() = status;
    answer.headers_mut().extend(headers);
    answer
}

/// An answer that says `value`, for a program to read.
pub(crate) fn json<const N: usize>(
    status: StatusCode,
    headers: [(HeaderName, HeaderValue); N],
    value: &impl Serialize,
) -> Answer {
    // Only a map with keys that are no strings, or a type that refuses, could fail.
    let json = serde_json::to_vec(value).expect("answers are plain structs and strings");
    let mut answer = answer(status, headers, Content::Whole(json.into()));
    let content_type = HeaderValue::from_static("application/json");
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    answer
}

/// The answer to a method that a path does not know; `methods` are those it knows.
pub(crate) fn not_allowed(methods: &'static str) -> Answer {
    let allow = (header::ALLOW, HeaderValue::from_static(methods));
    answer(StatusCode::METHOD_NOT_ALLOWED, [allow], Content::EMPTY)
}

/// The answer for a path where nothing is.
pub(crate) fn not_found() -> Answer {
    answer(StatusCode::NOT_FOUND, [], Content::EMPTY)
}
