//! This workspace: adapter-warp on the memory store; everything as it comes.

use std::error::Error;

use adapter_warp::{Session, SessionLayer, session};
use session_core::{MemoryStore, SecretKey, SessionManager};
use tower_layer::Layer;
use warp::{Filter, get, path, post};

use super::WarpSite;
use crate::scenario::{
    Answer, COUNTER, COUNTER_SEED, DONE, HISTORY, Message, failed, seed_history,
};
use crate::site::Site;

pub(super) fn site() -> Result<Box<dyn Site>, Box<dyn Error>> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?)
        .store(MemoryStore::new())
        .build()?;
    let routes = path!("read").and(get()).and(session()).then(read);
    let routes = routes.or(path!("count").and(post()).and(session()).then(count));
    let routes = routes.or(path!("untouched").and(get()).then(untouched));
    let routes = routes.or(path!("create").and(post()).and(session()).then(create));
    let routes = routes.or(path!("append").and(post()).and(session()).then(append));
    let counter = path!("seed" / "counter").and(post()).and(session());
    let routes = routes.or(counter.then(seed_counter));
    let history = path!("seed" / "history").and(post()).and(session());
    let routes = routes.or(history.then(seed_chat));
    let routes = routes.or(path!("length").and(get()).and(session()).then(length));
    let service = SessionLayer::new(sessions).layer(warp::service(routes));
    Ok(Box::new(WarpSite::new(service)))
}

async fn read(session: Session) -> Answer {
    let counter: Option<u64> = session.get_attribute(COUNTER).map_err(failed)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn count(session: Session) -> Answer {
    let counter = session
        .update_attribute(COUNTER, |counter: &mut u64| *counter += 1)
        .map_err(failed)?;
    Ok(counter.to_string())
}

async fn untouched() -> &'static str {
    DONE
}

async fn create(session: Session) -> Answer {
    session.set_attribute(COUNTER, &1).map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn append(session: Session) -> Answer {
    session
        .append_attribute(HISTORY, &Message::new())
        .map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn seed_counter(session: Session) -> Answer {
    session
        .set_attribute(COUNTER, &COUNTER_SEED)
        .map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn seed_chat(session: Session) -> Answer {
    session
        .set_attribute(HISTORY, &seed_history())
        .map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn length(session: Session) -> Answer {
    let history: Option<Vec<Message>> = session.get_attribute(HISTORY).map_err(failed)?;
    Ok(history.unwrap_or_default().len().to_string())
}
