//! When a `Set-Cookie` line is sent, and what it says (Servlet 7.1.1, `SessionCookieConfig`;
//! RFC 6265bis; OWASP ASVS 3.3). How it is spelled is tested where it is written.

use std::time::Duration;

use session_core::testkit::{Fault, Request, Verb, Visitor, test_key};
use session_core::{SameSite, SecretKey, Session, SessionManager, SessionManagerBuilder};

use crate::given::{DAY, Distance, Given, HOUR, MINUTE, SECOND};

/// The `Set-Cookie` lines of one request that runs `handler`.
fn lines(given: &Given, visitor: &mut Visitor, handler: impl FnOnce(&Session)) -> Vec<String> {
    let mut exchange = visitor.begin();
    let session = given.runtime.block_on(exchange.handle().session()).unwrap();
    handler(&session);
    drop(session);
    let delivery = given.runtime.block_on(exchange.commit()).unwrap();
    let headers = visitor.receive(delivery);
    headers
        .get("set-cookie")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

fn write(session: &Session) {
    session
        .update_attribute("n", |n: &mut i64| *n += 1)
        .unwrap();
}

fn read(session: &Session) {
    session.get_attribute::<i64>("n").unwrap();
}

/// The attributes of the cookie of a new session.
fn attributes(
    configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
) -> Vec<String> {
    let given = Given::at(Distance::Near, configure);
    let lines = lines(&given, &mut given.visitor(), write);
    let mut parts = lines[0].split("; ").map(str::to_owned);
    assert!(
        parts
            .next()
            .unwrap()
            .starts_with(given.site.sessions().cookie_name())
    );
    parts.collect()
}

fn max_age(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("Max-Age=")?;
    rest.split(';').next()?.parse().ok()
}

#[test]
fn the_cookie_of_a_default_site_is_safe() {
    let mut attributes = attributes(|builder| builder);
    attributes.sort();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
}

#[test]
fn the_cookie_is_secure_when_configured_or_when_the_request_was() {
    let given = Given::at(Distance::Near, |builder| builder.secure(false));
    for secure in [false, true] {
        let request = Request {
            secure,
            ..Request::default()
        };
        let mut exchange = given.site.sessions().begin(&request);
        let session = given.runtime.block_on(exchange.handle().session()).unwrap();
        write(&session);
        let delivery = given.runtime.block_on(exchange.commit()).unwrap();
        assert_eq!(delivery.set_cookie().unwrap().contains("Secure"), secure);
    }
    let plain = Request {
        secure: false,
        ..Request::default()
    };
    let given = Given::near();
    let mut exchange = given.site.sessions().begin(&plain);
    write(&given.runtime.block_on(exchange.handle().session()).unwrap());
    let delivery = given.runtime.block_on(exchange.commit()).unwrap();
    assert!(delivery.set_cookie().unwrap().contains("Secure"));
}

#[test]
fn the_cookie_ends_with_the_browser_unless_it_is_given_an_age() {
    let given = Given::near();
    assert_eq!(
        max_age(&lines(&given, &mut given.visitor(), write)[0]),
        None
    );
    let given = Given::at(Distance::Near, |builder| builder.max_age(HOUR));
    assert_eq!(
        max_age(&lines(&given, &mut given.visitor(), write)[0]),
        Some(3_600)
    );
}

#[test]
fn configured_attributes_are_sent() {
    let attributes = attributes(|builder| {
        builder
            .cookie_name("shop")
            .path("/shop")
            .domain("example.org")
            .same_site(SameSite::None)
            .partitioned(true)
            .cookie_attribute("Priority", "High")
            .cookie_attribute("SameParty", "")
    });
    for expected in [
        "Path=/shop",
        "Domain=example.org",
        "SameSite=None",
        "Partitioned",
        "Priority=High",
        "SameParty",
        "Secure",
        "HttpOnly",
    ] {
        assert!(
            attributes.iter().any(|it| it == expected),
            "{expected}: {attributes:?}"
        );
    }
}

#[test]
fn ending_a_presented_session_ends_its_cookie_with_the_same_path_and_domain() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| {
            builder
                .cookie_name("shop")
                .path("/shop")
                .domain("example.org")
        });
        let mut ada = given.visitor_with_session();
        let ended = lines(&given, &mut ada, |session| session.invalidate().unwrap());
        assert_eq!(ended.len(), 1);
        assert_eq!(max_age(&ended[0]), Some(0));
        for kept in [
            "shop=;",
            "Path=/shop",
            "Domain=example.org",
            "Secure",
            "SameSite=Lax",
        ] {
            assert!(ended[0].contains(kept), "{kept}");
        }
        assert_eq!(ada.cookie(), None);
    }
}

#[test]
fn only_the_request_that_ended_the_session_ends_the_cookie() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        given.visit(&mut ada.clone(), Session::invalidate).unwrap();
        slow.session.invalidate().unwrap();
        assert!(slow.commit().unwrap().set_cookie().is_none());
        // Neither does whoever presents it afterwards.
        assert!(lines(&given, &mut ada.clone(), read).is_empty());
        assert!(
            lines(&given, &mut ada.clone(), |session| session
                .logout()
                .unwrap())
            .is_empty()
        );
    }
}

#[test]
fn no_cookie_is_ended_for_an_id_that_is_malformed_forged_unknown_or_expired() {
    for given in Given::near_and_far() {
        let forged = {
            let mut token = given.visitor_with_session().cookie().unwrap();
            let last = if token.pop() == Some('A') { 'E' } else { 'A' };
            token.push(last);
            token
        };
        let unknown = given.visitor_with_unknown_id().cookie().unwrap();
        let expired = given.visitor_with_session().cookie().unwrap();
        given.pass(HOUR);
        for token in [String::new(), "x".into(), forged, unknown, expired] {
            let mut ada = given.visitor();
            ada.set_cookie(Some(token));
            assert!(lines(&given, &mut ada, read).is_empty());
            assert!(lines(&given, &mut ada, |session| session.logout().unwrap()).is_empty());
        }
    }
}

#[test]
fn an_untouched_and_a_merely_read_session_send_no_cookie() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        for _ in 0..100 {
            given.pass(SECOND);
            assert!(lines(&given, &mut ada, read).is_empty());
            assert!(lines(&given, &mut ada, write).is_empty());
        }
    }
}

#[test]
fn a_persistent_cookie_is_sent_again_after_a_tenth_of_its_life() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| {
            builder.max_age(HOUR).max_inactive_interval(DAY)
        });
        let mut ada = given.visitor_with_session();
        given.pass(MINUTE * 6 - SECOND);
        assert!(lines(&given, &mut ada, read).is_empty());
        given.pass(SECOND);
        let again = lines(&given, &mut ada, read);
        assert_eq!(max_age(&again[0]), Some(3_600));
        assert!(lines(&given, &mut ada, read).is_empty());
        given.pass(MINUTE * 6);
        assert_eq!(lines(&given, &mut ada, write).len(), 1);
        assert!(given.is_alive(&ada));
    }
}

#[test]
fn a_change_of_id_starts_the_life_of_a_persistent_cookie_anew() {
    let given = Given::at(Distance::Near, |builder| builder.max_age(HOUR));
    let mut ada = given.visitor_with_session();
    given.pass(MINUTE * 5);
    assert_eq!(
        lines(&given, &mut ada, |session| session.login("ada").unwrap()).len(),
        1
    );
    given.pass(MINUTE * 5);
    assert!(lines(&given, &mut ada, read).is_empty());
    given.pass(MINUTE);
    assert_eq!(lines(&given, &mut ada, read).len(), 1);
}

#[test]
fn the_life_of_a_persistent_cookie_begins_when_it_is_sent() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.max_age(HOUR));
        let mut ada = given.visitor();
        let mut request = given.request(&ada);
        write(&request.session);
        given.pass(MINUTE * 5);
        request.answer(&mut ada).unwrap();
        given.pass(MINUTE * 6 - SECOND);
        assert!(lines(&given, &mut ada, read).is_empty());
        given.pass(SECOND);
        assert_eq!(lines(&given, &mut ada, read).len(), 1);
    }
}

#[test]
fn a_renewal_that_a_straggler_could_not_send_is_still_due() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.max_age(HOUR));
        let mut ada = given.visitor_with_session();
        let mut straggler = given.request(&ada);
        lines(&given, &mut ada, |session| {
            assert!(session.change_session_id().is_ok());
        });
        given.pass(MINUTE * 6);
        write(&straggler.session);
        assert!(straggler.commit().unwrap().set_cookie().is_none());
        assert_eq!(lines(&given, &mut ada, read).len(), 1);
    }
}

#[test]
fn a_persistent_cookie_never_outlives_the_absolute_limit() {
    let given = Given::at(Distance::Near, |builder| {
        builder
            .max_age(HOUR * 10)
            .absolute_timeout(HOUR * 12)
            .max_inactive_interval(None)
    });
    let mut ada = given.visitor_with_session();
    given.pass(HOUR * 8);
    assert_eq!(max_age(&lines(&given, &mut ada, read)[0]), Some(4 * 3_600));
}

#[test]
fn the_cookie_of_a_login_lives_as_long_as_the_new_absolute_limit() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| {
            builder
                .max_age(HOUR * 10)
                .absolute_timeout(HOUR * 12)
                .max_inactive_interval(None)
        });
        let mut ada = given.visitor_with_session();
        given.pass(HOUR * 8);
        let login = lines(&given, &mut ada, |session| session.login("ada").unwrap());
        assert_eq!(max_age(&login[0]), Some(10 * 3_600));
    }
}

#[test]
fn a_persistent_cookie_lives_400_days_at_most() {
    let given = Given::at(Distance::Near, |builder| {
        builder.max_age(Duration::MAX).absolute_timeout(None)
    });
    assert_eq!(
        max_age(&lines(&given, &mut given.visitor(), write)[0]),
        Some(400 * 86_400)
    );
}

/// The site of `before` after its key was replaced: same store and time, another key to sign
/// with, and the old one listed or not.
fn with_another_key(before: &Given, distance: Distance, old_is_listed: bool) -> Given {
    let (store, clock) = (before.store.clone(), before.site.clock().clone());
    let key = SecretKey::new(*b"the key of next year, 32 bytes and more").unwrap();
    Given::at(distance, |_| {
        let builder = SessionManager::builder()
            .secret_key(key)
            .store(store)
            .clock(clock);
        match old_is_listed {
            true => builder.previous_key(test_key()),
            false => builder,
        }
    })
}

#[test]
fn the_cookie_of_a_session_under_an_older_key_is_made_anew_once() {
    for distance in [Distance::Near, Distance::Far] {
        let before = Given::at(distance, |builder| builder);
        let old = before.visitor_with_session().cookie();
        let now = with_another_key(&before, distance, true);
        let mut ada = now.visitor();
        ada.set_cookie(old.clone());
        assert_eq!(lines(&now, &mut ada, read).len(), 1);
        assert_ne!(ada.cookie(), old);
        assert!(lines(&now, &mut ada, read).is_empty());
        // A key that is listed no more is dead at once; the new token lives.
        let later = with_another_key(&before, distance, false);
        let mut bob = later.visitor();
        bob.set_cookie(old);
        assert!(!later.is_alive(&bob));
        bob.set_cookie(ada.cookie());
        assert!(later.is_alive(&bob));
    }
}

#[test]
fn one_id_under_the_tokens_of_two_keys_is_one_id() {
    for distance in [Distance::Near, Distance::Far] {
        let before = Given::at(distance, |builder| builder);
        let old = before.visitor_with_session().cookie().unwrap();
        let given = with_another_key(&before, distance, true);
        let mut ada = given.visitor();
        ada.set_cookie(Some(old.clone()));
        lines(&given, &mut ada, read);
        before.take_calls();
        let new = ada.cookie().unwrap();
        let request = Request {
            cookies: vec![format!("__Host-sid={old}; __Host-sid={new}").into_bytes()],
            ..Request::default()
        };
        let handle = given.site.sessions().begin(&request).handle();
        let session = given.runtime.block_on(handle.existing_session()).unwrap();
        assert!(session.is_some());
        assert_eq!(before.take_calls(), [Verb::Load]);
    }
}

#[test]
fn a_session_that_ended_meanwhile_or_moved_is_not_sent_again() {
    for end in [
        (|session: &Session| session.invalidate()) as fn(&Session) -> _,
        |session: &Session| session.change_session_id().map(drop),
    ] {
        for distance in [Distance::Near, Distance::Far] {
            let given = Given::at(distance, |builder| builder.max_age(HOUR));
            let ada = given.visitor_with_session();
            given.pass(MINUTE * 10);
            let mut slow = given.request(&ada);
            slow.session.get_attribute::<i64>("n").unwrap();
            let mut fast = given.request(&ada);
            end(&fast.session).unwrap();
            assert!(fast.commit().unwrap().set_cookie().is_some());
            assert!(slow.commit().unwrap().set_cookie().is_none());
        }
    }
}

/// Else the renewal is noted in the session although its client never gets it.
#[test]
fn a_request_that_knows_of_the_new_id_renews_nothing() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.max_age(HOUR));
        let mut ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        let mut fast = given.request(&ada);
        fast.session.change_session_id().unwrap();
        fast.answer(&mut ada).unwrap();
        slow.session.set_attribute("n", &2).unwrap();
        given.runtime.block_on(slow.session.save()).unwrap();
        given.pass(MINUTE * 10);
        assert!(slow.commit().unwrap().set_cookie().is_none());
        assert_eq!(lines(&given, &mut ada, read).len(), 1);
    }
}

#[test]
fn an_outage_that_stops_a_due_renewal_sends_no_cookie_and_no_error() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.max_age(HOUR));
        let mut ada = given.visitor_with_session();
        given.pass(MINUTE * 10);
        given.next(Verb::Apply, Fault::Unavailable);
        assert!(lines(&given, &mut ada, read).is_empty());
        assert_eq!(lines(&given, &mut ada, read).len(), 1);
    }
}
