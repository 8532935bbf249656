//! The chat over real HTTP, as a browser would use it: the same tests on each framework.
#![allow(
    clippy::duplicate_mod,
    reason = "the suite is one set of files, compiled once for each framework"
)]

mod databases;
mod on_actix;
mod on_axum;
mod on_warp;
