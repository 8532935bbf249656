//! The playground: every operation of a session, to be clicked in a page and called over
//! HTTP, on a web framework of your choice.

mod admission;
mod answer;
mod arguments;
mod call;
mod frameworks;
mod logging;
mod metrics;
mod monitor;
mod operations;
mod options;
mod origin;
mod page;
mod refusal;
mod relay;
mod sessions;
mod site;
mod stop;
mod store;

use std::process::ExitCode;
use std::sync::Arc;

use session_core::{BoxError, SystemClock};

use crate::monitor::Monitor;
use crate::options::Options;

fn main() -> ExitCode {
    let options = match Options::from_command_line() {
        Ok(options) => options,
        Err(exit) => return exit.explain(),
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), BoxError> {
    logging::start()?;
    let metrics = metrics::install()?;
    frameworks::block_on(options.framework, async {
        let store = store::open(options).await?;
        let sessions = sessions::manager(options, store.clone())?;
        let monitor = Monitor::new(sessions.clone(), store, metrics, Arc::new(SystemClock));
        frameworks::serve(options, &sessions, Arc::new(monitor)).await
    })
}
