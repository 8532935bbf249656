use reqwest::{Method, header};
use serde_json::Value;

use super::site::Site;

#[tokio::test]
async fn the_page_and_its_files_are_served_and_touch_no_session() {
    let site = Site::start().await;
    let visitor = site.visitor();
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/account.css", "text/css; charset=utf-8"),
        ("/account.js", "text/javascript; charset=utf-8"),
        ("/app.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/message.js", "text/javascript; charset=utf-8"),
        ("/panel.js", "text/javascript; charset=utf-8"),
        ("/server.js", "text/javascript; charset=utf-8"),
        ("/text.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let response = visitor.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], content_type);
        assert!(!response.headers().contains_key(header::SET_COOKIE));
    }
}

#[tokio::test]
async fn a_head_is_the_head_of_what_a_get_answers() {
    let site = Site::start().await;
    let visitor = site.visitor();
    for path in [
        "/",
        "/icon.svg",
        "/api/chat",
        "/api/session",
        "/api/account",
    ] {
        let got = visitor.get(path).await;
        let head = visitor.send(visitor.request(Method::HEAD, path)).await;
        assert_eq!(head.status(), 200, "{path}");
        for name in [
            header::CONTENT_TYPE,
            header::CONTENT_LENGTH,
            header::CACHE_CONTROL,
        ] {
            let value = head.headers().get(&name);
            assert_eq!(value, got.headers().get(&name), "{path} {name}");
            assert!(value.is_some(), "{path} {name}");
        }
        assert_eq!(head.text().await.unwrap(), "");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let site = Site::start().await;
    let visitor = site.visitor();
    for path in [
        "/favicon.ico",
        "/api",
        "/api/",
        "/api/chat/",
        "/api//chat",
        "/api/chat/other",
        "/API/chat",
        "/api/account/",
        "/api/account/devices/",
        "/api/account/devices/x/y",
        "/app.js/",
        "//",
        "/%2e%2e/Cargo.toml",
    ] {
        for method in [Method::GET, Method::POST, Method::PATCH] {
            let response = visitor.send(visitor.request(method.clone(), path)).await;
            assert_eq!(response.status(), 404, "{method} {path}");
            assert_eq!(response.text().await.unwrap(), "", "{method} {path}");
        }
    }
    assert!(!visitor.has_cookie());
}

#[tokio::test]
async fn a_method_that_a_path_does_not_know_is_not_allowed() {
    let site = Site::start().await;
    let visitor = site.visitor();
    for (path, allowed) in [
        ("/", &["GET", "HEAD"][..]),
        ("/app.css", &["GET", "HEAD"]),
        ("/api/session", &["GET", "HEAD"]),
        ("/api/chat", &["DELETE", "GET", "HEAD", "POST"]),
        ("/api/chat/regenerate", &["POST"]),
        ("/api/account", &["GET", "HEAD"]),
        ("/api/account/register", &["POST"]),
        ("/api/account/login", &["POST"]),
        ("/api/account/logout", &["POST"]),
        ("/api/account/devices", &["DELETE", "GET", "HEAD"]),
        ("/api/account/devices/x", &["DELETE"]),
    ] {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW",
        ] {
            if allowed.contains(&method) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let response = visitor.send(visitor.request(method.clone(), path)).await;
            assert_eq!(response.status(), 405, "{method} {path}");
            let named = response.headers()[header::ALLOW].to_str().unwrap();
            let mut named: Vec<&str> = named.split(',').map(str::trim).collect();
            named.sort_unstable();
            assert_eq!(named, allowed, "{method} {path}");
            assert_eq!(response.text().await.unwrap(), "", "{method} {path}");
        }
    }
    assert!(!visitor.has_cookie());
}

#[tokio::test]
async fn no_text_of_a_conversation_can_run_as_a_script() {
    let site = Site::start().await;
    let response = site.visitor().get("/").await;
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"));
    assert!(!policy.contains("unsafe"));
    let html = response.text().await.unwrap();
    for inline in ["<script>", "<style", " style=", " onclick=", "javascript:"] {
        assert!(!html.contains(inline), "{inline}");
    }
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_for_the_page() {
    let site = Site::start().await;
    let response = site.visitor().say("Hello.").await;
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"),
        "{cookie}"
    );
}

#[tokio::test]
async fn the_panel_shows_the_session_and_is_no_access() {
    let site = Site::start().await;
    let visitor = site.visitor();
    assert_eq!(visitor.panel().await, Value::Null);
    assert!(!visitor.has_cookie());

    let first = visitor.say("Hello.").await;
    assert_eq!(first.headers()["x-session-is-new"], "true");
    first.text().await.unwrap();
    let second = visitor.say("Hello again.").await;
    assert_eq!(second.headers()["x-session-is-new"], "false");
    second.text().await.unwrap();

    let seen = visitor.panel().await;
    assert!(seen["size"].as_u64() > Some(0));
    assert!(seen["created_at"].as_u64() <= seen["last_accessed_at"].as_u64());
    let (left, limit) = (&seen["ends_in"], &seen["max_inactive_interval"]);
    assert!(left.as_u64() <= limit.as_u64() && left.as_u64() > Some(0));
    let again = visitor.panel().await;
    assert_eq!(again["last_accessed_at"], seen["last_accessed_at"]);
    assert_eq!(again["fingerprint"], seen["fingerprint"]);
}
