//! What a visitor sends along, taken apart by the same rules on every framework. Routers decode
//! paths and queries each in its own way, so all of this starts from the raw text.

use std::borrow::Cow;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Why an argument cannot be used. Does not repeat what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadArgument {
    /// A `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("The address is not percent-encoded UTF-8.")]
    Encoding,
    /// Attributes have names of 1 to 255 bytes.
    #[error("A name has 1 to 255 bytes.")]
    Name,
    /// A parameter of the query is missing.
    #[error("The parameter {0} is missing.")]
    Missing(&'static str),
    /// A parameter of the query is not what it should be.
    #[error("The parameter {0} cannot be used.")]
    Parameter(&'static str),
    /// The body is no JSON, nests deeper than 127 levels, or is not of the type that is wanted.
    #[error("The body is not the JSON that is wanted.")]
    Body,
    /// The relay sends only what the page has buttons for.
    #[error("The page cannot send this.")]
    Target,
    /// A message of the WebSocket is none of its commands.
    #[error("Send: set NAME JSON, get NAME, or increment NAME.")]
    Command,
    /// The number can grow no further.
    #[error("The number is as large as it can be.")]
    Overflow,
}

/// The longest name of an attribute, in bytes: the limit of the engine.
const NAME_LEN_MAX: usize = 255;

/// One segment of a path as the name that it stands for: `a%2Fb` is `a/b`.
///
/// # Errors
/// [`BadArgument`] when it is none.
pub(crate) fn name(segment: &str) -> Result<String, BadArgument> {
    checked_name(decoded(segment)?.into_owned())
}

/// The segment of a path that stands for `name`: the way back from [`name`].
pub(crate) fn segment(name: &str) -> String {
    /// Everything but the unreserved characters (RFC 3986, 2.3).
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(name, RESERVED).to_string()
}

/// A body as JSON, whatever its content type.
///
/// # Errors
/// [`BadArgument::Body`] when it is not the JSON that is wanted. The parser stops at 128 levels,
/// so that no body can overflow the stack.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadArgument> {
    serde_json::from_slice(body).map_err(|_| BadArgument::Body)
}

/// A body that is a JSON object, as a type with named members. An array of their values, which
/// a derived [`Deserialize`](serde::Deserialize) takes as well, is none.
///
/// # Errors
/// [`BadArgument::Body`] when it is not the JSON that is wanted.
pub(crate) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadArgument> {
    let members: Map<String, Value> = json(body)?;
    T::deserialize(Value::Object(members)).map_err(|_| BadArgument::Body)
}

/// The parameters of a query, decoded.
#[derive(Debug)]
pub(crate) struct Query<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

impl<'q> Query<'q> {
    /// Takes a query apart as browsers put it together: `+` is a space.
    ///
    /// # Errors
    /// [`BadArgument::Encoding`].
    pub(crate) fn parse(query: &'q str) -> Result<Self, BadArgument> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((parameter(name)?, parameter(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// The parameter called `name`; `None` when it was not sent.
    ///
    /// # Errors
    /// [`BadArgument::Parameter`] when it was sent twice.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, BadArgument> {
        let mut values = self.0.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| &**value);
        match values.next() {
            None => Ok(value),
            Some(_) => Err(BadArgument::Parameter(name)),
        }
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// [`BadArgument`].
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, BadArgument> {
        self.text(name)?.ok_or(BadArgument::Missing(name))
    }

    /// A whole number; `None` when it was not sent.
    ///
    /// # Errors
    /// [`BadArgument`] when it is something else.
    pub(crate) fn number<N: FromStr>(&self, name: &'static str) -> Result<Option<N>, BadArgument> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.then(|| text.parse().ok()).flatten();
            number.ok_or(BadArgument::Parameter(name))
        };
        self.text(name)?.map(number).transpose()
    }

    /// The name of an attribute, which must be there.
    ///
    /// # Errors
    /// [`BadArgument`] when it is no name.
    pub(crate) fn attribute(&self, name: &'static str) -> Result<String, BadArgument> {
        checked_name(self.required(name)?.to_owned())
    }
}

fn parameter(text: &str) -> Result<Cow<'_, str>, BadArgument> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return decoded(&spaced).map(|text| Cow::Owned(text.into_owned()));
    }
    decoded(text)
}

fn decoded(text: &str) -> Result<Cow<'_, str>, BadArgument> {
    let well_formed = text.split('%').skip(1).all(|behind| {
        let digits = behind.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !well_formed {
        return Err(BadArgument::Encoding);
    }
    percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| BadArgument::Encoding)
}

/// A name as it is, if it can be the name of an attribute.
///
/// # Errors
/// [`BadArgument::Name`] when it cannot.
pub(crate) fn checked_name<N: AsRef<str>>(name: N) -> Result<N, BadArgument> {
    match name.as_ref().len() {
        1..=NAME_LEN_MAX => Ok(name),
        _ => Err(BadArgument::Name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_decoded_exactly_once() {
        for (segment, expected) in [
            ("plain", "plain"),
            ("a%2Fb", "a/b"),
            ("a%252Fb", "a%2Fb"),
            ("%C3%A4", "ä"),
            ("a+b", "a+b"),
            ("%00", "\0"),
        ] {
            assert_eq!(name(segment).as_deref(), Ok(expected), "{segment}");
        }
    }

    #[test]
    fn a_malformed_escape_or_broken_utf_8_is_no_name() {
        for segment in ["%", "a%2", "%zz", "%+1", "%%41", "%FF", "%C3", "%2%46"] {
            assert_eq!(name(segment), Err(BadArgument::Encoding), "{segment}");
        }
    }

    #[test]
    fn a_name_has_1_to_255_bytes_once_decoded() {
        assert!(name(&"%61".repeat(255)).is_ok());
        for segment in [String::new(), "a".repeat(256), "%C3%A4".repeat(128)] {
            assert_eq!(name(&segment), Err(BadArgument::Name), "{segment}");
        }
    }

    #[test]
    fn a_segment_made_of_a_name_stands_for_that_name() {
        for text in ["a/b", "a%2Fb", "ä ö", "?#&=+", ".."] {
            assert_eq!(name(&segment(text)).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_query_is_decoded_as_browsers_encode_it() {
        let query = Query::parse("name=a+b&value=%26%3D&empty=&bare&&").unwrap();
        assert_eq!(query.text("name"), Ok(Some("a b")));
        assert_eq!(query.text("value"), Ok(Some("&=")));
        assert_eq!(query.text("empty"), Ok(Some("")));
        assert_eq!(query.text("bare"), Ok(Some("")));
        assert_eq!(query.text("absent"), Ok(None));
        assert!(Query::parse("name=%").is_err());
    }

    #[test]
    fn a_number_is_digits_that_fit() {
        let number = |text: &str| {
            let query = format!("n={text}");
            Query::parse(&query).unwrap().number::<u64>("n")
        };
        assert_eq!(number("0"), Ok(Some(0)));
        assert_eq!(number("18446744073709551615"), Ok(Some(u64::MAX)));
        for wrong in [
            "",
            "-1",
            "%2B1",
            "1.0",
            "1e3",
            "x",
            "18446744073709551616",
            "1&n=2",
        ] {
            assert_eq!(number(wrong), Err(BadArgument::Parameter("n")), "{wrong}");
        }
    }

    #[test]
    fn a_body_that_nests_too_deep_is_refused_and_not_followed() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let json = |text: String| json::<serde_json::Value>(text.as_bytes());
        assert!(json(nested(127)).is_ok());
        assert_eq!(json(nested(128)), Err(BadArgument::Body));
        assert_eq!(json(nested(1_000_000)), Err(BadArgument::Body));
    }
}
