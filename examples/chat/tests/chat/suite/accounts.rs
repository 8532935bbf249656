use std::time::Duration;

use chat::app::Limits;
use chat::cors::Cors;
use chat::prompt::Message;
use chat::responder::Responder;
use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use session_core::testkit::ManualClock;
use session_core::{SecretKey, SessionManager};

use super::site::{Site, Visitor, error_of};

pub(crate) const PASSWORD: &str = "correct horse";

impl Visitor {
    async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn register(&self, name: &str) -> Response {
        let body = json!({ "name": name, "password": PASSWORD });
        self.post("/api/account/register", &body).await
    }

    pub(crate) async fn log_in(&self, name: &str) -> Response {
        self.log_in_by(name, PASSWORD).await
    }

    async fn log_in_by(&self, name: &str, password: &str) -> Response {
        let body = json!({ "name": name, "password": password });
        self.post("/api/account/login", &body).await
    }

    pub(crate) async fn log_out(&self) -> Response {
        let request = self.request(Method::POST, "/api/account/logout");
        self.send(request).await
    }

    /// Who the server says is logged in.
    pub(crate) async fn account(&self) -> Option<String> {
        let answer: Value = self.get("/api/account").await.json().await.unwrap();
        let account = &answer["account"];
        assert!(account.is_null() || account["name"].is_string(), "{answer}");
        account["name"].as_str().map(str::to_owned)
    }
}

/// Somebody who is logged in to a new account.
pub(crate) async fn registered(site: &Site, name: &str) -> Visitor {
    let visitor = site.visitor();
    assert_eq!(visitor.register(name).await.status(), StatusCode::CREATED);
    visitor
}

#[tokio::test]
async fn whoever_registers_is_logged_in_and_can_log_in_elsewhere() {
    let site = Site::start().await;
    let visitor = site.visitor();
    assert_eq!(visitor.account().await, None);
    assert!(!visitor.has_cookie(), "asking creates no session");

    let response = visitor.register("Ada").await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer, json!({ "account": { "name": "ada" } }));
    assert_eq!(visitor.account().await.as_deref(), Some("ada"));

    let elsewhere = site.visitor();
    let response = elsewhere.log_in("ada").await;
    assert_eq!(response.status(), StatusCode::OK);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer, json!({ "account": { "name": "ada" } }));
    assert_eq!(elsewhere.account().await.as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_login_keeps_the_conversation_and_changes_the_id() {
    let site = Site::start().await;
    registered(&site, "ada").await;
    for name in ["ada", "ben"] {
        let visitor = site.visitor();
        visitor.talk("I like tea.").await;
        let before = visitor.history().await;
        let seen = visitor.panel().await;
        let thief = visitor.thief();

        match name {
            "ada" => assert_eq!(visitor.log_in(name).await.status(), 200),
            _ => assert_eq!(visitor.register(name).await.status(), 201),
        }

        assert_ne!(visitor.cookie(), thief.cookie());
        assert_ne!(visitor.panel().await["fingerprint"], seen["fingerprint"]);
        assert_eq!(visitor.panel().await["created_at"], seen["created_at"]);
        assert_eq!(visitor.history().await, before);
        assert_eq!(thief.history().await, [], "the old id is dead");
        assert_eq!(thief.account().await, None);
    }
}

#[tokio::test]
async fn a_login_over_another_account_shows_nothing_of_its_conversation() {
    let site = Site::start().await;
    registered(&site, "ben").await;
    let visitor = registered(&site, "ada").await;
    visitor.talk("I am Ada.").await;
    assert_eq!(visitor.log_in("ben").await.status(), 200);
    assert_eq!(visitor.account().await.as_deref(), Some("ben"));
    assert_eq!(visitor.history().await, []);
}

#[tokio::test]
async fn a_reply_that_streams_across_a_login_is_kept_whole() {
    let site = Site::slow(Duration::from_millis(10)).await;
    registered(&site, "ada").await;
    let visitor = site.visitor();
    let reply = visitor.say("I like tea.").await;
    assert_eq!(visitor.log_in("ada").await.status(), 200);
    let reply = reply.text().await.unwrap();
    let expected = [Message::user("I like tea."), Message::assistant(reply)];
    assert_eq!(visitor.history().await, expected);
}

#[tokio::test]
async fn whoever_is_not_let_in_learns_not_why_and_nothing_changes() {
    let site = Site::start().await;
    registered(&site, "ada").await;
    let visitor = site.visitor();
    let mut told = Vec::new();
    for (name, password) in [
        ("ada", "a wrong one"),
        ("ada", ""),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("a\nb", PASSWORD),
    ] {
        let response = visitor.log_in_by(name, password).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name:?}");
        told.push(error_of(response).await);
    }
    told.dedup();
    assert_eq!(told, ["The name or the password is wrong."]);
    assert!(!visitor.has_cookie(), "no session is created to say no");

    visitor.talk("I like tea.").await;
    let (cookie, before) = (visitor.cookie(), visitor.history().await);
    visitor.log_in_by("ada", "a wrong one").await;
    assert_eq!(visitor.cookie(), cookie);
    assert_eq!(visitor.history().await, before);
    assert_eq!(visitor.account().await, None);
}

#[tokio::test]
async fn a_name_is_taken_once_however_its_letters_are_sized() {
    let site = Site::start().await;
    registered(&site, "ada").await;
    let visitor = site.visitor();
    let response = visitor.register(" ADA").await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert!(error_of(response).await.contains("taken"));
    assert!(!visitor.has_cookie());
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused_in_words() {
    let site = Site::start().await;
    let visitor = site.visitor();
    for (name, password, word) in [
        ("", PASSWORD, "Choose a name"),
        (&"a".repeat(65), PASSWORD, "name is too long"),
        ("a\u{0}", PASSWORD, "cannot be shown"),
        ("ada", "1234567", "too short"),
        ("ada", &"a".repeat(1025), "password is too long"),
    ] {
        let body = json!({ "name": name, "password": password });
        let response = visitor.post("/api/account/register", &body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{word}");
        let error = error_of(response).await;
        assert!(error.contains(word), "{error}");
    }
    assert!(!visitor.has_cookie());
}

#[tokio::test]
async fn what_is_no_json_of_a_login_is_refused_and_repeats_no_password() {
    let site = Site::start().await;
    let visitor = site.visitor();
    for path in ["/api/account/register", "/api/account/login"] {
        for body in [
            "",
            "[]",
            r#"{"name": "ada"}"#,
            r#"{"name": "ada", "password": null}"#,
            r#"{"name": "ada", "password": ["correct horse"]}"#,
            r#"{"name": "ada", "password": "correct horse", "remember": "yes"}"#,
        ] {
            let request = visitor.request(Method::POST, path);
            let request = request.header(header::CONTENT_TYPE, "application/json");
            let response = visitor.send(request.body(body)).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
            assert!(!error_of(response).await.contains("correct"));
        }
        let credentials = json!({ "name": "ada", "password": PASSWORD }).to_string();
        for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
            let request = visitor.request(Method::POST, path);
            let request = request.header(header::CONTENT_TYPE, content_type);
            let response = visitor.send(request.body(credentials.clone())).await;
            assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let endless = json!({ "name": "ada", "password": "a".repeat(20_000) });
        let response = visitor.post(path, &endless).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        error_of(response).await;
    }
    assert!(!visitor.has_cookie());
}

#[tokio::test]
async fn the_longest_password_gets_through_also_when_all_of_it_is_escaped() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let escaped = format!(
        r#"{{"name": "ada", "password": "{}"}}"#,
        "\\u0061".repeat(1024)
    );
    let request = visitor.request(Method::POST, "/api/account/register");
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let response = visitor.send(request.body(escaped)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let response = site.visitor().log_in_by("ada", &"a".repeat(1024)).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_page_of_another_origin_logs_nobody_in_or_out() {
    let site = Site::start().await;
    let visitor = registered(&site, "ada").await;
    for (method, path) in [
        (Method::POST, "/api/account/register"),
        (Method::POST, "/api/account/login"),
        (Method::POST, "/api/account/logout"),
        (Method::DELETE, "/api/account/devices"),
    ] {
        let request = visitor
            .request(method, path)
            .header(header::ORIGIN, "http://127.0.0.1:3001");
        let credentials = json!({ "name": "mallory", "password": PASSWORD });
        let response = visitor.send(request.json(&credentials)).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(visitor.account().await.as_deref(), Some("ada"));
    assert_eq!(site.visitor().log_in("mallory").await.status(), 401);
}

#[tokio::test]
async fn after_ten_wrong_passwords_a_name_has_to_wait_and_no_other_does() {
    let site = Site::start().await;
    registered(&site, "ada").await;
    registered(&site, "ben").await;
    for name in ["ada", "nobody"] {
        for _ in 0..10 {
            let response = site.visitor().log_in_by(name, "a wrong one").await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        }
        let response = site.visitor().log_in(name).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "60");
        assert!(error_of(response).await.contains("60 seconds"));
    }
    assert_eq!(site.visitor().log_in("ben").await.status(), 200);

    site.clock.advance(Duration::from_secs(60));
    assert_eq!(site.visitor().log_in("ada").await.status(), 200);
}

#[tokio::test]
async fn a_login_outlives_the_browser_only_where_that_is_asked_for() {
    let site = Site::start().await;
    registered(&site, "ada").await;
    for (remember, max_age) in [(json!(true), Some("Max-Age=1209600")), (json!(false), None)] {
        let body = json!({ "name": "ada", "password": PASSWORD, "remember": remember });
        let response = site.visitor().post("/api/account/login", &body).await;
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let mut attributes = cookie.split("; ");
        let found = attributes.find(|it| it.starts_with("Max-Age"));
        assert_eq!(found, max_age, "{cookie}");
    }
}

#[tokio::test]
async fn logging_out_ends_the_session_and_deletes_its_cookie() {
    let site = Site::start().await;
    let visitor = registered(&site, "ada").await;
    visitor.talk("I like tea.").await;
    let thief = visitor.thief();

    let response = visitor.log_out().await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("Max-Age=0"), "{cookie}");
    for browser in [&visitor, &thief] {
        assert_eq!(browser.account().await, None);
        assert_eq!(browser.history().await, []);
    }
    assert_eq!(visitor.log_out().await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn whoever_is_not_logged_in_keeps_their_conversation_when_they_log_out() {
    let site = Site::start().await;
    let visitor = site.visitor();
    assert_eq!(visitor.log_out().await.status(), StatusCode::NO_CONTENT);
    visitor.talk("I like tea.").await;
    assert_eq!(visitor.log_out().await.status(), StatusCode::NO_CONTENT);
    assert_eq!(visitor.history().await.len(), 2);
}

#[tokio::test]
async fn asking_who_is_logged_in_is_no_access() {
    let clock = ManualClock::new();
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate().unwrap())
        .clock(clock.clone())
        .secure(false)
        .build();
    let (responder, limits) = (Responder::embedded(Duration::ZERO), Limits::default());
    let site = Site::over(sessions.unwrap(), responder, limits, Cors::default()).await;
    let visitor = registered(&site, "ada").await;
    let last_access = async || visitor.panel().await["last_accessed_at"].clone();

    let before = last_access().await;
    clock.advance(Duration::from_secs(60));
    assert_eq!(visitor.account().await.as_deref(), Some("ada"));
    assert_eq!(last_access().await, before);
    visitor.history().await;
    assert_ne!(last_access().await, before);
}
