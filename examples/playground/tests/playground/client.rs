//! A small HTTP/1.1 client that shows what went over the wire and can hang up at any byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use session_core::testkit::note_tokens;

use crate::program::PATIENCE;

/// A response, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// The values of all lines of the header `name`, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(other, _)| other == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// True for `{"error": ".."}` and nothing else.
    pub(crate) fn is_error_form(&self) -> bool {
        let json = self.json();
        let members = json.as_object().map_or(0, serde_json::Map::len);
        self.all("content-type") == ["application/json"]
            && members == 1
            && json["error"].is_string()
    }
}

/// One connection.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the program listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout is set");
        Self(BufReader::new(stream))
    }

    /// Sends a request.
    pub(crate) fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) {
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n");
        for (name, value) in headers {
            note_tokens(value);
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n{body}", body.len());
        self.send_raw(request.as_bytes());
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        let sent = self.0.get_mut().write_all(bytes);
        sent.expect("the program reads the request");
    }

    /// The next response; `None` when the program hangs up instead.
    pub(crate) fn response(&mut self, method: &str) -> Option<Response> {
        let mut response = self.head()?;
        let bytes = if method == "HEAD" || matches!(response.status, 204 | 304) {
            Vec::new()
        } else if response.all("transfer-encoding") == ["chunked"] {
            let mut bytes = Vec::new();
            while let Some(chunk) = self.chunk()? {
                bytes.extend(chunk);
            }
            bytes
        } else {
            let length = response.all("content-length")[0].parse();
            let mut bytes = vec![0; length.expect("a length is a number")];
            self.0.read_exact(&mut bytes).ok()?;
            bytes
        };
        response.body = String::from_utf8(bytes).expect("the body is text");
        // A form has a token of its own.
        note_tokens(&response.body);
        Some(response)
    }

    /// The head of the next response; `None` when the program hangs up instead.
    pub(crate) fn head(&mut self) -> Option<Response> {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1)?;
        let status = status.parse().expect("a status is a number");
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line().split_once(':') {
            note_tokens(value);
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Response {
            status,
            headers,
            body: String::new(),
        })
    }

    /// The next chunk of a chunked body: `Some(None)` at its end, `None` when it is cut.
    pub(crate) fn chunk(&mut self) -> Option<Option<Vec<u8>>> {
        let size = usize::from_str_radix(&self.line(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        Some((size > 0).then_some(chunk))
    }

    /// The next bytes, as many as asked for; `None` when the program hangs up before.
    pub(crate) fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        // A connection that was reset ends here like one that was closed: with an empty line.
        let _ = self.0.read_line(&mut line);
        line.trim_end().to_owned()
    }
}
