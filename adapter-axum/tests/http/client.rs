//! A small HTTP/1.1 client: it shows what went over the wire and can hang up at any byte.

use std::io;
use std::net::SocketAddr;

use session_core::testkit::note_tokens;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::wait::{in_time, stays_pending};

/// A request, byte by byte what is sent.
#[derive(Clone)]
pub(crate) struct Request {
    method: &'static str,
    target: String,
    version: &'static str,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            version: "HTTP/1.1",
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn post(target: impl Into<String>) -> Self {
        Self::new("POST", target)
    }

    /// The same request as HTTP/1.0, whose bodies end where the connection ends.
    pub(crate) fn http_1_0(mut self) -> Self {
        self.version = "HTTP/1.0";
        self
    }

    /// One more header line.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        note_tokens(&String::from_utf8_lossy(value.as_ref()));
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    /// One more line of cookies.
    pub(crate) fn cookies(self, line: impl AsRef<[u8]>) -> Self {
        self.header("cookie", line)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let Self {
            method,
            target,
            version,
            headers,
            body,
        } = self;
        let mut bytes = format!("{method} {target} {version}\r\nhost: localhost\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        bytes
    }
}

/// A response, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    /// False when the connection ended before the body did.
    pub(crate) is_complete: bool,
}

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.head.status
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// The values of all lines of the header `name`, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(other, _)| other == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }
}

/// One connection to the server.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = in_time("a connection", TcpStream::connect(address)).await;
        Self(BufReader::new(stream.expect("the server listens")))
    }

    pub(crate) async fn send(&mut self, request: &Request) {
        self.send_bytes(&request.to_bytes())
            .await
            .expect("the server reads the request");
    }

    /// # Errors
    /// When the server has hung up.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        in_time("the server reads", self.0.write_all(bytes)).await
    }

    /// What the server sends next outside of HTTP.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        // A connection that was reset ends here like one that was closed: with an empty line.
        let _ = in_time("a line", self.0.read_line(&mut line)).await;
        line.trim_end().to_owned()
    }

    /// True when the server sends nothing for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        stays_pending(self.0.fill_buf()).await
    }

    /// The next response, up to the end of its head. `None` when the server hangs up instead.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        let status_line = self.line().await;
        let status = status_line.split(' ').nth(1)?;
        Some(Head {
            status: status.parse().expect("a status is a number"),
            headers: self.headers().await,
        })
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn exchange(&mut self, request: &Request) -> Response {
        self.send(request).await;
        let head = self.head().await.expect("the server answers");
        let framing = Framing::of(request, &head);
        self.rest(head, framing).await
    }

    async fn rest(&mut self, head: Head, mut framing: Framing) -> Response {
        let mut response = Response {
            head,
            body: Vec::new(),
            trailers: Vec::new(),
            is_complete: false,
        };
        loop {
            match self.piece(&mut framing).await {
                Piece::Data(data) => response.body.extend(data),
                Piece::End(trailers) => {
                    response.trailers = trailers;
                    response.is_complete = true;
                    return response;
                }
                Piece::Cut => return response,
            }
        }
    }

    async fn piece(&mut self, framing: &mut Framing) -> Piece {
        let size = match framing {
            Framing::Length(0) => return Piece::End(Vec::new()),
            Framing::Length(left) => *left,
            Framing::UntilClose => usize::MAX,
            Framing::Chunked => match usize::from_str_radix(&self.line().await, 16) {
                Ok(0) => return Piece::End(self.headers().await),
                Ok(size) => {
                    let mut data = vec![0; size + 2];
                    let read = in_time("a chunk", self.0.read_exact(&mut data)).await;
                    data.truncate(size);
                    return read.map_or(Piece::Cut, |_| Piece::Data(data));
                }
                Err(_) => return Piece::Cut,
            },
        };
        let Ok(available) = in_time("more of the body", self.0.fill_buf()).await else {
            return Piece::Cut;
        };
        let data = available[..available.len().min(size)].to_vec();
        self.0.consume(data.len());
        match framing {
            Framing::UntilClose if data.is_empty() => return Piece::End(Vec::new()),
            Framing::Length(_) if data.is_empty() => return Piece::Cut,
            Framing::Length(left) => *left -= data.len(),
            _ => {}
        }
        Piece::Data(data)
    }

    async fn headers(&mut self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(':') else {
                return headers;
            };
            note_tokens(value);
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

/// How the end of a body is told (RFC 9112, 6.3).
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    fn of(request: &Request, head: &Head) -> Self {
        if request.method == "HEAD" || matches!(head.status, 204 | 304) {
            return Self::Length(0);
        }
        if head.all("transfer-encoding") == ["chunked"] {
            return Self::Chunked;
        }
        match head.all("content-length")[..] {
            [length] => Self::Length(length.parse().expect("a length is a number")),
            _ => Self::UntilClose,
        }
    }
}

/// What comes next of a body.
enum Piece {
    Data(Vec<u8>),
    End(Vec<(String, String)>),
    Cut,
}

/// A response that is being read. Dropping it hangs up.
pub(crate) struct Streamed {
    pub(crate) head: Head,
    framing: Framing,
    connection: Connection,
}

impl Streamed {
    /// Sends `request` on a connection of its own and reads the head of the response.
    pub(crate) async fn open(address: SocketAddr, request: &Request) -> Self {
        let mut connection = Connection::open(address).await;
        connection.send(request).await;
        let head = connection.head().await.expect("the server answers");
        let framing = Framing::of(request, &head);
        Self {
            head,
            framing,
            connection,
        }
    }

    /// The next piece of the body, which must be there.
    pub(crate) async fn next(&mut self) -> String {
        match self.connection.piece(&mut self.framing).await {
            Piece::Data(data) => String::from_utf8(data).expect("the body is text"),
            Piece::End(_) => panic!("the body has ended"),
            Piece::Cut => panic!("the body was cut"),
        }
    }

    /// True when nothing more comes for a while, the end included.
    pub(crate) async fn is_silent(&mut self) -> bool {
        self.connection.is_silent().await
    }

    /// Reads the rest. The connection is closed afterwards.
    pub(crate) async fn rest(mut self) -> Response {
        self.connection.rest(self.head, self.framing).await
    }
}
