//! What a request wants changed is made again on what others stored meanwhile.

use super::*;
use crate::session::Revision;

fn value(number: u32) -> Value {
    Value::encode(&number, 0).unwrap()
}

fn base(numbers: &[(&str, u32, u64)]) -> Attributes {
    numbers
        .iter()
        .map(|&(name, number, revision)| Attribute {
            name: name.into(),
            revision: Revision::new(revision),
            value: value(number),
        })
        .collect()
}

fn add_one() -> Replay {
    Box::new(|_, before| {
        let before: u32 = before.map_or(Ok(0), Value::decode).unwrap();
        Ok(Some(value(before + 1)))
    })
}

fn items(number: u32) -> Items {
    let mut items = Items::default();
    items.push(&number).unwrap();
    items
}

#[test]
fn setting_what_is_stored_is_no_change() {
    let base = base(&[("a", 1, 1)]);
    let mut edits = Edits::default();
    edits.put("a", value(2), Expected::Anything, &base);
    assert!(!edits.is_empty());
    edits.put("a", value(1), Expected::Anything, &base);
    assert!(edits.is_empty());
}

#[test]
fn removing_what_is_not_there_is_no_change() {
    let base = base(&[]);
    let mut edits = Edits::default();
    edits.put("a", value(2), Expected::Anything, &base);
    edits.remove("a", Expected::Anything, &base);
    assert!(edits.is_empty());
}

#[test]
fn an_update_is_made_again_on_the_newer_value() {
    let old = base(&[("n", 1, 1)]);
    let newer = base(&[("n", 41, 7)]);
    let mut edits = Edits::default();
    edits.update("n", Some(value(2)), add_one(), &old);
    let mut changes = edits.take_changes();
    assert_eq!(changes[0].expected, Expected::At(Revision::new(1)));
    edits
        .replay(&mut changes, &newer, TakenTwice::Ignore)
        .unwrap();
    assert_eq!(changes[0].expected, Expected::At(Revision::new(7)));
    assert_eq!(changes[0].edit, Edit::Put(value(42)));
}

#[test]
fn an_append_followed_by_an_update_is_made_again_in_that_order() {
    let count = |_: &str, before: Option<&Value>| {
        let list: Vec<u32> = before.map_or(Ok(Vec::new()), Value::decode).unwrap();
        Ok(Some(Value::encode(&[list.len()], 0).unwrap()))
    };
    let empty = base(&[]);
    let mut edits = Edits::default();
    edits.append("l", items(5), &empty).unwrap();
    edits.update(
        "l",
        Some(Value::encode(&[1], 0).unwrap()),
        Box::new(count),
        &empty,
    );
    let mut changes = edits.take_changes();
    let newer = [Attribute {
        name: "l".into(),
        revision: Revision::new(3),
        value: Value::encode(&[1, 2], 0).unwrap(),
    }]
    .into_iter()
    .collect();
    edits
        .replay(&mut changes, &newer, TakenTwice::Ignore)
        .unwrap();
    assert_eq!(changes[0].edit, Edit::Put(Value::encode(&[3], 0).unwrap()));
}

#[test]
fn an_update_after_a_set_needs_no_replay_and_no_precondition() {
    let base = base(&[("n", 1, 1)]);
    let mut edits = Edits::default();
    edits.put("n", value(10), Expected::Anything, &base);
    edits.update("n", Some(value(11)), add_one(), &base);
    let changes = edits.take_changes();
    assert_eq!(changes[0].expected, Expected::Anything);
    assert_eq!(changes[0].edit, Edit::Put(value(11)));
}

#[test]
fn a_strict_set_over_a_changed_value_is_a_conflict() {
    let old = base(&[("n", 1, 1)]);
    let mut edits = Edits::default();
    edits.put("n", value(2), Expected::At(Revision::new(1)), &old);
    let mut changes = edits.take_changes();
    let newer = base(&[("n", 5, 2)]);
    assert!(matches!(
        edits.replay(&mut changes, &newer, TakenTwice::Ignore),
        Err(SessionError::Conflict)
    ));
}

#[test]
fn appends_travel_as_items_and_are_seen_over_the_base() {
    let base: Attributes = [Attribute {
        name: "l".into(),
        revision: Revision::new(1),
        value: Value::encode(&[1, 2], 0).unwrap(),
    }]
    .into_iter()
    .collect();
    let mut edits = Edits::default();
    edits.append("l", items(3), &base).unwrap();
    edits.append("l", items(4), &base).unwrap();
    let Seen::Own(Some(seen)) = edits.see("l", &base) else {
        panic!("the append is not seen");
    };
    assert_eq!(seen.decode::<Vec<u32>>().unwrap(), [1, 2, 3, 4]);
    assert!(matches!(&edits.changes()[0].edit, Edit::Append(items) if items.count() == 2));
}

#[test]
fn appending_to_no_list_changes_nothing() {
    let base = base(&[("n", 1, 1)]);
    let mut edits = Edits::default();
    assert_eq!(edits.append("n", items(3), &base), Err(NotAList));
    assert!(edits.is_empty());
}

#[test]
fn taking_what_is_not_stored_is_no_change() {
    let mut edits = Edits::default();
    edits.take_once("n", &base(&[("m", 1, 1)]));
    assert!(edits.is_empty());
}
