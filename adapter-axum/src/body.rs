//! axum has one body type: a response without late writes keeps its body as it is.

use adapter_tower::{BodyPolicy, BodySession, SessionBody};
use axum_core::body::Body;
use http::Response;

/// Keeps axum's own body type, and wraps only where the session may still change.
#[derive(Clone, Copy, Debug)]
pub enum AxumBody {}

impl<S: 'static> BodyPolicy<Body, S> for AxumBody {
    type Body = Body;

    fn plain(body: Body) -> Body {
        body
    }

    fn watched(body: Body, session: BodySession<Body, S>) -> Body {
        Body::new(SessionBody::watched(body, session))
    }

    fn text(text: &'static str) -> Body {
        Body::from(text)
    }

    /// Extractors of axum answer their failures themselves.
    fn reports_rejection(_: &mut Response<Body>) -> bool {
        false
    }
}
