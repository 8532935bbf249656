//! The three frameworks. What differs between them is here and nothing else: routing, taking a
//! [`Call`](crate::call::Call) out of a request, making a response of an
//! [`Answer`](crate::answer::Answer), and stopping.

mod actix;
mod axum;
mod error_form;
mod warp;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use session_core::{BoxError, SessionManager};

use crate::monitor::Monitor;
use crate::options::{Framework, Options};
use crate::site::Site;
use crate::stop;

/// Runs `program` on the runtime that the framework serves on.
///
/// # Errors
/// What it answers, and when there can be no runtime.
pub(crate) fn block_on(
    framework: Framework,
    program: impl Future<Output = Result<(), BoxError>>,
) -> Result<(), BoxError> {
    match framework {
        Framework::Actix => actix_web::rt::System::new().block_on(program),
        Framework::Axum | Framework::Warp => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(program),
    }
}

/// Serves until the process is asked to stop, and stores what is left to store.
///
/// # Errors
/// When it cannot listen.
pub(crate) async fn serve(
    options: &Options,
    sessions: &SessionManager,
    monitor: Arc<Monitor>,
) -> Result<(), BoxError> {
    let stop = stop::on_signal()?;
    tokio::spawn(monitor.clone().watch(stop.clone()));
    let listener = listen(options.listen)?;
    let site = Site::new(options, sessions, monitor, listener.local_addr()?, stop);
    let sockets = site.sockets.clone();
    match options.framework {
        Framework::Axum => axum::serve(listener, sessions.clone(), site).await?,
        Framework::Actix => actix::serve(listener, sessions.clone(), site).await?,
        Framework::Warp => warp::serve(listener, sessions.clone(), site).await?,
    }
    sockets.closed().await;
    sessions.drain().await;
    Ok(())
}

/// A listener that accepts from now on: the kernel queues connections until the framework
/// takes them.
fn listen(address: SocketAddr) -> Result<TcpListener, BoxError> {
    let listener = TcpListener::bind(address)
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    listener.set_nonblocking(true)?;
    // Whoever starts this program may not read what it prints.
    let _ = writeln!(
        io::stdout(),
        "listening on http://{}",
        listener.local_addr()?
    );
    Ok(listener)
}
