//! A little server with sessions that does everything right but for the one flaw it was given,
//! which is called like the attack that has to find it, or is one of [`OTHER_FLAWS`].

mod cookies;
mod lines;
mod routes;
mod sessions;
mod wire;

use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crate::playground;
use routes::Site;
use wire::Request;

/// More ways to go wrong, and the attack that has to find each.
pub(crate) const OTHER_FLAWS: [(&str, &str); 8] = [
    ("adopts-what-it-signed", "chosen-ids"),
    ("decodes-percent", "spellings"),
    ("deletes-what-ended", "look-alike"),
    ("expires", "until-closed"),
    ("keeps-the-old-id", "fixation"),
    ("last-of-its-name", "tossed"),
    ("reads-a-form", "other-places"),
    ("reads-a-header", "other-places"),
];

/// A running server. Its threads end with the test.
pub(crate) struct Careless {
    address: SocketAddr,
    cookie: String,
}

impl Careless {
    pub(crate) fn without_a_flaw() -> Self {
        Self::with("")
    }

    pub(crate) fn with(flaw: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let site = Arc::new(Site::new(flaw));
        let cookie = site.cookie.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let site = Arc::clone(&site);
                thread::spawn(move || serve(&site, stream));
            }
        });
        Self { address, cookie }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// It offers what the playground does, so it is described alike.
    pub(crate) fn target(&self) -> String {
        playground::TARGET.replace("__Host-sid", &self.cookie)
    }
}

fn serve(site: &Arc<Site>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Some(request) = Request::read(&mut stream) {
        Site::answer(site, &request).send(stream.get_mut());
    }
}
