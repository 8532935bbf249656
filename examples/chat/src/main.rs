//! `cargo run` starts the chat and prints where it listens.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chat::accounts::{Accounts, Cost};
use chat::app::{App, Chat, Limits};
use chat::cors::Cors;
use chat::options::{Options, Transport};
use chat::responder::{ApiKey, Responder, Upstream};
use chat::store;
use clap::Parser;
use futures_util::FutureExt;
use session_core::store::SessionStore;
use session_core::{ConfigError, SecretKey, SessionManager, SystemClock, SystemEntropy};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

/// How long a conversation may lie idle: over night the page may stay open.
const IDLE_LIMIT: Duration = Duration::from_secs(12 * 60 * 60);

/// Name of the cookie over plain HTTP. Cookies ignore ports, so on `localhost` every program
/// under development shares one jar, where the usual name would be somebody else's.
const PLAIN_COOKIE: &str = "chat-sid";

/// How long replies may go on after a signal to stop. What they said by then is kept.
const GRACE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    // Connections live on this runtime, which outlives those of all workers.
    let store = store::sessions(&options).await?;
    let sessions = sessions(&options, limits, store)?;
    let accounts = accounts(&options).await?;
    let stop = stop_signal()?.shared();
    // A task, since replies wait for this on runtimes that may end before this one, as those of
    // actix-web's workers do, and a timer belongs to the runtime that first waits for it.
    let time_is_up = tokio::spawn(stop.clone().then(|()| tokio::time::sleep(GRACE)));
    let time_is_up = time_is_up.map(drop).shared();
    let chat = Chat::new(responder(&options)?, limits, time_is_up.clone());
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let address = listener.local_addr()?;
    warn_of_other_sites(&options, address);
    let app = App {
        sessions: sessions.clone(),
        chat,
        accounts: accounts.clone(),
        cors: Cors::new(options.cors_origins),
    };

    println!("listening on http://{address}");
    tokio::select! {
        served = options.framework.serve(listener, app, stop) => served?,
        // A client that does not read holds its connection open; nothing is left to say to it.
        () = time_is_up.then(|()| tokio::time::sleep(GRACE)) => {}
    }
    sessions.drain().await;
    // What is not told in time is told when the session is next used.
    let _ = tokio::time::timeout(GRACE, accounts.drain()).await;
    Ok(())
}

/// Behind TLS the public address is somebody else's, so nothing can be said about sites.
fn warn_of_other_sites(options: &Options, address: SocketAddr) {
    if options.transport() == Transport::Tls {
        return;
    }
    let origins = options.cors_origins.iter();
    for origin in origins.filter(|origin| origin.is_another_site_than(address)) {
        eprintln!(
            "warning: {origin} is another site than http://{address}, so browsers send no \
             session cookie from its pages; use the same host name for both"
        );
    }
}

fn sessions(
    options: &Options,
    limits: Limits,
    store: Arc<dyn SessionStore>,
) -> Result<SessionManager, ConfigError> {
    let secret = match &options.secret {
        Some(secret) => SecretKey::new(secret.reveal().as_bytes())?,
        None => {
            eprintln!(
                "warning: no --secret, so one is generated: sessions end when this program does"
            );
            SecretKey::generate()?
        }
    };
    let builder = SessionManager::builder()
        .secret_key(secret)
        .max_inactive_interval(IDLE_LIMIT)
        .max_bytes(limits.session)
        .shared_store(store);
    let builder = match options.transport() {
        Transport::Tls => builder,
        Transport::Plain => {
            eprintln!(
                "note: {}, so the cookie {PLAIN_COOKIE} travels without Secure",
                match options.insecure {
                    Some(_) => "--insecure was given",
                    None => "this is a loopback address without TLS",
                }
            );
            builder.secure(false).cookie_name(PLAIN_COOKIE)
        }
    };
    builder.build()
}

async fn accounts(options: &Options) -> Result<Accounts, Box<dyn Error>> {
    let kept = store::accounts(options).await?;
    let (entropy, clock) = (Arc::new(SystemEntropy::new()), Arc::new(SystemClock));
    let runtime = Handle::current();
    Ok(Accounts::new(
        kept,
        Cost::default(),
        entropy,
        clock,
        runtime,
    )?)
}

fn responder(options: &Options) -> Result<Responder, Box<dyn Error>> {
    let (Some(url), Some(model)) = (&options.upstream, &options.model) else {
        return Ok(Responder::embedded(options.token_delay()));
    };
    let key = std::env::var(Options::API_KEY_VARIABLE)
        .ok()
        .map(ApiKey::new);
    Ok(Responder::Upstream(Upstream::new(url, model.clone(), key)?))
}

/// Completes when the process is asked to stop, by Ctrl-C or by a service manager.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
