//! Just enough of HTTP/1.1 to be attacked over.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A request with its header lines as bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    lines: Vec<(String, Vec<u8>)>,
    pub(crate) body: String,
}

impl Request {
    /// The next request on a connection; `None` when there is none.
    pub(crate) fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let first = String::from_utf8(line(stream)?).ok()?;
        let mut words = first.split(' ');
        let method = words.next()?.to_owned();
        let (path, query) = match words.next()?.split_once('?') {
            Some((path, query)) => (path.to_owned(), query.to_owned()),
            None => (first.split(' ').nth(1)?.to_owned(), String::new()),
        };
        let mut lines = Vec::new();
        loop {
            let line = line(stream)?;
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                break;
            };
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            lines.push((name, line[colon + 1..].trim_ascii().to_vec()));
        }
        let mut request = Self {
            method,
            path,
            query,
            lines,
            body: String::new(),
        };
        let length = request.header("content-length").unwrap_or_default();
        let mut body = vec![0; length.parse().unwrap_or(0)];
        stream.read_exact(&mut body).ok()?;
        request.body = String::from_utf8_lossy(&body).into_owned();
        Some(request)
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.lines.iter().filter(move |(own, _)| own == name);
        lines.map(|(_, value)| value.as_slice())
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let value = self.all(name).next()?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) lines: Vec<String>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            lines: Vec::new(),
            body: body.into(),
        }
    }

    /// Sends it; an attacker who has hung up is no error.
    pub(crate) fn send(&self, stream: &mut TcpStream) {
        let mut head = format!("HTTP/1.1 {} X\r\n", self.status);
        for line in &self.lines {
            head += &format!("{line}\r\n");
        }
        let body = if self.status == 204 { "" } else { &*self.body };
        if self.status != 204 {
            head += &format!("content-length: {}\r\n", body.len());
        }
        let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
    }
}

fn line(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let length = stream.read_until(b'\n', &mut line).ok()?;
    (length > 0).then(|| line.trim_ascii_end().to_vec())
}
