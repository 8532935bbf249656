//! What SECURITY.md tells an operator to do, done step by step: two servers of one site, as an
//! operator restarts them.

use std::sync::Arc;

use serde_json::json;
use session_core::testkit::{ManualClock, SeededEntropy, Site, block_on, note_secret};
use session_core::{MemoryStore, SecretKey, SessionManager};
use testbed::Place;

use crate::program::{Ground, Program, Test};
use crate::visitor::{Visitor, session_cookie};

/// On every store that servers can share.
pub(crate) const OF_SHARED_STORES: &[Test] = tests![
    a_new_signing_key_goes_in_and_nobody_is_logged_out,
    a_new_signing_key_that_goes_in_on_one_server_alone_is_not_known_to_the_other,
    what_a_leaked_key_signed_is_dead_at_once_on_every_server,
    a_leaked_key_signs_nothing_that_reaches_the_store,
    whoever_holds_a_leaked_id_is_out_when_the_visitor_ends_it,
    whoever_holds_a_leaked_id_is_out_when_the_operator_ends_it,
    everybody_is_out_when_it_is_unknown_whose_ids_leaked,
];

const OLD: &str = "r4Wm8Zt1Kx6Pq3Vn9Bc5Ld7Hf2Jg0SyTeUaQ";
const NEW: &str = "Xb7Nq2Rv5Mk9Ws4Td8Gh1Jp6Lc3Fz0YeUiOa";

/// Two servers of one site, as behind a load balancer.
struct Servers {
    ground: Ground,
    place: Arc<Place>,
    running: [Program; 2],
}

impl Servers {
    fn start(ground: &Ground, keys: &[&str]) -> Self {
        for key in [OLD, NEW] {
            note_secret(key);
        }
        let place = ground.place();
        let start = || ground.start_with_keys(place.clone(), &keys.join(","));
        Self {
            ground: *ground,
            running: [start(), start()],
            place,
        }
    }

    /// Stops one of them and starts it with these keys, the signing one first.
    fn restart(&mut self, server: usize, keys: &[&str]) {
        let keys = keys.join(",");
        let started = self.ground.start_with_keys(self.place.clone(), &keys);
        let stopped = std::mem::replace(&mut self.running[server], started);
        let (status, ..) = stopped.stop("-TERM");
        assert_eq!(status.code(), Some(0));
    }

    /// One after the other.
    fn restart_all(&mut self, keys: &[&str]) {
        for server in [0, 1] {
            self.restart(server, keys);
        }
    }

    /// Who this visitor is logged in as on each of the servers; `None` where there is no session.
    fn known_as(&self, visitor: &mut Visitor) -> [Option<String>; 2] {
        [0, 1].map(|server| {
            let mut there = visitor.at(&self.running[server]);
            let principal = there.session()["principal"].as_str().map(str::to_owned);
            // The next server gets the cookie that this one may have replaced.
            visitor.token = there.token;
            principal
        })
    }

    fn log_in(&self, name: &str) -> Visitor {
        let mut visitor = self.running[0].visitor();
        let body = json!({ "principal": name }).to_string();
        assert_eq!(visitor.post("/login", &body).status, 204);
        visitor
    }

    /// How often the servers have asked the store for a session.
    fn loads(&self) -> u64 {
        let loads = self.running.iter().map(|server| {
            let stats = server.visitor().get("/stats").json();
            stats["store_calls"]["load"].as_u64().unwrap()
        });
        loads.sum()
    }
}

fn known(name: &str) -> [Option<String>; 2] {
    [(); 2].map(|()| Some(name.to_owned()))
}

const UNKNOWN: [Option<String>; 2] = [None, None];

/// `SECURITY.md`, "Rotating the signing key".
fn a_new_signing_key_goes_in_and_nobody_is_logged_out(ground: &Ground) {
    let mut servers = Servers::start(ground, &[OLD]);
    let mut ada = servers.log_in("ada");
    let mut away = servers.log_in("away");
    let of_the_old_key = ada.token.clone();

    // Step 2: every server accepts the new key, and none signs with it.
    for server in [0, 1] {
        servers.restart(server, &[OLD, NEW]);
        assert_eq!(servers.known_as(&mut ada), known("ada"));
        assert_eq!(ada.token, of_the_old_key);
    }

    // Step 3: every server signs with it. While they differ, each knows what the other gave.
    for server in [0, 1] {
        servers.restart(server, &[NEW, OLD]);
        let mut newcomer = servers.log_in("newcomer");
        assert_eq!(servers.known_as(&mut newcomer), known("newcomer"));
        assert_eq!(servers.known_as(&mut ada), known("ada"));
    }
    // A server that still signs with the old key gave the old cookie back, until it was restarted.
    assert_ne!(ada.token, of_the_old_key);

    // The session is the same, under the same id, so a cookie that did not come back still counts.
    let mut other_tab = ada.clone();
    other_tab.token = of_the_old_key.clone();
    assert_eq!(servers.known_as(&mut other_tab), known("ada"));
    assert_eq!(other_tab.token, ada.token);

    // Step 5: the old key goes. Who was here since step 3 stays logged in; who was not is out.
    servers.restart_all(&[NEW]);
    assert_eq!(servers.known_as(&mut ada), known("ada"));
    assert_eq!(servers.known_as(&mut away), UNKNOWN);
    let mut thief = ada.clone();
    thief.token = of_the_old_key;
    assert_eq!(servers.known_as(&mut thief), UNKNOWN);
}

/// Why step 2 comes before step 3.
fn a_new_signing_key_that_goes_in_on_one_server_alone_is_not_known_to_the_other(ground: &Ground) {
    let mut servers = Servers::start(ground, &[OLD]);
    servers.restart(0, &[NEW, OLD]);
    let newcomer = servers.log_in("newcomer");
    for (server, principal) in [(0, json!("newcomer")), (1, json!(null))] {
        let session = newcomer.at(&servers.running[server]).session();
        assert_eq!(session["principal"], principal);
    }
}

/// `SECURITY.md`, "When a key has leaked".
fn what_a_leaked_key_signed_is_dead_at_once_on_every_server(ground: &Ground) {
    let mut servers = Servers::start(ground, &[OLD]);
    let (mut ada, mut bob) = (servers.log_in("ada"), servers.log_in("bob"));
    let mut thief = ada.clone();
    assert_eq!(servers.known_as(&mut thief), known("ada"));

    // Step 2: the new key alone, on every server.
    servers.restart_all(&[NEW]);
    let loads = servers.loads();
    for visitor in [&mut ada, &mut bob, &mut thief] {
        assert_eq!(servers.known_as(visitor), UNKNOWN);
    }
    assert_eq!(servers.loads(), loads, "none of them reached the store");

    // Everybody can come back, and the key that leaked is worth nothing.
    let mut ada = servers.log_in("ada");
    assert_eq!(servers.known_as(&mut ada), known("ada"));
    assert_eq!(servers.known_as(&mut thief), UNKNOWN);

    // Step 3: what is left under the dead ids is listed until it expires, or ended.
    let mut admin = servers.running[1].visitor();
    let listed = |admin: &mut Visitor| {
        let list = admin.get("/admin/sessions?principal=ada").json();
        list["sessions"].as_array().unwrap().len()
    };
    assert_eq!(listed(&mut admin), 2);
    order(&servers.running[1], "/admin/log-everyone-out", "{}");
    assert_eq!(listed(&mut admin), 0);
    assert_eq!(servers.known_as(&mut ada), UNKNOWN);
}

/// Why a leaked key has to go although it opens no session.
fn a_leaked_key_signs_nothing_that_reaches_the_store(ground: &Ground) {
    let mut servers = Servers::start(ground, &[OLD]);
    let mut forger = servers.running[0].visitor();
    forger.token = Some(forged_with(OLD));
    let loads = servers.loads();
    assert_eq!(servers.known_as(&mut forger), UNKNOWN);
    assert!(servers.loads() > loads, "a good signature is looked up");

    servers.restart_all(&[NEW]);
    let loads = servers.loads();
    assert_eq!(servers.known_as(&mut forger), UNKNOWN);
    assert_eq!(servers.loads(), loads, "a dead key's is not");
    // Nor is the id adopted for a session that begins.
    let forged = forger.token.clone();
    let response = forger.at(&servers.running[0]).put("/attributes/a", "1");
    let given = session_cookie(&response).map(str::to_owned);
    assert!(given.is_some() && given != forged);
}

/// `SECURITY.md`, "When an id has leaked", where the visitor notices it.
fn whoever_holds_a_leaked_id_is_out_when_the_visitor_ends_it(ground: &Ground) {
    let servers = Servers::start(ground, &[OLD]);
    let mut ada = servers.log_in("ada");
    let mut thief = ada.clone();
    assert_eq!(servers.known_as(&mut thief), known("ada"));
    assert_eq!(ada.post("/logout", "").status, 204);
    assert_eq!(servers.known_as(&mut thief), UNKNOWN);

    // Also from another of her devices.
    let (mut phone, mut laptop) = (servers.log_in("ada"), servers.log_in("ada"));
    let mut thief = phone.clone();
    assert_eq!(laptop.delete("/me/sessions").status, 204);
    for visitor in [&mut thief, &mut phone] {
        assert_eq!(servers.known_as(visitor), UNKNOWN);
    }
    assert_eq!(servers.known_as(&mut laptop), known("ada"));
}

/// `SECURITY.md`, "When an id has leaked", where the operator knows whose it is.
fn whoever_holds_a_leaked_id_is_out_when_the_operator_ends_it(ground: &Ground) {
    let servers = Servers::start(ground, &[OLD]);
    let (ada, mut bob) = (servers.log_in("ada"), servers.log_in("bob"));
    let mut thief = ada.clone();
    let whose = json!({"principal": "ada"}).to_string();
    order(&servers.running[1], "/admin/end-all", &whose);
    assert_eq!(servers.known_as(&mut thief), UNKNOWN);
    assert_eq!(servers.known_as(&mut bob), known("bob"));
}

/// `SECURITY.md`, "When an id has leaked", where nobody knows whose.
fn everybody_is_out_when_it_is_unknown_whose_ids_leaked(ground: &Ground) {
    let servers = Servers::start(ground, &[OLD]);
    let (ada, mut bob) = (servers.log_in("ada"), servers.log_in("bob"));
    let mut thief = ada.clone();
    order(&servers.running[1], "/admin/log-everyone-out", "{}");
    for visitor in [&mut thief, &mut bob] {
        assert_eq!(servers.known_as(visitor), UNKNOWN);
    }
    let mut back = servers.log_in("ada");
    assert_eq!(servers.known_as(&mut back), known("ada"));
}

/// A token for an id of somebody's own choice, made with the key and this library.
fn forged_with(key: &str) -> String {
    let clock = ManualClock::new();
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::new(key).unwrap())
        .store(MemoryStore::new())
        .secure(false)
        .clock(clock.clone())
        .entropy(SeededEntropy::new(7))
        .build();
    let mut forger = Site::of(sessions.unwrap(), clock).visitor();
    block_on(forger.visit(async |session| session.set_attribute("a", &1))).unwrap();
    forger.cookie().unwrap()
}

/// What an administrator's page sends.
fn order(program: &Program, target: &str, body: &str) {
    let mut connection = crate::client::Connection::open(program.address);
    let own = [
        ("origin", "http://localhost"),
        ("content-type", "application/json"),
    ];
    connection.send("POST", target, &own, body);
    let status = connection.response("POST").expect("an answer").status;
    assert!(matches!(status, 200 | 204), "{target}: {status}");
}
