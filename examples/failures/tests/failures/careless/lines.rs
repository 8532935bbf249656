//! The header lines that tell a browser about the session.

use super::routes::Site;
use super::wire::{Request, Response};

impl Site {
    /// Gives the cookie for `id` with a response.
    pub(super) fn give(&self, id: &str, request: &Request, response: &mut Response) {
        let token = self.sessions.sign(id);
        let token = match self.flaw() {
            "octets" => format!("\"{token}\""),
            "size" => format!("{token}~{}", "x".repeat(5000)),
            _ => token,
        };
        let line = format!(
            "set-cookie: {}={token}{}",
            self.cookie,
            self.attributes(request)
        );
        if self.has("own-cookies") {
            response
                .lines
                .retain(|line| !line.starts_with("set-cookie"));
        }
        if self.has("one-line") && request.path == "/login" {
            response.lines.push(line.clone());
        }
        response.lines.push(line);
        if !self.has("caches") {
            response.lines.push("cache-control: no-store".to_owned());
        }
    }

    /// Takes the cookie away.
    pub(super) fn take(&self, request: &Request, response: &mut Response) {
        let mut attributes = self.attributes(request);
        if self.has("deletion") {
            attributes = attributes.replace("; Path=/", "");
        }
        let line = format!("set-cookie: {}={attributes}; Max-Age=0", self.cookie);
        response.lines.push(line);
    }

    fn attributes(&self, request: &Request) -> String {
        const RIGHT: &str = "; Path=/; Secure; HttpOnly; SameSite=Lax";
        let proxied = request.header("x-forwarded-proto").as_deref() == Some("http");
        match self.flaw() {
            "secure" => RIGHT.replace("; Secure", ""),
            "spoofed-https" if proxied => RIGHT.replace("; Secure", ""),
            "http-only" => RIGHT.replace("; HttpOnly", ""),
            "same-site" => RIGHT.replace("; SameSite=Lax", ""),
            "prefix" => format!("{RIGHT}; Domain=localhost"),
            "path" => RIGHT.replace("; Path=/", ""),
            "lifetime" => format!("{RIGHT}; Max-Age=99999999"),
            "expires" => format!("{RIGHT}; Expires=Sun, 06 Nov 2094 08:49:37 GMT"),
            "until-closed" => format!("{RIGHT}; Max-Age=3600"),
            "partitioned" => RIGHT.replace("; Secure", "; Partitioned"),
            _ => RIGHT.to_owned(),
        }
    }
}
