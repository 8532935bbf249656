//! The playground as a program, called over HTTP on each framework.

mod administration;
mod arguments;
mod attributes;
mod client;
mod devices;
mod form;
mod lifecycle;
mod limits;
mod login;
mod parallel;
mod program;
mod relay;
mod relay_socket;
mod responses;
mod secrets;
mod socket;
mod starting;
mod statistics;
mod stopping;
mod streaming;
mod visitor;
