//! A streaming chat whose conversation lives in the session.
//!
//! The way of a message through the files: [`frameworks`] route it, the same way whichever is
//! chosen, [`conversation`] puts the question into the session, [`responder`] makes the reply,
//! [`reply`] streams it and keeps what was said, [`prompt`] is the form in which both are kept.
//!
//! The way of a login: [`accounts`] find out whether somebody is who they claim to be, [`login`]
//! makes the session theirs, and [`devices`] shows them all sessions that are. The conversation is
//! then the account's, on every device.

pub mod accounts;
pub mod answer;
pub mod app;
mod body;
pub mod conversation;
pub mod cors;
pub mod device;
pub mod devices;
pub mod frameworks;
pub mod login;
pub mod options;
pub mod page;
pub mod panel;
pub mod prompt;
pub mod refusal;
pub mod reply;
pub mod responder;
mod shared;
pub mod store;
