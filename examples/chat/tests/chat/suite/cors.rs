use std::time::Duration;

use chat::app::Limits;
use chat::cors::Cors;
use chat::responder::Responder;
use reqwest::header::{self, HeaderMap};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::site::Site;

const LISTED: &str = "http://127.0.0.1:3000";
const UNLISTED: &str = "http://127.0.0.1:3001";

async fn site_with_a_page_elsewhere() -> Site {
    let cors = Cors::new(vec![LISTED.parse().unwrap()]);
    Site::with(Responder::embedded(Duration::ZERO), Limits::default(), cors).await
}

fn allowed_origin(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?;
    Some(value.to_str().unwrap())
}

#[tokio::test]
async fn a_page_of_a_listed_origin_talks_with_the_session() {
    let site = site_with_a_page_elsewhere().await;
    let visitor = site.visitor();
    let request = visitor
        .request(Method::POST, "/api/chat")
        .header(header::ORIGIN, LISTED);
    let response = visitor
        .send(request.json(&json!({ "message": "Hello." })))
        .await;
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(allowed_origin(headers), Some(LISTED));
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    let vary = headers.get_all(header::VARY);
    assert!(
        vary.iter()
            .any(|line| line.to_str().unwrap().to_lowercase().contains("origin"))
    );
}

#[tokio::test]
async fn a_preflight_tells_a_listed_origin_what_it_may_send() {
    let site = site_with_a_page_elsewhere().await;
    let visitor = site.visitor();
    for method in ["POST", "DELETE"] {
        let request = visitor
            .request(Method::OPTIONS, "/api/chat")
            .header(header::ORIGIN, LISTED)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, method)
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type");
        let response = visitor.send(request).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let headers = response.headers();
        assert_eq!(allowed_origin(headers), Some(LISTED));
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        let methods = headers[header::ACCESS_CONTROL_ALLOW_METHODS]
            .to_str()
            .unwrap();
        assert!(methods.contains(method));
        assert_eq!(
            headers[header::ACCESS_CONTROL_ALLOW_HEADERS],
            "content-type"
        );
    }
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_permission_and_changes_nothing() {
    let site = site_with_a_page_elsewhere().await;
    let visitor = site.visitor();
    visitor.talk("Hello.").await;
    let before = visitor.history().await;
    for origin in [
        UNLISTED,
        "null",
        "http://localhost:3000",
        "https://127.0.0.1:3000",
        "x",
    ] {
        let read = visitor
            .request(Method::GET, "/api/chat")
            .header(header::ORIGIN, origin);
        assert_eq!(
            allowed_origin(visitor.send(read).await.headers()),
            None,
            "{origin}"
        );

        let preflight = visitor
            .request(Method::OPTIONS, "/api/chat")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
        let response = visitor.send(preflight).await;
        assert_eq!(allowed_origin(response.headers()), None, "{origin}");
        assert!(
            !response
                .headers()
                .contains_key(header::ACCESS_CONTROL_ALLOW_METHODS)
        );

        for (method, path) in [
            (Method::POST, "/api/chat"),
            (Method::POST, "/api/chat/regenerate"),
            (Method::DELETE, "/api/chat"),
        ] {
            let change = visitor.request(method, path).header(header::ORIGIN, origin);
            let response = visitor
                .send(change.json(&json!({ "message": "Boo." })))
                .await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{origin} {path}");
        }
    }
    assert_eq!(visitor.history().await, before);
}

#[tokio::test]
async fn the_page_of_the_server_itself_needs_no_listing() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let own = format!("http://{}", site.address);
    let request = visitor
        .request(Method::POST, "/api/chat")
        .header(header::ORIGIN, own);
    let response = visitor
        .send(request.json(&json!({ "message": "Hello." })))
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(allowed_origin(response.headers()), None);
}
