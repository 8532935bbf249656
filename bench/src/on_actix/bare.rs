//! No sessions: the handlers answer what the others answer, from constants.

use std::error::Error;
use std::hint::black_box;

use actix_web::App;
use actix_web::web::{get, post};

use super::site;
use crate::scenario::{COUNT, COUNTER_SEED, CREATE, DONE, READ, SEED_COUNTER, UNTOUCHED};
use crate::site::Site;

pub(super) async fn site() -> Result<Box<dyn Site>, Box<dyn Error>> {
    let app = App::new()
        .route(READ, get().to(read))
        .route(COUNT, post().to(count))
        .route(UNTOUCHED, get().to(untouched))
        .route(CREATE, post().to(done))
        .route(SEED_COUNTER, post().to(done));
    Ok(site::of(app).await)
}

async fn read() -> actix_web::Result<String> {
    Ok(black_box(COUNTER_SEED).to_string())
}

async fn count() -> actix_web::Result<String> {
    Ok((black_box(COUNTER_SEED) + 1).to_string())
}

async fn untouched() -> &'static str {
    DONE
}

async fn done() -> actix_web::Result<String> {
    Ok(DONE.to_owned())
}
