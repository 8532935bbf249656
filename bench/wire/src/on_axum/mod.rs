//! On axum, with its own server on a runtime of one thread.

mod axum_session;
mod bare;
mod ours;
mod tower_sessions;

use std::error::Error;
use std::net::SocketAddr;

/// Serves the application of this library.
pub(crate) fn serve(library: &str, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let app = match library {
            "bare" => bare::router(),
            "ours" => ours::router()?,
            "tower-sessions" => tower_sessions::router(),
            "axum_session" => axum_session::router().await?,
            _ => return Err(format!("nobody has {library} on axum").into()),
        };
        let listener = tokio::net::TcpListener::bind(address).await?;
        Ok(axum::serve(listener, app).await?)
    })
}
