//! An application with all its routes, called in this process and without a network.

use std::error::Error;
use std::fmt::{self, Display};

use futures_util::future::LocalBoxFuture;
use http::Method;

/// A site of one variant. Its futures are in boxes once for a whole batch of requests, so
/// that what is timed stays free of them.
pub(crate) trait Site {
    /// Sends a request `times` times and takes in every answer to its end, as a server does.
    /// This is what is timed.
    fn repeat<'a>(
        &'a mut self,
        request: &'a Request,
        times: u32,
    ) -> LocalBoxFuture<'a, Result<(), Refused>>;

    /// Sends a request and reads its answer.
    fn ask<'a>(&'a mut self, request: &'a Request) -> LocalBoxFuture<'a, Result<Page, Refused>>;
}

/// A request, whatever its framework will make of it. Its body is empty.
pub(crate) struct Request {
    /// How.
    pub(crate) method: Method,
    /// What.
    pub(crate) path: &'static str,
    /// The `Cookie` line, if there is one.
    pub(crate) cookie: Option<String>,
}

/// An answer.
pub(crate) struct Page {
    /// Its body.
    pub(crate) text: String,
    /// Its `Set-Cookie` lines.
    pub(crate) set_cookie: Vec<String>,
}

/// A site gave no answer that could be used, so that its times mean nothing.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl Refused {
    /// The site answered with another status than 200.
    pub(crate) fn status(status: impl Display) -> Self {
        Self(format!("a site answered {status}"))
    }

    /// The site has no such answer to give.
    pub(crate) fn broken(error: impl Display) -> Self {
        Self(format!("a site broke off: {error}"))
    }
}

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Refused {}
