//! Which session a request names.

use super::routes::Site;
use super::wire::Request;

impl Site {
    /// The id of the session that a request belongs to.
    pub(super) fn id_of(&self, request: &Request) -> Option<String> {
        let mut tokens = self.tokens_in(request);
        if self.has("other-places") {
            tokens.extend(request.argument("sid").map(str::to_owned));
        }
        if self.has("reads-a-header") {
            tokens.extend(request.header("x-session-id"));
        }
        if self.has("reads-a-form") {
            tokens.extend(request.body.strip_prefix("sid=").map(str::to_owned));
        }
        if self.has("tossed") {
            tokens.truncate(1);
        }
        if self.has("last-of-its-name") {
            tokens = tokens.pop().into_iter().collect();
        }
        let mut ids: Vec<String> = Vec::new();
        for token in tokens {
            if let Some(id) = self.id_behind(&token)
                && !ids.contains(&id)
            {
                ids.push(id);
            }
        }
        if self.has("two-live") {
            ids.truncate(1);
        }
        // Two live sessions are nobody's.
        (ids.len() == 1).then(|| ids.remove(0))
    }

    fn id_behind(&self, token: &str) -> Option<String> {
        let decoded = decoded(token);
        let token = match self.flaw() {
            "decodes-percent" => &decoded,
            "spellings" => token.trim_end_matches('='),
            "octets" | "quoted" => token.trim_matches('"'),
            "size" => token.split('~').next().unwrap_or_default(),
            _ => token,
        };
        let live = |id: &String| self.sessions.lock().contains_key(id);
        let id = self.sessions.verify(token);
        match self.flaw() {
            "unsigned" => id.or_else(|| Some(token.to_owned())).filter(live),
            "chosen-ids" => {
                let id = id.unwrap_or_else(|| token.to_owned());
                self.sessions.lock().entry(id.clone()).or_default();
                Some(id)
            }
            "adopts-what-it-signed" => {
                let id = id?;
                self.sessions.lock().entry(id.clone()).or_default();
                Some(id)
            }
            _ => id.filter(live),
        }
    }

    /// Whether a request carries an id that was given by this server and is dead.
    pub(super) fn names_what_ended(&self, request: &Request) -> bool {
        let tokens = self.tokens_in(request);
        let mut ids = tokens.iter().filter_map(|it| self.sessions.verify(it));
        ids.any(|id| !self.sessions.lock().contains_key(&id))
    }

    /// The values of all cookies of our name.
    fn tokens_in(&self, request: &Request) -> Vec<String> {
        let mut lines: Vec<&[u8]> = request.all("cookie").collect();
        if self.has("several-lines") {
            lines.truncate(1);
        }
        let mut tokens = Vec::new();
        for line in lines {
            let line = String::from_utf8_lossy(line);
            for pair in self.pairs(&line) {
                let pair = match self.flaw() {
                    "nameless" => pair.trim_start_matches('='),
                    _ => pair,
                };
                let (name, value) = pair.split_once('=').unwrap_or(("", pair));
                let ours = match self.flaw() {
                    "resembling-names" => name.eq_ignore_ascii_case(&self.cookie),
                    _ => name == self.cookie,
                };
                if ours {
                    tokens.push(value.to_owned());
                }
            }
        }
        tokens
    }

    fn pairs<'a>(&self, line: &'a str) -> Vec<&'a str> {
        let mut in_quotes = false;
        let pairs = line.split(|character| {
            if character == '"' && self.has("swallowed") {
                in_quotes = !in_quotes;
            }
            character == ';' && !in_quotes
        });
        pairs.map(|pair| pair.trim_matches([' ', '\t'])).collect()
    }
}

/// The text with its percent escapes undone.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.extend(byte.map(char::from));
        out.push_str(part.get(2..).unwrap_or_default());
    }
    out
}
