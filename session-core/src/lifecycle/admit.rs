//! What the client claims: tokens copied out of the request headers, not yet verified. Pure.

use std::fmt;

use crate::cookie::{LINE_BYTES_MAX, TOKEN_LEN, VALUES_MAX, cookie_values};
use crate::exchange::IdSource;
use crate::facts::Facts;
use crate::transport::Transport;

/// The values that a request carries in the session cookie, or in the header of the token.
#[derive(Clone, Default)]
pub(crate) enum Admission {
    /// None.
    #[default]
    Nothing,
    /// One that has the length of a token: the usual case, kept without an allocation.
    One(Claim),
    /// Several, or one that cannot be a token.
    Other {
        /// What came first, whatever it is.
        first: RequestedSessionId,
        /// Those that have the length of a token, in order, without repetitions.
        claims: Vec<Claim>,
        /// How many others there were.
        malformed: usize,
    },
}

/// Text that has the length of a token. Prints redacted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim([u8; TOKEN_LEN]);

impl Claim {
    pub(crate) const fn as_bytes(&self) -> &[u8; TOKEN_LEN] {
        &self.0
    }
}

/// The session id exactly as the client sent it, valid or not (`getRequestedSessionId`).
///
/// Untrusted, and a live credential if it happens to be valid: it prints redacted. Longer
/// values are cut to 4,096 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestedSessionId(Box<[u8]>);

impl RequestedSessionId {
    /// The bytes that the client sent. Do not log them: they may be a valid token.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    fn cut(value: &[u8]) -> Self {
        const LONGEST: usize = 4_096;
        Self(value[..value.len().min(LONGEST)].into())
    }
}

impl fmt::Debug for RequestedSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestedSessionId(redacted)")
    }
}

impl Admission {
    /// Reads what the client sent by way of `transport`, and says how it is to be answered.
    ///
    /// Where there are two ways the cookie comes first: what a browser sends by itself is not
    /// outdone by a header that a script adds. The header decides for a client without the
    /// cookie, also when it is empty: so a client asks for it that has no token yet.
    pub(crate) fn of<F: Facts + ?Sized>(
        facts: &F,
        transport: &Transport,
        cookie: &str,
    ) -> (Self, IdSource) {
        if transport.has_cookie() {
            let admission = Self::of_cookies(facts, cookie.as_bytes());
            if !admission.is_nothing() {
                return (admission, IdSource::Cookie);
            }
        }
        match transport {
            Transport::Header(header) => {
                (Self::of_header(facts, &header.request), IdSource::Header)
            }
            Transport::Either(header) if has_header(facts, &header.request) => {
                (Self::of_header(facts, &header.request), IdSource::Header)
            }
            Transport::Cookie | Transport::Either(_) => (Self::Nothing, IdSource::Cookie),
        }
    }

    /// Reads the cookies called `name`. Order carries no meaning (RFC 6265bis, 5.8.3), so all
    /// of them are kept, up to a cap.
    fn of_cookies<F: Facts + ?Sized>(facts: &F, name: &[u8]) -> Self {
        let mut admission = Self::Nothing;
        let mut bytes_left = LINE_BYTES_MAX;
        let mut values_left = VALUES_MAX;
        facts.header_lines("cookie", &mut |line| {
            let line = &line[..line.len().min(bytes_left)];
            bytes_left -= line.len();
            for value in cookie_values(line, name).take(values_left) {
                values_left -= 1;
                admission.add(value);
            }
        });
        admission
    }

    /// Reads the lines of the header called `name`, as many as there could be cookies. A line
    /// without a value is none.
    fn of_header<F: Facts + ?Sized>(facts: &F, name: &str) -> Self {
        let mut admission = Self::Nothing;
        let mut lines_left = VALUES_MAX;
        facts.header_lines(name, &mut |line| {
            let value = line.trim_ascii();
            if lines_left > 0 && !value.is_empty() {
                lines_left -= 1;
                admission.add(value);
            }
        });
        admission
    }

    /// The first value that was sent.
    pub(crate) fn first(&self) -> Option<RequestedSessionId> {
        match self {
            Self::Nothing => None,
            Self::One(claim) => Some(RequestedSessionId::cut(&claim.0)),
            Self::Other { first, .. } => Some(first.clone()),
        }
    }

    /// True when the client sent nothing.
    pub(crate) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// What may be a token.
    pub(crate) fn claims(&self) -> &[Claim] {
        match self {
            Self::Nothing => &[],
            Self::One(claim) => std::slice::from_ref(claim),
            Self::Other { claims, .. } => claims,
        }
    }

    /// How many values cannot be a token.
    pub(crate) const fn malformed(&self) -> usize {
        match self {
            Self::Nothing | Self::One(_) => 0,
            Self::Other { malformed, .. } => *malformed,
        }
    }

    fn add(&mut self, value: &[u8]) {
        let claim = <[u8; TOKEN_LEN]>::try_from(value).ok().map(Claim);
        match (&mut *self, claim) {
            (Self::Nothing, Some(claim)) => *self = Self::One(claim),
            (Self::Nothing, None) => {
                *self = Self::Other {
                    first: RequestedSessionId::cut(value),
                    claims: Vec::new(),
                    malformed: 1,
                }
            }
            (Self::One(same), Some(claim)) if *same == claim => {}
            (Self::One(first), claim) => {
                let first = *first;
                *self = Self::Other {
                    first: RequestedSessionId::cut(&first.0),
                    malformed: usize::from(claim.is_none()),
                    claims: std::iter::once(first).chain(claim).collect(),
                }
            }
            (Self::Other { claims, .. }, Some(claim)) => {
                if !claims.contains(&claim) {
                    claims.push(claim);
                }
            }
            (Self::Other { malformed, .. }, None) => *malformed += 1,
        }
    }
}

/// True when the request has the header called `name`, whatever is in it.
fn has_header<F: Facts + ?Sized>(facts: &F, name: &str) -> bool {
    let mut is_there = false;
    facts.header_lines(name, &mut |_| is_there = true);
    is_there
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Request;

    /// What a client claims that sends these `Cookie` lines.
    fn admitted(cookies: Vec<Vec<u8>>) -> Admission {
        let request = Request {
            cookies,
            ..Request::default()
        };
        Admission::of(&request, &Transport::Cookie, "sid").0
    }

    #[test]
    fn of_all_cookie_lines_together_only_so_many_bytes_are_read() {
        let token = [b"sid=".as_slice(), &[b'A'; TOKEN_LEN]].concat();
        let claims_behind = |filling: usize| admitted(vec![vec![b';'; filling], token.clone()]);
        let room = LINE_BYTES_MAX - token.len();
        assert_eq!(claims_behind(room).claims().len(), 1);
        assert!(claims_behind(room + 1).claims().is_empty());
        assert!(claims_behind(LINE_BYTES_MAX * 2).claims().is_empty());
    }

    #[test]
    fn what_has_not_the_length_of_a_token_is_dropped_before_it_is_decoded_or_verified() {
        let value = |length: usize| admitted(vec![[b"sid=", &vec![b'A'; length][..]].concat()]);
        for length in [0, 1, TOKEN_LEN - 1, TOKEN_LEN + 1, 7 * 1024] {
            let admission = value(length);
            assert!(admission.claims().is_empty(), "{length}");
            assert_eq!(admission.malformed(), 1, "{length}");
        }
        assert_eq!(value(TOKEN_LEN).claims().len(), 1);
    }
}
