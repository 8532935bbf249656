//! The page: files in this program, served as they are.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;

/// The routes of the page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|| file(HTML, include_str!("page/index.html"))))
        .route("/app.css", get(|| file(CSS, include_str!("page/app.css"))))
        .route("/app.js", get(|| file(SCRIPT, include_str!("page/app.js"))))
        .route(
            "/panel.js",
            get(|| file(SCRIPT, include_str!("page/panel.js"))),
        )
        .route(
            "/server.js",
            get(|| file(SCRIPT, include_str!("page/server.js"))),
        )
        .route(
            "/icon.svg",
            get(|| file(SVG, include_str!("page/icon.svg"))),
        )
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Scripts and styles come from this server's files alone, so that text of a conversation can
/// never become code; nobody may put the page into a frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

async fn file(content_type: &'static str, content: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, content)
}
