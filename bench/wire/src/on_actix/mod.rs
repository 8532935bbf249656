//! On actix-web, with its own server and one worker.

mod actix_session;
mod bare;
mod ours;

use std::error::Error;
use std::net::SocketAddr;

/// Serves the application of this library.
pub(crate) fn serve(library: &str, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    actix_web::rt::System::new().block_on(async {
        match library {
            "bare" => bare::serve(address).await,
            "ours" => ours::serve(address).await,
            "actix-session" => actix_session::serve(address).await,
            _ => Err(format!("nobody has {library} on actix-web").into()),
        }
    })
}
