//! Sessions over real HTTP: actix-web with several workers on real sockets, and a client that
//! sees every byte.

mod client;
#[path = "../../../adapter-axum/tests/http/gate.rs"]
mod gate;
mod play;
mod server;
#[path = "../../../adapter-axum/tests/http/wait.rs"]
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
