//! The adapter scenarios on axum: each is a test with a name of its own, over HTTP/1.1 and over
//! HTTP/2.

mod flaws;
mod http2;
mod server;

use std::process::ExitCode;

use http2::Http2;
use libtest_mimic::{Arguments, Trial};
use server::serve;
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
    }
    let flaws: [(&str, Serve, &str); 3] = [
        (
            "what_a_body_writes_is_stored_before_its_end_is_seen",
            flaws::without_late_writes,
            "    store: apply",
        ),
        (
            "headers_of_the_application_stay",
            flaws::with_joined_cookies,
            "    < set-cookie: theme=dark, lang=en, __Host-sid=<token 1>;",
        ),
        (
            "a_session_begins_with_its_first_write",
            flaws::without_vary,
            "    < vary: Cookie",
        ),
    ];
    for (scenario, serve, shown) in flaws {
        trials.push(Trial::test(
            format!("finds_a_flaw::{scenario}"),
            move || {
                let message = flaws::failure_of(scenario, serve).ok_or("the flaw is not found")?;
                assert!(message.contains(shown), "{message}");
                Ok(())
            },
        ));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

type Serve = fn(SessionManager, Probe) -> Server;
