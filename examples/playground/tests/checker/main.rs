//! The checker of histories, held to histories of which it is known what they are.

#[path = "../histories/chance.rs"]
mod chance;
#[path = "../histories/checker.rs"]
mod checker;
#[path = "../histories/history.rs"]
mod history;
#[path = "../histories/model.rs"]
mod model;

mod accepted;
mod mutated;
mod plain;
mod refused;
mod simulated;
mod writing;
