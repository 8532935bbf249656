//! The one visitor: its requests before the measurement begins, by hand and one by one.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::servers::Memory;

/// A `Cookie` line that leads to a session.
#[derive(Default)]
pub(crate) struct Visitor {
    cookies: Vec<(String, String)>,
}

impl Visitor {
    /// A visitor with a session in which the counter is at least 1, after the server has proved that
    /// it keeps it.
    pub(crate) fn welcomed(address: SocketAddr, memory: Memory) -> Result<Self, Box<dyn Error>> {
        let mut visitor = Self::default();
        let first = visitor.ask(address, "POST", "/count")?;
        let second = visitor.ask(address, "POST", "/count")?;
        let read = visitor.ask(address, "GET", "/read")?;
        let expected = match memory {
            Memory::None => [1, 1, 1],
            Memory::Server | Memory::Cookie => [1, 2, 2],
        };
        let told = [first, second, read];
        if told != expected {
            return Err(format!("the counter was {told:?}, not {expected:?}").into());
        }
        Ok(visitor)
    }

    /// What the counter is now.
    pub(crate) fn counter(&mut self, address: SocketAddr) -> Result<u64, Box<dyn Error>> {
        self.ask(address, "GET", "/read")
    }

    /// What this visitor sends as `Cookie`; one that is sent to bare servers is as long as ours.
    pub(crate) fn cookie(&self) -> String {
        if self.cookies.is_empty() {
            return format!("__Host-sid={}", "A".repeat(87));
        }
        let pairs = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    fn ask(
        &mut self,
        address: SocketAddr,
        method: &str,
        path: &str,
    ) -> Result<u64, Box<dyn Error>> {
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {}\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n",
            self.cookie()
        )?;
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line)?;
        if !line.contains(" 200 ") {
            return Err(format!("{method} {path}: {line}").into());
        }
        loop {
            line.clear();
            answer.read_line(&mut line)?;
            let head = line.trim_end();
            if head.is_empty() {
                break;
            }
            if let Some((name, value)) = head.split_once(": ")
                && name.eq_ignore_ascii_case("set-cookie")
            {
                self.take(value);
            }
        }
        let mut body = String::new();
        answer.read_to_string(&mut body)?;
        Ok(number_in(&body)?)
    }

    fn take(&mut self, set_cookie: &str) {
        let pair = set_cookie.split(';').next().unwrap_or_default();
        if let Some((name, value)) = pair.split_once('=') {
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

/// The number that is all of the body, chunked or not.
fn number_in(body: &str) -> io::Result<u64> {
    let lines: Vec<_> = body.lines().collect();
    let number = match lines[..] {
        [number] => number,
        [_, number, ..] => number, // behind the length of the chunk
        [] => "",
    };
    number.trim_matches('"').parse().map_err(io::Error::other)
}
