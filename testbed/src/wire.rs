//! A wire to a server that can be cut.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::error::Error;

/// A port whose connections lead to a server, until they are cut: in between, or in the middle
/// of a reply.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    to: SocketAddr,
    /// How many more bytes of replies pass before all connections are cut.
    allowance: AtomicUsize,
    closed: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
    /// How many bytes of replies have passed.
    passed: AtomicUsize,
    /// How often clients asked after they had been answered.
    round_trips: AtomicUsize,
}

impl Wire {
    /// Lays a wire to the server on `port`.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub fn to(port: u16) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.map_err(Error::system("listening for a wire"))?;
        let own = listener
            .local_addr()
            .map_err(Error::system("asking for a port"))?;
        let state = Arc::new(State {
            to: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            allowance: AtomicUsize::new(usize::MAX),
            closed: AtomicBool::new(false),
            open: Mutex::default(),
            passed: AtomicUsize::new(0),
            round_trips: AtomicUsize::new(0),
        });
        let accepting = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.closed.load(Ordering::SeqCst) {
                    return;
                }
                // A server that is away is a connection that ends at once.
                let _ = accepting.clone().join(client);
            }
        });
        Ok(Self {
            port: own.port(),
            state,
        })
    }

    /// The port of the wire, at 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections now. New ones can be made.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// Cuts all connections, and refuses new ones, after so many more bytes of replies: with
    /// zero, what is asked next is done and its answer lost.
    pub fn cut_after(&self, bytes: usize) {
        self.state.allowance.store(bytes, Ordering::SeqCst);
    }

    /// Lets everything pass again.
    pub fn mend(&self) {
        self.state.allowance.store(usize::MAX, Ordering::SeqCst);
    }

    /// How many round trips clients have made: how often one asked something after it had been
    /// answered, whatever the number of packets.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.state.round_trips.load(Ordering::SeqCst)
    }

    /// How many bytes of replies have passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.state.passed.load(Ordering::SeqCst)
    }
}

impl State {
    fn join(self: Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(self.to)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(client.try_clone()?);
        open.push(server.try_clone()?);
        drop(open);
        let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
        let is_asking = Arc::new(AtomicBool::new(false));
        let (state, asks) = (self.clone(), is_asking.clone());
        thread::spawn(move || {
            pass(from_client, to_server, |bytes| {
                if !asks.swap(true, Ordering::SeqCst) {
                    state.round_trips.fetch_add(1, Ordering::SeqCst);
                }
                bytes
            });
        });
        thread::spawn(move || {
            let state = self;
            pass(server, client, |bytes| {
                is_asking.store(false, Ordering::SeqCst);
                state.allow(bytes)
            });
        });
        Ok(())
    }

    /// How many of so many bytes of a reply may pass; when not all may, everything is cut.
    fn allow(&self, bytes: usize) -> usize {
        let take = |left: usize| match left {
            usize::MAX => None,
            left => Some(left.saturating_sub(bytes)),
        };
        let order = Ordering::SeqCst;
        let allowed = match self.allowance.fetch_update(order, order, take) {
            Ok(left) => left.min(bytes),
            Err(_) => bytes,
        };
        self.passed.fetch_add(allowed, order);
        allowed
    }

    fn cut(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.drain(..) {
            // One that is closed already is fine.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Hands bytes on until one side is closed, or fewer are allowed than there are.
fn pass(mut from: TcpStream, mut to: TcpStream, allow: impl Fn(usize) -> usize) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let allowed = allow(read);
        if to.write_all(&buffer[..allowed]).is_err() || allowed < read {
            break;
        }
    }
    // The other direction ends with this one.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        self.state.cut();
        // Wakes the thread that accepts, so that it sees that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}
