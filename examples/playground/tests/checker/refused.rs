//! Histories that no order explains.

use crate::history::Attribute::{Counter, List, Name, Register};
use crate::history::Call::{
    Append, ChangeId, Delete, Get, Increment, Invalidate, LogIn, Look, Put,
};
use crate::history::Outcome::{
    Absent, Began, Counted, Done, Found, NoSession, Odd, Rotated, Seen, Unknown, WrongType,
};
use crate::history::Value::{self, Number};
use crate::history::{Attributes, Token};
use crate::writing::{did, holding, name, refuse, seen};

#[test]
fn a_lost_increment() {
    refuse(vec![
        did(0..10, Increment(Counter), Counted(1)),
        did(0..10, Increment(Counter), Counted(1)),
    ]);
    refuse(vec![
        did(0..10, Increment(Counter), Counted(1)),
        did(0..10, Increment(Counter), Counted(2)),
        did(11..12, Get(Counter), Found(Number(1))),
    ]);
}

#[test]
fn a_lost_item_and_a_lost_attribute() {
    refuse(vec![
        did(0..10, Append(List, 1), Done),
        did(0..10, Append(List, 2), Done),
        did(11..12, Get(List), Found(Value::List(vec![2]))),
    ]);
    refuse(vec![
        did(0..10, Put(Register, Number(1)), Done),
        did(0..10, Increment(Counter), Counted(1)),
        did(11..12, Look, seen(&[(Counter, Number(1))])),
    ]);
}

#[test]
fn a_stale_read_after_an_acknowledged_write() {
    refuse(vec![
        did(0..1, Put(Register, Number(1)), Done),
        did(2..3, Put(Register, Number(2)), Done),
        did(4..5, Get(Register), Found(Number(1))),
    ]);
}

#[test]
fn a_new_value_that_is_old_again() {
    refuse(vec![
        did(0..10, Put(Register, Number(1)), Done),
        did(1..2, Get(Register), Found(Number(1))),
        did(3..4, Get(Register), Absent),
    ]);
}

#[test]
fn a_look_that_mixes_two_moments() {
    refuse(vec![
        did(0..1, Increment(Counter), Counted(1)),
        did(2..30, Put(Register, Number(7)), Done),
        did(2..30, Increment(Counter), Counted(2)),
        did(3..4, Get(Register), Found(Number(7))),
        did(5..6, Get(Counter), Found(Number(1))),
        did(5..20, Look, seen(&[(Counter, Number(2))])),
    ]);
}

#[test]
fn a_revived_session() {
    refuse(vec![
        did(0..1, Invalidate, Done),
        did(2..3, Look, seen(&[])),
    ]);
    // A slower request that had loaded it must not bring it back either.
    refuse(vec![
        did(0..10, Put(Register, Number(7)), Done),
        did(1..2, Look, seen(&[])),
        did(3..4, Invalidate, Done),
        did(11..12, Look, seen(&[(Register, Number(7))])),
    ]);
}

#[test]
fn a_write_that_succeeds_after_the_end() {
    refuse(vec![
        did(0..1, Invalidate, Done),
        did(2..3, Put(Register, Number(7)), Done),
    ]);
    refuse(vec![
        did(0..1, Invalidate, Done),
        did(2..3, Invalidate, Done),
    ]);
}

#[test]
fn an_end_that_nobody_asked_for() {
    refuse(vec![did(0..1, Look, Absent)]);
    refuse(vec![did(0..1, Put(Register, Number(7)), NoSession)]);
    refuse(vec![did(0..1, Put(Register, Number(7)), Began)]);
}

#[test]
fn an_operation_under_a_dead_id_that_succeeds() {
    let rotation = || did(0..1, ChangeId, Rotated(Token(1)));
    refuse(vec![rotation(), did(2..3, Look, seen(&[]))]);
    refuse(vec![rotation(), did(2..3, Increment(Counter), Counted(1))]);
    refuse(vec![rotation(), did(2..3, Delete(Register), Done)]);
    refuse(vec![rotation(), did(2..3, Invalidate, Done)]);
    refuse(vec![rotation(), did(2..3, ChangeId, Rotated(Token(2)))]);
}

#[test]
fn a_session_that_begins_under_an_id_that_was_just_rotated() {
    refuse(vec![
        did(0..1, ChangeId, Rotated(Token(1))),
        did(2..3, Put(Register, Number(7)), Began),
        did(4..5, Look, seen(&[])).under(1),
    ]);
}

#[test]
fn a_rotation_that_leaves_two_ids_or_none() {
    refuse(vec![
        did(0..10, ChangeId, Rotated(Token(1))),
        did(0..10, ChangeId, Rotated(Token(2))),
    ]);
    refuse(vec![
        did(0..10, ChangeId, NoSession),
        did(0..10, ChangeId, NoSession),
    ]);
    refuse(vec![
        did(0..1, ChangeId, Rotated(Token(1))),
        did(2..3, Look, Absent).under(1),
    ]);
}

#[test]
fn a_rotation_that_loses_a_write_under_way() {
    refuse(vec![
        did(0..30, Put(Register, Number(7)), Done),
        did(10..20, ChangeId, Rotated(Token(1))),
        did(40..41, Get(Register), Absent).under(1),
    ]);
}

#[test]
fn a_refused_write_that_happened() {
    refuse(vec![
        did(0..10, Put(Register, Number(7)), NoSession),
        did(0..10, ChangeId, Rotated(Token(1))),
        did(11..12, Get(Register), Found(Number(7))).under(1),
    ]);
    refuse(vec![
        did(0..1, Increment(Counter), WrongType),
        did(2..3, Get(Counter), Absent),
    ]);
}

#[test]
fn a_duplicate_append() {
    refuse(vec![
        did(0..1, Append(List, 1), Done),
        did(2..3, Get(List), Found(Value::List(vec![1, 1]))),
    ]);
}

#[test]
fn an_unanswered_write_that_happened_twice() {
    refuse(vec![
        did(0..1, Append(List, 1), Unknown),
        did(2..3, Get(List), Found(Value::List(vec![1, 1]))),
    ]);
    refuse(vec![
        did(0..1, Increment(Counter), Unknown),
        did(2..3, Get(Counter), Found(Number(2))),
    ]);
    // Overwritten, and there again.
    refuse(vec![
        did(0..1, Put(Register, Number(1)), Unknown),
        did(2..3, Get(Register), Found(Number(1))),
        did(4..5, Put(Register, Number(2)), Done),
        did(6..7, Get(Register), Found(Number(1))),
    ]);
}

#[test]
fn an_unanswered_write_that_happened_before_it_was_asked_for() {
    refuse(vec![
        did(0..1, Get(Register), Found(Number(7))),
        did(2..3, Put(Register, Number(7)), Unknown),
    ]);
}

#[test]
fn an_unanswered_end_that_was_seen_and_undone() {
    refuse(vec![
        did(0..1, Invalidate, Unknown),
        did(2..3, Look, Absent),
        did(4..5, Look, seen(&[])),
    ]);
}

#[test]
fn an_unanswered_write_that_follows_a_rotation_it_came_after() {
    refuse(vec![
        did(0..1, ChangeId, Rotated(Token(1))),
        did(2..3, Put(Register, Number(7)), Unknown),
        did(4..5, Get(Register), Found(Number(7))).under(1),
    ]);
}

#[test]
fn a_login_that_loses_what_the_visitor_had() {
    refuse(vec![
        did(0..1, Increment(Counter), Counted(1)),
        did(2..3, LogIn("ada".into()), Rotated(Token(1))),
        did(4..5, Look, Seen(holding(&[]), Some("ada".into()))).under(1),
    ]);
}

#[test]
fn a_login_that_shows_what_somebody_else_had() {
    let eve = || {
        vec![
            did(0..1, LogIn("ada".into()), Rotated(Token(1))),
            did(2..30, Increment(Counter), Counted(1)).under(1),
            did(10..20, LogIn("eve".into()), Rotated(Token(2))).under(1),
        ]
    };
    let mut kept = eve();
    kept.push(did(40..41, Look, Seen(holding(&[]), Some("eve".into()))).under(2));
    refuse(kept);
    // What was under way for ada must not reach eve.
    let mut mixed = eve();
    let mut counted = Attributes::default();
    counted.set(Counter, Some(Number(1)));
    mixed.push(did(40..41, Look, Seen(counted, Some("eve".into()))).under(2));
    refuse(mixed);
}

#[test]
fn a_value_of_another_session() {
    refuse(vec![did(0..1, Get(Name), Found(name("eve")))]);
}

#[test]
fn an_answer_that_must_never_be_given() {
    refuse(vec![did(0..1, Look, Odd("500".into()))]);
}
