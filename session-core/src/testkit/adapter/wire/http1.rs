//! HTTP/1.1 on blocking sockets (RFC 9112), as much of it as scenarios need.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::mem::take;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Body, Client, Piece, Request, Response, Wire};
use crate::error::BoxError;
use crate::testkit::adapter::gate::PATIENCE;

/// HTTP/1.1 over TCP, on connections that are kept open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Http1;

impl Wire for Http1 {
    fn client(&self, address: SocketAddr) -> Arc<dyn Client> {
        Arc::new(Pool {
            address,
            idle: Arc::default(),
        })
    }
}

type Connection = BufReader<TcpStream>;

/// The connections to one server on which no exchange is under way.
struct Pool {
    address: SocketAddr,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Client for Pool {
    fn send(&self, request: &Request) -> Result<Response, BoxError> {
        let kept = self.idle.lock().pop();
        if let Some(connection) = kept
            && let Some(response) = self.exchange(connection, request)?
        {
            return Ok(response);
        }
        // A server may close a connection that it kept open, at any time (RFC 9112, 9.6).
        let connection = TcpStream::connect(self.address)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_nodelay(true)?;
        let response = self.exchange(BufReader::new(connection), request)?;
        Ok(response.ok_or("the server closed the connection instead of answering")?)
    }
}

impl Pool {
    /// `None` when the connection turns out to be closed.
    fn exchange(
        &self,
        mut connection: Connection,
        request: &Request,
    ) -> Result<Option<Response>, BoxError> {
        let is_closed = |error: &io::Error| {
            matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
            )
        };
        let sent = connection.get_mut().write_all(&bytes_of(request));
        let status_line = sent.and_then(|()| line(&mut connection));
        let status_line = match status_line {
            Ok(line) if !line.is_empty() => line,
            Ok(_) => return Ok(None),
            Err(error) if is_closed(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let status = status_line.split(' ').nth(1).unwrap_or_default();
        let status = status
            .parse()
            .map_err(|_| format!("no status line: {status_line}"))?;
        let headers = header_lines(&mut connection)?;
        let framing = Framing::of(request, status, &headers)?;
        let is_last = all(&headers, "connection").any(|it| it.eq_ignore_ascii_case("close"));
        let body = Incoming {
            connection: Some(connection),
            framing,
            idle: (!is_last).then(|| self.idle.clone()),
        };
        Ok(Some(Response {
            status,
            headers,
            body: Box::new(body),
        }))
    }
}

fn bytes_of(request: &Request) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    head += "host: localhost\r\n";
    if request.method == "POST" {
        head += "content-length: 0\r\n";
    }
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    head.into_bytes()
}

/// The values of the lines of the header `name`.
fn all<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(other, _)| other == name)
        .map(|(_, value)| value.as_str())
}

/// The next line; empty also where the connection ends.
fn line(connection: &mut Connection) -> io::Result<String> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn header_lines(connection: &mut Connection) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    while let Some((name, value)) = line(connection)?.split_once(':') {
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(headers)
}

/// How the end of a body is told (RFC 9112, 6.3).
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    fn of(request: &Request, status: u16, headers: &[(String, String)]) -> Result<Self, BoxError> {
        if request.method == "HEAD" || matches!(status, 204 | 304) {
            return Ok(Self::Length(0));
        }
        if all(headers, "transfer-encoding").any(|it| it.eq_ignore_ascii_case("chunked")) {
            return Ok(Self::Chunked);
        }
        match all(headers, "content-length").next() {
            Some(length) => Ok(Self::Length(length.parse()?)),
            None => Ok(Self::UntilClose),
        }
    }
}

struct Incoming {
    connection: Option<Connection>,
    framing: Framing,
    /// Where the connection goes at the end of the body, if the server keeps it open.
    idle: Option<Arc<Mutex<Vec<Connection>>>>,
}

impl Body for Incoming {
    fn next(&mut self) -> Piece {
        let Some(connection) = &mut self.connection else {
            return Piece::End;
        };
        match self.framing.next(connection) {
            Ok(data) if data.is_empty() => {
                let connection = self.connection.take();
                if let Some(idle) = take(&mut self.idle)
                    && !matches!(self.framing, Framing::UntilClose)
                {
                    idle.lock().extend(connection);
                }
                Piece::End
            }
            Ok(data) => Piece::Data(data),
            Err(_) => Piece::BrokeOff,
        }
    }
}

impl Framing {
    /// The next bytes, none at the end.
    fn next(&mut self, connection: &mut Connection) -> io::Result<Vec<u8>> {
        match self {
            Self::Length(0) => Ok(Vec::new()),
            Self::Length(left) => {
                let data = available(connection, *left)?;
                if data.is_empty() {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                *left -= data.len();
                Ok(data)
            }
            Self::UntilClose => available(connection, usize::MAX),
            Self::Chunked => {
                let size = line(connection)?;
                let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
                if size == 0 {
                    // Trailers, or nothing but the empty line at the end.
                    header_lines(connection)?;
                    return Ok(Vec::new());
                }
                let mut data = vec![0; size + "\r\n".len()];
                connection.read_exact(&mut data)?;
                data.truncate(size);
                Ok(data)
            }
        }
    }
}

/// What has arrived, at most `limit` bytes of it; waits for the first one.
fn available(connection: &mut Connection, limit: usize) -> io::Result<Vec<u8>> {
    let arrived = connection.fill_buf()?;
    let data = arrived[..arrived.len().min(limit)].to_vec();
    connection.consume(data.len());
    Ok(data)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// The pieces of the bodies that a client gets, one request after the other, when each of
    /// `connections` is answered like this, request by request, and then closed.
    fn bodies_of(
        method: &'static str,
        connections: &'static [&[&[u8]]],
    ) -> Vec<(u16, String, Piece)> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Http1.client(listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            for answers in connections {
                let mut connection = BufReader::new(listener.accept().unwrap().0);
                for answer in *answers {
                    while !line(&mut connection).unwrap().is_empty() {}
                    connection.get_mut().write_all(answer).unwrap();
                }
            }
        });
        let request = Request {
            method,
            path: "/".into(),
            headers: Vec::new(),
        };
        let mut bodies = Vec::new();
        for _ in connections.iter().copied().flatten() {
            let mut response = client.send(&request).unwrap();
            let mut text = Vec::new();
            let last = loop {
                match response.body.next() {
                    Piece::Data(data) => text.extend(data),
                    last => break last,
                }
            };
            bodies.push((response.status, String::from_utf8(text).unwrap(), last));
        }
        server.join().unwrap();
        bodies
    }

    #[test]
    fn bodies_end_by_length_by_the_last_chunk_or_with_the_connection() {
        let bodies = bodies_of(
            "GET",
            &[&[
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none",
                b"HTTP/1.1 404 -\r\ntransfer-encoding: chunked\r\n\r\n2\r\ntw\r\n1\r\no\r\n0\r\n\r\n",
                b"HTTP/1.1 204 -\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n\r\nthree",
            ]],
        );
        let expected = [(200, "one"), (404, "two"), (204, ""), (200, "three")];
        let expected = expected.map(|(status, text)| (status, text.to_owned(), Piece::End));
        assert_eq!(bodies, expected);
    }

    #[test]
    fn a_body_that_does_not_come_to_its_end_broke_off() {
        let bodies = bodies_of(
            "GET",
            &[
                &[b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\none"],
                &[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n"],
                &[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nth"],
            ],
        );
        let expected = ["one", "two", ""].map(|text| (200, text.to_owned(), Piece::BrokeOff));
        assert_eq!(bodies, expected);
    }

    #[test]
    fn a_connection_that_was_closed_meanwhile_is_replaced() {
        const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let bodies = bodies_of("GET", &[&[ANSWER], &[ANSWER, ANSWER]]);
        assert_eq!(bodies.len(), 3);
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        let bodies = bodies_of("HEAD", &[&[ANSWER, ANSWER]]);
        let expected = [(); 2].map(|()| (200, String::new(), Piece::End));
        assert_eq!(bodies, expected);
    }
}
