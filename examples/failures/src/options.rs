//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Tries on a running server what went wrong with sessions elsewhere. Exit status 0: the server
/// withstood all that applies to it; 1: it failed somewhere; 2: it could not be attacked.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    /// The server, over plain HTTP: http://HOST:PORT. Only attack one that is yours: the attacks
    /// make thousands of sessions
    #[arg(required_unless_present = "list")]
    pub(crate) url: Option<String>,

    /// What the server offers, as in examples/failures/targets
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    pub(crate) target: Option<PathBuf>,

    /// Only attacks of this name, or on this requirement; can be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// How many new sessions the attack on ids looks at
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) ids: usize,

    /// Report as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// List the attacks and attack nobody
    #[arg(long)]
    pub(crate) list: bool,
}
