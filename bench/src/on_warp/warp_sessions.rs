//! warp-sessions with its memory store; everything else as it comes. It signs nothing.

use ::warp_sessions::{MemoryStore, SessionWithStore, reply};
use warp::{Filter, Rejection, Reply, get, path, post};

use super::WarpSite;
use crate::scenario::{
    Answer, COUNTER, COUNTER_SEED, DONE, HISTORY, Message, failed, seed_history,
};
use crate::site::Site;

type Session = SessionWithStore<MemoryStore>;

/// What handlers return: the session is stored when it comes back.
type Answered = (Answer, Session);

pub(super) fn site() -> Box<dyn Site> {
    let store = MemoryStore::new();
    let session = || ::warp_sessions::request::with_session(store.clone(), None);

    let routes = stored(path!("read").and(get()).and(session()).then(read));
    let routes = routes.or(stored(
        path!("count").and(post()).and(session()).then(count),
    ));
    let untouched = path!("untouched").and(get()).and(session()).then(untouched);
    let routes = routes.or(stored(untouched));
    let routes = routes.or(stored(
        path!("create").and(post()).and(session()).then(create),
    ));
    let routes = routes.or(stored(
        path!("append").and(post()).and(session()).then(append),
    ));
    let counter = path!("seed" / "counter").and(post()).and(session());
    let routes = routes.or(stored(counter.then(seed_counter)));
    let history = path!("seed" / "history").and(post()).and(session());
    let routes = routes.or(stored(history.then(seed_chat)));
    let routes = routes.or(stored(
        path!("length").and(get()).and(session()).then(length),
    ));
    Box::new(WarpSite::new(warp::service(routes)))
}

fn stored<R>(route: R) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone
where
    R: Filter<Extract = (Answered,), Error = Rejection> + Clone,
{
    route.untuple_one().and_then(reply::with_session)
}

async fn read(stored: Session) -> Answered {
    let counter: Option<u64> = stored.session.get(COUNTER);
    (Ok(counter.unwrap_or_default().to_string()), stored)
}

async fn count(mut stored: Session) -> Answered {
    let counter: Option<u64> = stored.session.get(COUNTER);
    let counter = counter.unwrap_or_default() + 1;
    let written = stored.session.insert(COUNTER, counter);
    (
        written.map(|()| counter.to_string()).map_err(failed),
        stored,
    )
}

async fn untouched(stored: Session) -> Answered {
    (Ok(DONE.to_owned()), stored)
}

async fn create(mut stored: Session) -> Answered {
    let written = stored.session.insert(COUNTER, 1);
    (done(written), stored)
}

async fn append(mut stored: Session) -> Answered {
    let history: Option<Vec<Message>> = stored.session.get(HISTORY);
    let mut history = history.unwrap_or_default();
    history.push(Message::new());
    let written = stored.session.insert(HISTORY, history);
    (done(written), stored)
}

async fn seed_counter(mut stored: Session) -> Answered {
    let written = stored.session.insert(COUNTER, COUNTER_SEED);
    (done(written), stored)
}

async fn seed_chat(mut stored: Session) -> Answered {
    let written = stored.session.insert(HISTORY, seed_history());
    (done(written), stored)
}

async fn length(stored: Session) -> Answered {
    let history: Option<Vec<Message>> = stored.session.get(HISTORY);
    (Ok(history.unwrap_or_default().len().to_string()), stored)
}

fn done(written: Result<(), serde_json::Error>) -> Answer {
    written.map(|()| DONE.to_owned()).map_err(failed)
}
