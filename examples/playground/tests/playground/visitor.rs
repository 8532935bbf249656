//! Somebody who visits the playground and keeps what it gives.

use std::net::SocketAddr;

use serde_json::Value;

use crate::client::{Connection, Response};
use crate::program::Program;

/// A browser, or a program that knows the token's header.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    address: SocketAddr,
    /// The header that carries the token, where it is no cookie.
    header: Option<&'static str>,
    /// The token, once there is one.
    pub(crate) token: Option<String>,
}

impl Visitor {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            header: None,
            token: None,
        }
    }

    /// The same visitor, with the same cookie, at a program that was started again.
    pub(crate) fn at(&self, program: &Program) -> Self {
        Self {
            address: program.address,
            ..self.clone()
        }
    }

    /// The same visitor, who sends the token in a header.
    pub(crate) fn by_header(mut self, name: &'static str) -> Self {
        self.header = Some(name);
        self
    }

    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.send("GET", target, "")
    }

    pub(crate) fn put(&mut self, target: &str, body: &str) -> Response {
        self.send("PUT", target, body)
    }

    pub(crate) fn post(&mut self, target: &str, body: &str) -> Response {
        self.send("POST", target, body)
    }

    pub(crate) fn delete(&mut self, target: &str) -> Response {
        self.send("DELETE", target, "")
    }

    /// The attribute called `name`, `Null` when it is absent.
    pub(crate) fn attribute(&mut self, name: &str) -> Value {
        let response = self.get(&format!("/attributes/{name}"));
        match response.status {
            200 => response.json(),
            404 => Value::Null,
            status => panic!("{status}: {}", response.body),
        }
    }

    /// What `GET /session` tells.
    pub(crate) fn session(&mut self) -> Value {
        let response = self.get("/session");
        assert_eq!(response.status, 200);
        response.json()
    }

    /// Sends a request on a connection of its own; the answer must come whole.
    pub(crate) fn send(&mut self, method: &str, target: &str, body: &str) -> Response {
        let response = self.try_send(method, target, body);
        response.unwrap_or_else(|| panic!("{method} {target} is answered"))
    }

    /// As [`send`](Self::send); `None` when the program hangs up.
    pub(crate) fn try_send(&mut self, method: &str, target: &str, body: &str) -> Option<Response> {
        let response = self.open(method, target, body).response(method)?;
        self.keep(&response);
        Some(response)
    }

    /// Sends a request and leaves the answer to be read.
    pub(crate) fn open(&self, method: &str, target: &str, body: &str) -> Connection {
        let mut connection = Connection::open(self.address);
        let header = self.credential();
        let header = header.as_ref().map(|(name, value)| (*name, value.as_str()));
        connection.send(method, target, header.as_slice(), body);
        connection
    }

    /// Sends a request without a body, with these headers besides the visitor's own.
    pub(crate) fn open_with(&self, target: &str, headers: &[(&str, &str)]) -> Connection {
        let mut connection = Connection::open(self.address);
        let mut request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n");
        let credential = self.credential();
        let credential = credential
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        for (name, value) in credential.chain(headers.iter().copied()) {
            request += &format!("{name}: {value}\r\n");
        }
        connection.send_raw((request + "\r\n").as_bytes());
        connection
    }

    /// The header that names the session, once there is one.
    fn credential(&self) -> Option<(&'static str, String)> {
        let token = self.token.as_ref()?;
        Some(match self.header {
            Some(name) => (name, token.clone()),
            None => ("cookie", format!("sid={token}")),
        })
    }

    /// Keeps the token that a response carries, as a browser does.
    pub(crate) fn keep(&mut self, response: &Response) {
        let given = match self.header {
            Some(name) => response.all(name).first().copied(),
            None => session_cookie(response),
        };
        if let Some(token) = given {
            self.token = Some(token.to_owned()).filter(|token| !token.is_empty());
        }
    }
}

/// The value of the session cookie that a response sets.
pub(crate) fn session_cookie(response: &Response) -> Option<&str> {
    let lines = response.all("set-cookie");
    let line = lines
        .into_iter()
        .find_map(|line| line.strip_prefix("sid="))?;
    line.split(';').next()
}
