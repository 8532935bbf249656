//! `POST /page/..`: what a page asks the relay for. Answers are the page's alone and are not
//! to be stored by any cache, refusals included.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use session_core::SessionError;

use super::forward::{Order, frames};
use super::pages::{Page, Pane};
use super::{Relay, look as peek, routes, socket};
use crate::answer::Answer;
use crate::arguments::BadArgument;
use crate::call::{Call, Provenance};
use crate::operations::Outcome;
use crate::origin::question;
use crate::refusal::Refusal;

/// `POST /page/open`
pub(crate) async fn open(call: Call) -> Outcome {
    answered(call.site.relay.open(&call.provenance, &call.body))
}

/// `POST /page/look`
pub(crate) async fn look(call: Call) -> Outcome {
    answered(call.site.relay.look(&call.provenance, &call.body).await)
}

/// `POST /page/steal`
pub(crate) async fn steal(call: Call) -> Outcome {
    answered(call.site.relay.steal(&call.provenance, &call.body))
}

/// `POST /page/forget`
pub(crate) async fn forget(call: Call) -> Outcome {
    answered(call.site.relay.forget(&call.provenance, &call.body))
}

/// `POST /page/relay`
pub(crate) async fn send(call: Call) -> Outcome {
    answered(call.site.relay.send(&call.provenance, &call.body))
}

/// `POST /page/socket`
pub(crate) async fn open_socket(call: Call) -> Outcome {
    answered(call.site.relay.open_socket(&call.provenance, &call.body))
}

/// `POST /page/say`
pub(crate) async fn say(call: Call) -> Outcome {
    answered(call.site.relay.say(&call.provenance, &call.body).await)
}

fn answered(outcome: Outcome) -> Outcome {
    let answer = outcome.unwrap_or_else(|refusal| refusal.answer());
    Ok(answer.header("cache-control", "no-store"))
}

/// A JSON object a line.
const NDJSON: &str = "application/x-ndjson";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPane {
    page: String,
    pane: Pane,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Theft {
    page: String,
    from: Pane,
    to: Pane,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sending {
    page: String,
    pane: Pane,
    method: String,
    path: String,
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    page: String,
    socket: u64,
    line: String,
}

impl Relay {
    pub(super) fn open(&self, asker: &Provenance, body: &[u8]) -> Outcome {
        let Nothing {} = question(asker, body)?;
        let page = self.open_page().map_err(SessionError::from)?;
        let mut facts = self.facts.clone();
        facts["page"] = page.into();
        Ok(Answer::json(201, &facts))
    }

    pub(super) async fn look(&self, asker: &Provenance, body: &[u8]) -> Outcome {
        let OfPane { page, pane } = question(asker, body)?;
        let now = self.clock.now();
        let (headers, jar) = self.with_page(&page, |page| {
            (page.request_headers(pane, now), page.show_jar(pane, now))
        })?;
        let session = peek::look(&self.sessions, headers).await?;
        let seen = json!({ "now": now.as_millis(), "session": session, "jar": jar });
        Ok(Answer::json(200, &seen))
    }

    pub(super) fn steal(&self, asker: &Provenance, body: &[u8]) -> Outcome {
        let Theft { page, from, to } = question(asker, body)?;
        self.with_page(&page, |page| {
            page.steal(from, to);
            Answer::json(200, &self.jar(page, to))
        })
    }

    pub(super) fn forget(&self, asker: &Provenance, body: &[u8]) -> Outcome {
        let OfPane { page, pane } = question(asker, body)?;
        self.with_page(&page, |page| {
            page.forget(pane);
            Answer::json(200, &self.jar(page, pane))
        })
    }

    pub(super) fn send(self: &Arc<Self>, asker: &Provenance, body: &[u8]) -> Outcome {
        let sending: Sending = question(asker, body)?;
        let target = routes::target(&sending.method, &sending.path);
        let target = target.ok_or(BadArgument::Target)?;
        self.with_page(&sending.page, |_| ())?;
        let order = Order {
            page: sending.page,
            pane: sending.pane,
            method: sending.method,
            target,
            body: sending.body,
        };
        let frames = frames(self.clone(), order);
        Ok(Answer::stream(NDJSON, frames))
    }

    pub(super) fn open_socket(self: &Arc<Self>, asker: &Provenance, body: &[u8]) -> Outcome {
        let OfPane { page, pane } = question(asker, body)?;
        self.with_page(&page, |_| ())?;
        let frames = socket::frames(self.clone(), page, pane);
        Ok(Answer::stream(NDJSON, frames))
    }

    pub(super) async fn say(&self, asker: &Provenance, body: &[u8]) -> Outcome {
        let Saying { page, socket, line } = question(asker, body)?;
        let lines = self.with_page(&page, |page| page.sockets().lines_to(socket))?;
        let lines = lines.ok_or(Refusal::NoSuchSocket)?;
        // Waits where the visitor is faster than the server.
        let said = lines.send(line).await;
        said.map_err(|_| Refusal::NoSuchSocket)?;
        Ok(Answer::no_content())
    }

    fn jar(&self, page: &mut Page, pane: Pane) -> Value {
        json!({ "jar": page.show_jar(pane, self.clock.now()) })
    }

    /// Acts on a page, in one step.
    ///
    /// # Errors
    /// When the page is not known, or no longer.
    fn with_page<T>(&self, name: &str, act: impl FnOnce(&mut Page) -> T) -> Result<T, Refusal> {
        let mut pages = self.pages.lock();
        let page = pages.get(name, self.clock.now());
        page.map(act).ok_or(Refusal::NoSuchPage)
    }
}
