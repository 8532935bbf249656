//! A store that is away: what it costs, and what it does not.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::client::{Client, Request, Response};
use crate::site::Site;
use crate::stores::Own;

/// Within which a route that needs the session says that it cannot have it.
const DEADLINE: Duration = Duration::from_secs(5);

/// Within which a route that needs none answers.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Within which the sessions are back once the store is.
const BACK: Duration = Duration::from_secs(20);

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
            Self::Killed => store.kill(),
            Self::Hanging => store.pause(),
        }
    }

    fn end(self, store: &Own) {
        match self {
            Self::Killed => store.start_again(),
            Self::Hanging => store.resume(),
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
    let addresses = site.addresses();
    let mut client = Client::of(&addresses);
    let mut ask = |server, method, target, token, body| {
        let request = Request {
            method,
            target,
            token,
            body,
        };
        let began = Instant::now();
        let answer = client.ask(server, request);
        let response = answer.unwrap_or_else(|lost| panic!("{method} {target}: {lost:?}"));
        (response, began.elapsed())
    };
    let logged_in = ask(0, "POST", "/login", None, "{\"principal\":\"ada\"}").0;
    let token = logged_in.cookie.expect("a login gives an id");
    let token = Some(token.as_str());
    let put = ask(0, "PUT", "/attributes/a", token, "7").0;
    assert_eq!(put.status, 204, "{put:?}");

    let mut times = Times::default();
    away.begin(store);
    for server in 0..addresses.len() {
        for (method, target, body) in [
            ("GET", "/session", ""),
            ("GET", "/attributes/a", ""),
            ("PUT", "/attributes/a", "8"),
            ("POST", "/attributes/a/increment", ""),
            ("POST", "/change-id", ""),
            ("POST", "/invalidate", ""),
            ("POST", "/logout", ""),
            ("POST", "/login", "{\"principal\":\"eve\"}"),
        ] {
            let (response, took) = ask(server, method, target, token, body);
            assert_eq!(response.status, 503, "{method} {target}: {response:?}");
            assert_eq!(response.cookie, None, "{method} {target}");
            assert!(json_of(&response)["error"].is_string(), "{response:?}");
            assert!(took < DEADLINE, "{method} {target}: {took:?}");
            times.refused.push(took);
        }
        let (response, took) = ask(server, "GET", "/untouched", token, "");
        assert_eq!(response.status, 200, "{response:?}");
        assert!(took < AT_ONCE, "{took:?}");
        times.untouched.push(took);
    }
    away.end(store);
    let began = Instant::now();
    for server in 0..addresses.len() {
        let session = loop {
            let (response, _) = ask(server, "GET", "/session", token, "");
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

fn json_of(response: &Response) -> Json {
    serde_json::from_str(&response.body).expect("it is JSON")
}
