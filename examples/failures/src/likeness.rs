//! Whether two answers can be told apart.

use crate::http::Response;
use crate::site::Site;
use crate::verdict::{Attempt, ensure};

/// How a server answers, without what changes from one answer to the next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Likeness {
    status: u16,
    /// `None` where two answers to the same question differ.
    body: Option<String>,
    lines: Vec<(String, String)>,
}

impl Likeness {
    /// How `ask` is answered, asked twice to see what changes by itself.
    pub(crate) fn of_two(site: &Site, ask: impl Fn() -> Attempt<Response>) -> Attempt<Self> {
        let first = Self::of(site, &ask()?);
        let second = Self::of(site, &ask()?);
        let body = first.body.clone().filter(|_| first.body == second.body);
        let lines = first
            .lines
            .iter()
            .filter(|line| second.lines.contains(line));
        Ok(Self {
            status: first.status,
            body,
            lines: lines.cloned().collect(),
        })
    }

    fn of(site: &Site, response: &Response) -> Self {
        const OF_THE_MOMENT: [&str; 4] = ["date", "content-length", "etag", "age"];
        let lines = response.lines.iter();
        let lines = lines.filter(|(name, _)| !OF_THE_MOMENT.contains(&name.as_str()));
        let lines = lines.map(|(name, value)| {
            let is_ours = value.starts_with(&format!("{}=", site.target.cookie));
            let value = match value.split_once(';') {
                // A new token each time is alike; whether it is one or none is not.
                Some((pair, rest)) if is_ours && name == "set-cookie" => {
                    let given = if pair.ends_with('=') { "none" } else { "one" };
                    format!("{given};{rest}")
                }
                _ => value.clone(),
            };
            (name.clone(), value)
        });
        Self {
            status: response.status,
            body: Some(response.body.clone()),
            lines: lines.collect(),
        }
    }

    /// Fails when `other` can be told from it.
    pub(crate) fn must_equal(&self, site: &Site, other: &Response, at: &str) -> Attempt {
        let other = Self::of(site, other);
        ensure(other.status == self.status, || {
            format!("status {} instead of {} at {at}", other.status, self.status)
        })?;
        let same_body = self.body.is_none() || self.body == other.body;
        ensure(same_body, || format!("another body at {at}"))?;
        let missing = self.lines.iter().find(|line| !other.lines.contains(line));
        ensure(missing.is_none(), || {
            let (name, _) = missing.cloned().unwrap_or_default();
            format!("another header {name} at {at}")
        })?;
        let cookies = |lines: &[(String, String)]| {
            lines
                .iter()
                .filter(|(name, _)| name == "set-cookie")
                .count()
        };
        let (own, others) = (cookies(&self.lines), cookies(&other.lines));
        ensure(own == others, || {
            format!("{others} Set-Cookie instead of {own} at {at}")
        })
    }
}
