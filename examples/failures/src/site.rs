//! The server under attack, and visitors of it.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use crate::chance::Chance;
use crate::http::{Connection, Request, Response};
use crate::target::{Route, Target};
use crate::verdict::{Attempt, ensure, failed};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server and what is known of it.
#[derive(Debug)]
pub(crate) struct Site {
    address: SocketAddr,
    host: String,
    pub(crate) target: Target,
    pub(crate) chance: Chance,
    /// How many sessions are made to look at their ids.
    pub(crate) ids: usize,
    /// The connection of everything that happens one after another.
    kept: Mutex<Option<Connection>>,
}

impl Site {
    /// The server at `url`.
    ///
    /// # Errors
    /// When it is no URL of plain HTTP, or its host has no address.
    pub(crate) fn at(url: &str, target: Target, ids: usize) -> io::Result<Self> {
        let unusable = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
        let rest = url.strip_prefix("http://");
        let rest = rest.ok_or_else(|| unusable("the URL begins with http://"))?;
        let host = rest.split('/').next().unwrap_or_default();
        let with_port = if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let address = with_port.to_socket_addrs()?.next();
        Ok(Self {
            address: address.ok_or_else(|| unusable("the host has no address"))?,
            host: host.to_owned(),
            target,
            chance: Chance::of_this_run(),
            ids,
            kept: Mutex::new(None),
        })
    }

    /// Sends a request and reads the answer.
    pub(crate) fn send(&self, request: &Request) -> Attempt<Response> {
        let request = self.with_own_lines(request);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut connection) = kept.take() {
            // The server may have closed it meanwhile: then the request goes out on a new one.
            if let Ok(response) = exchange(&mut connection, &request) {
                *kept = Some(connection).filter(Connection::is_open);
                return Ok(response);
            }
        }
        let mut connection = self.connect()?;
        let response = exchange(&mut connection, &request)?;
        *kept = Some(connection).filter(Connection::is_open);
        Ok(response)
    }

    /// As [`send`](Self::send), beside everything else, on a connection of its own.
    pub(crate) fn send_beside(&self, request: &Request) -> Attempt<Response> {
        let request = self.with_own_lines(request);
        Ok(exchange(&mut self.connect()?, &request)?)
    }

    /// Sends all of them at once, each on a connection of its own.
    pub(crate) fn send_at_once(&self, requests: &[Request]) -> Attempt<Vec<Response>> {
        thread::scope(|scope| {
            let running: Vec<_> = requests
                .iter()
                .map(|request| scope.spawn(|| self.send_beside(request)))
                .collect();
            let joined = running.into_iter().map(ScopedJoinHandle::join);
            joined
                .map(|it| it.unwrap_or_else(|_| failed("a request was not answered")))
                .collect()
        })
    }

    /// Only the head of the answer, as soon as it is there. The connection stays open until the
    /// caller lets it go.
    pub(crate) fn head_of(&self, request: &Request) -> Attempt<(Response, Connection)> {
        let mut connection = self.connect()?;
        connection.send(&self.with_own_lines(request))?;
        Ok((connection.head()?, connection))
    }

    /// Sends a request and hangs up without reading the answer.
    pub(crate) fn abandon(&self, request: &Request) -> Attempt {
        Ok(self.connect()?.send(&self.with_own_lines(request))?)
    }

    /// Whether anybody listens.
    pub(crate) fn listens(&self) -> bool {
        TcpStream::connect_timeout(&self.address, PATIENCE).is_ok()
    }

    /// Somebody without a cookie.
    pub(crate) fn visitor(&self) -> Visitor<'_> {
        Visitor {
            site: self,
            token: None,
        }
    }

    /// Somebody with a session that holds a value nobody else knows.
    pub(crate) fn owner(&self) -> Attempt<Owner<'_>> {
        let mut visitor = self.visitor();
        let (name, value) = (self.chance.word("n"), self.chance.word("v"));
        let answer = visitor.write(&name, &value)?;
        ensure(visitor.token.is_some(), || {
            format!("a write began no session (status {})", answer.status)
        })?;
        let owner = Owner {
            visitor,
            name,
            value,
        };
        ensure(owner.reaches(owner.cookie())?, || {
            "what was written is not read back".into()
        })?;
        Ok(owner)
    }

    /// Somebody who carries this token, whether it is theirs or not.
    pub(crate) fn carrier(&self, token: &str) -> Visitor<'_> {
        Visitor {
            site: self,
            token: Some(token.to_owned()),
        }
    }

    /// The request for what is under `name`, without a cookie.
    pub(crate) fn reading(&self, name: &str) -> Request {
        self.target.read.request(&[("name", name)])
    }

    /// The lines that set the session cookie.
    pub(crate) fn set_cookies<'a>(&'a self, response: &'a Response) -> Vec<&'a str> {
        let is_ours = |line: &&str| {
            let name = line.split(['=', ';']).next().unwrap_or_default();
            name.trim() == self.target.cookie
        };
        response.all("set-cookie").filter(is_ours).collect()
    }

    /// The token that a response gives: `Some(None)` when it takes one away.
    pub(crate) fn given(&self, response: &Response) -> Option<Option<String>> {
        let line = *self.set_cookies(response).last()?;
        let pair = line.split(';').next().unwrap_or_default();
        let value = pair.split_once('=').map_or("", |(_, value)| value.trim());
        let lower = line.to_ascii_lowercase();
        let is_deletion = value.is_empty()
            || lower.contains("max-age=0")
            || lower.contains("max-age=-")
            || lower.contains(" 1970 ");
        Some((!is_deletion).then(|| value.to_owned()))
    }

    fn connect(&self) -> io::Result<Connection> {
        Connection::open(self.address, &self.host, PATIENCE)
    }

    fn with_own_lines(&self, request: &Request) -> Request {
        let lines = self.target.lines.iter();
        lines.fold(request.clone(), |request, (name, value)| {
            request.with(name, value)
        })
    }
}

fn exchange(connection: &mut Connection, request: &Request) -> io::Result<Response> {
    connection.send(request)?;
    connection.response(&request.method)
}

/// Somebody who keeps the cookie that is given.
#[derive(Clone, Debug)]
pub(crate) struct Visitor<'a> {
    pub(crate) site: &'a Site,
    pub(crate) token: Option<String>,
}

impl Visitor<'_> {
    pub(crate) fn write(&mut self, name: &str, value: &str) -> Attempt<Response> {
        let request = self
            .site
            .target
            .write
            .request(&[("name", name), ("value", value)]);
        self.send(&request)
    }

    pub(crate) fn read(&mut self, name: &str) -> Attempt<Response> {
        let request = self.site.reading(name);
        self.send(&request)
    }

    /// Asks for `route` with its placeholders filled.
    pub(crate) fn ask(&mut self, route: &Route, fill: &[(&str, &str)]) -> Attempt<Response> {
        self.send(&route.request(fill))
    }

    pub(crate) fn send(&mut self, request: &Request) -> Attempt<Response> {
        let response = self.site.send(&self.with_cookie(request))?;
        self.keep(&response);
        Ok(response)
    }

    /// The request with the visitor's cookie.
    pub(crate) fn with_cookie(&self, request: &Request) -> Request {
        match &self.token {
            Some(token) => {
                let cookie = format!("{}={token}", self.site.target.cookie);
                request.clone().with("cookie", cookie)
            }
            None => request.clone(),
        }
    }

    pub(crate) fn keep(&mut self, response: &Response) {
        if let Some(given) = self.site.given(response) {
            self.token = given;
        }
    }
}

/// A visitor whose session holds a value.
#[derive(Clone, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) visitor: Visitor<'a>,
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Owner<'_> {
    pub(crate) fn token(&self) -> &str {
        self.visitor.token.as_deref().unwrap_or_default()
    }

    /// The cookie as a client sends it.
    pub(crate) fn cookie(&self) -> Vec<u8> {
        self.pair(self.token().as_bytes())
    }

    /// Another value under the cookie's name.
    pub(crate) fn pair(&self, value: &[u8]) -> Vec<u8> {
        [self.visitor.site.target.cookie.as_bytes(), b"=", value].concat()
    }

    /// Whether a request with these bytes as its cookies is told the owner's value.
    pub(crate) fn reaches(&self, cookies: impl AsRef<[u8]>) -> Attempt<bool> {
        let request = self.visitor.site.reading(&self.name);
        self.reached_by(&request.with("cookie", cookies))
    }

    /// Whether a request is told the owner's value. An error of the server tells nobody; that it
    /// is one is for the attack with garbage to say.
    pub(crate) fn reached_by(&self, request: &Request) -> Attempt<bool> {
        let response = self.visitor.site.send(request)?;
        Ok(response.body.contains(&self.value))
    }
}
