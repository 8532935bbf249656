//! Change sets on records: all or nothing, no limit exceeded by a change that makes a record
//! larger, and attributes as an ordinary map would have them.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use session_core::{Attribute, ChangeSet, Edit, Expected, Record, Refusal, Timestamp};

use crate::records::{changes, record, time};

/// Applies some change sets to a record.
pub fn run(data: &[u8]) {
    // What is left at the end is too little for one more.
    let _ = play(&mut Unstructured::new(data));
}

fn play(input: &mut Unstructured<'_>) -> Result<()> {
    let mut subject = record(input)?;
    while !input.is_empty() {
        let mut changes = changes(input)?;
        meet(&mut changes, &subject, input)?;
        let now = time(input)?;
        let before = subject.clone();
        let answer = subject.apply(&changes, now);
        check(&before, &changes, now, &answer, &subject);
    }
    Ok(())
}

/// Has some of the changes expect what is there.
fn meet(changes: &mut ChangeSet, subject: &Record, input: &mut Unstructured<'_>) -> Result<()> {
    for change in &mut changes.attributes {
        let current = subject.attributes.get(&change.name);
        if let (true, Some(current)) = (input.arbitrary()?, current) {
            change.expected = Expected::At(current.revision);
        }
    }
    Ok(())
}

fn check(
    before: &Record,
    changes: &ChangeSet,
    now: Timestamp,
    answer: &std::result::Result<(), Refusal>,
    after: &Record,
) {
    let expected = by_map(before, changes, 0);
    match (answer, expected) {
        (Ok(()), Ok(attributes)) => check_applied(before, changes, now, after, &attributes),
        (Err(refusal), Err(expected)) => assert_eq!(*refusal, expected),
        // Sizes are estimated, too high by what the header of a list may widen.
        (Err(Refusal::TooLarge), Ok(_)) => {
            let pessimistic = by_map(before, changes, WIDER_HEADER * appends(changes));
            assert_eq!(pessimistic, Err(Refusal::TooLarge));
        }
        (answer, expected) => panic!("{answer:?} instead of {expected:?}"),
    }
    if answer.is_err() {
        assert_eq!(before, after, "a refused change set left something");
    }
    let stored = Record::from_bytes(&after.to_bytes());
    assert_eq!(stored.as_ref(), Ok(after));
}

type Values = BTreeMap<String, Vec<u8>>;

/// From the narrowest header of a list to the widest, in bytes.
const WIDER_HEADER: usize = 4;

fn appends(changes: &ChangeSet) -> usize {
    let edits = changes.attributes.iter().map(|change| &change.edit);
    edits.filter(|edit| matches!(edit, Edit::Append(_))).count()
}

/// The names and values that should be there afterwards, where the new size may be estimated
/// too high by `margin` bytes.
fn by_map(
    before: &Record,
    changes: &ChangeSet,
    margin: usize,
) -> std::result::Result<Values, Refusal> {
    let old: BTreeMap<&str, &Attribute> = match changes.clear_attributes {
        true => BTreeMap::new(),
        false => before.attributes.iter().map(|it| (&*it.name, it)).collect(),
    };
    let mut new: Values = old
        .iter()
        .map(|(name, it)| ((*name).to_owned(), it.value.bytes().to_vec()))
        .collect();
    for change in &changes.attributes {
        let current = old.get(&*change.name);
        let is_met = match change.expected {
            Expected::Anything => true,
            Expected::Absent => current.is_none(),
            Expected::At(revision) => current.is_some_and(|it| it.revision == revision),
        };
        if !is_met {
            return Err(Refusal::Conflict);
        }
        let name = change.name.to_string();
        match &change.edit {
            Edit::Remove => drop(new.remove(&name)),
            Edit::Put(value) => drop(new.insert(name, value.bytes().to_vec())),
            Edit::Append(items) => {
                let list = new.get(&name).map_or(&[0x90][..], Vec::as_slice);
                let list = list_of(list)
                    .and_then(|(count, rest)| Some((count.checked_add(items.count())?, rest)));
                let Some((count, rest)) = list else {
                    return Err(Refusal::NotAList(change.name.clone()));
                };
                let mut longer = vec![0xdd];
                longer.extend_from_slice(&count.to_be_bytes());
                longer.extend_from_slice(rest);
                longer.extend_from_slice(items.bytes());
                new.insert(name, longer);
            }
        }
    }
    let size: usize = new
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let login = match &changes.login {
        Some(login) => login.authentication.size(),
        None => before
            .authentication
            .as_ref()
            .map_or(0, |login| login.size()),
    };
    let (size, limits) = (size + login + margin, changes.limits);
    let is_larger = size > limits.max_bytes && size > before.size();
    let has_more = new.len() > limits.max_attributes && new.len() > before.attributes.len();
    let may_grow = !changes.attributes.is_empty() || changes.login.is_some();
    if may_grow && (is_larger || has_more) {
        return Err(Refusal::TooLarge);
    }
    Ok(new)
}

/// The number of items and what follows the header, where `value` is a list of MessagePack.
fn list_of(value: &[u8]) -> Option<(u32, &[u8])> {
    match value {
        [first @ 0x90..=0x9f, rest @ ..] => Some((u32::from(first - 0x90), rest)),
        [0xdc, a, b, rest @ ..] => Some((u16::from_be_bytes([*a, *b]).into(), rest)),
        [0xdd, a, b, c, d, rest @ ..] => Some((u32::from_be_bytes([*a, *b, *c, *d]), rest)),
        _ => None,
    }
}

fn check_applied(
    before: &Record,
    changes: &ChangeSet,
    now: Timestamp,
    after: &Record,
    attributes: &Values,
) {
    let found: Values = after
        .attributes
        .iter()
        .map(|it| (it.name.to_string(), it.value.bytes().to_vec()))
        .collect();
    assert_eq!(&found, attributes);
    let names: Vec<&str> = after.attributes.iter().map(|it| &*it.name).collect();
    assert!(names.is_sorted(), "{names:?}");

    let raised = before.revision.next();
    let is_changed = changes.raises_revision();
    assert_eq!(
        after.revision,
        if is_changed { raised } else { before.revision }
    );
    for attribute in &after.attributes {
        let is_written = changes
            .attributes
            .iter()
            .any(|it| it.name == attribute.name);
        let earlier = before.attributes.get(&attribute.name);
        match earlier {
            Some(earlier) if !is_written => assert_eq!(attribute, earlier),
            _ => assert_eq!(attribute.revision, raised),
        }
    }

    let limits = changes.limits;
    let size = after.size();
    let may_grow = !changes.attributes.is_empty() || changes.login.is_some();
    assert!(!may_grow || size <= limits.max_bytes || size <= before.size());
    let count = after.attributes.len();
    assert!(count <= limits.max_attributes || count <= before.attributes.len());

    assert_eq!(after.key, before.key);
    assert_eq!(after.handle, before.handle);
    assert_eq!(after.created_at, before.created_at);
    assert!(after.issued_at >= before.issued_at);
    let skew = Timestamp::from_millis(now.as_millis().saturating_add(300_000));
    assert!(
        after.accessed_at <= skew.max(now),
        "an access in the future"
    );
}
