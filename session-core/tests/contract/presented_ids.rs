//! Cookies that an honest browser would not send, and those that a confused one does (RFC
//! 6265bis, 5.8.3 and 8.6; OWASP Session Management Cheat Sheet, "strict").

use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;
use session_core::testkit::{Headers, Request, Site, Verb, Visitor, block_on};
use session_core::{Rejection, Session, SessionError, SessionEvent};

use crate::given::{Given, MINUTE};

mod overheard;

use overheard::Overheard;

/// A request that carries each of `values` under the name of the session cookie.
fn request_with(values: &[&str]) -> Request {
    let pairs: Vec<_> = values
        .iter()
        .map(|value| format!("__Host-sid={value}"))
        .collect();
    Request {
        cookies: vec![pairs.join("; ").into_bytes()],
        ..Request::default()
    }
}

/// A request with these lines of cookies.
fn request_of(lines: Vec<String>) -> Request {
    Request {
        cookies: lines.into_iter().map(String::into_bytes).collect(),
        ..Request::default()
    }
}

/// What a request with these values reads as `n`.
fn read(given: &Given, values: &[&str]) -> Option<i64> {
    read_of(given, &request_with(values))
}

fn read_of(given: &Given, request: &Request) -> Option<i64> {
    let handle = given.site.sessions().begin(request).handle();
    let session = given.runtime.block_on(handle.session()).unwrap();
    session.get_attribute("n").unwrap()
}

fn token(visitor: &Visitor) -> String {
    visitor.cookie().unwrap()
}

/// `token` with its last character but one changed: still canonical, and signed by nobody.
fn forged(token: &str) -> String {
    let mut bytes = token.as_bytes().to_vec();
    let at = bytes.len() - 2;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

#[test]
fn forged_cookies_cost_no_store_call() {
    for given in Given::near_and_far() {
        let good = token(&given.visitor_with_session());
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'Q' { b'R' } else { b'Q' };
            let forged = String::from_utf8(bytes).unwrap();
            assert_eq!(read(&given, &[&forged]), None);
        }
        assert_eq!(given.take_calls(), []);
        let events = given.take_events();
        assert_eq!(events.len(), good.len());
        assert!(events.iter().all(|event| matches!(
            event,
            SessionEvent::Rejected(Rejection::BadSignature | Rejection::Malformed)
        )));
    }
}

#[test]
fn a_live_id_without_its_signature_is_no_session() {
    let given = Given::near();
    let good = token(&given.visitor_with_session());
    for end in 0..good.len() {
        assert_eq!(read(&given, &[&good[..end]]), None);
    }
    for variant in [
        format!("{good}="),
        format!("{good}A"),
        format!("\"{good}\""),
        format!("%{good}"),
    ] {
        assert_eq!(read(&given, &[&variant]), None);
    }
    assert_eq!(given.take_calls(), []);
}

#[test]
fn one_live_id_is_used_whatever_its_position() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let (good, bad) = (token(&ada), forged(&token(&ada)));
        let unknown = token(&given.visitor_with_unknown_id());
        for values in [
            vec![&*good],
            vec![&*bad, &*good],
            vec![&*good, &*bad],
            vec!["", &*good],
            vec!["junk", &*unknown, &*good, &*bad],
        ] {
            assert_eq!(read(&given, &values), Some(1));
        }
    }
}

#[test]
fn a_live_id_among_others_counts_as_an_access_all_the_same() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        given.pass(MINUTE * 20);
        let (good, bad) = (token(&ada), forged(&token(&ada)));
        let mut exchange = given.site.sessions().begin(&request_with(&[&bad, &good]));
        let session = given.runtime.block_on(exchange.handle().session()).unwrap();
        assert!(session.last_accessed_time().unwrap() < given.now());
        drop(session);
        let _ = given.runtime.block_on(exchange.commit()).unwrap();
        given.pass(MINUTE * 20);
        assert!(given.is_alive(&ada));
    }
}

#[test]
fn the_same_id_twice_is_one_id() {
    for given in Given::near_and_far() {
        let good = token(&given.visitor_with_session());
        assert_eq!(read(&given, &[&good, &good]), Some(1));
        assert_eq!(given.take_calls(), [Verb::Load]);
        assert_eq!(given.take_events(), []);
    }
}

#[test]
fn two_live_ids_mean_no_session_no_new_one_and_an_event() {
    for given in Given::near_and_far() {
        let (ada, eve) = (given.visitor_with_session(), given.visitor_with_session());
        given.pass(MINUTE * 20);
        let request = request_with(&[&token(&ada), &token(&eve)]);
        let mut exchange = given.site.sessions().begin(&request);
        let handle = exchange.handle();
        assert!(
            given
                .runtime
                .block_on(handle.existing_session())
                .unwrap()
                .is_none()
        );
        assert!(
            !given
                .runtime
                .block_on(handle.is_requested_session_id_valid())
                .unwrap()
        );
        let session = given.runtime.block_on(handle.session()).unwrap();
        assert_eq!(session.get_attribute::<i64>("n").unwrap(), None);
        for refused in [
            session.set_attribute("n", &2),
            session.login("mallory"),
            session.append_attribute("l", &2),
        ] {
            assert!(matches!(refused, Err(SessionError::Ambiguous)));
            assert_eq!(refused.unwrap_err().status(), 400);
        }
        let delivery = given.runtime.block_on(exchange.commit()).unwrap();
        assert!(delivery.set_cookie().is_none());
        assert_eq!(
            given.take_events(),
            [SessionEvent::Rejected(Rejection::Ambiguous)]
        );
        // Neither of the two was prolonged.
        given.pass(MINUTE * 10);
        assert!(!given.is_alive(&ada) && !given.is_alive(&eve));
    }
}

#[test]
fn two_ids_of_which_one_has_ended_are_no_ambiguity() {
    for given in Given::near_and_far() {
        let (ada, mut eve) = (given.visitor_with_session(), given.visitor_with_session());
        let dead = token(&eve);
        given.visit(&mut eve, Session::invalidate).unwrap();
        assert_eq!(read(&given, &[&token(&ada), &dead]), Some(1));
        assert_eq!(read(&given, &[&dead, &token(&ada)]), Some(1));
    }
}

#[test]
fn a_rotated_id_beside_its_successor_is_no_ambiguity_and_no_bar() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let old = token(&ada);
        given.visit(&mut ada, Session::change_session_id).unwrap();
        let request = request_with(&[&old, &token(&ada)]);
        let mut exchange = given.site.sessions().begin(&request);
        let session = given.runtime.block_on(exchange.handle().session()).unwrap();
        session.set_attribute("n", &2).unwrap();
        let _ = given.runtime.block_on(exchange.commit()).unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn a_session_may_be_ended_and_begun_anew_also_where_a_rotated_id_came_beside_it() {
    for given in Given::near_and_far() {
        for is_first in [true, false] {
            let mut ada = given.visitor_with_session();
            let old = token(&ada);
            given.visit(&mut ada, Session::change_session_id).unwrap();
            let new = token(&ada);
            let values = match is_first {
                true => [&*old, &*new],
                false => [&*new, &*old],
            };
            let mut exchange = given.site.sessions().begin(&request_with(&values));
            let session = given.runtime.block_on(exchange.handle().session()).unwrap();
            session.invalidate().unwrap();
            let session = given.runtime.block_on(exchange.handle().session()).unwrap();
            session.set_attribute("n", &2).unwrap();
            given.runtime.block_on(session.save()).unwrap();
            ada.receive(given.runtime.block_on(exchange.commit()).unwrap());
            assert_eq!(given.stored(&ada, "n"), Some(2));
        }
    }
}

#[test]
fn a_tossed_cookie_does_not_block_a_login() {
    for given in Given::near_and_far() {
        let tossed = token(&given.visitor_with_unknown_id());
        let mut exchange = given
            .site
            .sessions()
            .begin(&request_with(&["junk", &tossed]));
        let session = given.runtime.block_on(exchange.handle().session()).unwrap();
        session.login("ada").unwrap();
        let delivery = given.runtime.block_on(exchange.commit()).unwrap();
        assert!(delivery.set_cookie().is_some());
    }
}

#[test]
fn of_many_values_the_first_eight_are_looked_at() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let (good, bad) = (token(&ada), forged(&token(&ada)));
        let with_good_at = |position: usize| {
            let mut values = vec![&*bad; 100];
            values[position] = &good;
            read(&given, &values)
        };
        assert_eq!(with_good_at(0), Some(1));
        assert_eq!(with_good_at(7), Some(1));
        given.take_calls();
        assert_eq!(with_good_at(8), None);
        assert_eq!(
            given.take_calls(),
            [],
            "bounded work for a flood of forgeries"
        );
    }
}

#[test]
fn of_many_lines_the_first_eight_values_are_looked_at() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let (good, bad) = (token(&ada), forged(&token(&ada)));
    let with_good_at = |position: usize| {
        let mut lines = vec![format!("__Host-sid={bad}"); 20];
        lines[position] = format!("__Host-sid={good}");
        read_of(&given, &request_of(lines))
    };
    assert_eq!(with_good_at(7), Some(1));
    assert_eq!(with_good_at(8), None);
}

#[test]
fn of_endless_lines_the_first_64_kib_are_looked_at() {
    const CAP: usize = 64 * 1024;
    let given = Given::near();
    let pair = format!("__Host-sid={}", token(&given.visitor_with_session()));
    let behind = |lengths: &[usize]| {
        let others = lengths.iter().map(|&length| "x".repeat(length));
        read_of(&given, &request_of(others.chain([pair.clone()]).collect()))
    };
    assert_eq!(behind(&[CAP / 2, CAP / 2 - pair.len()]), Some(1));
    assert_eq!(behind(&[CAP / 2, CAP / 2 - pair.len() + 1]), None);
    assert_eq!(behind(&[CAP, CAP]), None);
}

#[test]
fn each_value_that_is_no_token_is_told_and_the_same_one_is_told_once() {
    let given = Given::near();
    let bad = forged(&token(&given.visitor_with_session()));
    assert_eq!(read(&given, &["a", "b", &bad, &bad, "c"]), None);
    assert_eq!(read(&given, &[&bad, &bad]), None);
    let mut told = given.take_events();
    told.retain(|event| *event != SessionEvent::Rejected(Rejection::Malformed));
    assert_eq!(
        told,
        vec![SessionEvent::Rejected(Rejection::BadSignature); 2]
    );
    assert_eq!(read(&given, &["a", "b", "c"]), None);
    let malformed = SessionEvent::Rejected(Rejection::Malformed);
    assert_eq!(given.take_events(), vec![malformed; 3]);
}

#[test]
fn several_cookie_lines_are_one_list() {
    let given = Given::near();
    let good = token(&given.visitor_with_session());
    let request = Request {
        cookies: vec![
            b"a=1; b=2".to_vec(),
            format!("__Host-sid={good}").into_bytes(),
            b"c=3".to_vec(),
        ],
        ..Request::default()
    };
    let handle = given.site.sessions().begin(&request).handle();
    let session = given.runtime.block_on(handle.existing_session()).unwrap();
    assert!(session.is_some());
}

#[test]
fn names_that_merely_resemble_ours_are_other_cookies() {
    let given = Given::near();
    let good = token(&given.visitor_with_session());
    for pair in [
        format!("__host-sid={good}"),
        format!("%5F%5FHost-sid={good}"),
        format!("\u{2000}__Host-sid={good}"),
        format!("$Version=1; $__Host-sid={good}"),
        format!("__Host-sid2={good}"),
        format!("x__Host-sid={good}"),
        format!("={good}"),
        format!("=__Host-sid={good}"),
        format!("__Host-sid;{good}"),
        format!("__Host-sid=\"{good}\""),
        format!("a=\"__Host-sid={good}\""),
    ] {
        let request = Request {
            cookies: vec![pair.clone().into_bytes()],
            ..Request::default()
        };
        let handle = given.site.sessions().begin(&request).handle();
        let session = given.runtime.block_on(handle.existing_session()).unwrap();
        assert!(session.is_none(), "{}", pair.replace(&good, "TOKEN"));
    }
}

#[test]
fn malformed_forged_unknown_and_expired_ids_look_alike_from_outside() {
    for given in Given::near_and_far() {
        let expired = token(&given.visitor_with_session());
        given.pass(MINUTE * 30);
        let live = token(&given.visitor_with_session());
        let unknown = token(&given.visitor_with_unknown_id());
        let outside = |value: &str| {
            let mut exchange = given.site.sessions().begin(&request_with(&[value]));
            let session = given.runtime.block_on(exchange.handle().session()).unwrap();
            let seen = (
                session.is_new().unwrap(),
                session.attribute_names().unwrap(),
            );
            drop(session);
            let delivery = given.runtime.block_on(exchange.commit()).unwrap();
            let mut headers = Headers::default();
            delivery.write_to(&mut headers);
            (seen, headers)
        };
        let malformed = outside("garbage");
        assert_eq!(outside(&forged(&live)), malformed);
        assert_eq!(outside(&unknown), malformed);
        assert_eq!(outside(&expired), malformed);
    }
}

#[test]
fn a_fingerprint_is_no_credential() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    let fingerprint = given
        .visit(&mut ada, |session| Ok(session.fingerprint()))
        .unwrap()
        .unwrap();
    assert_eq!(given.peek(&ada).unwrap().fingerprint(), fingerprint);
    let token = token(&ada);
    assert!(!token.contains(&fingerprint.to_string()));
    assert_eq!(read(&given, &[&fingerprint.to_string()]), None);
}

/// In all that a store is told, what is deleted again included.
#[test]
fn no_part_of_an_id_or_of_a_token_is_in_what_a_store_was_given() {
    let store = Overheard::default();
    let site = {
        let store = store.clone();
        Site::with(move |builder| builder.store(store))
    };
    let mut tokens = Vec::new();
    let mut ada = site.visitor();
    let set = ada.visit(async |session: Session| session.set_attribute("n", &1));
    block_on(set).unwrap();
    tokens.push(token(&ada));
    let append = ada.visit(async |session: Session| session.append_attribute("list", &1));
    block_on(append).unwrap();
    for _ in 0..3 {
        let login = ada.visit(async |session: Session| session.login("ada"));
        block_on(login).unwrap();
        tokens.push(token(&ada));
    }
    let listed = block_on(site.sessions().sessions_of("ada")).unwrap();
    let [session] = &listed[..] else {
        panic!("one session, and not {}", listed.len());
    };
    block_on(site.sessions().end_session("ada", &session.handle())).unwrap();
    let login = ada.visit(async |session: Session| session.login("ada"));
    block_on(login).unwrap();
    tokens.push(token(&ada));
    let log_out = ada.visit(async |session: Session| session.invalidate());
    block_on(log_out).unwrap();

    let (verbs, given) = store.all();
    for verb in [
        Verb::Create,
        Verb::Load,
        Verb::Apply,
        Verb::Rename,
        Verb::Delete,
        Verb::List,
        Verb::End,
    ] {
        assert!(verbs.contains(&verb), "{verb:?} was not overheard");
    }
    let holds = |part: &[u8]| given.windows(part.len()).any(|window| window == part);
    for token in tokens {
        let mut bytes = [0; 65];
        Base64UrlUnpadded::decode(&token, &mut bytes).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        // Eight bytes in a row agree by chance once in 2^64 times.
        let raw = bytes[1..].chunks_exact(8);
        let written = hex.as_bytes().chunks_exact(8);
        let written = written.chain(token.as_bytes().chunks_exact(8));
        assert!(!raw.chain(written).any(holds));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_in_a_cookie_header_are_more_than_no_session(
        lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4),
        value in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let given = Given::near();
        let mut cookies = lines;
        cookies.push([b"__Host-sid=".as_slice(), &value].concat());
        let mut exchange = given.site.sessions().begin(&Request { cookies, ..Request::default() });
        let session = given.runtime.block_on(exchange.handle().session()).unwrap();
        prop_assert!(session.is_new().unwrap());
        session.set_attribute("n", &1).unwrap();
        let delivery = given.runtime.block_on(exchange.commit()).unwrap();
        prop_assert!(delivery.set_cookie().is_some());
        prop_assert_eq!(given.take_calls(), [Verb::Create]);
    }
}
