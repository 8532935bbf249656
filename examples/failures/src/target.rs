//! What a server offers, so that it can be attacked: read from a TOML file.

use std::fmt;

use toml_edit::{Document, Item, TableLike};

use crate::http::Request;

/// A server as its description tells it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// What the server is called in reports.
    pub(crate) name: String,
    /// The name of the session cookie.
    pub(crate) cookie: String,
    /// Header lines that each request carries, `X-Forwarded-Proto` for instance.
    pub(crate) lines: Vec<(String, String)>,
    /// Puts `{value}` under `{name}` into the session.
    pub(crate) write: Route,
    /// Answers what is under `{name}`, anywhere in the body.
    pub(crate) read: Route,
    /// Logs `{user}` in.
    pub(crate) login: Option<Route>,
    pub(crate) logout: Option<Route>,
    /// Answers who is logged in, anywhere in the body.
    pub(crate) whoami: Option<Route>,
    /// As `write`, with `{delay}` milliseconds between loading the session and storing it.
    pub(crate) slow_write: Option<Route>,
    /// Adds one to the number `{name}`, `{delay}` milliseconds after it was loaded.
    pub(crate) increment: Option<Route>,
    /// As `write`, and answers with a redirect.
    pub(crate) redirect: Option<Route>,
    /// Writes to the session and sets cookies of the application's own.
    pub(crate) own_cookies: Option<Route>,
    /// Writes while its body streams.
    pub(crate) stream: Option<Stream>,
    /// Answers how many sessions there are.
    pub(crate) count: Option<Count>,
}

/// One thing that a server does.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    method: String,
    path: String,
    body: String,
    content_type: String,
}

/// A body during which the attribute `{name}` is written.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) route: Route,
    /// What is written last, before the body ends.
    pub(crate) last: String,
}

/// Where a server tells how many sessions it has.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    pub(crate) route: Route,
    /// The member of the JSON object that is the number.
    pub(crate) member: String,
}

/// A description that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Route {
    /// The request, with each `{placeholder}` replaced.
    pub(crate) fn request(&self, fill: &[(&str, &str)]) -> Request {
        let filled = |text: &str| {
            fill.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            })
        };
        let mut lines = Vec::new();
        if !self.body.is_empty() {
            let content_type = self.content_type.clone().into_bytes();
            lines.push(("content-type".to_owned(), content_type));
        }
        Request {
            method: self.method.clone(),
            target: filled(&self.path),
            lines,
            body: filled(&self.body).into_bytes(),
        }
    }
}

impl Target {
    /// # Errors
    /// When it is no TOML, lacks what every attack needs, or holds what is not known.
    pub(crate) fn parse(text: &str) -> Result<Self, Unusable> {
        let document = Document::parse(text).map_err(|error| Unusable(error.to_string()))?;
        let table = document.as_table();
        const KNOWN: [&str; 14] = [
            "name",
            "cookie",
            "headers",
            "write",
            "read",
            "login",
            "logout",
            "whoami",
            "slow_write",
            "increment",
            "redirect",
            "own_cookies",
            "stream",
            "count",
        ];
        for (key, _) in table {
            if !KNOWN.contains(&key) {
                return Err(Unusable(format!("[{key}] is not known")));
            }
        }
        let needed = |name: &str| {
            route(table.get(name), name)?.ok_or_else(|| Unusable(format!("[{name}] is missing")))
        };
        let wished = |name: &str| route(table.get(name), name);
        let count = match (wished("count")?, table.get("count")) {
            (Some(route), Some(item)) => Some(Count {
                route,
                member: text_of(item.get("member"), "count.member")?,
            }),
            _ => None,
        };
        let stream = match (wished("stream")?, table.get("stream")) {
            (Some(route), Some(item)) => Some(Stream {
                route,
                last: text_of(item.get("last"), "stream.last")?,
            }),
            _ => None,
        };
        Ok(Self {
            name: text_of(table.get("name"), "name")?,
            cookie: text_of(table.get("cookie"), "cookie")?,
            lines: header_lines(table.get("headers"))?,
            write: needed("write")?,
            read: needed("read")?,
            login: wished("login")?,
            logout: wished("logout")?,
            whoami: wished("whoami")?,
            slow_write: wished("slow_write")?,
            increment: wished("increment")?,
            redirect: wished("redirect")?,
            own_cookies: wished("own_cookies")?,
            stream,
            count,
        })
    }
}

fn route(item: Option<&Item>, name: &str) -> Result<Option<Route>, Unusable> {
    let Some(item) = item else { return Ok(None) };
    let part = |key: &str, default: Option<&str>| match (item.get(key), default) {
        (None, Some(default)) => Ok(default.to_owned()),
        (given, _) => text_of(given, &format!("{name}.{key}")),
    };
    Ok(Some(Route {
        method: part("method", Some("GET"))?,
        path: part("path", None)?,
        body: part("body", Some(""))?,
        content_type: part("content_type", Some("application/json"))?,
    }))
}

fn header_lines(item: Option<&Item>) -> Result<Vec<(String, String)>, Unusable> {
    let table = item.and_then(Item::as_table_like);
    let entries = table.into_iter().flat_map(TableLike::iter);
    entries
        .map(|(name, value)| Ok((name.to_owned(), text_of(Some(value), name)?)))
        .collect()
}

fn text_of(item: Option<&Item>, name: &str) -> Result<String, Unusable> {
    let text = item.and_then(Item::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| Unusable(format!("{name} is a text and must be there")))
}

#[cfg(test)]
mod tests {
    use super::Target;

    const SMALLEST: &str = "name = 'x'\ncookie = 'sid'\nwrite.path = '/w'\nread.path = '/r/{name}'";

    #[test]
    fn a_description_needs_a_way_to_write_and_a_way_to_read() {
        let target = Target::parse(SMALLEST).expect("nothing else is needed");
        let read = target.read.request(&[("name", "color")]);
        assert_eq!((&*read.method, &*read.target), ("GET", "/r/color"));
        assert!(target.login.is_none());
        for line in SMALLEST.lines() {
            assert!(
                Target::parse(&SMALLEST.replace(line, "")).is_err(),
                "{line}"
            );
        }
    }

    #[test]
    fn a_misspelled_part_is_an_error_and_not_an_attack_that_is_left_out() {
        let misspelled = format!("{SMALLEST}\nlog_in.path = '/login'");
        let refused = Target::parse(&misspelled).expect_err("log_in is no part");
        assert_eq!(refused.to_string(), "[log_in] is not known");
    }
}
