//! The frameworks that can serve the chat. Each has one file of routing and extraction; what
//! is answered is decided elsewhere, once for all of them.

mod on_actix;
mod on_axum;
mod on_warp;

use std::fmt;
use std::io;

use clap::ValueEnum;
use tokio::net::TcpListener;

use crate::app::App;

/// A framework that serves the chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Framework {
    /// axum, over tower and hyper
    #[default]
    Axum,
    /// actix-web
    Actix,
    /// warp, over tower and hyper
    Warp,
}

impl Framework {
    /// Serves `app` until `stop` completes and the requests that were under way then are
    /// answered. Dropped, it cuts what is under way.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub async fn serve(
        self,
        listener: TcpListener,
        app: App,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        match self {
            Self::Axum => on_axum::serve(listener, app, stop).await,
            Self::Actix => on_actix::serve(listener, app, stop).await,
            Self::Warp => on_warp::serve(listener, app, stop).await,
        }
    }
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Axum => "axum",
            Self::Actix => "actix",
            Self::Warp => "warp",
        })
    }
}
