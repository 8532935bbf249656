//! Sessions over real HTTP: axum on real sockets, and a client that sees every byte.

mod client;
mod gate;
mod play;
mod server;
mod wait;

mod abandoned;
mod before_the_head;
mod composition;
mod concurrency;
mod cookies;
mod dropped_bodies;
mod ending;
mod extractors;
mod garbage;
mod outliving;
mod saving;
mod secrets;
mod shutdown;
mod streaming;
