//! A change set is applied completely or not at all.

use super::*;
use crate::session::{Authentication, Codec, PrincipalKey, SessionHandle, Value};

fn append_of_one() -> ChangeSet {
    let mut items = Items::default();
    items.push("x").unwrap();
    let mut changes = ChangeSet::touch(Timestamp::EPOCH, Limits::NONE);
    changes.attributes.push(AttributeChange {
        name: "l".into(),
        expected: Expected::Anything,
        edit: Edit::Append(items),
    });
    changes
}

#[test]
fn a_list_that_an_append_makes_does_not_exceed_the_limit_by_its_header() {
    let mut changes = append_of_one();
    let nobody = StoreKey::from_bytes([0; 32]);
    let handle = SessionHandle::from_bytes([0; 16]);
    let empty = Record::new(nobody, handle, Timestamp::EPOCH);
    let mut record = empty.clone();
    record.apply(&changes, Timestamp::EPOCH).unwrap();

    changes.limits.max_bytes = record.size() - 1;
    let mut record = empty;
    let refused = record.apply(&changes, Timestamp::EPOCH);
    assert_eq!(refused, Err(Refusal::TooLarge));
}

/// Damaged bytes: no list has so many items.
#[test]
fn an_append_to_a_list_that_can_take_no_more_items_is_refused_and_not_lost() {
    let nobody = StoreKey::from_bytes([0; 32]);
    let handle = SessionHandle::from_bytes([0; 16]);
    let mut record = Record::new(nobody, handle, Timestamp::EPOCH);
    let full = Attribute {
        name: "l".into(),
        revision: Revision::new(1),
        value: Value::new(Codec::MessagePack, vec![0xdd, 0xff, 0xff, 0xff, 0xff]),
    };
    record.attributes = [full].into_iter().collect();
    let before = record.clone();

    let mut changes = ChangeSet::touch(Timestamp::EPOCH, Limits::NONE);
    changes.attributes.push(AttributeChange {
        name: "l".into(),
        expected: Expected::Anything,
        edit: Edit::Append(Items::from_parts(1, vec![1])),
    });
    let refused = record.apply(&changes, Timestamp::EPOCH);
    assert_eq!(refused, Err(Refusal::NotAList("l".into())));
    assert_eq!(record, before);
}

/// A record with one attribute per length, named after its place.
fn record_with(lengths: &[usize]) -> Record {
    let nobody = StoreKey::from_bytes([0; 32]);
    let handle = SessionHandle::from_bytes([0; 16]);
    let mut record = Record::new(nobody, handle, Timestamp::EPOCH);
    record.apply(&puts(lengths), Timestamp::EPOCH).unwrap();
    record
}

fn puts(lengths: &[usize]) -> ChangeSet {
    let mut changes = ChangeSet::touch(Timestamp::EPOCH, Limits::NONE);
    for (number, length) in lengths.iter().enumerate() {
        changes.attributes.push(AttributeChange {
            name: number.to_string().into(),
            expected: Expected::Anything,
            edit: Edit::Put(Value::new(Codec::MessagePack, vec![0; *length])),
        });
    }
    changes
}

#[test]
fn what_goes_on_without_what_there_was_may_fill_the_whole_limit_again() {
    let mut record = record_with(&[80]);
    let mut changes = puts(&[99]);
    changes.clear_attributes = true;
    changes.limits.max_bytes = 100;
    assert_eq!(record.apply(&changes, Timestamp::EPOCH), Ok(()));
}

#[test]
fn who_logs_in_counts_towards_the_limit() {
    let key = PrincipalKey::from_bytes([0; 32]);
    let authentication = Authentication::new("a name", key, Timestamp::EPOCH);
    let mut changes = ChangeSet::touch(Timestamp::EPOCH, Limits::NONE);
    let size = authentication.size();
    changes.login = Some(Login {
        authentication: authentication.into(),
        limit: None,
        absolute_deadline: Timestamp::NEVER,
    });
    changes.limits.max_bytes = size - 1;
    let refused = record_with(&[]).apply(&changes, Timestamp::EPOCH);
    assert_eq!(refused, Err(Refusal::TooLarge));
    changes.limits.max_bytes = size;
    assert_eq!(record_with(&[]).apply(&changes, Timestamp::EPOCH), Ok(()));
}

#[test]
fn a_session_from_before_the_limits_may_be_changed_as_long_as_it_does_not_grow() {
    for (lengths, may) in [([40, 20], true), ([39, 20], true), ([41, 20], false)] {
        let mut changes = puts(&lengths);
        changes.limits.max_bytes = 10;
        let applied = record_with(&[40, 20]).apply(&changes, Timestamp::EPOCH);
        assert_eq!(applied.is_ok(), may, "{lengths:?}");
    }
    for (lengths, may) in [(&[1, 1, 1][..], true), (&[1; 4], false)] {
        let mut changes = puts(lengths);
        changes.limits.max_attributes = 2;
        let applied = record_with(&[1; 3]).apply(&changes, Timestamp::EPOCH);
        assert_eq!(applied.is_ok(), may, "{lengths:?}");
    }
}

#[test]
fn an_append_fits_where_its_list_does_with_the_widest_header() {
    let mut changes = append_of_one();
    let mut record = record_with(&[]);
    for _ in 0..10 {
        record.apply(&changes, Timestamp::EPOCH).unwrap();
    }
    let (item, header) = (2, LIST_HEADER_LEN - 1);
    changes.limits.max_bytes = record.size() + item + header;
    assert_eq!(record.clone().apply(&changes, Timestamp::EPOCH), Ok(()));
    changes.limits.max_bytes -= 1;
    let refused = record.apply(&changes, Timestamp::EPOCH);
    assert_eq!(refused, Err(Refusal::TooLarge));
}
