//! Runs a command among private servers of every kind, and stops them when it has ended.
//!
//! `testbed COMMAND [ARGUMENT...]`: the command finds the URLs of the servers in its
//! environment, and its exit status is the one of this program.

use std::process::{Command, ExitCode};

use testbed::{Error, Everything, Kind};

fn main() -> ExitCode {
    match run() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("testbed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Error> {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: testbed COMMAND [ARGUMENT...]");
        return Ok(ExitCode::from(2));
    };
    let mut servers = Everything::nothing();
    let mut command = Command::new(program);
    command.args(words);
    let valkey = Some(Kind::Valkey).filter(|kind| kind.is_installed());
    for kind in Kind::ALL.into_iter().chain(valkey) {
        command.env(kind.variable(), servers.start(kind)?);
    }
    let status = command.status().map_err(|source| Error::System {
        doing: "running the command",
        source,
    })?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
