//! A browser as far as a session needs one.

use std::error::Error;

use http::Method;

use crate::scenario::Scenario;
use crate::site::{Refused, Request, Site};
use crate::variant::Variant;

/// Sent by a visitor whose site hands out no cookie, so that a bare framework parses one as
/// well.
const FOREIGN_COOKIE: &str =
    "visitor=v1.0123456789abcdefghijklmnopqrstuvwxyzABCDEF.0123456789abcdefghijklmnopqrstuvwxyz";

/// One visitor of one site, who sends the same request again and again.
pub(crate) struct Visitor {
    site: Box<dyn Site>,
    request: Request,
    /// What prepares the session, where every batch of requests needs that again.
    again: Option<Request>,
}

impl Visitor {
    /// Builds the site with an empty store and prepares the session of the scenario.
    pub(crate) async fn arrive(
        variant: Variant,
        scenario: Scenario,
    ) -> Result<Self, Box<dyn Error>> {
        let mut visitor = Self {
            site: variant.site().await?,
            request: Request {
                method: scenario.method(),
                path: scenario.path(),
                cookie: None,
            },
            again: None,
        };
        if let Some(seed) = scenario.seed() {
            visitor.post(seed).await?;
            let cookie = &mut visitor.request.cookie;
            cookie.get_or_insert_with(|| FOREIGN_COOKIE.to_owned());
            if scenario.grows() {
                visitor.again = Some(visitor.to(Method::POST, seed));
            }
        }
        Ok(visitor)
    }

    /// Prepares the session again where the scenario makes it grow.
    pub(crate) async fn prepare_batch(&mut self) -> Result<(), Refused> {
        match &self.again {
            Some(seed) => self.site.repeat(seed, 1).await,
            None => Ok(()),
        }
    }

    /// Sends the request of the scenario this many times and takes in the answers to their
    /// end. This is what is timed.
    pub(crate) async fn visit(&mut self, times: u32) -> Result<(), Refused> {
        self.site.repeat(&self.request, times).await
    }

    /// The text at another path of the same site; cookies that are set there are kept.
    pub(crate) async fn get(&mut self, path: &'static str) -> Result<String, Refused> {
        self.text(Method::GET, path).await
    }

    /// The same by POST.
    pub(crate) async fn post(&mut self, path: &'static str) -> Result<String, Refused> {
        self.text(Method::POST, path).await
    }

    async fn text(&mut self, method: Method, path: &'static str) -> Result<String, Refused> {
        let page = self.site.ask(&self.to(method, path)).await?;
        if let Some(cookie) = cookies_of(&page.set_cookie) {
            self.request.cookie = Some(cookie);
        }
        Ok(page.text)
    }

    /// True when the site has set a cookie, or the visitor came with one.
    pub(crate) fn has_cookie(&self) -> bool {
        self.request.cookie.is_some()
    }

    fn to(&self, method: Method, path: &'static str) -> Request {
        Request {
            method,
            path,
            cookie: self.request.cookie.clone(),
        }
    }
}

/// What a browser sends back after these `Set-Cookie` lines; `None` when none of them sets
/// anything (a removal has an empty value).
fn cookies_of(lines: &[String]) -> Option<String> {
    let pairs = lines.iter().filter_map(|line| line.split(';').next());
    let set: Vec<&str> = pairs.filter(|pair| !removes(pair)).collect();
    (!set.is_empty()).then(|| set.join("; "))
}

fn removes(pair: &str) -> bool {
    pair.split_once('=')
        .is_some_and(|(_, value)| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_sends_back_what_was_set_and_nothing_that_was_removed() {
        let lines = ["a=1; Path=/", "b=; Max-Age=0", "c=Zg==; Secure"].map(str::to_owned);
        assert_eq!(cookies_of(&lines).as_deref(), Some("a=1; c=Zg=="));
        assert_eq!(cookies_of(&lines[1..2]), None);
    }
}
