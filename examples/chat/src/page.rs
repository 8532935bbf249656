//! The page: files in this program, served as they are.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::answer::{Answer, Content, answer};

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    pub(crate) path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

/// The files of the page.
pub(crate) const FILES: [File; 10] = [
    File::new("/", HTML, include_str!("page/index.html")),
    File::new("/account.css", CSS, include_str!("page/account.css")),
    File::new("/account.js", SCRIPT, include_str!("page/account.js")),
    File::new("/app.css", CSS, include_str!("page/app.css")),
    File::new("/app.js", SCRIPT, include_str!("page/app.js")),
    File::new("/message.js", SCRIPT, include_str!("page/message.js")),
    File::new("/panel.js", SCRIPT, include_str!("page/panel.js")),
    File::new("/server.js", SCRIPT, include_str!("page/server.js")),
    File::new("/text.js", SCRIPT, include_str!("page/text.js")),
    File::new("/icon.svg", SVG, include_str!("page/icon.svg")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Scripts and styles come from this server's files alone, so that text of a conversation can
/// never become code; nobody may put the page into a frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

impl File {
    const fn new(path: &'static str, content_type: &'static str, content: &'static str) -> Self {
        Self {
            path,
            content_type,
            content,
        }
    }

    /// The answer to `GET` on the file's path.
    pub(crate) fn answer(self) -> Answer {
        let headers: [(HeaderName, &str); 5] = [
            (header::CONTENT_TYPE, self.content_type),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let content = Content::Whole(Bytes::from_static(self.content.as_bytes()));
        answer(StatusCode::OK, headers, content)
    }
}
