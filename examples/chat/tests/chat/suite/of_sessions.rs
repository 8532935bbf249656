//! What concerns sessions, on whichever framework and store the parent module names.

mod accounts;
mod conversation;
mod devices;
mod limits;
mod saved;
mod site;
mod stopping;
mod store;

use super::{FRAMEWORK, STORE};
