//! The page: files in this program, served as they are.

use crate::answer::Answer;
use crate::call::Call;
use crate::operations::Outcome;
use crate::refusal::Refusal;

/// One file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal $content_type:ident $file:literal;)*) => {
        [$(File {
            path: $path,
            content_type: $content_type,
            content: include_str!(concat!("page/", $file)),
        }),*]
    };
}

static FILES: &[File] = &files! {
    "/" HTML "index.html";
    "/admin" HTML "admin.html";
    "/page/admin.css" CSS "admin.css";
    "/page/admin.js" SCRIPT "admin.js";
    "/page/app.css" CSS "app.css";
    "/page/app.js" SCRIPT "app.js";
    "/page/card.js" SCRIPT "card.js";
    "/page/controls.js" SCRIPT "controls.js";
    "/page/cookie.js" SCRIPT "cookie.js";
    "/page/dom.js" SCRIPT "dom.js";
    "/page/entry.js" SCRIPT "entry.js";
    "/page/icon.svg" SVG "icon.svg";
    "/page/operations.js" SCRIPT "operations.js";
    "/page/pane.js" SCRIPT "pane.js";
    "/page/plot.js" SCRIPT "plot.js";
    "/page/race.js" SCRIPT "race.js";
    "/page/relay.js" SCRIPT "relay.js";
    "/page/sessions.js" SCRIPT "sessions.js";
    "/page/socket.js" SCRIPT "socket.js";
    "/page/state.js" SCRIPT "state.js";
    "/page/views.js" SCRIPT "views.js";
};

/// Scripts and styles come from this server's files alone, so that what visitors store can
/// never become code; nobody may put the page into a frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// `GET /` and `GET /page/{file}`
pub(crate) async fn file(call: Call) -> Outcome {
    let file = FILES.iter().find(|file| file.path == call.path);
    let file = file.ok_or(Refusal::NoSuchRoute)?;
    Ok(Answer::whole(200, file.content_type, file.content)
        .header("cache-control", "no-cache")
        .header("content-security-policy", CONTENT_SECURITY_POLICY)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page");
        for entry in folder.read_dir().expect("the folder is there") {
            let name = entry.expect("it can be read").file_name();
            let name = name.to_str().expect("names are text");
            let path = match name {
                "index.html" => "/".to_owned(),
                "admin.html" => "/admin".to_owned(),
                name => format!("/page/{name}"),
            };
            assert!(FILES.iter().any(|file| file.path == path), "{name}");
        }
    }
}
