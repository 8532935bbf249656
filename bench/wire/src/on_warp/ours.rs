//! adapter-warp on the memory store, with the server of the adapter.

use std::error::Error;
use std::net::SocketAddr;

use adapter_warp::{Session, SessionRejection, session};
use session_core::{MemoryStore, SecretKey, SessionManager};
use warp::{Filter, get, path, post};

use crate::servers::COUNTER;

pub(super) async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?)
        .store(MemoryStore::new())
        .build()?;
    let routes = path!("read").and(get()).and(session()).then(read);
    let routes = routes.or(path!("count").and(post()).and(session()).then(count));
    Ok(adapter_warp::serve(routes, sessions).run(address).await?)
}

async fn read(session: Session) -> Result<String, SessionRejection> {
    let counter: Option<u64> = session.get_attribute(COUNTER)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn count(session: Session) -> Result<String, SessionRejection> {
    let counter = session.update_attribute(COUNTER, |counter: &mut u64| *counter += 1)?;
    Ok(counter.to_string())
}
