//! Who may use the administrator's page. A site in earnest asks administrators to log in; here
//! nobody has a password, so being on the same machine is what counts.

use std::net::{IpAddr, SocketAddr};

use hyper::http::uri::Authority;

use crate::call::Provenance;
use crate::refusal::Refusal;

/// Whether anybody may use the administrator's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Whoever is on this machine: nobody else can connect.
    ThisMachine,
    /// Nobody: the server listens to other machines too.
    Nobody,
}

impl Admission {
    /// Who may use it on a server that listens on `address`.
    pub(crate) fn of(address: SocketAddr) -> Self {
        match address.ip().is_loopback() {
            true => Self::ThisMachine,
            false => Self::Nobody,
        }
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// When it may not. A page from elsewhere whose name was made to lead to this machine (DNS
    /// rebinding) is of one origin with this server, as its browser sees it; but it asks under
    /// a name that is not this machine's.
    pub(crate) fn admit(self, asker: &Provenance) -> Result<(), Refusal> {
        let host = asker.host.as_deref();
        match self {
            Self::ThisMachine if host.is_some_and(is_this_machine) => Ok(()),
            Self::ThisMachine | Self::Nobody => Err(Refusal::NotAdmitted),
        }
    }
}

/// True for the value of a `Host` that names this machine and can name no other one.
fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        // Browsers look up neither of them (RFC 6761, 6.3).
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(listening: &str, host: Option<&str>) -> bool {
        let admission = Admission::of(listening.parse().unwrap());
        let asker = Provenance {
            host: host.map(str::to_owned),
            ..Provenance::default()
        };
        admission.admit(&asker).is_ok()
    }

    #[test]
    fn this_machine_is_let_in_by_each_of_its_own_names() {
        for host in [
            "localhost",
            "localhost:8090",
            "LOCALHOST:8090",
            "playground.localhost:8090",
            "127.0.0.1",
            "127.0.0.1:8090",
            "127.8.9.1:8090",
            "[::1]:8090",
        ] {
            assert!(admits("127.0.0.1:8090", Some(host)), "{host}");
            assert!(admits("[::1]:8090", Some(host)), "{host}");
        }
    }

    #[test]
    fn nobody_is_let_in_by_a_name_that_somebody_else_may_own() {
        for host in [
            None,
            Some(""),
            Some("example.org"),
            Some("localhost.example.org"),
            Some("127.0.0.1.example.org:8090"),
            Some("notlocalhost"),
            Some("203.0.113.5:8090"),
            Some("[2001:db8::1]:8090"),
            Some("localhost@example.org"),
            Some("local host"),
        ] {
            assert!(!admits("127.0.0.1:8090", host), "{host:?}");
        }
    }

    #[test]
    fn a_server_that_listens_to_other_machines_lets_nobody_in() {
        for listening in ["0.0.0.0:8090", "[::]:8090", "203.0.113.5:8090"] {
            assert!(!admits(listening, Some("localhost:8090")), "{listening}");
        }
    }
}
