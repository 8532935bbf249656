//! Sessions over real HTTP: actix-web with several workers on real sockets, and a client that
//! sees every byte.

mod client;
mod gate;
mod play;
mod server;
mod wait;

mod abandoned;
mod before_the_head;
mod composition;
mod cookies;
mod dropped_bodies;
mod extractors;
mod failures;
mod long_requests;
mod streaming;
mod workers;
