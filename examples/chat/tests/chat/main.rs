//! The chat over real HTTP, as a browser would use it.

mod conversation;
mod cors;
mod limits;
mod page;
mod site;
mod stopping;
mod upstream;
