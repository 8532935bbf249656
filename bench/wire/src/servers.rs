//! The servers of this program: which there are, and being one of them.

use std::env;
use std::error::Error;
use std::io;
use std::net::SocketAddr;

use crate::process::Program;
use crate::{on_actix, on_axum, on_warp};

/// The counter of a visitor.
pub(crate) const COUNTER: &str = "counter";

/// The servers of one framework. The first has no sessions.
pub(crate) struct Family {
    /// The framework.
    pub(crate) name: &'static str,
    /// A server for each library.
    pub(crate) servers: Vec<Server>,
}

/// A server that can be started.
pub(crate) struct Server {
    /// The library; `bare` for none.
    pub(crate) name: &'static str,
    /// How it is started; the address comes last.
    pub(crate) program: Program,
    /// What its counter says after it was counted.
    pub(crate) memory: Memory,
}

/// Where a server keeps what it knows of a visitor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Nowhere: it has no sessions.
    None,
    /// With itself.
    Server,
    /// In the cookie.
    Cookie,
}

const SERVERS: [(&str, &[(&str, Memory)]); 3] = [
    (
        "axum",
        &[
            ("bare", Memory::None),
            ("ours", Memory::Server),
            ("tower-sessions", Memory::Server),
            ("axum_session", Memory::Server),
        ],
    ),
    (
        "actix",
        &[
            ("bare", Memory::None),
            ("ours", Memory::Server),
            ("actix-session", Memory::Cookie),
        ],
    ),
    (
        "warp",
        &[
            ("bare", Memory::None),
            ("ours", Memory::Server),
            ("warp-sessions", Memory::Server),
        ],
    ),
];

/// All of them, by framework.
pub(crate) fn families() -> io::Result<Vec<Family>> {
    let this = env::current_exe()?;
    let family = |(name, servers): &(&'static str, &[(&'static str, Memory)])| Family {
        name,
        servers: servers
            .iter()
            .map(|(library, memory)| Server {
                name: library,
                program: Program::new(&this).with(["serve", &format!("{name}/{library}")]),
                memory: *memory,
            })
            .collect(),
    };
    Ok(SERVERS.iter().map(family).collect())
}

/// Is the server of this name, until the process is ended.
pub(crate) fn serve(name: &str, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    match name.split_once('/') {
        Some(("axum", library)) => on_axum::serve(library, address),
        Some(("actix", library)) => on_actix::serve(library, address),
        Some(("warp", library)) => on_warp::serve(library, address),
        _ => Err(format!("there is no server {name}").into()),
    }
}
