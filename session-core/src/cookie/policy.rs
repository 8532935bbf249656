//! What the session cookie looks like: options, checked once, then text that only lacks a token.

use std::time::Duration;

use super::attributes::{ATTRIBUTE_MAX, CookieAttributes, NAME_MAX};
use super::set_cookie::SetCookie;

/// The longest life of a cookie; browsers cut what is more (RFC 6265bis, 5.6.2).
pub(super) const MAX_AGE_MAX: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// Which requests from other sites carry the cookie (RFC 6265bis, 5.6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// Those of a top-level navigation that changes nothing: somebody follows a link.
    #[default]
    Lax,
    /// All. Needs `Secure`, and protection against request forgery by other means.
    None,
    /// None: who follows a link from another site arrives without a session.
    Strict,
}

/// The cookie as the configuration asks for it, not yet checked.
#[derive(Clone, Debug)]
pub(crate) struct CookieOptions {
    /// `None` is the strongest of `__Host-sid`, `__Secure-sid` and `sid` that the other
    /// options allow.
    pub(crate) name: Option<String>,
    /// `None` is `/`.
    pub(crate) path: Option<String>,
    /// `None` is the host alone that sets the cookie.
    pub(crate) domain: Option<String>,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: SameSite,
    /// `None` is until the browser is closed.
    pub(crate) max_age: Option<Duration>,
    pub(crate) partitioned: bool,
    /// Other attributes: name and value, a bare flag where the value is empty.
    pub(crate) attributes: Vec<(String, String)>,
}

impl Default for CookieOptions {
    fn default() -> Self {
        Self {
            name: None,
            path: None,
            domain: None,
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
            max_age: None,
            partitioned: false,
            attributes: Vec::new(),
        }
    }
}

/// Why a browser would not keep the cookie, or not as it was meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieError {
    /// The name or the value of an additional attribute cannot be written.
    #[error(
        "the cookie attribute {name:?} cannot be written: its name must be a token, its value \
         at most {ATTRIBUTE_MAX} bytes of printable ASCII without `;` and outer spaces"
    )]
    Attribute {
        /// The name of the attribute.
        name: String,
    },
    /// An additional attribute is one that has an option of its own, or is given twice.
    #[error("the cookie attribute {name:?} is given twice or has an option of its own")]
    AttributeTwice {
        /// The name of the attribute.
        name: String,
    },
    /// The domain is not the name of a host.
    #[error(
        "the cookie domain {domain:?} is not a host name; international names are written \
         in their ASCII form"
    )]
    Domain {
        /// The domain.
        domain: String,
    },
    /// The name is not a token (RFC 6265bis, 4.1.1), or longer than a browser accepts.
    #[error(
        "the cookie name {name:?} cannot be used: it must be 1 to {} letters, digits or \
         any of !#$%&'*+-.^_`|~",
        NAME_MAX
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The path is not one that a browser takes over.
    #[error(
        "the cookie path {path:?} cannot be used: it must start with `/` and be at most \
         {ATTRIBUTE_MAX} bytes of printable ASCII without `;` and spaces at its end"
    )]
    Path {
        /// The path.
        path: String,
    },
    /// `Partitioned` without `Secure`.
    #[error("a partitioned cookie must be secure")]
    PartitionedNeedsSecure,
    /// The name starts with a prefix whose conditions the other options do not meet.
    #[error("a cookie whose name starts with {prefix} must have {condition}")]
    Prefix {
        /// The prefix, such as `__Host-`.
        prefix: &'static str,
        /// What it asks for.
        condition: &'static str,
    },
    /// `SameSite=None` without `Secure`.
    #[error("a cookie with SameSite=None must be secure")]
    SameSiteNoneNeedsSecure,
    /// A cookie with a maximum age of zero is deleted on arrival.
    #[error("a cookie cannot have a maximum age of zero")]
    ZeroMaxAge,
}

/// The session cookie of one manager, ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct CookiePolicy {
    name: String,
    max_age: Option<Duration>,
    over_http: SetCookie,
    over_https: SetCookie,
}

impl CookiePolicy {
    /// Checks `options`.
    ///
    /// # Errors
    /// [`CookieError`] for every cookie that a browser would refuse, change or delete at once.
    pub(crate) fn new(options: CookieOptions) -> Result<Self, CookieError> {
        if options.max_age == Some(Duration::ZERO) {
            return Err(CookieError::ZeroMaxAge);
        }
        let max_age = options.max_age.map(|life| life.min(MAX_AGE_MAX));
        let attributes = CookieAttributes::check(options)?;
        Ok(Self {
            over_http: SetCookie::new(&attributes, attributes.secure),
            over_https: SetCookie::new(&attributes, true),
            name: attributes.name,
            max_age,
        })
    }

    /// The name of the cookie.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long the cookie outlives the browser, at most 400 days; `None` for not at all.
    pub(crate) const fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// The `Set-Cookie` value that gives the client `token`, for `max_age` or until the
    /// browser is closed.
    ///
    /// `secure_request` says whether the request is known to have come over HTTPS: the cookie
    /// is then `Secure` whatever the configuration.
    pub(crate) fn issue(
        &self,
        token: &str,
        secure_request: bool,
        max_age: Option<Duration>,
    ) -> String {
        self.template(secure_request).issue(token, max_age)
    }

    /// The `Set-Cookie` value that makes the client forget the cookie.
    pub(crate) fn expire(&self, secure_request: bool) -> &str {
        self.template(secure_request).expire()
    }

    const fn template(&self, secure_request: bool) -> &SetCookie {
        if secure_request {
            &self.over_https
        } else {
            &self.over_http
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_never_zero_and_at_most_400_days() {
        let with = |life| CookieOptions {
            max_age: Some(life),
            ..CookieOptions::default()
        };
        assert_eq!(
            CookiePolicy::new(with(Duration::ZERO)).unwrap_err(),
            CookieError::ZeroMaxAge
        );
        for (asked, given) in [
            (Duration::from_millis(1), Duration::from_millis(1)),
            (MAX_AGE_MAX, MAX_AGE_MAX),
            (Duration::MAX, MAX_AGE_MAX),
        ] {
            assert_eq!(
                CookiePolicy::new(with(asked)).unwrap().max_age(),
                Some(given)
            );
        }
    }
}
