//! Connections to a store that are cut while they are being made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::faults::OnDrop;
use crate::outage::{BACK, LOGIN, SESSION, ask, json_of};
use crate::site::Site;
use crate::stores::{Own, Which};

/// The name of the test.
pub(crate) const SENTENCE: &str = "a_connection_that_is_cut_while_it_is_made_costs_no_login";

/// After how many bytes of what the store says at first: within each of its short replies, and
/// here and there in longer ones.
const BYTES: [usize; 18] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 40, 80, 160, 320,
];

/// Cuts the connections of each server, and the next ones while they are made. As soon as
/// nothing is cut any more, the server must have its sessions again.
pub(crate) fn cut_handshakes(site: &Site) {
    let store = site.backing.own.as_ref().expect("a store of one's own");
    let servers = site.addresses();
    let (logged_in, _) = ask(servers[0], LOGIN, None);
    let token = logged_in.cookie.expect("a login gives an id");
    for server in servers {
        for bytes in BYTES {
            cutting(store, bytes, || {
                for _ in 0..3 {
                    let (response, _) = ask(server, SESSION, Some(&token));
                    assert!(matches!(response.status, 200 | 503), "{response:?}");
                }
            });
            let began = Instant::now();
            let session = loop {
                let (response, _) = ask(server, SESSION, Some(&token));
                if response.status == 200 {
                    break json_of(&response);
                }
                assert!(
                    began.elapsed() < BACK,
                    "cut after {bytes} bytes, {server} never comes back: {response:?}"
                );
                sleep(Duration::from_millis(10));
            };
            assert_eq!(session["principal"], json!("ada"), "{session}");
        }
    }
}

/// Cuts all connections, and does something while each new one is cut after so many bytes.
fn cutting(store: &Own, bytes: usize, work: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    store.cut_after(Which::All, bytes);
    store.cut(Which::All);
    scope(|scope| {
        scope.spawn(|| {
            // The wire cuts once. A client that tries again finds the next one cut as well.
            while !is_over.load(Ordering::SeqCst) {
                store.cut_after(Which::All, bytes);
                sleep(Duration::from_millis(1));
            }
            store.mend();
        });
        let _over = OnDrop(&is_over);
        work();
    });
}
