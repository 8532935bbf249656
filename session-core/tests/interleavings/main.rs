//! What must hold in whatever order threads have their turns. `scripts/interleavings` builds the
//! engine with locks at which another thread may have a turn, and plays each test in many orders.
#![cfg(shuttle)]

mod explore;
mod listeners;
mod principals;
mod requests;
mod site;
mod store;
mod tables;
mod word;
