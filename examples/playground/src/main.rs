//! The playground: every operation of a session, to be clicked in a page and called over
//! HTTP, on a web framework of your choice.

mod answer;
mod arguments;
mod call;
mod frameworks;
mod logging;
mod operations;
mod options;
mod origin;
mod page;
mod refusal;
mod relay;
mod sessions;
mod site;
mod stop;

use std::process::ExitCode;

use session_core::BoxError;

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
    let sessions = sessions::manager(options)?;
    frameworks::serve(options, &sessions)
}
