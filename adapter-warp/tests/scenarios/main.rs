//! The adapter scenarios on warp: each is a test with a name of its own, on this crate's server
//! over HTTP/1.1 and over HTTP/2, and on warp's own server through the filter.

#[path = "../../../adapter-axum/tests/scenarios/http2.rs"]
mod http2;
mod server;

use std::process::ExitCode;

use http2::Http2;
use libtest_mimic::{Arguments, Trial};
use server::{routes, serve, start};
use session_core::SessionManager;
use session_core::testkit::adapter::{Probe, Server, scenarios};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for scenario in scenarios() {
        trials.push(Trial::test(format!("http1::{scenario}"), || {
            scenario.check(serve);
            Ok(())
        }));
        trials.push(Trial::test(format!("http2::{scenario}"), || {
            scenario.check_over(&Http2, serve);
            Ok(())
        }));
        trials.push(Trial::test(format!("filter::{scenario}"), || {
            scenario.check(serve_filter);
            Ok(())
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// With the server of warp.
fn serve_filter(sessions: SessionManager, probe: Probe) -> Server {
    start(|listener| {
        warp::serve(adapter_warp::filter(routes(probe), sessions))
            .incoming(listener)
            .run()
    })
}
