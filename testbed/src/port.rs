//! Ports that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::Error;

/// A port of 127.0.0.1 that was free a moment ago. Somebody else may take it before it is used:
/// whoever starts a server on it tries again with another one.
pub(crate) fn free() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address
        .map_err(Error::system("looking for a free port"))?
        .port())
}
