//! A look at a pane's session that is no access: nothing is written, no idle time restarts, and
//! no cookie is set.

use serde_json::{Map, Value, json};
use session_core::{Facts, SessionError, SessionManager, SessionView, Timestamp};

/// A request that is never sent, with the headers of a pane's next one.
struct Imagined {
    headers: Vec<(String, String)>,
}

impl Facts for Imagined {
    fn header_lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        for (_, value) in self.headers.iter().filter(|(other, _)| other == name) {
            visit(value.as_bytes());
        }
    }

    fn is_secure(&self) -> bool {
        false
    }

    fn method(&self) -> &'static str {
        "GET"
    }

    fn path(&self) -> &'static str {
        "/session"
    }
}

/// The session that a request with these headers would have, as `GET /session` tells it, with
/// `expires_at` in milliseconds since the epoch and `size` in bytes.
///
/// # Errors
/// When the store cannot be reached.
pub(super) async fn look(
    sessions: &SessionManager,
    headers: Vec<(String, String)>,
) -> Result<Value, SessionError> {
    let exchange = sessions.begin(&Imagined { headers });
    match exchange.handle().peek_session().await? {
        Some(view) => told(&view),
        None => Ok(json!({
            "exists": false,
            "is_new": null,
            "fingerprint": null,
            "creation_time": null,
            "last_accessed_time": null,
            "max_inactive_interval": null,
            "principal": null,
            "attributes": {},
            "expires_at": null,
            "size": null,
        })),
    }
}

fn told(view: &SessionView) -> Result<Value, SessionError> {
    let mut attributes = Map::new();
    for name in view.attribute_names() {
        if let Some(value) = view.get_attribute(name)? {
            attributes.insert(name.to_owned(), value);
        }
    }
    Ok(json!({
        "exists": true,
        // Whoever is found by a token has sent it, and so has joined.
        "is_new": false,
        "fingerprint": view.fingerprint().to_string(),
        "creation_time": view.creation_time().as_millis(),
        "last_accessed_time": view.last_accessed_time().as_millis(),
        "max_inactive_interval": view.max_inactive_interval().map(|idle| idle.as_secs()),
        "principal": view.principal().as_deref(),
        "attributes": attributes,
        "expires_at": view.expires_at().map(Timestamp::as_millis),
        "size": view.size(),
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use session_core::testkit::{ManualClock, Site, Visitor};

    use super::*;

    fn headers(site: &Site, visitor: &Visitor) -> Vec<(String, String)> {
        let token = visitor.cookie().unwrap();
        vec![match site.sessions().token_header() {
            Some(name) => (name.to_owned(), token),
            None => ("cookie".to_owned(), format!("__Host-sid={token}")),
        }]
    }

    #[tokio::test]
    async fn a_look_tells_what_the_session_is() {
        let site = Site::new();
        let mut ada = site.visitor();
        ada.visit(async |session| {
            session.set_attribute("count", &7)?;
            session.login("ada")
        })
        .await
        .unwrap();
        let seen = look(site.sessions(), headers(&site, &ada)).await.unwrap();
        let start = ManualClock::START.as_millis();
        assert_eq!(seen["exists"], true);
        assert_eq!(seen["is_new"], false);
        assert_eq!(seen["creation_time"], start);
        assert_eq!(seen["principal"], "ada");
        assert_eq!(seen["attributes"], json!({ "count": 7 }));
        let idle = seen["max_inactive_interval"].as_u64().unwrap();
        assert_eq!(seen["expires_at"], start + idle * 1_000);
        assert!(seen["size"].as_u64().unwrap() > 0);
    }

    #[tokio::test]
    async fn a_look_prolongs_nothing() {
        let site = Site::with(|builder| builder.token_header("X-Auth-Token"));
        let mut ada = site.visitor();
        ada.visit(async |session| session.set_attribute("count", &7))
            .await
            .unwrap();
        let headers = headers(&site, &ada);
        let before = look(site.sessions(), headers.clone()).await.unwrap();
        site.clock().advance(Duration::from_secs(60));
        let after = look(site.sessions(), headers.clone()).await.unwrap();
        assert_eq!(after, before);
        let idle = before["max_inactive_interval"].as_u64().unwrap();
        site.clock().advance(Duration::from_secs(idle - 60));
        let over = look(site.sessions(), headers).await.unwrap();
        assert_eq!(over["exists"], false);
    }

    #[tokio::test]
    async fn where_there_is_no_session_a_look_finds_none_and_makes_none() {
        let site = Site::new();
        for headers in [vec![], vec![("cookie".into(), "__Host-sid=made-up".into())]] {
            let seen = look(site.sessions(), headers).await.unwrap();
            assert_eq!(seen["exists"], false);
            assert_eq!(seen["attributes"], json!({}));
            assert_eq!(seen["fingerprint"], Value::Null);
            assert_eq!(seen["expires_at"], Value::Null);
        }
    }
}
