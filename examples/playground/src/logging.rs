//! The log, on standard error, as `RUST_LOG` asks for; errors only when it does not.

use std::io;

use session_core::BoxError;
use tracing_subscriber::EnvFilter;

/// Starts the log, of this program's dependencies included. None of them prints the value of a
/// header or the bytes of a request at any level, so nothing has to be cut out: what would be a
/// leak is watched for by the tests, in case that a newer version does.
///
/// # Errors
/// When `RUST_LOG` cannot be understood.
pub(crate) fn start() -> Result<(), BoxError> {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::ERROR.into())
        .from_env()
        .map_err(|error| format!("RUST_LOG: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .try_init()
}
