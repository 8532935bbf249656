// The smallest server that keeps the contract of an adapter: blocking sockets of the standard
// library, one thread for each connection, the engine driven by hand. Faults can be switched on.
//
// The documentation of the scenarios includes this file, which a doc comment does not survive.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Error, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures_channel::oneshot;
use session_core::testkit::adapter::{Frames, Given, Probe, Reply, ReplyBody, Server};
use session_core::testkit::block_on;
use session_core::{BoxFuture, Facts, HeaderSink, Runtime, SessionError, SessionManager};

/// What the engine does beside requests, on threads of their own.
struct Threads;

impl Runtime for Threads {
    fn spawn(&self, task: BoxFuture<()>) {
        thread::spawn(move || block_on(task));
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let (wake, woken) = oneshot::channel::<()>();
        thread::spawn(move || {
            thread::sleep(duration);
            drop(wake);
        });
        Box::pin(async move {
            let _ = woken.await;
        })
    }
}

/// What an adapter may get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// What a body writes is not stored.
    ForgetsLateWrites,
    /// Headers of the application are overwritten.
    OverwritesHeaders,
    /// Caches are not told that the page depends on the cookie.
    DropsVary,
    /// The cookies of the application and of the session stand in one line.
    JoinsSetCookie,
    /// An error loses what the session tells the client.
    ForgetsSalvage,
    /// The response of the handler is sent although its session was not stored.
    HidesFailedCommits,
    /// Only the first line of cookies is read.
    ReadsOneCookieLine,
    /// An optional session is made where there is none.
    MakesOptionalSessions,
    /// What was written before the handler failed is not stored.
    ForgetsWritesOfFailedHandlers,
}

/// Serves without a fault.
pub(crate) fn serve(sessions: SessionManager, probe: Probe) -> Server {
    serve_with(None, sessions, probe)
}

pub(crate) fn serve_with(flaw: Option<Flaw>, sessions: SessionManager, probe: Probe) -> Server {
    sessions.attach_runtime(Arc::new(Threads));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    let is_over = Arc::new(AtomicBool::new(false));
    let flag = is_over.clone();
    let accepting = thread::spawn(move || {
        for connection in listener.incoming() {
            if flag.load(Ordering::SeqCst) {
                return;
            }
            let (sessions, probe) = (sessions.clone(), probe.clone());
            // A client that goes away is no error of the server.
            thread::spawn(move || answer(connection?, &sessions, &probe, flaw));
        }
    });
    Server::new(address, move || {
        is_over.store(true, Ordering::SeqCst);
        // Somebody has to call for the listener to look at the flag.
        let _ = TcpStream::connect(address);
        let _ = accepting.join();
    })
}

/// One request, from its first line to the end of its body.
fn answer(
    mut connection: TcpStream,
    sessions: &SessionManager,
    probe: &Probe,
    flaw: Option<Flaw>,
) -> Result<(), Error> {
    let request = Request::read(&connection, flaw)?;
    let mut exchange = sessions.begin(&request);

    // The handler.
    let path = request.path.as_str();
    let handle = exchange.handle();
    let handled = block_on(async {
        if flaw == Some(Flaw::MakesOptionalSessions) && path.starts_with("/existing") {
            let session = handle.session().await?;
            return probe.answer(path, Given::Existing(Some(session))).await;
        }
        let given = Given::extract(path, handle.clone()).await?;
        probe.answer(path, given).await
    });
    drop(handle);
    let has_failed = handled.is_err();
    let mut reply = handled.unwrap_or_else(|error| failure(&error));

    // The head: what the session tells goes on every response, whatever its status.
    let mut head = Head {
        lines: Vec::new(),
        flaw,
    };
    let forgets = has_failed && flaw == Some(Flaw::ForgetsWritesOfFailedHandlers);
    let committed = (!forgets).then(|| block_on(exchange.commit()));
    match committed {
        Some(Ok(delivery)) => {
            head.take(&mut reply);
            delivery.write_to(&mut head);
        }
        Some(Err(error)) if flaw != Some(Flaw::HidesFailedCommits) => {
            reply = failure(&error);
            head.take(&mut reply);
            let salvage = exchange.salvage();
            if let Some(delivery) = salvage.filter(|_| flaw != Some(Flaw::ForgetsSalvage)) {
                delivery.write_to(&mut head);
            }
        }
        _ => head.take(&mut reply),
    }
    let length = match &reply.body {
        ReplyBody::Text(text) => Some(text.len() as u64),
        ReplyBody::Stream { length, .. } => *length,
    };
    connection.write_all(&head.bytes(reply.status, length))?;

    // The body: its end is out when what it wrote is stored.
    let has_body = request.method != "HEAD" && reply.status != 204;
    let end = match reply.body {
        body if !has_body => {
            drop(body);
            Vec::new()
        }
        ReplyBody::Text(text) => text.into_bytes(),
        ReplyBody::Stream { frames, length } => stream(&mut connection, frames, length),
    };
    if flaw == Some(Flaw::ForgetsLateWrites) {
        // Dropping it would store them.
        std::mem::forget(exchange);
    } else {
        block_on(exchange.finish()).map_err(Error::other)?;
    }
    connection.write_all(&end)
}

/// Sends a body up to its end, and answers the end: nothing when the body breaks off, or its
/// client is gone.
fn stream(connection: &mut TcpStream, mut frames: Frames, length: Option<u64>) -> Vec<u8> {
    let mut left = length;
    while let Some(frame) = block_on(frames.next()) {
        let Ok(frame) = frame else {
            return Vec::new();
        };
        left = left.map(|left| left - frame.len() as u64);
        let bytes = match length {
            Some(_) => frame,
            None => chunk(&frame),
        };
        if left == Some(0) {
            return bytes;
        }
        if connection.write_all(&bytes).is_err() {
            return Vec::new();
        }
    }
    match length {
        Some(_) => Vec::new(),
        None => chunk(b""),
    }
}

/// What takes the place of a response whose session cannot be used.
fn failure(error: &SessionError) -> Reply {
    Reply {
        status: error.status(),
        headers: vec![("cache-control", "no-store".into())],
        body: ReplyBody::Text(error.public_text().into()),
    }
}

/// A frame in the chunked coding (RFC 9112, 7.1); the empty one is the last.
fn chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn read(connection: &TcpStream, flaw: Option<Flaw>) -> Result<Self, Error> {
        let mut lines = BufReader::new(connection).lines();
        let mut next = || lines.next().unwrap_or_else(|| Ok(String::new()));
        let first = next()?;
        let mut words = first.split(' ').map(str::to_owned);
        let mut request = Self {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            headers: Vec::new(),
        };
        while let Some((name, value)) = next()?.split_once(':') {
            let name = name.to_ascii_lowercase();
            let is_known = request.headers.iter().any(|(other, _)| *other == name);
            if !(is_known && flaw == Some(Flaw::ReadsOneCookieLine)) {
                request.headers.push((name, value.trim().into()));
            }
        }
        Ok(request)
    }
}

impl Facts for Request {
    fn header_lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        for (_, line) in self.headers.iter().filter(|(other, _)| other == name) {
            visit(line.as_bytes());
        }
    }

    fn is_secure(&self) -> bool {
        false
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
    }
}

/// The header lines of a response.
struct Head {
    lines: Vec<(String, String)>,
    flaw: Option<Flaw>,
}

impl Head {
    /// The lines of the application.
    fn take(&mut self, reply: &mut Reply) {
        let lines = std::mem::take(&mut reply.headers).into_iter();
        self.lines
            .extend(lines.map(|(name, value)| (name.to_owned(), value)));
    }

    fn bytes(mut self, status: u16, length: Option<u64>) -> Vec<u8> {
        if self.flaw == Some(Flaw::JoinsSetCookie) {
            let is_cookie = |(name, _): &(String, String)| name == "set-cookie";
            let (cookies, others) = self.lines.into_iter().partition::<Vec<_>, _>(is_cookie);
            let cookies: Vec<_> = cookies.into_iter().map(|(_, value)| value).collect();
            self.lines = others;
            if !cookies.is_empty() {
                self.lines.push(("set-cookie".into(), cookies.join(", ")));
            }
        }
        self.lines.push(("connection".into(), "close".into()));
        match length {
            // It has neither a body nor a length (RFC 9110, 8.6).
            _ if status == 204 => {}
            Some(length) => self
                .lines
                .push(("content-length".into(), length.to_string())),
            None => self
                .lines
                .push(("transfer-encoding".into(), "chunked".into())),
        }
        let lines = self
            .lines
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("HTTP/1.1 {status} -\r\n{}\r\n", lines.collect::<String>()).into_bytes()
    }
}

impl HeaderSink for Head {
    fn lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        for (_, value) in self.lines.iter().filter(|(other, _)| other == name) {
            visit(value.as_bytes());
        }
    }

    fn append(&mut self, name: &str, value: Cow<'static, str>) {
        if self.flaw == Some(Flaw::OverwritesHeaders) {
            self.lines.retain(|(other, _)| other != name);
        }
        if !(self.flaw == Some(Flaw::DropsVary) && name == "vary") {
            self.lines.push((name.into(), value.into()));
        }
    }

    fn remove(&mut self, name: &str) {
        self.lines.retain(|(other, _)| other != name);
    }
}
