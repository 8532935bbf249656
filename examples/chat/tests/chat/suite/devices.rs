use std::time::Duration;

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::accounts::{PASSWORD, registered};
use super::site::{Site, Visitor, error_of};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";

impl Visitor {
    async fn devices(&self) -> Vec<Value> {
        let response = self.get("/api/account/devices").await;
        assert_eq!(response.status(), StatusCode::OK);
        let answer: Value = response.json().await.unwrap();
        answer["devices"].as_array().unwrap().clone()
    }

    /// The handle of the visitor's own session.
    async fn current(&self) -> String {
        let devices = self.devices().await;
        let current = devices.iter().find(|device| device["current"] == true);
        current.unwrap()["handle"].as_str().unwrap().to_owned()
    }

    async fn end(&self, handle: &str) -> Response {
        let path = format!("/api/account/devices/{handle}");
        self.send(self.request(Method::DELETE, &path)).await
    }

    async fn end_others(&self) -> Response {
        let request = self.request(Method::DELETE, "/api/account/devices");
        self.send(request).await
    }
}

/// Another device of somebody who has an account.
async fn another(site: &Site, name: &str) -> Visitor {
    let visitor = site.visitor();
    assert_eq!(visitor.log_in(name).await.status(), StatusCode::OK);
    visitor
}

#[tokio::test]
async fn whoever_is_logged_in_sees_all_of_their_devices_and_nobody_elses() {
    let site = Site::start().await;
    let laptop = registered(&site, "ada").await;
    registered(&site, "ben").await;
    let phone = site.visitor();
    let request = phone.request(Method::POST, "/api/account/login");
    let request = request.header(header::USER_AGENT, FIREFOX);
    let credentials = json!({ "name": "ada", "password": PASSWORD });
    phone.send(request.json(&credentials)).await;

    let mut devices = laptop.devices().await;
    assert_eq!(devices.len(), 2);
    devices.sort_by_key(|device| device["current"] == false);
    assert_eq!(devices[0]["current"], true);
    assert_eq!(devices[0]["label"], "Unknown browser");
    assert_eq!(devices[1]["current"], false);
    assert_eq!(devices[1]["label"], "Firefox on Linux");
    for (device, visitor) in devices.iter().zip([&laptop, &phone]) {
        assert_eq!(device.as_object().unwrap().len(), 5, "{device}");
        let seen = visitor.panel().await;
        assert_eq!(device["created_at"], seen["created_at"]);
        assert!(device["last_accessed_at"].as_u64() >= seen["created_at"].as_u64());
        let told = device.to_string();
        assert!(
            !told.contains(seen["fingerprint"].as_str().unwrap()),
            "{told}"
        );
    }
}

#[tokio::test]
async fn whoever_is_not_logged_in_has_no_devices_and_ends_none() {
    let site = Site::start().await;
    let ada = registered(&site, "ada").await;
    let handle = ada.current().await;
    let (nobody, anonymous) = (site.visitor(), site.visitor());
    anonymous.talk("Hello.").await;
    for visitor in [&nobody, &anonymous] {
        let path = format!("/api/account/devices/{handle}");
        for (method, path) in [
            (Method::GET, "/api/account/devices"),
            (Method::DELETE, "/api/account/devices"),
            (Method::DELETE, &path),
            (Method::DELETE, "/api/account/devices/x"),
        ] {
            let response = visitor.send(visitor.request(method.clone(), path)).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method}");
            assert_eq!(error_of(response).await, "You are not logged in.");
        }
    }
    assert_eq!(ada.account().await.as_deref(), Some("ada"));
    assert_eq!(anonymous.history().await.len(), 2);
    assert!(!nobody.has_cookie());
}

#[tokio::test]
async fn another_device_can_be_logged_out_once() {
    let site = Site::start().await;
    let laptop = registered(&site, "ada").await;
    let phone = another(&site, "ada").await;
    phone.talk("I like tea.").await;
    let handle = phone.current().await;

    let response = laptop.end(&handle).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(!response.headers().contains_key(header::SET_COOKIE));
    assert_eq!(phone.account().await, None);
    assert_eq!(phone.history().await, []);
    assert_eq!(laptop.devices().await.len(), 1);

    let again = laptop.end(&handle).await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    error_of(again).await;
}

#[tokio::test]
async fn ending_the_session_that_asks_is_logging_out() {
    let site = Site::start().await;
    let laptop = registered(&site, "ada").await;
    let phone = another(&site, "ada").await;
    let thief = laptop.thief();
    let response = laptop.end(&laptop.current().await).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(thief.account().await, None);
    assert_eq!(phone.devices().await.len(), 1);
}

#[tokio::test]
async fn a_handle_that_is_somebody_elses_or_none_at_all_ends_nothing() {
    let site = Site::start().await;
    let (ada, ben) = (
        registered(&site, "ada").await,
        registered(&site, "ben").await,
    );
    let (own, others) = (ada.current().await, ben.current().await);
    let nobodys = "0".repeat(32);
    let longer = format!("{own}0");
    for handle in [&*others, &nobodys, &longer, "x", "%FF", "%"] {
        let response = ada.end(handle).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{handle}");
        error_of(response).await;
    }
    assert_eq!(ben.account().await.as_deref(), Some("ben"));
    assert_eq!(ada.account().await.as_deref(), Some("ada"));
}

#[tokio::test]
async fn all_other_devices_can_be_logged_out_at_once() {
    let site = Site::start().await;
    let laptop = registered(&site, "ada").await;
    let ben = registered(&site, "ben").await;
    let others = [another(&site, "ada").await, another(&site, "ada").await];
    for count in [2, 0] {
        let response = laptop.end_others().await;
        assert_eq!(response.status(), StatusCode::OK);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer, json!({ "ended": count }));
    }
    for other in &others {
        assert_eq!(other.account().await, None);
    }
    assert_eq!(laptop.devices().await.len(), 1);
    assert_eq!(ben.account().await.as_deref(), Some("ben"));
}

#[tokio::test]
async fn a_reply_breaks_off_when_its_session_is_ended_elsewhere() {
    let site = Site::slow(Duration::from_millis(100)).await;
    let laptop = registered(&site, "ada").await;
    let phone = another(&site, "ada").await;
    let reply = phone.say("I like tea.").await;
    let handle = phone.current().await;
    assert_eq!(laptop.end(&handle).await.status(), StatusCode::NO_CONTENT);
    assert!(
        reply.text().await.is_err(),
        "an end would mean a complete reply that is kept"
    );
    assert_eq!(phone.history().await, []);
}
