//! Every call of the store, failing in every way, under every kind of request and every policy:
//! what the visitor sees, what is kept, what the operator is told.
//!
//! The outcomes are found out by trying. Each is held to the contract by the rules of `judge.rs`,
//! and all of them are tables in `docs/faults.md`. When the tables are to be renewed:
//!
//! ```text
//! SESSION_FAULTS=1 cargo test -p session-core --test faults
//! ```
//!
//! That fails the first time, and the difference is reviewed like any other.

mod calls;
mod judge;
mod matrix;
mod outcome;
mod page;
mod policies;
mod requests;
mod scene;
mod sheet;
mod trial;
mod wire;

use matrix::Matrix;
use policies::{About, POLICIES};

#[test]
fn no_fault_breaks_a_promise_under_the_defaults() {
    let usual = Matrix::of(&POLICIES[0]);
    assert_kept(&usual);
    assert!(usual.cells > 1_000, "the calls are not tried");
    let difference = page::difference(POLICIES[0].name, &sheet::tables(&usual));
    assert_eq!(difference, None);
    let differences = wire::differences(&usual);
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn no_fault_breaks_a_promise_however_requests_are_treated() {
    check(About::Requests);
}

#[test]
fn no_fault_breaks_a_promise_however_the_token_travels() {
    check(About::Tokens);
}

#[test]
fn no_fault_breaks_a_promise_whatever_is_limited() {
    check(About::Limits);
}

#[test]
fn no_fault_breaks_a_promise_whatever_is_around_the_engine() {
    check(About::Surroundings);
}

/// Tries everything under the policies that are about this, and compares with the defaults.
fn check(about: About) {
    let usual = Matrix::of(&POLICIES[0]);
    let mut differences = Vec::new();
    for policy in POLICIES[1..].iter().filter(|policy| policy.about == about) {
        let matrix = Matrix::of(policy);
        assert_kept(&matrix);
        let tables = sheet::differences(&usual, &matrix);
        differences.extend(page::difference(policy.name, &tables));
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

fn assert_kept(matrix: &Matrix) {
    assert!(matrix.broken.is_empty(), "\n{}", matrix.broken.join("\n"));
}
