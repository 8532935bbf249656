//! No sessions.

use std::error::Error;
use std::hint::black_box;
use std::net::SocketAddr;

use actix_web::web::{get, post};
use actix_web::{App, HttpServer};

pub(super) async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let server = HttpServer::new(|| {
        App::new()
            .route("/read", get().to(answer))
            .route("/count", post().to(answer))
    });
    Ok(server.workers(1).bind(address)?.run().await?)
}

async fn answer() -> String {
    black_box(1_u64).to_string()
}
