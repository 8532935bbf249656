//! A Set-Cookie line as a browser reads it.

use crate::site::Site;
use crate::verdict::{Attempt, failed};

/// A Set-Cookie line in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CookieLine {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Names in lower case, with their values.
    attributes: Vec<(String, String)>,
}

impl CookieLine {
    pub(crate) fn parse(line: &str) -> Self {
        let mut parts = line.split(';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let attributes = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_ascii_lowercase(), value.trim().to_owned())
        });
        Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            attributes: attributes.collect(),
        }
    }

    /// The line that a new visitor of `site` gets with a first write.
    pub(crate) fn of_a_new_session(site: &Site) -> Attempt<Self> {
        let request = site.target.write.request(&[("name", "n"), ("value", "v")]);
        let response = site.send(&request)?;
        match site.set_cookies(&response).last() {
            Some(line) => Ok(Self::parse(line)),
            None => failed("a write began no session"),
        }
    }

    /// The value of an attribute; the last one counts.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter().rev();
        let (_, value) = attributes.find(|(own, _)| own == name)?;
        Some(value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// What must be the same for a browser to take two lines for the same cookie, and to accept
    /// the second.
    pub(crate) fn place(&self) -> [Option<String>; 5] {
        ["path", "domain", "secure", "samesite", "partitioned"]
            .map(|name| self.attribute(name).map(str::to_ascii_lowercase))
    }
}

#[test]
fn attributes_have_no_case_and_the_last_one_counts() {
    let line = CookieLine::parse("sid=a=b; PATH=/x; path=/; HttpOnly");
    assert_eq!((&*line.name, &*line.value), ("sid", "a=b"));
    assert_eq!(line.attribute("path"), Some("/"));
    assert!(line.has("httponly") && !line.has("secure"));
}
