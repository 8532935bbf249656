//! warp-sessions with its memory store. It signs nothing.

use std::net::SocketAddr;

use ::warp_sessions::{MemoryStore, SessionWithStore, reply};
use warp::{Filter, Rejection, Reply, get, path, post};

use crate::servers::COUNTER;

type Session = SessionWithStore<MemoryStore>;

/// The session is stored when it comes back.
type Answered = (String, Session);

pub(super) async fn serve(address: SocketAddr) {
    let store = MemoryStore::new();
    let session = || ::warp_sessions::request::with_session(store.clone(), None);
    let routes = stored(path!("read").and(get()).and(session()).then(read));
    let count = path!("count").and(post()).and(session()).then(count);
    warp::serve(routes.or(stored(count))).run(address).await;
}

fn stored<R>(route: R) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone
where
    R: Filter<Extract = (Answered,), Error = Rejection> + Clone,
{
    route.untuple_one().and_then(reply::with_session)
}

async fn read(stored: Session) -> Answered {
    let counter: Option<u64> = stored.session.get(COUNTER);
    (counter.unwrap_or_default().to_string(), stored)
}

async fn count(mut stored: Session) -> Answered {
    let counter: Option<u64> = stored.session.get(COUNTER);
    let counter = counter.unwrap_or_default() + 1;
    match stored.session.insert(COUNTER, counter) {
        Ok(()) => (counter.to_string(), stored),
        Err(error) => (error.to_string(), stored),
    }
}
