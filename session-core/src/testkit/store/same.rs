//! Comparing sessions.

use std::collections::BTreeSet;
use std::fmt::Debug;

use crate::session::{Attribute, Record};

/// Ends the test unless the sessions are equal, with what differs: a key prints redacted and
/// a value without its content, so that printing the two sessions would not tell.
pub(super) fn assert_same(found: &Record, expected: &Record, why: &str) {
    let differences = differences(found, expected);
    assert!(
        differences.is_empty(),
        "{why}, but {}",
        differences.join(", ")
    );
    assert_eq!(found, expected, "{why}");
}

fn differences(found: &Record, expected: &Record) -> Vec<String> {
    let mut differences = Vec::new();
    let mut note = |difference: Option<String>| differences.extend(difference);
    note((found.key != expected.key).then(|| "the record bears another key".into()));
    note(of("handle", &found.handle, &expected.handle));
    note(of("created_at", &found.created_at, &expected.created_at));
    note(of("accessed_at", &found.accessed_at, &expected.accessed_at));
    note(of("issued_at", &found.issued_at, &expected.issued_at));
    note(of(
        "max_inactive_interval",
        &found.max_inactive_interval,
        &expected.max_inactive_interval,
    ));
    note(of(
        "absolute_deadline",
        &found.absolute_deadline,
        &expected.absolute_deadline,
    ));
    note(of(
        "authentication",
        &found.authentication,
        &expected.authentication,
    ));
    note(of("revision", &found.revision, &expected.revision));
    let both = found.attributes.iter().chain(&expected.attributes);
    let names: BTreeSet<&str> = both.map(|attribute| &*attribute.name).collect();
    for name in names {
        let (found, expected) = (found.attributes.get(name), expected.attributes.get(name));
        note(of_attribute(name, found, expected));
    }
    differences
}

fn of<T: Debug + PartialEq>(field: &str, found: &T, expected: &T) -> Option<String> {
    (found != expected).then(|| format!("{field} is {found:?} instead of {expected:?}"))
}

fn of_attribute(
    name: &str,
    found: Option<&Attribute>,
    expected: Option<&Attribute>,
) -> Option<String> {
    match (found, expected) {
        (None, None) => None,
        (None, Some(_)) => Some(format!("the attribute {name:?} is missing")),
        (Some(_), None) => Some(format!("the attribute {name:?} should not be there")),
        (Some(found), Some(expected)) if found.value != expected.value => {
            Some(format!("the attribute {name:?} has another value"))
        }
        (Some(found), Some(expected)) => of(
            &format!("the revision of the attribute {name:?}"),
            &found.revision,
            &expected.revision,
        ),
    }
}
