//! Why a stored value is not of the type asked for, or a value cannot be stored, told without the
//! value: it belongs to the visitor, and errors end up in logs.

use rmp_serde::decode::Error;
use rmp_serde::encode;

/// What the decoder says, but for what it repeats of the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Undecodable(String);

impl From<Error> for Undecodable {
    fn from(error: Error) -> Self {
        Self(match error {
            // The marker of a small number is the number.
            Error::TypeMismatch(_) => "invalid type".into(),
            Error::Syntax(words) | Error::Uncategorized(words) => without_values(&words),
            other => other.to_string(),
        })
    }
}

/// What the encoder says, but for what a type says in words of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unencodable(String);

impl From<encode::Error> for Unencodable {
    fn from(error: encode::Error) -> Self {
        Self(match error {
            encode::Error::Syntax(_) => "the type refuses to be stored".into(),
            other => other.to_string(),
        })
    }
}

/// Messages of serde that repeat what was found, up to there.
const FOUND: [&str; 4] = [
    "invalid type: ",
    "invalid value: ",
    "unknown variant ",
    "unknown field ",
];

/// How they end where there is no name that could have been expected.
const NO_NAMES: [&str; 2] = [", there are no fields", ", there are no variants"];

/// Messages of serde that name a field of the type, and nothing after it.
const NAMES_A_FIELD: [&str; 2] = ["missing field `", "duplicate field `"];

/// What serde calls what was found (`serde::de::Unexpected`), without the value behind it.
const KINDS: [&str; 16] = [
    "boolean",
    "byte array",
    "character",
    "enum",
    "floating point",
    "integer",
    "map",
    "newtype struct",
    "newtype variant",
    "Option value",
    "sequence",
    "string",
    "struct variant",
    "tuple variant",
    "unit value",
    "unit variant",
];

/// A message of serde without the value that it repeats. What a type says in words of its own is
/// not told at all, unless they are those of serde to the end.
fn without_values(words: &str) -> String {
    if is_of_the_type(words) {
        return words.to_owned();
    }
    let found = FOUND.iter().find_map(|start| {
        let rest = words.strip_prefix(start)?;
        Some((start.trim_end(), rest))
    });
    let Some((start, rest)) = found else {
        return "the type refuses the value".to_owned();
    };
    let kind = KINDS.iter().find(|kind| rest.starts_with(**kind));
    // Behind the last one, for the value may have one in it. A type that has no names expects none.
    let expects_nothing = NO_NAMES.iter().any(|end| rest.ends_with(end));
    let expected = rest.rsplit_once(", expected ").filter(|_| !expects_nothing);
    let mut told = start.to_owned();
    if let Some(kind) = kind {
        told += &format!(" {kind}");
    }
    if let Some((_, expected)) = expected {
        told += &format!(", expected {expected}");
    }
    told
}

/// True when a message of serde is about the type, or counts.
fn is_of_the_type(words: &str) -> bool {
    let mut rests = NAMES_A_FIELD
        .iter()
        .filter_map(|start| words.strip_prefix(start));
    let field = rests.find_map(|rest| rest.strip_suffix('`'));
    let length = words.strip_prefix("invalid length ");
    let length = length.and_then(|rest| Some(rest.split_once(", expected ")?.0));
    field.is_some_and(|name| !name.contains('`'))
        || length.is_some_and(|number| number.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::session::Value;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Cart {
        #[expect(dead_code, reason = "read by nobody, for it cannot be decoded")]
        items: Vec<u32>,
    }

    #[derive(Debug, Deserialize)]
    enum Colour {
        Red,
        Green,
    }

    /// What is told when what `value` became is read as a `T`.
    fn told<T: DeserializeOwned>(value: &impl serde::Serialize) -> String {
        let value = Value::encode(value, 64).unwrap();
        let error = value.decode::<T>().err().map(Undecodable::from);
        error.expect("it is not one").to_string()
    }

    #[test]
    fn what_was_found_and_expected_is_told_and_the_value_is_not() {
        for (words, told) in [
            (
                "invalid type: string \"a, expected b\", expected u32",
                "invalid type: string, expected u32",
            ),
            (
                "invalid value: integer `77`, expected u8",
                "invalid value: integer, expected u8",
            ),
            (
                "invalid type: byte array, expected a map",
                "invalid type: byte array, expected a map",
            ),
            (
                "invalid type: hunter2, expected a map",
                "invalid type:, expected a map",
            ),
            (
                "unknown variant `hunter2`, expected `Red` or `Green`",
                "unknown variant, expected `Red` or `Green`",
            ),
            (
                "unknown field `hunter2`, there are no fields",
                "unknown field",
            ),
            (
                "unknown variant `a, expected hunter2`, there are no variants",
                "unknown variant",
            ),
            ("missing field `items`", "missing field `items`"),
            ("missing field in hunter2", "the type refuses the value"),
            (
                "missing field `a` in `hunter2`",
                "the type refuses the value",
            ),
            ("duplicate field of hunter2", "the type refuses the value"),
            (
                "invalid length of hunter2, expected 8",
                "the type refuses the value",
            ),
            ("invalid length hunter2", "the type refuses the value"),
            (
                "invalid length 2, expected a tuple of size 3",
                "invalid length 2, expected a tuple of size 3",
            ),
            ("hunter2 is no colour", "the type refuses the value"),
        ] {
            assert_eq!(without_values(words), told, "{words}");
        }
    }

    #[test]
    fn a_name_is_not_told_where_a_type_has_none() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        let named = BTreeMap::from([("a, expected hunter2", 1)]);
        assert_eq!(told::<Nothing>(&named), "unknown field");
    }

    #[test]
    fn the_words_of_a_type_of_ones_own_are_not_told() {
        #[derive(Debug)]
        struct Picky;
        impl<'de> Deserialize<'de> for Picky {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                Err(serde::de::Error::custom(format!("no such name: {text}")))
            }
        }
        assert_eq!(told::<Picky>(&"hunter2"), "the type refuses the value");
    }

    #[test]
    fn nor_are_those_of_a_type_that_cannot_be_stored() {
        struct Shy;
        impl serde::Serialize for Shy {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("hunter2 is not to be stored"))
            }
        }
        let error = Value::encode(&Shy, 64).map_err(Unencodable::from);
        let told = error.unwrap_err().to_string();
        assert_eq!(told, "the type refuses to be stored");
    }

    #[test]
    fn whatever_is_read_as_whatever_no_value_is_told() {
        fn all(value: &impl serde::Serialize) -> String {
            let value = Value::encode(value, 64).unwrap();
            let as_each = [
                value.decode::<u8>().err(),
                value.decode::<bool>().err(),
                value.decode::<char>().err(),
                value.decode::<()>().err(),
                value.decode::<Vec<bool>>().err(),
                value.decode::<BTreeMap<String, bool>>().err(),
                value.decode::<Colour>().err(),
                value.decode::<Cart>().err(),
                value.decode::<(bool, bool)>().err(),
                value.decode::<std::net::IpAddr>().err(),
            ];
            let errors = as_each.into_iter().flatten().map(Undecodable::from);
            errors.map(|error| format!("{error} {error:?}\n")).collect()
        }
        let deep = BTreeMap::from([("hunter2", vec![Some("hunter2")])]);
        let texts = [
            all(&"hunter2"),
            all(&Some("hunter2")),
            all(&["hunter2"; 3]),
            all(&deep),
            all(&77_777_777_u64),
            all(&-77_777_777_i64),
            all(&7_777_777.5_f64),
            all(&77_u8),
        ];
        for text in texts {
            assert!(text.lines().count() > 5, "{text}");
            assert!(!text.contains("hunter2") && !text.contains("77"), "{text}");
        }
    }
}
