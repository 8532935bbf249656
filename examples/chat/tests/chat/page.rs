use reqwest::header;
use serde_json::Value;

use crate::site::Site;

#[tokio::test]
async fn the_page_and_its_files_are_served_and_touch_no_session() {
    let site = Site::start().await;
    let visitor = site.visitor();
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/app.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/panel.js", "text/javascript; charset=utf-8"),
        ("/server.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let response = visitor.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], content_type);
        assert!(!response.headers().contains_key(header::SET_COOKIE));
    }
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
