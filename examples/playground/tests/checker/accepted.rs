//! Histories that one order explains.

use crate::history::Attribute::{Counter, List, Register};
use crate::history::Call::{
    Append, ChangeId, Delete, Get, Increment, Invalidate, LogIn, Look, Put,
};
use crate::history::Outcome::{
    Absent, Began, Counted, Done, Found, NoSession, Rotated, Seen, Unknown, WrongType,
};
use crate::history::Value::{self, Number};
use crate::history::{Attributes, Token};
use crate::writing::{accept, did, holding, name, seen};

const SECOND: u64 = 1_000_000_000;

#[test]
fn nothing_at_all() {
    accept(vec![]);
}

#[test]
fn parallel_increments_happen_in_the_order_of_their_numbers() {
    accept(vec![
        did(0..10, Increment(Counter), Counted(3)),
        did(0..10, Increment(Counter), Counted(1)),
        did(0..10, Increment(Counter), Counted(2)),
        did(11..12, Get(Counter), Found(Number(3))),
    ]);
}

#[test]
fn a_read_beside_a_write_sees_it_or_not() {
    for outcome in [Absent, Found(Number(7))] {
        accept(vec![
            did(0..10, Put(Register, Number(7)), Done),
            did(5..6, Get(Register), outcome),
        ]);
    }
}

#[test]
fn of_two_parallel_writes_either_stays() {
    for stays in [1, 2] {
        accept(vec![
            did(0..10, Put(Register, Number(1)), Done),
            did(0..10, Put(Register, Number(2)), Done),
            did(11..12, Get(Register), Found(Number(stays))),
        ]);
    }
}

#[test]
fn a_list_keeps_what_was_appended_in_the_order_of_commits() {
    accept(vec![
        did(0..10, Append(List, 1), Done),
        did(0..10, Append(List, 2), Done),
        did(11..12, Look, seen(&[(List, Value::List(vec![2, 1]))])),
    ]);
}

#[test]
fn what_is_of_another_type_is_refused_and_stays() {
    accept(vec![
        did(0..1, Put(Register, name("text")), Done),
        did(2..3, Increment(Register), WrongType),
        did(4..5, Append(Register, 1), WrongType),
        did(6..7, Get(Register), Found(name("text"))),
    ]);
}

#[test]
fn a_removed_attribute_counts_from_nothing() {
    accept(vec![
        did(0..1, Increment(Counter), Counted(1)),
        did(2..3, Delete(Counter), Done),
        did(4..5, Get(Counter), Absent),
        did(6..7, Increment(Counter), Counted(1)),
    ]);
}

#[test]
fn a_write_that_began_before_a_rotation_follows_it() {
    accept(vec![
        did(0..30, Put(Register, Number(7)), Done),
        did(10..20, ChangeId, Rotated(Token(1))),
        did(21..22, Get(Register), Absent).under(1),
        did(40..41, Get(Register), Found(Number(7))).under(1),
    ]);
}

#[test]
fn a_write_that_began_before_two_rotations_follows_both() {
    accept(vec![
        did(0..50, Append(List, 7), Done),
        did(10..20, ChangeId, Rotated(Token(1))),
        did(30..40, ChangeId, Rotated(Token(2))).under(1),
        did(41..42, Get(List), Absent).under(2),
        did(60..61, Get(List), Found(Value::List(vec![7]))).under(2),
    ]);
}

#[test]
fn a_straggler_under_an_old_id_has_no_session() {
    accept(vec![
        did(0..1, ChangeId, Rotated(Token(1))),
        did(2..3, Look, Absent),
        did(2..3, Put(Register, Number(7)), NoSession),
        did(2..3, Invalidate, NoSession),
        did(4..5, Look, seen(&[])).under(1),
    ]);
}

#[test]
fn of_two_rotations_one_wins() {
    accept(vec![
        did(0..10, ChangeId, NoSession),
        did(0..10, ChangeId, Rotated(Token(1))),
        did(11..12, Look, seen(&[])).under(1),
    ]);
}

#[test]
fn after_the_end_nothing_is_left_and_other_sessions_begin() {
    accept(vec![
        did(0..1, Put(Register, Number(7)), Done),
        did(2..9, Put(Register, Number(8)), NoSession),
        did(2..9, Invalidate, NoSession),
        did(3..4, Invalidate, Done),
        did(10..11, Look, Absent),
        did(10..11, Get(Register), Absent),
        did(10..11, Delete(Register), Done),
        did(10..11, Put(Register, Number(9)), Began),
        did(10..11, LogIn("ada".into()), Began),
        did(10..11, ChangeId, NoSession),
        did(12..13, Look, Absent),
    ]);
}

#[test]
fn an_end_that_began_before_a_rotation_follows_it() {
    accept(vec![
        did(0..30, Invalidate, Done),
        did(10..20, ChangeId, Rotated(Token(1))),
        did(21..22, Look, seen(&[])).under(1),
        did(40..41, Look, Absent).under(1),
    ]);
}

#[test]
fn a_login_keeps_what_the_visitor_had() {
    accept(vec![
        did(0..1, Increment(Counter), Counted(1)),
        did(2..3, LogIn("ada".into()), Rotated(Token(1))),
        did(
            4..5,
            Look,
            Seen(holding(&[(Counter, Number(1))]), Some("ada".into())),
        )
        .under(1),
    ]);
}

#[test]
fn a_login_over_somebody_else_starts_with_nothing_and_drops_what_was_under_way() {
    accept(vec![
        did(0..1, LogIn("ada".into()), Rotated(Token(1))),
        did(2..30, Put(Register, Number(7)), NoSession).under(1),
        did(2..30, Invalidate, NoSession).under(1),
        did(10..20, LogIn("eve".into()), Rotated(Token(2))).under(1),
        did(
            40..41,
            Look,
            Seen(Attributes::default(), Some("eve".into())),
        )
        .under(2),
    ]);
}

#[test]
fn what_was_not_answered_may_have_happened_late_or_never() {
    let write = || did(0..1, Put(Register, Number(7)), Unknown);
    let read = |at, outcome| did(at..at + 1, Get(Register), outcome);
    let found = || Found(Number(7));
    accept(vec![write(), read(10, Absent), read(20, Absent)]);
    accept(vec![write(), read(10, found()), read(20, found())]);
    accept(vec![write(), read(10, Absent), read(20, found())]);
}

#[test]
fn a_rotation_that_was_not_answered_may_leave_nobody_with_the_id() {
    accept(vec![
        did(0..1, ChangeId, Unknown),
        did(2..3, Look, seen(&[])),
        did(4..5, Look, Absent),
        did(4..5, Put(Register, Number(7)), NoSession),
    ]);
}

#[test]
fn another_session_may_begin_half_a_minute_after_a_rotation() {
    accept(vec![
        did(0..1, ChangeId, Rotated(Token(1))),
        did(2..31 * SECOND, Put(Register, Number(7)), Began),
        did(2..31 * SECOND, Delete(Register), Done),
        did(32 * SECOND..33 * SECOND, Look, seen(&[])).under(1),
    ]);
}

#[test]
fn many_answers_lost_at_once_are_no_hard_case() {
    let lost = |number| did(0..1, Append(List, number), Unknown);
    let increment = |number| did(number..number + 1, Increment(Counter), Unknown);
    let operations = (0..8).map(lost).chain((0..16).map(increment));
    let looks = [
        did(20..21, Get(Counter), Found(Number(9))),
        did(22..23, Get(List), Found(Value::List(vec![5, 2, 7]))),
    ];
    let explained = accept(operations.chain(looks).collect());
    assert!(explained.steps < 10_000, "{explained:?}");
}
