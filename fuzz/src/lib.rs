//! What is fuzzed, and what has to hold whatever the bytes are. Each target is a module with a
//! function `run`, which panics where the contract is broken; its program is a few lines in
//! `fuzz_targets`.
//!
//! Everything goes through the public API, as a client, a file or a store would come: requests
//! with `Cookie` lines, configurations, records, snapshots. No door is opened for fuzzing
//! alone, so what is found here can happen in a server. What the engine made of a request is
//! told by its events.
//!
//! What should come out is computed a second time, from the documents rather than from the
//! code: the cookie scanner, the format of tokens, the browser, the format of snapshots and the
//! arithmetic of change sets are written down here once more, plainly.

#![forbid(unsafe_code)]

pub mod against_cookie_crate;
pub mod change_set;
pub mod cookie_lines;
pub mod issuer;
pub mod lines;
pub mod record_decode;
pub mod records;
pub mod set_cookie;
pub mod site;
pub mod snapshot_file;
pub mod token_verify;
