//! What holds on whichever framework the parent module names.

mod accounts;
mod conversation;
mod cors;
mod devices;
mod limits;
mod page;
mod program;
mod site;
mod stopping;
mod upstream;

use super::FRAMEWORK;
