//! Where a request comes from.

use std::convert::Infallible;
use std::net::SocketAddr;

use warp::Filter;

/// The peer of the request's connection, in the request's extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoteAddr(pub(crate) SocketAddr);

/// The address of the client, as its connection shows it; `None` where neither
/// [`serve`](crate::serve) nor [`filter`](crate::filter()) is around the routes.
///
/// Takes the place of `warp::addr::remote`, which answers `None` there: the type in which warp
/// keeps the address can be made by warp's own server only.
pub fn remote() -> impl Filter<Extract = (Option<SocketAddr>,), Error = Infallible> + Copy {
    warp::ext::optional().map(|peer: Option<RemoteAddr>| peer.map(|RemoteAddr(address)| address))
}
