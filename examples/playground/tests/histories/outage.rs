//! A store that is away: what it costs, and what it does not.

use std::net::SocketAddr;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::client::{Client, Request, Response};
use crate::site::Site;
use crate::stores::{Own, Which};

/// Within which a route that needs the session says that it cannot have it: a call of a store may
/// take five seconds, and this machine may be busy.
const DEADLINE: Duration = Duration::from_secs(8);

/// Within which a route that needs none answers: sooner than any store is given up.
const AT_ONCE: Duration = Duration::from_millis(900);

/// Within which the sessions are back once the store is.
pub(crate) const BACK: Duration = Duration::from_secs(20);

/// A method, a target and a body.
pub(crate) type Route = (&'static str, &'static str, &'static str);

pub(crate) const LOGIN: Route = ("POST", "/login", "{\"principal\":\"ada\"}");

pub(crate) const SESSION: Route = ("GET", "/session", "");

/// What cannot be answered without the store.
const REFUSED: [Route; 8] = [
    LOGIN,
    SESSION,
    ("GET", "/attributes/a", ""),
    ("PUT", "/attributes/a", "8"),
    ("POST", "/attributes/a/increment", ""),
    ("POST", "/change-id", ""),
    ("POST", "/invalidate", ""),
    ("POST", "/logout", ""),
];

/// How a store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// Its server was killed.
    Killed,
    /// Its server hangs (SIGSTOP).
    Hanging,
}

impl Away {
    pub(crate) const ALL: [Self; 2] = [Self::Killed, Self::Hanging];

    /// The name of the test.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Killed => "a_store_that_was_killed_costs_no_login",
            Self::Hanging => "a_store_that_hangs_costs_no_login",
        }
    }

    fn begin(self, store: &Own) {
        match self {
            Self::Killed => store.kill(Which::All),
            Self::Hanging => store.pause(Which::All),
        }
    }

    fn end(self, store: &Own) {
        match self {
            Self::Killed => store.start_again(Which::All),
            Self::Hanging => store.resume(Which::All),
        }
    }
}

/// How long things took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    /// Until a route that needs the session answered 503.
    pub(crate) refused: Vec<Duration>,
    /// Until one that needs none answered.
    pub(crate) untouched: Vec<Duration>,
    /// From when the store was back until the sessions were.
    pub(crate) back: Vec<Duration>,
}

impl Times {
    pub(crate) fn add(&mut self, other: Self) {
        self.refused.extend(other.refused);
        self.untouched.extend(other.untouched);
        self.back.extend(other.back);
    }
}

/// Takes the store away, looks what the servers say, and gives it back.
pub(crate) fn go_through(away: Away, site: &Site) -> Times {
    let store = site.backing.own.as_ref().expect("a store of one's own");
    let servers = site.addresses();
    let token = log_in(servers[0]);
    let (put, _) = ask(servers[0], ("PUT", "/attributes/a", "7"), Some(&token));
    assert_eq!(put.status, 204, "{put:?}");

    away.begin(store);
    // The processes of a server that was killed end one after the other.
    let began = Instant::now();
    while ask(servers[0], SESSION, Some(&token)).0.status != 503 {
        assert!(began.elapsed() < DEADLINE, "the store is still there");
    }
    let mut times = Times::default();
    scope(|scope| {
        let token = &token;
        let at_all = |route: Route| {
            let servers = servers.iter();
            servers.map(move |server| scope.spawn(move || ask(*server, route, Some(token))))
        };
        let refused: Vec<_> = REFUSED.into_iter().flat_map(at_all).collect();
        let untouched: Vec<_> = at_all(("GET", "/untouched", "")).collect();
        for answer in untouched {
            let (response, took) = answer.join().unwrap();
            assert_eq!(response.status, 200, "{response:?}");
            assert!(took < AT_ONCE, "{took:?}");
            times.untouched.push(took);
        }
        for answer in refused {
            let (response, took) = answer.join().unwrap();
            assert_eq!(response.status, 503, "{response:?}");
            assert_eq!(response.cookie, None, "{response:?}");
            assert!(json_of(&response)["error"].is_string(), "{response:?}");
            assert!(took < DEADLINE, "{took:?}");
            times.refused.push(took);
        }
    });

    away.end(store);
    let began = Instant::now();
    for server in servers {
        let session = loop {
            let (response, _) = ask(server, SESSION, Some(&token));
            if response.status == 200 {
                break json_of(&response);
            }
            assert!(began.elapsed() < BACK, "{response:?}");
            sleep(Duration::from_millis(10));
        };
        times.back.push(began.elapsed());
        assert_eq!(session["principal"], json!("ada"), "{session}");
        // Each request that was refused would have had to load the session first.
        assert_eq!(session["attributes"], json!({"a": 7}), "{session}");
    }
    times
}

/// The token of somebody who logs in. What went wrong before may last a little longer: a cluster
/// is not back as a whole when the first sessions are.
fn log_in(server: SocketAddr) -> String {
    let began = Instant::now();
    loop {
        let (response, _) = ask(server, LOGIN, None);
        if response.status != 503 {
            return response.cookie.expect("a login gives an id");
        }
        assert!(began.elapsed() < BACK, "{response:?}");
        sleep(Duration::from_millis(10));
    }
}

/// Asks a server, which must answer.
pub(crate) fn ask(server: SocketAddr, route: Route, token: Option<&str>) -> (Response, Duration) {
    let (method, target, body) = route;
    let request = Request {
        method,
        target,
        token,
        body,
    };
    let began = Instant::now();
    let answer = Client::of(&[server]).ask(0, request);
    let response = answer.unwrap_or_else(|lost| panic!("{method} {target}: {lost:?}"));
    (response, began.elapsed())
}

pub(crate) fn json_of(response: &Response) -> Json {
    serde_json::from_str(&response.body).expect("it is JSON")
}
