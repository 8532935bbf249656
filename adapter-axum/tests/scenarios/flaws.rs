//! Adapters that are wrong on purpose: the scenarios find them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use adapter_tower::{BodyPolicy, BodySession, SessionLayer};
use axum::body::Body;
use axum::middleware::map_response;
use axum::response::Response;
use http::{HeaderValue, header};
use session_core::testkit::adapter::{Probe, Server, scenarios};
use session_core::{Main, SessionManager};

use crate::server::{routes, start};

/// What the scenario `name` says of an adapter that it must not let pass.
pub(crate) fn failure_of(
    name: &str,
    serve: impl Fn(SessionManager, Probe) -> Server,
) -> Option<String> {
    let scenario = scenarios()
        .iter()
        .find(|scenario| scenario.name() == name)?;
    let panic = catch_unwind(AssertUnwindSafe(|| scenario.check(serve))).err()?;
    panic.downcast().map(|message: Box<String>| *message).ok()
}

/// An adapter that lets a body go as soon as its head has left.
pub(crate) fn without_late_writes(sessions: SessionManager, probe: Probe) -> Server {
    start(routes(probe).layer(SessionLayer::<Main, Forgetful>::new(sessions)))
}

/// A body policy that nobody finishes an exchange with.
enum Forgetful {}

impl BodyPolicy<Body, Main> for Forgetful {
    type Body = Body;

    fn plain(body: Body) -> Body {
        body
    }

    fn watched(body: Body, session: BodySession<Body, Main>) -> Body {
        std::mem::forget(session);
        body
    }

    fn text(text: &'static str) -> Body {
        Body::from(text)
    }

    fn reports_rejection(_: &mut Response) -> bool {
        false
    }
}

/// An adapter that sends one line of cookies.
pub(crate) fn with_joined_cookies(sessions: SessionManager, probe: Probe) -> Server {
    let join = async |mut response: Response| {
        let headers = response.headers_mut();
        let lines: Vec<_> = headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|line| line.to_str().expect("visible ASCII").to_owned())
            .collect();
        if let Ok(line) = HeaderValue::try_from(lines.join(", "))
            && !lines.is_empty()
        {
            headers.insert(header::SET_COOKIE, line);
        }
        response
    };
    let app = routes(probe).layer(adapter_axum::SessionLayer::new(sessions));
    start(app.layer(map_response(join)))
}

/// An adapter whose pages may be shared by caches.
pub(crate) fn without_vary(sessions: SessionManager, probe: Probe) -> Server {
    let drop_vary = async |mut response: Response| {
        response.headers_mut().remove(header::VARY);
        response
    };
    let app = routes(probe).layer(adapter_axum::SessionLayer::new(sessions));
    start(app.layer(map_response(drop_vary)))
}
