//! The chat over real HTTP, as a browser would use it: the same tests on each framework with the
//! sessions in memory, and what concerns sessions on each store with one of the frameworks.
#![allow(
    clippy::duplicate_mod,
    reason = "the suite is one set of files, compiled once for each framework, and for each store"
)]

mod databases;
mod on_actix;
mod on_axum;
mod on_sqlite;
mod on_warp;
