//! The layer without a server: what only shows when futures and bodies are polled by hand.

mod site;

mod answers;
mod bodies;
mod keep_alive;
