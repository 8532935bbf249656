//! What holds on whichever framework the parent module names.

pub(crate) mod accounts;
mod conversation;
mod cors;
mod devices;
mod limits;
mod page;
pub(crate) mod program;
mod saved;
pub(crate) mod site;
mod stopping;
mod store;
mod upstream;

use super::{FRAMEWORK, STORE};
