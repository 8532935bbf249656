//! On warp, with its own server, or that of the adapter, on a runtime of one thread.

mod bare;
mod ours;
mod warp_sessions;

use std::error::Error;
use std::net::SocketAddr;

/// Serves the application of this library.
pub(crate) fn serve(library: &str, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match library {
            "bare" => bare::serve(address).await,
            "ours" => return ours::serve(address).await,
            "warp-sessions" => warp_sessions::serve(address).await,
            _ => return Err(format!("nobody has {library} on warp").into()),
        }
        Ok(())
    })
}
