//! No sessions: the handlers answer what the others answer, from constants. The message that
//! a chat handler appends is made here too.

use std::hint::black_box;

use warp::{Filter, get, path, post};

use super::WarpSite;
use crate::scenario::{Answer, COUNTER_SEED, DONE, Message, seed_history};
use crate::site::Site;

pub(super) fn site() -> Box<dyn Site> {
    let routes = path!("read").and(get()).then(read);
    let routes = routes.or(path!("count").and(post()).then(count));
    let routes = routes.or(path!("untouched").and(get()).then(untouched));
    let routes = routes.or(path!("create").and(post()).then(done));
    let routes = routes.or(path!("append").and(post()).then(append));
    let routes = routes.or(path!("seed" / "counter").and(post()).then(done));
    let routes = routes.or(path!("seed" / "history").and(post()).then(done));
    let routes = routes.or(path!("length").and(get()).then(length));
    Box::new(WarpSite::new(warp::service(routes)))
}

async fn read() -> Answer {
    Ok(black_box(COUNTER_SEED).to_string())
}

async fn count() -> Answer {
    Ok((black_box(COUNTER_SEED) + 1).to_string())
}

async fn untouched() -> &'static str {
    DONE
}

async fn append() -> Answer {
    black_box(Message::new());
    Ok(DONE.to_owned())
}

async fn length() -> Answer {
    Ok(seed_history().len().to_string())
}

async fn done() -> Answer {
    Ok(DONE.to_owned())
}
