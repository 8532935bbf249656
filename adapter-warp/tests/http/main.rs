//! Sessions over real HTTP: warp on real sockets, and a client that sees every byte.

// The client, the gate and the patience of all adapters' tests; they know no framework.
#[allow(dead_code, reason = "written for all adapters, of which this is one")]
#[path = "../../../adapter-axum/tests/http/client.rs"]
mod client;
#[allow(dead_code, reason = "written for all adapters, of which this is one")]
#[path = "../../../adapter-axum/tests/http/gate.rs"]
mod gate;
#[allow(dead_code, reason = "written for all adapters, of which this is one")]
#[path = "../../../adapter-axum/tests/http/wait.rs"]
mod wait;

mod play;
mod server;

mod filter;
mod http2;
mod refusing;
mod stopping;
mod streaming;
mod visiting;
