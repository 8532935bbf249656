//! What two servers on one store promise together.

use std::collections::BTreeSet;
use std::thread::{scope, sleep};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::Test;
use crate::site::Site;
use crate::visitor::{Visitor, at_once};

pub(crate) const TESTS: &[Test] = &[
    (
        "of_64_and_64_parallel_increments_none_is_lost",
        of_64_and_64_parallel_increments_none_is_lost,
    ),
    (
        "of_64_and_64_parallel_keys_none_is_lost",
        of_64_and_64_parallel_keys_none_is_lost,
    ),
    (
        "of_64_and_64_parallel_items_none_is_lost",
        of_64_and_64_parallel_items_none_is_lost,
    ),
    (
        "a_logout_on_one_server_is_final_on_the_other_while_it_streams",
        a_logout_on_one_server_is_final_on_the_other_while_it_streams,
    ),
    (
        "a_rotation_on_one_server_loses_no_write_under_way_on_the_other",
        a_rotation_on_one_server_loses_no_write_under_way_on_the_other,
    ),
    (
        "of_rotations_on_both_servers_one_wins",
        of_rotations_on_both_servers_one_wins,
    ),
];

/// 64 at each of the two servers.
const BOTH: usize = 128;

fn of_64_and_64_parallel_increments_none_is_lost(site: &Site) {
    let mut visitor = Visitor::with_session(site);
    let counted = at_once(&visitor, BOTH, |visitor, _, server| {
        let target = "/attributes/n/increment?mode=update&delay_ms=20";
        let response = visitor.ask(server, "POST", target, "");
        assert_eq!(response.status, 200, "{response:?}");
        let json: Json = serde_json::from_str(&response.body).unwrap();
        json["value"].as_u64().unwrap()
    });
    let counted: BTreeSet<_> = counted.into_iter().collect();
    assert_eq!(counted, (1..=128).collect());
    for server in [0, 1] {
        assert_eq!(visitor.session(server)["attributes"]["n"], json!(BOTH));
    }
}

fn of_64_and_64_parallel_keys_none_is_lost(site: &Site) {
    let mut visitor = Visitor::with_session(site);
    at_once(&visitor, BOTH, |visitor, number, server| {
        let target = format!("/attributes/key{number}?delay_ms=20");
        let response = visitor.ask(server, "PUT", &target, &number.to_string());
        assert_eq!(response.status, 204, "{response:?}");
    });
    for server in [0, 1] {
        let session = visitor.session(server);
        let attributes = session["attributes"].as_object().unwrap();
        assert_eq!(attributes.len(), BOTH + 1);
        for number in 0..BOTH {
            assert_eq!(attributes[&format!("key{number}")], json!(number));
        }
    }
}

fn of_64_and_64_parallel_items_none_is_lost(site: &Site) {
    let mut visitor = Visitor::with_session(site);
    at_once(&visitor, BOTH, append);
    let first = items(&mut visitor, 0);
    assert_eq!(first, items(&mut visitor, 1), "in one order");
    let different: BTreeSet<_> = first.iter().copied().collect();
    assert_eq!(first.len(), BOTH);
    assert_eq!(different, (0..BOTH).collect());
}

fn a_logout_on_one_server_is_final_on_the_other_while_it_streams(site: &Site) {
    let mut visitor = Visitor::with_session(site);
    let logged_in = visitor.ask(0, "POST", "/login", "{\"principal\":\"ada\"}");
    assert_eq!(logged_in.status, 204, "{logged_in:?}");
    let target = "/stream?chunks=1000000&interval_ms=20&attribute=k";
    let mut stream = visitor.open(1, target);
    assert_eq!(stream.head().unwrap().status, 200);
    stream.chunk().unwrap().expect("the first line");
    let mut thief = visitor.clone();
    let logged_out = visitor.ask(0, "POST", "/logout", "");
    assert_eq!(logged_out.status, 204, "{logged_out:?}");
    assert_eq!(visitor.token, None, "{logged_out:?}");
    assert!(!thief.has_session(0));
    assert!(!thief.has_session(1));
    // It saves about every second, and is cut when it learns of the end. If it never did, this
    // would read a million lines, which takes hours.
    while matches!(stream.chunk(), Ok(Some(_))) {}
    for server in [0, 1] {
        assert!(!thief.has_session(server), "revived");
        let late = thief.clone().ask(server, "POST", "/change-id", "");
        assert_eq!(late.status, 409, "{late:?}");
    }
}

fn a_rotation_on_one_server_loses_no_write_under_way_on_the_other(site: &Site) {
    let mut visitor = Visitor::with_session(site);
    let straggler = visitor.clone();
    let acknowledged = scope(|scope| {
        let writes = scope.spawn(|| {
            at_once(&straggler, 32, |visitor, number, _| {
                let target = "/attributes/l/append?delay_ms=1000";
                let response = visitor.ask(1, "POST", target, &number.to_string());
                assert_eq!(response.cookie, None, "the fresh cookie stays");
                // Refused where the server was so slow that the rotation came first.
                assert!(matches!(response.status, 204 | 409), "{response:?}");
                (response.status == 204).then_some(number)
            })
        });
        // The servers are other processes: there is no gate to wait at until they have loaded the
        // session for each write.
        sleep(Duration::from_millis(400));
        let rotated = visitor.ask(0, "POST", "/change-id", "");
        assert_eq!(rotated.status, 204, "{rotated:?}");
        assert!(
            items(&mut visitor, 0).is_empty(),
            "they are still under way"
        );
        writes.join().unwrap()
    });
    let acknowledged: BTreeSet<_> = acknowledged.into_iter().flatten().collect();
    assert!(!acknowledged.is_empty());
    assert_ne!(visitor.token, straggler.token);
    for server in [0, 1] {
        let kept = items(&mut visitor, server);
        assert_eq!(kept.len(), acknowledged.len());
        assert_eq!(kept.into_iter().collect::<BTreeSet<_>>(), acknowledged);
        assert!(!straggler.clone().has_session(server), "two ids are usable");
    }
}

fn of_rotations_on_both_servers_one_wins(site: &Site) {
    let visitor = Visitor::with_session(site);
    let browsers = at_once(&visitor, 16, |visitor, _, server| {
        let response = visitor.ask(server, "POST", "/change-id?delay_ms=300", "");
        assert!(matches!(response.status, 204 | 409), "{response:?}");
        (response.status, visitor.clone())
    });
    let won = browsers.iter().filter(|(status, _)| *status == 204);
    assert_eq!(won.count(), 1);
    for (status, mut browser) in browsers {
        for server in [0, 1] {
            assert_eq!(browser.has_session(server), status == 204);
        }
    }
}

fn append(visitor: &mut Visitor, number: usize, server: usize) {
    let target = "/attributes/l/append?delay_ms=20";
    let response = visitor.ask(server, "POST", target, &number.to_string());
    assert_eq!(response.status, 204, "{response:?}");
}

/// The numbers in the list, as a server has it.
fn items(visitor: &mut Visitor, server: usize) -> Vec<usize> {
    let session = visitor.session(server);
    let items = session["attributes"]["l"].as_array().into_iter().flatten();
    let numbers = items.map(|item| item.as_u64().expect("a number"));
    numbers
        .map(|number| usize::try_from(number).unwrap())
        .collect()
}
