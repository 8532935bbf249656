//! A small HTTP/1.1 client that keeps its connections, hangs up when it is told to, and knows
//! whether a request was sent when there is no answer.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use session_core::testkit::note_tokens;

/// How long an answer may take. What takes longer is given up, and may still happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cookie of the program under `--insecure`.
const COOKIE: &str = "sid=";

/// A request to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    pub(crate) target: &'a str,
    /// The value of the session cookie.
    pub(crate) token: Option<&'a str>,
    pub(crate) body: &'a str,
}

/// A whole response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The value of the session cookie that it sets; empty where it deletes it.
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

/// The head of a response.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    cookie: Option<String>,
    length: Option<usize>,
    keeps_open: bool,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The server was not there: it knows nothing of the request.
    NotSent,
    /// The connection was cut, or the answer took too long.
    Unanswered,
}

/// A client of several servers, with one connection to each.
#[derive(Debug)]
pub(crate) struct Client {
    servers: Vec<(SocketAddr, Option<Connection>)>,
}

impl Client {
    pub(crate) fn of(addresses: &[SocketAddr]) -> Self {
        Self {
            servers: addresses.iter().map(|address| (*address, None)).collect(),
        }
    }

    /// Sends a request to a server and reads the whole response.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn ask(&mut self, server: usize, request: Request<'_>) -> Result<Response, Lost> {
        let mut connection = self.connect(server)?;
        connection.send(request)?;
        let head = connection.head()?;
        let keeps_open = head.keeps_open;
        let response = connection.rest(head)?;
        if keeps_open {
            self.servers[server].1 = Some(connection);
        }
        Ok(response)
    }

    /// Sends a request to a server and hangs up `after` a while, without reading anything.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub(crate) fn hang_up(
        &mut self,
        server: usize,
        request: Request<'_>,
        after: Duration,
    ) -> Result<(), Lost> {
        let mut connection = self.connect(server)?;
        connection.send(request)?;
        std::thread::sleep(after);
        Ok(())
    }

    /// The connection to a server, a new one where there is none or it was closed meanwhile.
    fn connect(&mut self, server: usize) -> Result<Connection, Lost> {
        let (address, kept) = &mut self.servers[server];
        match kept.take() {
            Some(connection) if connection.is_open() => Ok(connection),
            _ => Connection::open(*address),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects to a server.
    ///
    /// # Errors
    /// When it is not there.
    pub(crate) fn open(address: SocketAddr) -> Result<Self, Lost> {
        let open = || -> std::io::Result<TcpStream> {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        match open() {
            Ok(stream) => Ok(Self(BufReader::new(stream))),
            Err(_) => Err(Lost::NotSent),
        }
    }

    /// True when the server has not closed it.
    fn is_open(&self) -> bool {
        let stream = self.0.get_ref();
        let peek = || -> std::io::Result<usize> {
            stream.set_nonblocking(true)?;
            let peeked = stream.peek(&mut [0]);
            stream.set_nonblocking(false)?;
            peeked
        };
        peek().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When it is unknown how much of it was read.
    pub(crate) fn send(&mut self, request: Request<'_>) -> Result<(), Lost> {
        let Request {
            method,
            target,
            token,
            body,
        } = request;
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n");
        if let Some(token) = token {
            text += &format!("cookie: {COOKIE}{token}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n{body}", body.len());
        let sent = self.0.get_mut().write_all(text.as_bytes());
        sent.map_err(|_| Lost::Unanswered)
    }

    /// The head of the next response.
    ///
    /// # Errors
    /// When the connection is cut, or silent for too long.
    pub(crate) fn head(&mut self) -> Result<Head, Lost> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|it| it.parse().ok());
        let mut head = Head {
            status: status.ok_or(Lost::Unanswered)?,
            cookie: None,
            length: None,
            keeps_open: true,
        };
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                return Ok(head);
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.parse().ok(),
                "connection" => head.keeps_open = value != "close",
                "set-cookie" => {
                    let token = value
                        .strip_prefix(COOKIE)
                        .and_then(|it| it.split(';').next());
                    note_tokens(token.unwrap_or_default());
                    head.cookie = head.cookie.or(token.map(str::to_owned));
                }
                _ => {}
            }
        }
    }

    /// The response whose head was read.
    fn rest(&mut self, head: Head) -> Result<Response, Lost> {
        let mut body = Vec::new();
        match head.length {
            _ if head.status == 204 => {}
            Some(length) => {
                body.resize(length, 0);
                let read = self.0.read_exact(&mut body);
                read.map_err(|_| Lost::Unanswered)?;
            }
            None => {
                while let Some(chunk) = self.chunk()? {
                    body.extend(chunk);
                }
            }
        }
        Ok(Response {
            status: head.status,
            cookie: head.cookie,
            body: String::from_utf8(body).map_err(|_| Lost::Unanswered)?,
        })
    }

    /// The next chunk of a chunked body; `None` at its end.
    ///
    /// # Errors
    /// When the body breaks off.
    pub(crate) fn chunk(&mut self) -> Result<Option<Vec<u8>>, Lost> {
        let size = usize::from_str_radix(&self.line()?, 16);
        let size = size.map_err(|_| Lost::Unanswered)?;
        let mut chunk = vec![0; size + 2];
        let read = self.0.read_exact(&mut chunk);
        read.map_err(|_| Lost::Unanswered)?;
        chunk.truncate(size);
        Ok((size > 0).then_some(chunk))
    }

    fn line(&mut self) -> Result<String, Lost> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(1..) if line.ends_with('\n') => Ok(line.trim_end().to_owned()),
            _ => Err(Lost::Unanswered),
        }
    }
}
