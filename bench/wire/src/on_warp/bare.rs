//! No sessions.

use std::hint::black_box;
use std::net::SocketAddr;

use warp::{Filter, get, path, post};

pub(super) async fn serve(address: SocketAddr) {
    let routes = path!("read").and(get()).then(answer);
    let routes = routes.or(path!("count").and(post()).then(answer));
    warp::serve(routes).run(address).await;
}

async fn answer() -> String {
    black_box(1_u64).to_string()
}
