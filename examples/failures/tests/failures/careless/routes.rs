//! What the server offers, the same as the playground as far as it is attacked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::sessions::{Session, Sessions};
use super::wire::{Request, Response};

/// The most that a value may have.
const VALUE_MAX: usize = 1 << 20;

/// The server behind its connections.
#[derive(Debug)]
pub(crate) struct Site {
    flaw: String,
    pub(crate) cookie: String,
    pub(super) sessions: Sessions,
    /// Requests that are logging in right now.
    logins: AtomicUsize,
    /// Requests that are being answered right now.
    running: AtomicUsize,
}

impl Site {
    pub(crate) fn new(flaw: &str) -> Self {
        let cookie = if flaw == "generic-name" {
            "PHPSESSID"
        } else {
            "__Host-sid"
        };
        Self {
            flaw: flaw.to_owned(),
            cookie: cookie.to_owned(),
            sessions: Sessions::default(),
            logins: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
        }
    }

    pub(super) fn flaw(&self) -> &str {
        &self.flaw
    }

    pub(super) fn has(&self, flaw: &str) -> bool {
        self.flaw == flaw
    }

    pub(crate) fn answer(site: &Arc<Self>, request: &Request) -> Response {
        site.running.fetch_add(1, Ordering::SeqCst);
        let mut response = site.routed(site, request);
        site.running.fetch_sub(1, Ordering::SeqCst);
        if !site.has("varies") {
            response.lines.push("vary: cookie".to_owned());
        }
        response
    }

    fn routed(&self, site: &Arc<Self>, request: &Request) -> Response {
        self.look_at_length(request);
        let cookies: Vec<&[u8]> = request.all("cookie").collect();
        if self.has("garbage") && !cookies.concat().is_ascii() {
            return Response::new(500, "");
        }
        if self.has("skip-headers") && request.header("x-skip-session").is_some() {
            return Response::new(204, "");
        }
        let id = self.id_of(request);
        let mut response = Response::new(204, "");
        let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (&*request.method, &path[..]) {
            ("PUT", ["attributes", name]) => {
                let value = serde_json::from_str::<Value>(&request.body).unwrap_or_default();
                let value = value.as_str().unwrap_or_default();
                self.write(request, id, (name, value), &mut response);
            }
            ("GET", ["attributes", name]) => self.read(request, id, name, &mut response),
            ("POST", ["attributes", name, "increment"]) => self.increment(request, id, name),
            ("POST", ["login"]) => self.login(request, id.as_ref(), &mut response),
            ("POST", ["logout"]) => self.logout(request, id, &mut response),
            ("GET", ["session"]) => {
                let id = id.unwrap_or_default();
                let user = self.sessions.lock().get(&id).and_then(|it| it.user.clone());
                let told = self.has("leaks").then(|| self.sessions.sign(&id));
                response = Response::new(200, json!([user, told]).to_string());
            }
            ("GET", ["redirect"]) => {
                let name = request.argument("name").unwrap_or_default().to_owned();
                let value = request.argument("value").unwrap_or_default().to_owned();
                response.status = 303;
                response.lines.push(format!("location: /attributes/{name}"));
                if self.has("redirect") {
                    let (site, request) = (Arc::clone(site), request.clone());
                    thread::spawn(move || {
                        thread::sleep(Duration::from_millis(50));
                        let mut unseen = Response::new(204, "");
                        site.write(&request, id, (&name, &value), &mut unseen);
                    });
                } else {
                    self.write(request, id, (&name, &value), &mut response);
                }
            }
            ("GET", ["cookies"]) => {
                response
                    .lines
                    .extend(["set-cookie: a=1", "set-cookie: b=2"].map(str::to_owned));
                self.write(request, id, ("cookies", "true"), &mut response);
            }
            ("GET", ["stream"]) => {
                let name = request.argument("attribute").unwrap_or_default().to_owned();
                response.status = 200;
                let last = if self.has("stream") { "1" } else { "7" };
                self.write(request, id, (&name, last), &mut response);
            }
            ("GET", ["stats"]) => {
                let live = self.sessions.lock().len();
                response = Response::new(200, json!({ "live": live }).to_string());
            }
            _ => response.status = 404,
        }
        response
    }

    fn look_at_length(&self, request: &Request) {
        let length: usize = request.all("cookie").map(<[u8]>::len).sum();
        if self.has("parsing-time") {
            let micros = u64::try_from((length / 128).pow(2)).unwrap_or_default();
            thread::sleep(Duration::from_micros(micros));
        }
    }

    fn write(
        &self,
        request: &Request,
        id: Option<String>,
        (name, value): (&str, &str),
        response: &mut Response,
    ) {
        if value.len() > VALUE_MAX && !self.has("too-large") {
            response.status = 413;
            return;
        }
        let loaded = id
            .as_ref()
            .and_then(|id| self.sessions.lock().get(id).cloned());
        wait(request);
        let Some(id) = id else {
            let id = self.begin(None);
            self.set(&id, name, value);
            self.give(&id, request, response);
            return;
        };
        let mut sessions = self.sessions.lock();
        let is_live = sessions.contains_key(&id);
        if self.has("in-flight") || self.has("parallel-keys") && is_live {
            let mut whole = loaded.unwrap_or_default();
            whole.attributes.insert(name.to_owned(), value.to_owned());
            sessions.insert(id, whole);
        } else if is_live {
            drop(sessions);
            self.set(&id, name, value);
        } else {
            response.status = 409;
        }
    }

    fn set(&self, id: &str, name: &str, value: &str) {
        let names: Vec<&str> = match self.flaw() {
            "key-names" => name.split("%7C").chain([name]).collect(),
            _ => vec![name],
        };
        let mut sessions = self.sessions.lock();
        if let Some(session) = sessions.get_mut(id) {
            for name in names {
                session.attributes.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn begin(&self, user: Option<String>) -> String {
        let id = match (self.flaw(), &user) {
            ("ids", _) => format!("{:0>32}", &Sessions::new_id()[..16]),
            ("principal-in-token", Some(user)) => format!("{}{user}", Sessions::new_id()),
            _ => Sessions::new_id(),
        };
        let session = Session {
            user,
            ..Session::default()
        };
        self.sessions.lock().insert(id.clone(), session);
        id
    }

    fn read(&self, request: &Request, id: Option<String>, name: &str, response: &mut Response) {
        let mixed = self.has("mixing") && self.running.load(Ordering::SeqCst) > 1;
        let value = {
            let sessions = self.sessions.lock();
            let session = if mixed {
                sessions.values().last()
            } else {
                id.as_ref().and_then(|id| sessions.get(id))
            };
            session.and_then(|session| session.attributes.get(name).cloned())
        };
        *response = match value {
            Some(value) => Response::new(200, value),
            None => Response::new(404, "nothing"),
        };
        match (self.flaw(), id) {
            ("unchanged", Some(id)) => self.give(&id, request, response),
            ("flood", None) => self.give(&self.begin(None), request, response),
            ("look-alike", None) if request.header("cookie").is_some_and(|it| it.contains('.')) => {
                self.take(request, response);
            }
            ("deletes-what-ended", None) if self.names_what_ended(request) => {
                self.take(request, response);
            }
            _ => {}
        }
    }

    fn increment(&self, request: &Request, id: Option<String>, name: &str) {
        let id = id.unwrap_or_default();
        let number = |session: &Session| {
            let value = session.attributes.get(name);
            value.and_then(|it| it.parse::<u32>().ok()).unwrap_or(0)
        };
        let loaded = self.sessions.lock().get(&id).map_or(0, number);
        wait(request);
        if let Some(session) = self.sessions.lock().get_mut(&id) {
            let before = if self.has("increments") {
                loaded
            } else {
                number(session)
            };
            let value = (before + 1).to_string();
            session.attributes.insert(name.to_owned(), value);
        }
    }

    fn login(&self, request: &Request, id: Option<&String>, response: &mut Response) {
        let body = serde_json::from_str::<Value>(&request.body).unwrap_or_default();
        let user = body["principal"].as_str().unwrap_or_default().to_owned();
        let others = self.logins.fetch_add(1, Ordering::SeqCst);
        let old = id.and_then(|id| self.sessions.lock().get(id).cloned());
        let hashing = if self.has("login-race") { 200 } else { 5 };
        thread::sleep(Duration::from_millis(hashing));
        if let (Some(id), Some(mut session), true) = (id, old.clone(), self.has("fixation")) {
            session.user = Some(user);
            self.sessions.lock().insert(id.clone(), session);
            self.give(id, request, response);
        } else {
            let new = self.begin(Some(user.clone()));
            let mut sessions = self.sessions.lock();
            if let (Some(id), Some(mut session)) = (id, old) {
                session.user = Some(user);
                sessions.insert(new.clone(), session.clone());
                if !self.has("keeps-the-old-id") {
                    sessions.remove(id);
                }
                if self.has("login-race") && others > 0 {
                    sessions.insert(id.clone(), session);
                }
            }
            drop(sessions);
            self.give(&new, request, response);
        }
        self.logins.fetch_sub(1, Ordering::SeqCst);
    }

    fn logout(&self, request: &Request, id: Option<String>, response: &mut Response) {
        if let Some(id) = id {
            if !self.has("replay") {
                self.sessions.lock().remove(&id);
            }
            self.take(request, response);
        }
    }
}

/// As long as the request asks for, between loading the session and storing it.
fn wait(request: &Request) {
    let delay = request.argument("delay_ms").and_then(|it| it.parse().ok());
    thread::sleep(Duration::from_millis(delay.unwrap_or(0)));
}
