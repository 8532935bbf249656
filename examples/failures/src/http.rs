//! A small HTTP/1.1 client that sends exactly the bytes it is given and knows nothing of cookies.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The most that is read of an answer.
const ANSWER_MAX: u64 = 16 << 20;

/// A request, in bytes: header lines may hold what no library would send.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) lines: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The same request with one more header line.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.lines.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    fn bytes(&self, host: &str) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        bytes.extend(format!("host: {host}\r\n").bytes());
        for (name, value) in &self.lines {
            bytes.extend(name.bytes());
            bytes.extend(b": ");
            bytes.extend(value);
            bytes.extend(b"\r\n");
        }
        if !self.body.is_empty() || self.method != "GET" {
            bytes.extend(format!("content-length: {}\r\n", self.body.len()).bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }
}

/// An answer, read to its end, or only its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The lines of the head in order, names in lower case.
    pub(crate) lines: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// The values of all lines called `name`.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.lines.iter().filter(move |(own, _)| own == name);
        lines.map(|(_, value)| value.as_str())
    }

    pub(crate) const fn is_server_error(&self) -> bool {
        self.status >= 500
    }

    pub(crate) const fn is_success(&self) -> bool {
        self.status < 400
    }
}

/// One connection, which is kept open between requests.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    /// Whether the server said that it reads another request.
    is_open: bool,
}

impl Connection {
    /// # Errors
    /// When nobody listens.
    pub(crate) fn open(address: SocketAddr, host: &str, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            host: host.to_owned(),
            is_open: true,
        })
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// # Errors
    /// When the connection breaks.
    pub(crate) fn send(&mut self, request: &Request) -> io::Result<()> {
        let bytes = request.bytes(&self.host);
        let sent = self.stream.get_mut().write_all(&bytes);
        match sent {
            // A server may answer and hang up before it has read all; the answer counts.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
            sent => sent,
        }
    }

    /// The answer to `request`, whole.
    ///
    /// # Errors
    /// When it does not come, breaks off, or is no HTTP.
    pub(crate) fn response(&mut self, method: &str) -> io::Result<Response> {
        let mut response = self.head()?;
        let length = response.all("content-length").next().map(str::parse::<u64>);
        let is_chunked = response
            .all("transfer-encoding")
            .any(|it| it.eq_ignore_ascii_case("chunked"));
        let mut body = Vec::new();
        if method == "HEAD" || matches!(response.status, 204 | 304) {
            // There is none.
        } else if is_chunked {
            self.chunks(&mut body)?;
        } else if let Some(length) = length {
            let length = length.map_err(|_| broken("a length is a number"))?;
            body = vec![0; usize::try_from(length.min(ANSWER_MAX)).unwrap_or_default()];
            self.stream.read_exact(&mut body)?;
        } else {
            self.is_open = false;
            (&mut self.stream).take(ANSWER_MAX).read_to_end(&mut body)?;
        }
        response.body = String::from_utf8_lossy(&body).into_owned();
        Ok(response)
    }

    /// The head of the answer. The rest is not read, so the connection is of no more use.
    ///
    /// # Errors
    /// When it does not come, or is no HTTP.
    pub(crate) fn head(&mut self) -> io::Result<Response> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|it| it.parse().ok());
        let status = status.ok_or_else(|| broken("the connection ended without an answer"))?;
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            lines.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Response {
            status,
            lines,
            body: String::new(),
        };
        if response
            .all("connection")
            .any(|it| it.eq_ignore_ascii_case("close"))
        {
            self.is_open = false;
        }
        if status == 100 {
            response = self.head()?;
        }
        Ok(response)
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size.trim(), 16);
            let size = size.map_err(|_| broken("a chunk says its size"))?;
            let mut chunk = vec![0; size.min(1 << 24) + 2];
            self.stream.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok(());
            }
            body.extend(&chunk[..chunk.len() - 2]);
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.stream)
            .take(1 << 20)
            .read_until(b'\n', &mut line)?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
