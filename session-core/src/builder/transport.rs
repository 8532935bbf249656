//! How the token travels: the attributes of the cookie, and the header instead of it or beside it.

use std::time::Duration;

use super::SessionManagerBuilder;
use crate::cookie::SameSite;
use crate::transport::TokenHeaderOptions;

/// # The cookie, and the header
impl<S> SessionManagerBuilder<S> {
    /// Whether JavaScript is kept from reading the cookie. Leave it on.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.cookie.http_only = http_only;
        self
    }

    /// Whether the cookie is for HTTPS only. `false` is for development over plain HTTP: the
    /// cookie is then called `sid` unless it has a name, and is still `Secure` in responses to
    /// requests that are known to have come over HTTPS (`SessionCookieConfig.setSecure`).
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self
    }

    /// Which requests from other sites carry the cookie.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self
    }

    /// The name of the cookie. The prefixes `__Host-` and `__Secure-` put their conditions on
    /// the other attributes (RFC 6265bis, 4.1.3), which are checked when building.
    #[must_use]
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = Some(name.into());
        self
    }

    /// The path of the cookie.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = Some(path.into());
        self
    }

    /// The domain of the cookie, which all its subdomains then receive. Without one, only the
    /// host that set it does.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie.domain = Some(domain.into());
        self
    }

    /// Makes the cookie outlive the browser, for this long: cut to 400 days and to what is left
    /// of the absolute limit. It is sent again when a tenth of it has passed.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.cookie.max_age = Some(max_age);
        self
    }

    /// Keeps the cookie apart for each top-level site that embeds this one (CHIPS).
    #[must_use]
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.cookie.partitioned = partitioned;
        self
    }

    /// Adds another attribute to the cookie; an empty value makes it a bare flag
    /// (`SessionCookieConfig.setAttribute`).
    #[must_use]
    pub fn cookie_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.cookie.attributes.push((name.into(), value.into()));
        self
    }

    /// Sends the token in a header called `name` of responses, and expects it in the header of
    /// the same name of requests, instead of a cookie: for clients that are no browsers. The
    /// options of the cookie then have no effect.
    ///
    /// A browser is better served by the cookie, which scripts cannot read. A response that
    /// tells a new token or, with an empty value, the end of a session, has the header; all
    /// others have not.
    #[must_use]
    pub fn token_header(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.token_headers(name.clone(), name)
    }

    /// [`token_header`](Self::token_header) with another name in responses than in requests.
    #[must_use]
    pub fn token_headers(
        mut self,
        request: impl Into<String>,
        response: impl Into<String>,
    ) -> Self {
        self.token_header = Some(TokenHeaderOptions {
            request: request.into(),
            response: response.into(),
            beside_cookie: false,
        });
        self
    }

    /// Lets each client choose between the cookie and a header called `name`, as in
    /// [`token_header`](Self::token_header): for a site that serves browsers and other clients.
    ///
    /// A request that carries the cookie uses it, whatever else it carries; one without it uses
    /// the header. The answer goes back the way the request came. A client that has no token
    /// yet gets the cookie, unless it sends the header with an empty value. Both ways lead to
    /// the same sessions; the default [`namespace`](Self::namespace) is the name of the cookie.
    #[must_use]
    pub fn cookie_and_token_header(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.token_header = Some(TokenHeaderOptions {
            response: name.clone(),
            request: name,
            beside_cookie: true,
        });
        self
    }
}
