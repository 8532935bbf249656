//! What holds on whichever framework the parent module names.

mod conversation;
mod cors;
mod limits;
mod page;
mod program;
mod site;
mod stopping;
mod upstream;

use super::FRAMEWORK;
