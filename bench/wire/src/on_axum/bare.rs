//! No sessions.

use std::hint::black_box;

use axum::Router;
use axum::routing::{get, post};

pub(super) fn router() -> Router {
    Router::new()
        .route("/read", get(answer))
        .route("/count", post(answer))
}

async fn answer() -> String {
    black_box(1_u64).to_string()
}
