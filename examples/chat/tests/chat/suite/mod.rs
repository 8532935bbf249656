//! What holds on whichever framework the parent module names.

pub(crate) mod accounts;
mod conversation;
mod cors;
mod devices;
mod limits;
mod page;
mod program;
pub(crate) mod saved;
pub(crate) mod site;
mod stopping;
mod upstream;

use super::FRAMEWORK;
