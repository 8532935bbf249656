//! How the token travels between client and server: in the session cookie, in a header of its
//! own, or in either.

use std::sync::Arc;

use crate::exchange::IdSource;

/// How a client and the server tell each other the token (`SessionTrackingMode`).
#[derive(Clone, Debug, Default)]
pub(crate) enum Transport {
    /// In the session cookie.
    #[default]
    Cookie,
    /// In a header, for clients that are no browsers.
    Header(Arc<TokenHeader>),
    /// In the cookie, or in the header for the clients that come with it.
    Either(Arc<TokenHeader>),
}

/// What a configuration says of the header.
#[derive(Clone, Debug)]
pub(crate) struct TokenHeaderOptions {
    pub(crate) request: String,
    pub(crate) response: String,
    /// True when the cookie may carry the token as well.
    pub(crate) beside_cookie: bool,
}

impl Transport {
    /// The cookie, unless the configuration names a header.
    ///
    /// # Errors
    /// [`TokenHeaderError`] for a header that cannot carry the token.
    pub(crate) fn new(header: Option<&TokenHeaderOptions>) -> Result<Self, TokenHeaderError> {
        let Some(options) = header else {
            return Ok(Self::Cookie);
        };
        let header = Arc::new(TokenHeader::new(&options.request, &options.response)?);
        Ok(if options.beside_cookie {
            Self::Either(header)
        } else {
            Self::Header(header)
        })
    }

    /// The header, where there is one.
    pub(crate) const fn header(&self) -> Option<&Arc<TokenHeader>> {
        match self {
            Self::Cookie => None,
            Self::Header(header) | Self::Either(header) => Some(header),
        }
    }

    /// True when the cookie may carry the token.
    pub(crate) const fn has_cookie(&self) -> bool {
        matches!(self, Self::Cookie | Self::Either(_))
    }

    /// How clients are told a token who have not shown how they want it.
    pub(crate) const fn usual(&self) -> IdSource {
        match self {
            Self::Cookie | Self::Either(_) => IdSource::Cookie,
            Self::Header(_) => IdSource::Header,
        }
    }
}

/// The header that carries the token, under the name it has in requests and in responses.
/// Both are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenHeader {
    pub(crate) request: String,
    pub(crate) response: String,
}

/// Why a header cannot carry the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenHeaderError {
    /// The name is not a token of RFC 9110, section 5.6.2, or longer than 64 characters.
    #[error(
        "the header name {name:?} cannot be used: it must be 1 to {NAME_MAX} letters, digits or any of !#$%&'*+-.^_`|~"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The header has another meaning, which the token would take from it.
    #[error("the header {name:?} has a meaning of its own and cannot carry the session token")]
    Taken {
        /// The name.
        name: String,
    },
}

/// The longest name that every server and proxy lets pass.
const NAME_MAX: usize = 64;

/// Headers that HTTP itself, caches, proxies or cookies give a meaning.
const TAKEN: [&str; 24] = [
    "accept",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "origin",
    "referer",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
];

impl TokenHeader {
    /// Checks the two names.
    ///
    /// # Errors
    /// [`TokenHeaderError`] for a name that is none, or means something else.
    pub(crate) fn new(request: &str, response: &str) -> Result<Self, TokenHeaderError> {
        Ok(Self {
            request: checked(request)?,
            response: checked(response)?,
        })
    }
}

fn checked(name: &str) -> Result<String, TokenHeaderError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_token) {
        return Err(TokenHeaderError::Name { name: name.into() });
    }
    let lower = name.to_ascii_lowercase();
    if TAKEN.contains(&&*lower) {
        return Err(TokenHeaderError::Taken { name: name.into() });
    }
    Ok(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_known_by_its_name_in_lower_case() {
        let header = TokenHeader::new("X-Auth-Token", "X-New-Token").unwrap();
        assert_eq!(header.request, "x-auth-token");
        assert_eq!(header.response, "x-new-token");
    }

    #[test]
    fn what_is_no_header_name_is_refused() {
        for name in ["", "a b", "a:b", "ä", "a\r\nb", &"a".repeat(65)] {
            let refused = TokenHeader::new(name, "x-token").unwrap_err();
            assert_eq!(refused, TokenHeaderError::Name { name: name.into() });
        }
    }

    #[test]
    fn a_header_with_a_meaning_of_its_own_is_refused_in_either_direction() {
        for (request, response) in [("Cookie", "x"), ("x", "Set-Cookie"), ("VARY", "x")] {
            assert!(matches!(
                TokenHeader::new(request, response),
                Err(TokenHeaderError::Taken { .. })
            ));
        }
    }
}
