//! `POST /page/..`: what the page asks the relay for.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use session_core::{Facts, SessionView, SystemEntropy};

use super::Relay;
use super::exchange::{Errand, frames};
use super::jar::{Jar, Token};
use super::pages::{Page, PageId, Pane};
use super::target::{is_allowed, is_same_origin};
use crate::answer::Answer;
use crate::arguments::BadArgument;
use crate::call::Call;
use crate::operations::{Outcome, lifecycle};
use crate::refusal::Refusal;

/// `POST /page/open`: two empty jars, and what the server is.
pub(crate) async fn open(call: Call) -> Outcome {
    let Nothing {} = question(&call)?;
    let relay = &call.site.relay;
    let id = PageId::draw(&SystemEntropy::new()).map_err(session_core::SessionError::from)?;
    relay.pages().open(id, Instant::now());
    let mut facts = relay.facts();
    facts["page"] = id.reveal().into();
    Ok(answer(201, &facts))
}

/// `POST /page/look`: the session of a pane, without an access to it, and the pane's jar.
pub(crate) async fn look(call: Call) -> Outcome {
    let In { page, pane } = question(&call)?;
    let relay = &call.site.relay;
    let jar = with_page(relay, page, |page| page.jar(pane).0.clone())?;
    let exchange = relay.sessions.begin(&Carried(&jar, &relay.token));
    let session = match exchange.handle().peek_session().await? {
        Some(view) => state(&view)?,
        None => lifecycle::no_session(),
    };
    let jar = with_page(relay, page, |page| show(relay, page, pane))?;
    Ok(answer(
        200,
        &json!({ "now": now_millis(), "session": session, "jar": jar }),
    ))
}

/// `POST /page/steal`: the cookies of one pane in the other, too.
pub(crate) async fn steal(call: Call) -> Outcome {
    let Theft { page, from, to } = question(&call)?;
    let relay = &call.site.relay;
    let jar = with_page(relay, page, |page| {
        *page.jar(to).0 = page.jar(from).0.clone();
        show(relay, page, to)
    })?;
    Ok(answer(200, &json!({ "jar": jar })))
}

/// `POST /page/forget`: what clearing the cookies does.
pub(crate) async fn forget(call: Call) -> Outcome {
    let In { page, pane } = question(&call)?;
    let relay = &call.site.relay;
    let jar = with_page(relay, page, |page| {
        *page.jar(pane).0 = Jar::default();
        show(relay, page, pane)
    })?;
    Ok(answer(200, &json!({ "jar": jar })))
}

/// `POST /page/relay`: sends a request as a pane, and tells of it frame by frame.
pub(crate) async fn send(call: Call) -> Outcome {
    let request: Request = question(&call)?;
    if !is_allowed(&request.method, &request.path) {
        return Err(BadArgument::Target.into());
    }
    let relay = call.site.relay.clone();
    with_page(&relay, request.page, |_| ())?;
    let errand = Errand {
        page: request.page,
        pane: request.pane,
        method: request.method,
        path: request.path,
        body: request.body,
    };
    let answer = Answer::stream("application/x-ndjson", frames(relay, errand));
    Ok(answer.header("cache-control", "no-store"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct In {
    page: PageId,
    pane: Pane,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Theft {
    page: PageId,
    from: Pane,
    to: Pane,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    page: PageId,
    pane: Pane,
    method: String,
    path: String,
    body: Option<String>,
}

/// What a page of this server asks. Another content type than JSON is refused, so that a page
/// of another origin would have to ask the browser for leave before it asks.
fn question<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    if !is_same_origin(&call.provenance) {
        return Err(Refusal::ForeignOrigin);
    }
    let content_type = call.provenance.content_type.as_deref().unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::NotJson);
    }
    Ok(call.json()?)
}

pub(super) fn with_page<T>(
    relay: &Relay,
    id: PageId,
    act: impl FnOnce(&mut Page) -> T,
) -> Result<T, Refusal> {
    let mut pages = relay.pages();
    let page = pages.page(id, Instant::now());
    page.map(act).ok_or(Refusal::NoSuchPage)
}

pub(super) fn show(relay: &Relay, page: &mut Page, pane: Pane) -> Value {
    let (jar, mask) = page.jar(pane);
    jar.shown(&relay.token, mask)
}

fn answer(status: u16, value: &Value) -> Answer {
    Answer::json(status, value).header("cache-control", "no-store")
}

/// As `GET /session` tells it, with what a countdown and a gauge need.
fn state(view: &SessionView) -> Result<Value, Refusal> {
    let mut attributes = Map::new();
    for name in view.attribute_names() {
        if let Some(value) = view.get_attribute(name)? {
            attributes.insert(name.to_owned(), value);
        }
    }
    Ok(json!({
        "exists": true,
        "is_new": false,
        "fingerprint": view.fingerprint().to_string(),
        "creation_time": view.creation_time().as_millis(),
        "last_accessed_time": view.last_accessed_time().as_millis(),
        "max_inactive_interval": view.max_inactive_interval().map(|idle| idle.as_secs()),
        "principal": view.principal().as_deref(),
        "attributes": attributes,
        "expires_at": view.expires_at().map(session_core::Timestamp::as_millis),
        "size": view.size(),
    }))
}

/// What a jar would send, for the engine to look at.
struct Carried<'j>(&'j Jar, &'j Token);

impl Facts for Carried<'_> {
    fn header_lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        let Self(jar, token) = self;
        match token {
            Token::Header(header) if header.eq_ignore_ascii_case(name) => {
                jar.token_header()
                    .into_iter()
                    .for_each(|token| visit(token.as_bytes()));
            }
            Token::Cookie(_) if name == "cookie" => {
                jar.cookie_header()
                    .iter()
                    .for_each(|line| visit(line.as_bytes()));
            }
            _ => {}
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

fn now_millis() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
