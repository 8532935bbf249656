//! A streaming chat whose conversation lives in the session.
//!
//! The way of a message through the files: [`frameworks`] route it, the same way whichever is
//! chosen, [`conversation`] puts the question into the session, [`responder`] makes the reply,
//! [`reply`] streams it and keeps what was said, [`prompt`] is the form in which both are kept.

pub mod answer;
pub mod app;
mod body;
pub mod conversation;
pub mod cors;
pub mod frameworks;
pub mod options;
pub mod page;
pub mod panel;
pub mod prompt;
pub mod refusal;
pub mod reply;
pub mod responder;
