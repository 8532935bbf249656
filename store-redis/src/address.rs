//! Which servers a URL names.

use redis::{ConnectionInfo, IntoConnectionInfo as _};

use crate::error::ConnectError;

/// The servers that a URL names.
#[derive(Clone)]
pub(crate) enum Address {
    /// One server.
    Single(ConnectionInfo),
    /// Nodes of a cluster, which know the others; at least one.
    Cluster(Vec<ConnectionInfo>),
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        if let Some(rest) = url.strip_prefix("redis-cluster://") {
            return cluster(rest);
        }
        if url.starts_with("rediss") || url.starts_with("valkeys") {
            return Err(ConnectError::Url(
                "asks for TLS, which this version does not speak",
            ));
        }
        if !url.starts_with("redis://") {
            return Err(ConnectError::Url(
                "starts with neither redis:// nor redis-cluster://",
            ));
        }
        single(url).map(Self::Single)
    }
}

/// `[USER[:PASSWORD]@]HOST:PORT[,HOST:PORT...]`
fn cluster(rest: &str) -> Result<Address, ConnectError> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#']) {
        return Err(ConnectError::Url(
            "names something after the nodes; a cluster has one database only",
        ));
    }
    let (login, nodes) = match rest.rsplit_once('@') {
        Some((login, nodes)) => (format!("{login}@"), nodes),
        None => (String::new(), rest),
    };
    let nodes = nodes
        .split(',')
        .map(|node| single(&format!("redis://{login}{node}")));
    Ok(Address::Cluster(nodes.collect::<Result<_, _>>()?))
}

fn single(url: &str) -> Result<ConnectionInfo, ConnectError> {
    // The driver's error is left out: it may quote the URL.
    url.into_connection_info()
        .map_err(|_| ConnectError::Url("names no server as redis://HOST:PORT does"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(url: &str) -> Vec<String> {
        match Address::parse(url) {
            Ok(Address::Single(info)) => vec![info.addr().to_string()],
            Ok(Address::Cluster(infos)) => {
                infos.iter().map(|info| info.addr().to_string()).collect()
            }
            Err(error) => panic!("{url} is an address, but {error}"),
        }
    }

    #[test]
    fn a_url_names_one_server_or_nodes_of_a_cluster() {
        assert_eq!(addresses("redis://localhost:7000"), ["localhost:7000"]);
        assert_eq!(addresses("redis://localhost"), ["localhost:6379"]);
        assert_eq!(addresses("redis-cluster://a:1,b:2/"), ["a:1", "b:2"]);
        assert_eq!(addresses("redis-cluster://u:p@a:1,b:2"), ["a:1", "b:2"]);
        assert_eq!(addresses("redis-cluster://[::1]:1"), ["::1:1"]);
    }

    #[test]
    fn every_node_gets_the_password() {
        let Ok(Address::Cluster(nodes)) = Address::parse("redis-cluster://ada:s@cret@a:1,b:2")
        else {
            panic!("the URL names a cluster");
        };
        for node in nodes {
            assert_eq!(node.redis_settings().username(), Some("ada"));
            assert_eq!(node.redis_settings().password(), Some("s@cret"));
        }
    }

    #[test]
    fn what_is_no_url_of_a_store_is_refused_without_repeating_it() {
        for url in [
            "",
            "secret",
            "rediss://secret@host",
            "http://secret",
            "redis-cluster://",
            "redis-cluster://secret,",
            "redis-cluster://a:secret",
            "redis-cluster://a:1/secret",
            "redis://:secret@:port",
        ] {
            let Err(error) = Address::parse(url) else {
                panic!("{url} is not an address");
            };
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("secret"), "{shown}");
        }
    }
}
