//! Somebody who visits two servers and keeps the cookie that either gives.

use std::net::SocketAddr;
use std::thread;

use serde_json::{Value as Json, json};

use crate::client::{Client, Connection, Request, Response};
use crate::site::Site;

/// A browser.
#[derive(Debug)]
pub(crate) struct Visitor {
    servers: [SocketAddr; 2],
    client: Client,
    /// The value of the session cookie.
    pub(crate) token: Option<String>,
}

impl Clone for Visitor {
    /// The same cookie in another browser, which has connections of its own.
    fn clone(&self) -> Self {
        Self {
            servers: self.servers,
            client: Client::of(&self.servers),
            token: self.token.clone(),
        }
    }
}

impl Visitor {
    /// Somebody whose session holds nothing but a name.
    pub(crate) fn with_session(site: &Site) -> Self {
        let servers = site.two();
        let mut visitor = Self {
            servers,
            client: Client::of(&servers),
            token: None,
        };
        let put = visitor.ask(0, "PUT", "/attributes/name", "\"ada\"");
        assert_eq!(put.status, 204, "{put:?}");
        assert!(visitor.token.is_some(), "{put:?}");
        visitor
    }

    /// Asks one of the two servers, which must answer.
    pub(crate) fn ask(
        &mut self,
        server: usize,
        method: &'static str,
        target: &str,
        body: &str,
    ) -> Response {
        let request = Request {
            method,
            target,
            token: self.token.as_deref(),
            body,
        };
        let answer = self.client.ask(server, request);
        let response = answer.unwrap_or_else(|lost| panic!("{method} {target}: {lost:?}"));
        if let Some(token) = &response.cookie {
            self.token = Some(token.clone()).filter(|token| !token.is_empty());
        }
        response
    }

    /// Asks for a body that is to be read piece by piece.
    pub(crate) fn open(&self, server: usize, target: &str) -> Connection {
        let mut connection = Connection::open(self.servers[server]).expect("the server is there");
        let sent = connection.send(Request {
            method: "GET",
            target,
            token: self.token.as_deref(),
            body: "",
        });
        sent.expect("the request is sent");
        connection
    }

    /// What a server tells of the session.
    pub(crate) fn session(&mut self, server: usize) -> Json {
        let response = self.ask(server, "GET", "/session", "");
        assert_eq!(response.status, 200, "{response:?}");
        serde_json::from_str(&response.body).expect("it is JSON")
    }

    pub(crate) fn has_session(&mut self, server: usize) -> bool {
        self.session(server)["exists"] == json!(true)
    }
}

/// Lets so many browsers with the cookie of `visitor` do something at once; every other one at
/// each of the two servers.
pub(crate) fn at_once<T: Send>(
    visitor: &Visitor,
    times: usize,
    visit: impl Fn(&mut Visitor, usize, usize) -> T + Sync,
) -> Vec<T> {
    thread::scope(|scope| {
        let visit = &visit;
        let visits: Vec<_> = (0..times)
            .map(|number| {
                let mut visitor = visitor.clone();
                scope.spawn(move || visit(&mut visitor, number, number % 2))
            })
            .collect();
        let visits = visits.into_iter();
        visits.map(|visit| visit.join().unwrap()).collect()
    })
}
