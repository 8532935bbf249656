//! Somebody with a browser, in front of a server.

use std::thread::{self, JoinHandle};

use super::stage::Stage;
use super::wire::{Body, Piece, Request, Response};
use crate::transport::Transport;

/// A visitor with a cookie jar, or with whatever else keeps a token. What it does stands in the
/// transcript.
pub(super) struct Browser<'a> {
    stage: &'a Stage,
    name: &'static str,
    token: Option<String>,
}

/// A response that was read as far as it goes.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) is_complete: bool,
}

impl Answer {
    /// True when a line of the header `name` contains `word`.
    pub(super) fn lists(&self, name: &str, word: &str) -> bool {
        let mut lines = self.headers.iter();
        lines.any(|(other, value)| other == name && value.contains(word))
    }
}

impl<'a> Browser<'a> {
    pub(super) const fn new(stage: &'a Stage, name: &'static str) -> Self {
        Self {
            stage,
            name,
            token: None,
        }
    }

    /// Another tab, or another browser with the same cookie in it.
    pub(super) fn tab(&self, name: &'static str) -> Self {
        Self {
            stage: self.stage,
            name,
            token: self.token.clone(),
        }
    }

    pub(super) fn token(&self) -> String {
        self.token.clone().unwrap_or_default()
    }

    /// Puts a token into the jar, as a thief does, or a script.
    pub(super) fn take(&mut self, token: String) {
        self.token = Some(token);
    }

    /// The pair of the session cookie with this value.
    pub(super) fn cookie(&self, value: &str) -> String {
        format!("{}={value}", self.stage.cookie_name())
    }

    pub(super) fn get(&mut self, path: &str) {
        self.send("GET", path, self.own_lines());
    }

    pub(super) fn post(&mut self, path: &str) {
        self.send("POST", path, self.own_lines());
    }

    pub(super) fn head(&mut self, path: &str) {
        self.send("HEAD", path, self.own_lines());
    }

    /// Sends these lines of cookies instead of what is in the jar.
    pub(super) fn get_with(&mut self, path: &str, cookies: &[String]) {
        let line = |cookie: &String| ("cookie".to_owned(), cookie.clone());
        self.send("GET", path, cookies.iter().map(line).collect());
    }

    /// Sends a `POST` with these lines of cookies instead of what is in the jar.
    pub(super) fn post_with(&mut self, path: &str, cookies: &[String]) {
        let line = |cookie: &String| ("cookie".to_owned(), cookie.clone());
        self.send("POST", path, cookies.iter().map(line).collect());
    }

    /// Sends a request that the transcript does not show.
    pub(super) fn visit(&mut self, method: &'static str, path: &str) -> Answer {
        let request = Request {
            method,
            path: path.to_owned(),
            headers: self.own_lines(),
        };
        let answer = self.answer_to(&request);
        self.keep(&answer.headers);
        answer
    }

    /// A request that the transcript does not show, whose body says `first` and then waits: what
    /// comes after that is done when the client has the head.
    pub(super) fn visit_stream(&mut self, path: &str, first: &str) -> Answer {
        let request = Request {
            method: "POST",
            path: path.to_owned(),
            headers: self.own_lines(),
        };
        let response = match self.stage.client.send(&request) {
            Ok(response) => response,
            Err(error) => self.fail(&error),
        };
        let mut body = Streaming {
            body: response.body,
            read: Vec::new(),
        };
        if response.status == 200 {
            body.read_until(first.len());
            self.stage.gate.open_for(1);
        }
        let is_complete = body.read_rest();
        self.keep(&response.headers);
        Answer {
            status: response.status,
            headers: response.headers,
            text: String::from_utf8_lossy(&body.read).into_owned(),
            is_complete,
        }
    }

    /// True when the answer sent a session cookie, false when it took one away.
    pub(super) fn told(&self, answer: &Answer) -> Option<bool> {
        let pair = self.cookie("");
        let mut lines = answer.headers.iter();
        let (_, line) =
            lines.find(|(name, value)| name == "set-cookie" && value.starts_with(&pair))?;
        Some(!line[pair.len()..].starts_with(';'))
    }

    fn send(&mut self, method: &'static str, path: &str, lines: Vec<(String, String)>) {
        let request = self.request(method, path, lines, "");
        let answer = self.answer_to(&request);
        self.show_answer(&answer);
        self.stage.show_store_calls();
    }

    /// Sends a request that waits in its handler, and goes on with other things.
    pub(super) fn start(&mut self, method: &'static str, path: &str) -> UnderWay {
        let request = self.request(method, path, self.own_lines(), " (waits in the handler)");
        let client = self.stage.client.clone();
        let request = thread::spawn(move || client.send(&request).map(read));
        self.stage.gate.wait_for(1);
        self.stage.show_store_calls();
        UnderWay(request)
    }

    /// Lets the handler go on, and reads its answer.
    pub(super) fn finish(&mut self, request: UnderWay) {
        self.stage
            .event(&format!("the handler of {} goes on", self.name));
        self.stage.gate.open_for(1);
        let answer = match request.0.join() {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => self.fail(&error),
            Err(panic) => std::panic::resume_unwind(panic),
        };
        self.show_answer(&answer);
        self.stage.show_store_calls();
    }

    /// Sends the same request `count` times at once; all of them are in their handlers before
    /// the first one goes on. Their answers stand in the transcript in the order of the
    /// alphabet.
    pub(super) fn send_at_once(&mut self, count: usize, method: &'static str, path: &str) {
        let heading = format!(" ({count} times at once)");
        let request = self.request(method, path, self.own_lines(), &heading);
        let answers: Vec<_> = (0..count)
            .map(|_| {
                let (client, request) = (self.stage.client.clone(), request.clone());
                thread::spawn(move || client.send(&request).map(read))
            })
            .collect();
        self.stage.gate.open_for(count);
        let mut answers: Vec<_> = answers
            .into_iter()
            .map(|answer| match answer.join() {
                Ok(Ok(answer)) => format!("{} {}", answer.status, answer.text),
                Ok(Err(error)) => self.fail(&error),
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect();
        answers.sort();
        for answer in answers {
            self.line(&format!("    < {answer}"));
        }
        self.stage.show_store_calls();
    }

    /// Reads the head of a response, and leaves its body for later.
    pub(super) fn open(&mut self, method: &'static str, path: &str) -> Streaming {
        let request = self.request(method, path, self.own_lines(), "");
        let Response {
            status,
            headers,
            body,
        } = match self.stage.client.send(&request) {
            Ok(response) => response,
            Err(error) => self.fail(&error),
        };
        self.show_head(status, &headers);
        Streaming {
            body,
            read: Vec::new(),
        }
    }

    /// Reads so much of a body, which must be there before the body goes on.
    pub(super) fn read(&self, streaming: &mut Streaming, text: &str) {
        while streaming.read.len() < text.len() {
            match streaming.body.next() {
                Piece::Data(data) => streaming.read.extend(data),
                Piece::End => self.fail(&"the body ended"),
                Piece::BrokeOff => self.fail(&"the body broke off"),
            }
        }
        let rest = streaming.read.split_off(text.len());
        let text = std::mem::replace(&mut streaming.read, rest);
        self.line(&format!("    | {}", String::from_utf8_lossy(&text)));
    }

    /// Lets the body go on.
    pub(super) fn go_on(&self) {
        self.stage
            .event(&format!("the body for {} goes on", self.name));
        self.stage.gate.open_for(1);
    }

    /// Reads the body to its end.
    pub(super) fn read_rest(&self, mut streaming: Streaming) {
        let is_complete = streaming.read_rest();
        self.show_text(&String::from_utf8_lossy(&streaming.read));
        self.line(how_it_ended(is_complete));
        self.stage.show_store_calls();
    }

    /// Reads a body that the application breaks off.
    pub(super) fn read_broken(&self, mut streaming: Streaming) {
        let is_complete = streaming.read_rest();
        self.show_text(&String::from_utf8_lossy(&streaming.read));
        self.line(how_it_ended(is_complete));
    }

    /// Goes away in the middle of a body.
    pub(super) fn hang_up(&self, streaming: Streaming) {
        self.stage.event(&format!("{} hangs up", self.name));
        drop(streaming);
    }

    fn own_lines(&self) -> Vec<(String, String)> {
        let token = self.token.iter();
        token
            .map(|token| match self.stage.transport() {
                Transport::Cookie | Transport::Either(_) => {
                    ("cookie".to_owned(), self.cookie(token))
                }
                Transport::Header(header) => (header.request.clone(), token.clone()),
            })
            .collect()
    }

    /// The request, as the transcript shows it.
    fn request(
        &self,
        method: &'static str,
        path: &str,
        headers: Vec<(String, String)>,
        note: &str,
    ) -> Request {
        let mut transcript = self.stage.transcript.borrow_mut();
        transcript.gap();
        transcript.line(&format!("{} > {method} {path}{note}", self.name));
        for (name, value) in &headers {
            transcript.line(&format!("    > {name}: {value}"));
        }
        Request {
            method,
            path: path.to_owned(),
            headers,
        }
    }

    fn answer_to(&self, request: &Request) -> Answer {
        match self.stage.client.send(request) {
            Ok(response) => read(response),
            Err(error) => self.fail(&error),
        }
    }

    fn show_answer(&mut self, answer: &Answer) {
        self.show_head(answer.status, &answer.headers);
        self.show_text(&answer.text);
        if !answer.is_complete {
            self.line("    | (the body broke off)");
        }
    }

    /// Shows the head of a response, and keeps the token that it brings.
    fn show_head(&mut self, status: u16, headers: &[(String, String)]) {
        self.keep(headers);
        self.line(&format!("    < {status}"));
        for shown in self.stage.shown.borrow().iter() {
            for (name, value) in headers.iter().filter(|(name, _)| name == shown) {
                self.line(&format!("    < {name}: {value}"));
            }
        }
    }

    fn show_text(&self, text: &str) {
        for line in text.lines() {
            self.line(&format!("    | {line}"));
        }
    }

    /// Does with the token what a browser does, or a client of an API.
    fn keep(&mut self, headers: &[(String, String)]) {
        let pair = self.cookie("");
        for (name, value) in headers {
            let token = match self.stage.transport() {
                Transport::Header(header) if *name == header.response => value.as_str(),
                Transport::Cookie | Transport::Either(_) if name == "set-cookie" => {
                    match value.split_once(&pair) {
                        Some((before, rest)) => {
                            let token = rest.split([';', ',']).next().unwrap_or_default();
                            self.stage.transcript.borrow_mut().meet(token);
                            // Behind something else it is no session cookie, and still no text for
                            // a transcript.
                            if !before.is_empty() {
                                continue;
                            }
                            token
                        }
                        None => continue,
                    }
                }
                _ => continue,
            };
            self.stage.transcript.borrow_mut().meet(token);
            // An ended session is an empty value.
            self.token = (!token.is_empty()).then(|| token.to_owned());
        }
    }

    fn line(&self, line: &str) {
        self.stage.transcript.borrow_mut().line(line);
    }

    fn fail(&self, error: &dyn std::fmt::Display) -> ! {
        panic!(
            "{}: {error}\nso far:\n{}",
            self.name,
            self.stage.transcript.borrow().text()
        )
    }
}

/// A request whose handler waits.
pub(super) struct UnderWay(JoinHandle<Result<Answer, crate::error::BoxError>>);

/// A body that is being read. Its end before that of the body is a client that went away.
pub(super) struct Streaming {
    body: Box<dyn Body>,
    read: Vec<u8>,
}

impl Streaming {
    /// Reads so many bytes, or up to the end.
    fn read_until(&mut self, count: usize) {
        while self.read.len() < count {
            match self.body.next() {
                Piece::Data(data) => self.read.extend(data),
                Piece::End | Piece::BrokeOff => return,
            }
        }
    }

    /// True when the body came to its end.
    fn read_rest(&mut self) -> bool {
        loop {
            match self.body.next() {
                Piece::Data(data) => self.read.extend(data),
                Piece::End => return true,
                Piece::BrokeOff => return false,
            }
        }
    }
}

fn read(response: Response) -> Answer {
    let mut body = Streaming {
        body: response.body,
        read: Vec::new(),
    };
    let is_complete = body.read_rest();
    Answer {
        status: response.status,
        headers: response.headers,
        text: String::from_utf8_lossy(&body.read).into_owned(),
        is_complete,
    }
}

const fn how_it_ended(is_complete: bool) -> &'static str {
    if is_complete {
        "    | (end)"
    } else {
        "    | (the body broke off)"
    }
}
