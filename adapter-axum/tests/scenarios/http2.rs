//! A client that speaks HTTP/2 from its first byte, as it may to a server that it knows (RFC
//! 9113, 3.3), and sends cookies as browsers do then: a field for each (8.2.3).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use session_core::BoxError;
use session_core::testkit::adapter::{Body, Client, Piece, Request, Response, Wire};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// How long this client waits for a server. Only a failing test waits as long.
const PATIENCE: Duration = Duration::from_secs(20);

/// HTTP/2 on one connection for all requests, without TLS.
pub(crate) struct Http2;

impl Wire for Http2 {
    fn client(&self, address: SocketAddr) -> Arc<dyn Client> {
        let runtime = Arc::new(Runtime::new().expect("a runtime starts"));
        let connection = runtime.block_on(async {
            let stream = TcpStream::connect(address)
                .await
                .expect("the server listens");
            let (connection, driver) = handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("the server speaks HTTP/2");
            // Ends with the connection, whose last request tells why.
            tokio::spawn(async move { drop(driver.await) });
            connection
        });
        Arc::new(Connection {
            connection,
            runtime,
        })
    }
}

struct Connection {
    connection: SendRequest<Empty<Bytes>>,
    runtime: Arc<Runtime>,
}

impl Client for Connection {
    fn send(&self, request: &Request) -> Result<Response, BoxError> {
        let request = crumbled(request)?;
        let mut connection = self.connection.clone();
        let answer = async move {
            connection.ready().await?;
            connection.send_request(request).await
        };
        let response = self
            .runtime
            .block_on(async { timeout(PATIENCE, answer).await })??;
        let (head, body) = response.into_parts();
        let line = |(name, value): (&HeaderName, &http::HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        };
        Ok(Response {
            status: head.status.as_u16(),
            headers: head.headers.iter().map(line).collect(),
            body: Box::new(Arriving {
                body,
                runtime: self.runtime.clone(),
            }),
        })
    }
}

/// The request with one field for each of its cookies.
fn crumbled(request: &Request) -> Result<http::Request<Empty<Bytes>>, http::Error> {
    let mut crumbled = http::Request::builder()
        .method(request.method)
        .uri(format!("http://localhost{}", request.path))
        .version(http::Version::HTTP_2);
    for (name, value) in &request.headers {
        if name == "cookie" {
            for crumb in value.split("; ") {
                crumbled = crumbled.header(name, crumb);
            }
        } else {
            crumbled = crumbled.header(name, value);
        }
    }
    crumbled.body(Empty::new())
}

/// A body on its way; dropping it resets its stream.
struct Arriving {
    body: Incoming,
    runtime: Arc<Runtime>,
}

impl Body for Arriving {
    fn next(&mut self) -> Piece {
        let frame = async { timeout(PATIENCE, self.body.frame()).await };
        match self.runtime.block_on(frame) {
            Ok(None) => Piece::End,
            Ok(Some(Ok(frame))) => Piece::Data(frame.into_data().unwrap_or_default().to_vec()),
            Ok(Some(Err(_))) | Err(_) => Piece::BrokeOff,
        }
    }
}
