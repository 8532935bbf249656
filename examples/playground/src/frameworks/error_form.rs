//! The answers that the adapters word themselves, in the form of this site. A handler that does
//! not save has answered when its session turns out to be lost, or its store to be full; the
//! adapter's own answer then takes the place of the handler's, and is plain text.

use axum::body::HttpBody;
use axum::http::{HeaderValue, Response, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Collected};
use serde_json::json;

/// Puts a failure that came in plain text into the error form, and leaves every other response
/// as it is.
pub(super) async fn in_error_form<B>(response: Response<B>) -> Response<B>
where
    B: HttpBody<Data = Bytes> + From<Bytes>,
{
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map(HeaderValue::as_bytes);
    if !is_plain_failure(response.status().as_u16(), content_type) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // These texts lie in memory. One that breaks off leaves the status to say what there is to.
    let text = body.collect().await.map(Collected::to_bytes);
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(header::CONTENT_TYPE, json);
    // Of the text; a server counts the new body by itself.
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, error_form(&text.unwrap_or_default()).into())
}

/// True for an error in plain text. All that this site words itself is JSON.
pub(super) fn is_plain_failure(status: u16, content_type: Option<&[u8]>) -> bool {
    status >= 400 && content_type.is_some_and(|value| value.starts_with(b"text/plain"))
}

/// `{"error": text}`
pub(super) fn error_form(text: &[u8]) -> Bytes {
    let form = json!({ "error": String::from_utf8_lossy(text) });
    form.to_string().into()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderMap;

    use super::*;

    fn answer(status: u16, content_type: &str, body: &'static str) -> Response<Body> {
        let answer = Response::builder().status(status);
        let answer = answer.header("content-type", content_type);
        answer.header("vary", "Cookie").body(body.into()).unwrap()
    }

    async fn told(answer: Response<Body>) -> (HeaderMap, Bytes) {
        let (parts, body) = in_error_form(answer).await.into_parts();
        (parts.headers, body.collect().await.unwrap().to_bytes())
    }

    #[tokio::test]
    async fn a_failure_in_plain_text_becomes_json_and_keeps_its_other_headers() {
        let (headers, body) = told(answer(503, "text/plain; charset=utf-8", "No \"room\".")).await;
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["vary"], "Cookie");
        assert_eq!(body, r#"{"error":"No \"room\"."}"#);
    }

    #[tokio::test]
    async fn every_other_answer_stays_as_it_is() {
        for (status, content_type) in [
            (200, "text/plain; charset=utf-8"),
            (303, "text/plain"),
            (404, "application/json"),
            (500, "text/html"),
        ] {
            let (headers, body) = told(answer(status, content_type, "as it was")).await;
            assert_eq!(headers["content-type"], content_type);
            assert_eq!(body, "as it was");
        }
    }
}
