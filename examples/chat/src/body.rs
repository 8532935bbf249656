//! Bodies of requests, which are JSON.

use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;

/// Reads the body of a request. For a body that could not be read comes the status that the
/// framework would have answered, and so does the answer of this for what is not the JSON that
/// was asked for.
pub(crate) fn read<T: DeserializeOwned>(
    content_type: Option<&[u8]>,
    body: Result<Bytes, StatusCode>,
) -> Result<T, StatusCode> {
    if !content_type.is_some_and(is_json) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let body = body.map_err(|status| match status {
        StatusCode::PAYLOAD_TOO_LARGE => status,
        _ => StatusCode::BAD_REQUEST,
    })?;
    serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)
}

/// True for `application/json` and what builds on it (RFC 6839, section 3.1), whatever its
/// parameters.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    let essence = essence.to_ascii_lowercase();
    let subtype = essence.strip_prefix(b"application/");
    subtype.is_some_and(|subtype| subtype == b"json" || subtype.ends_with(b"+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_media_type_and_not_by_its_parameters() {
        for content_type in [
            "application/json",
            "Application/JSON ; charset=utf-8",
            "application/cloudevents+json",
        ] {
            assert!(is_json(content_type.as_bytes()), "{content_type}");
        }
        for content_type in [
            "",
            "json",
            "text/json",
            "application/jsonp",
            "a;application/json",
        ] {
            assert!(!is_json(content_type.as_bytes()), "{content_type}");
        }
    }
}
