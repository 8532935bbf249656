//! A request as the operations see it, the same from every framework.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use session_core::{ExchangeHandle, Session};

use crate::arguments::{self, BadArgument, Query};
use crate::refusal::Refusal;
use crate::site::Site;

/// A request: what a framework takes out of its own.
#[derive(Debug)]
pub(crate) struct Call {
    /// What the session middleware left in the request's extensions.
    pub(crate) handle: ExchangeHandle,
    /// The path as it was sent.
    pub(crate) path: String,
    /// The query as it was sent, without its question mark.
    pub(crate) query: String,
    pub(crate) body: Bytes,
    pub(crate) provenance: Provenance,
    pub(crate) site: Site,
}

/// Where a request says that it comes from, and what its body is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Provenance {
    pub(crate) content_type: Option<String>,
    pub(crate) fetch_site: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) origin: Option<String>,
}

impl Provenance {
    /// Reads it with `header`, which finds the value of a header by its name in lower case.
    pub(crate) fn read<'h>(header: impl Fn(&'static str) -> Option<&'h [u8]>) -> Self {
        let text = |name| {
            let value = std::str::from_utf8(header(name)?);
            value.ok().map(str::to_owned)
        };
        Self {
            content_type: text("content-type"),
            fetch_site: text("sec-fetch-site"),
            host: text("host"),
            origin: text("origin"),
        }
    }

    /// Whether the page that asks is of the host that it asks; `None` when the request names no
    /// origin.
    pub(crate) fn names_own_origin(&self) -> Option<bool> {
        let origin = self.origin.as_ref()?;
        let host = self.host.as_deref().unwrap_or_default();
        let authority = ["http://", "https://"]
            .into_iter()
            .find_map(|scheme| origin.strip_prefix(scheme));
        let is_host = |named: &str| named.eq_ignore_ascii_case(host);
        Some(!host.is_empty() && authority.is_some_and(is_host))
    }
}

impl Call {
    /// The session, which begins with the first write to it.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub(crate) async fn session(&self) -> Result<Session, Refusal> {
        Ok(self.handle.session().await?)
    }

    /// The session if there is one.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub(crate) async fn existing_session(&self) -> Result<Option<Session>, Refusal> {
        Ok(self.handle.existing_session().await?)
    }

    /// The name in `/attributes/{name}`.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn name(&self) -> Result<String, BadArgument> {
        let segment = self.path.split('/').nth(2).unwrap_or_default();
        arguments::name(segment)
    }

    /// The parameters of the query.
    ///
    /// # Errors
    /// When they cannot be decoded.
    pub(crate) fn query(&self) -> Result<Query<'_>, BadArgument> {
        Query::parse(&self.query)
    }

    /// How long a handler sleeps where its row of the table says so; milliseconds.
    ///
    /// # Errors
    /// When it is no number.
    pub(crate) fn delay(&self) -> Result<Duration, BadArgument> {
        let delay = self.query()?.number("delay_ms")?;
        Ok(Duration::from_millis(delay.unwrap_or(0)))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not the JSON that is wanted.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, BadArgument> {
        arguments::json(&self.body)
    }

    /// The body as a JSON object with the members of `T`.
    ///
    /// # Errors
    /// When it is not the JSON that is wanted.
    pub(crate) fn object<T: DeserializeOwned>(&self) -> Result<T, BadArgument> {
        arguments::object(&self.body)
    }
}

/// How much of a body that is too large is read and thrown away, in bytes. A server that
/// answers and closes while its client still writes resets the connection, and the client then
/// may never read why.
const DISCARDED_MAX: usize = 16 << 20;

/// The whole body of a request.
///
/// # Errors
/// When it is too large, or breaks off.
pub(crate) async fn read_body<B: Buf, E>(
    site: &Site,
    body: impl Stream<Item = Result<B, E>>,
) -> Result<Bytes, Refusal> {
    let mut body = std::pin::pin!(body);
    let mut kept = BytesMut::new();
    let mut read = 0_usize;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| Refusal::BrokenBody)?;
        read = read.saturating_add(piece.remaining());
        if read > site.body_limit.saturating_add(DISCARDED_MAX) {
            break;
        }
        if read <= site.body_limit {
            bytes::BufMut::put(&mut kept, piece);
        }
    }
    if read > site.body_limit {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(kept.freeze())
}
