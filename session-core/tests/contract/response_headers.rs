//! The headers beside the cookie, and how they get along with those of the application (OWASP
//! Session Management Cheat Sheet, "Web Content Caching").

use session_core::testkit::Headers;
use session_core::{ExchangeHandle, Session};

use crate::given::Given;

/// The headers of a response of the application after the session wrote its own.
fn with_own_headers(own: &[(&str, &str)], handler: impl FnOnce(&Session)) -> Headers {
    let given = Given::near();
    let mut request = given.request(&given.visitor_with_session());
    handler(&request.session);
    let mut headers = Headers::of(own);
    request.commit().unwrap().write_to(&mut headers);
    headers
}

fn read(session: &Session) {
    session.get_attribute::<i64>("n").unwrap();
}

fn rotate(session: &Session) {
    session.change_session_id().unwrap();
}

#[test]
fn a_response_gets_no_header_only_where_the_session_was_never_asked_for() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    for (handler, is_empty) in [
        ((|_| ()) as fn(&Session), false),
        (read, false),
        (rotate, false),
        (|session| session.invalidate().unwrap(), false),
    ] {
        let mut request = given.request(&ada);
        handler(&request.session);
        assert_eq!(request.commit().unwrap().is_empty(), is_empty);
    }
    let mut unasked = ada.begin();
    assert!(given.runtime.block_on(unasked.commit()).unwrap().is_empty());
}

#[test]
fn a_consulted_session_makes_the_response_vary_by_cookie() {
    assert_eq!(with_own_headers(&[], read).get("vary"), ["Cookie"]);
    assert_eq!(
        with_own_headers(&[], |session| assert!(session.id().is_some())).get("vary"),
        ["Cookie"]
    );
    let own = [("vary", "Accept-Encoding")];
    assert_eq!(
        with_own_headers(&own, read).get("vary"),
        ["Accept-Encoding", "Cookie"]
    );
}

#[test]
fn every_way_to_look_at_the_session_makes_the_response_vary() {
    type Look = fn(&Given, ExchangeHandle);
    let ways: [Look; 4] = [
        |given, handle| drop(given.runtime.block_on(handle.session())),
        |given, handle| drop(given.runtime.block_on(handle.existing_session())),
        |given, handle| drop(given.runtime.block_on(handle.peek_session())),
        |given, handle| {
            let is_valid = handle.is_requested_session_id_valid();
            given.runtime.block_on(is_valid).map(drop).unwrap();
        },
    ];
    for given in Given::near_and_far() {
        for look in ways {
            for visitor in [given.visitor(), given.visitor_with_session()] {
                let mut exchange = visitor.begin();
                look(&given, exchange.handle());
                let mut headers = Headers::default();
                given
                    .runtime
                    .block_on(exchange.commit())
                    .unwrap()
                    .write_to(&mut headers);
                assert_eq!(headers.get("vary"), ["Cookie"]);
                assert!(headers.get("cache-control").is_empty());
            }
        }
    }
}

#[test]
fn an_own_vary_that_names_the_cookie_already_stays_as_it_is() {
    for own in ["Cookie", "Accept, cookie", "*"] {
        assert_eq!(with_own_headers(&[("vary", own)], read).get("vary"), [own]);
    }
}

#[test]
fn a_response_with_our_cookie_is_stored_by_no_cache() {
    assert_eq!(
        with_own_headers(&[], rotate).get("cache-control"),
        ["no-store"]
    );
    let own = [("cache-control", "public, max-age=600")];
    assert_eq!(
        with_own_headers(&own, rotate).get("cache-control"),
        ["no-store"]
    );
    assert_eq!(
        with_own_headers(&own, read).get("cache-control"),
        ["public, max-age=600"]
    );
}

#[test]
fn an_own_cache_control_that_is_strict_enough_stays_as_it_is() {
    for own in [
        "no-store",
        "private, max-age=5",
        "max-age=0, No-Store",
        "private=\"set-cookie\"",
    ] {
        let headers = with_own_headers(&[("cache-control", own)], rotate);
        assert_eq!(headers.get("cache-control"), [own]);
    }
}

#[test]
fn the_cookies_of_the_application_stay_lines_of_their_own() {
    let own = [
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("set-cookie", "__Host-sid=theirs"),
    ];
    let headers = with_own_headers(&own, rotate);
    let lines = headers.get("set-cookie");
    assert_eq!(lines[..3], ["a=1", "b=2", "__Host-sid=theirs"]);
    assert_eq!(lines.len(), 4);
    assert_eq!(with_own_headers(&own, read).get("set-cookie").len(), 3);
}
