//! Why a server cannot be had.

use std::io;

/// Why a server cannot be had, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is not installed.
    #[error("{program} is missing: install the package {package}, or run scripts/test, which does")]
    Missing {
        /// What was looked for.
        program: &'static str,
        /// The package of Debian that has it.
        package: &'static str,
    },
    /// A program ran and failed.
    #[error("{program} failed ({status}):\n{output}")]
    Failed {
        /// Which one.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// A server does not answer.
    #[error("{program} does not answer after {seconds} s:\n{log}")]
    Silent {
        /// Which one.
        program: String,
        /// How long it was waited for.
        seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was being done when the operating system refused.
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { doing, source }
    }
}
