//! The token in a header instead of a cookie.

use session_core::testkit::{Visitor, test_key};
use session_core::{ConfigError, Delivery, IdSource, SecretKey, SessionError, SessionManager};

use crate::given::{Distance, Given, HOUR};

fn given() -> Given {
    Given::at(Distance::Near, |builder| {
        builder.token_header("X-Auth-Token")
    })
}

/// The delivery of a request that writes.
fn written(visitor: &mut Visitor) -> Delivery {
    let mut exchange = visitor.begin();
    let handle = exchange.handle();
    session_core::testkit::block_on(async move {
        let session = handle.session().await.unwrap();
        session
            .update_attribute("n", |n: &mut u32| *n += 1)
            .unwrap();
        drop((session, handle));
        exchange.commit().await.unwrap()
    })
}

/// The delivery of a request that reads.
fn read(visitor: &mut Visitor) -> Delivery {
    let mut exchange = visitor.begin();
    let handle = exchange.handle();
    session_core::testkit::block_on(async move {
        let session = handle.session().await.unwrap();
        session.get_attribute::<u32>("n").unwrap();
        drop((session, handle));
        exchange.commit().await.unwrap()
    })
}

#[test]
fn a_new_session_is_told_in_the_header_and_in_no_cookie() {
    let given = given();
    let mut ada = given.visitor();
    let delivery = written(&mut ada);
    assert_eq!(delivery.set_cookie(), None);
    assert!(
        delivery
            .token_header()
            .is_some_and(|token| token.len() > 80)
    );
    let headers = ada.receive(delivery);
    assert_eq!(headers.get("x-auth-token").len(), 1);
    assert_eq!(headers.get("vary"), ["x-auth-token"]);
    assert_eq!(headers.get("cache-control"), ["no-store"]);
    assert!(headers.get("set-cookie").is_empty());
}

#[test]
fn the_token_of_the_header_leads_back_to_the_session_and_is_told_once() {
    let given = given();
    let mut ada = given.visitor();
    let first = written(&mut ada);
    ada.receive(first);
    let second = written(&mut ada);
    assert_eq!(second.token_header(), None);
    let n = given.visit(&mut ada, |session| session.get_attribute::<u32>("n"));
    assert_eq!(n.unwrap(), Some(2));
    let handle = ada.begin().handle();
    assert_eq!(handle.requested_session_id_source(), Some(IdSource::Header));
}

#[test]
fn a_token_under_an_older_key_is_told_anew_once() {
    let before = given();
    let old = before.visitor_with_session().cookie();
    let (store, clock) = (before.store.clone(), before.site.clock().clone());
    let key = SecretKey::new(*b"the key of next year, 32 bytes and more").unwrap();
    let now = Given::at(Distance::Near, |_| {
        SessionManager::builder()
            .secret_key(key)
            .previous_key(test_key())
            .store(store)
            .clock(clock)
            .token_header("X-Auth-Token")
    });
    let mut ada = now.visitor();
    ada.set_cookie(old.clone());
    let first = read(&mut ada);
    assert!(first.token_header().is_some_and(|token| token.len() > 80));
    ada.receive(first);
    assert_ne!(ada.cookie(), old);
    assert_eq!(read(&mut ada).token_header(), None);
}

#[test]
fn the_end_of_a_session_is_an_empty_value() {
    let given = given();
    let mut ada = given.visitor();
    let first = written(&mut ada);
    ada.receive(first);
    let mut exchange = ada.begin();
    let handle = exchange.handle();
    let delivery = given.runtime.block_on(async move {
        handle.session().await.unwrap().invalidate().unwrap();
        drop(handle);
        exchange.commit().await.unwrap()
    });
    assert_eq!(delivery.token_header(), Some(""));
    let headers = ada.receive(delivery);
    assert_eq!(headers.get("x-auth-token"), [""]);
    assert_eq!(ada.cookie(), None);
}

#[test]
fn a_cookie_is_no_token_where_the_header_carries_it() {
    let given = given();
    let mut ada = given.visitor();
    let first = written(&mut ada);
    ada.receive(first);
    let mut request = ada.request();
    let (_, token) = request.headers.pop().unwrap();
    let cookie = [given.site.sessions().cookie_name().as_bytes(), b"=", &token].concat();
    request.cookies.push(cookie);
    let handle = given.site.sessions().begin(&request).handle();
    let found = given.runtime.block_on(handle.existing_session()).unwrap();
    assert!(found.is_none());
}

#[test]
fn a_header_that_comes_several_times_is_read_as_several_cookies_are() {
    let given = given();
    let (mut ada, mut bob) = (given.visitor(), given.visitor());
    for visitor in [&mut ada, &mut bob] {
        let delivery = written(visitor);
        visitor.receive(delivery);
    }
    let mut request = ada.request();
    request
        .headers
        .push(("x-auth-token".into(), b"garbage".to_vec()));
    request.headers.push(("x-auth-token".into(), b" ".to_vec()));
    let handle = given.site.sessions().begin(&request).handle();
    let found = given.runtime.block_on(handle.existing_session()).unwrap();
    assert!(found.is_some());
    request.headers.extend(bob.request().headers);
    let exchange = given.site.sessions().begin(&request);
    let handle = exchange.handle();
    let refused = given.runtime.block_on(async {
        let session = handle.session().await?;
        session.set_attribute("n", &1)?;
        session.save().await
    });
    assert!(
        matches!(refused, Err(SessionError::Ambiguous)),
        "{refused:?}"
    );
}

#[test]
fn of_a_header_that_comes_many_times_the_first_eight_lines_are_looked_at() {
    let given = given();
    let mut ada = given.visitor();
    let delivery = written(&mut ada);
    ada.receive(delivery);
    let with_token_at = |position: usize| {
        let mut request = ada.request();
        let token = request.headers.pop().unwrap();
        request.headers = vec![("x-auth-token".into(), b"garbage".to_vec()); 20];
        request.headers[position] = token;
        let handle = given.site.sessions().begin(&request).handle();
        given.runtime.block_on(handle.existing_session()).unwrap()
    };
    assert!(with_token_at(7).is_some());
    assert!(with_token_at(8).is_none());
}

#[test]
fn the_options_of_the_cookie_send_no_token_again() {
    let given = Given::at(Distance::Near, |builder| {
        builder
            .max_age(HOUR)
            .max_inactive_interval(None)
            .token_header("x-auth-token")
    });
    let mut ada = given.visitor();
    let first = written(&mut ada);
    ada.receive(first);
    given.site.clock().advance(HOUR / 2);
    assert_eq!(written(&mut ada).token_header(), None);
}

#[test]
fn a_response_may_name_the_token_differently_than_a_request() {
    let given = Given::at(Distance::Near, |builder| {
        builder.token_headers("X-Token", "X-New-Token")
    });
    let mut ada = given.visitor();
    let first = written(&mut ada);
    let headers = ada.receive(first);
    assert_eq!(headers.get("x-new-token").len(), 1);
    assert!(headers.get("x-token").is_empty());
    assert_eq!(headers.get("vary"), ["x-token"]);
    assert_eq!(ada.request().headers[0].0, "x-token");
}

#[test]
fn a_token_of_one_header_is_worth_nothing_in_another() {
    let given = given();
    let mut ada = given.visitor();
    let first = written(&mut ada);
    ada.receive(first);
    let other = Given::at(Distance::Near, |builder| builder.token_header("x-other"));
    let mut eve = other.visitor();
    eve.set_cookie(ada.cookie());
    let handle = eve.begin().handle();
    let found = other.runtime.block_on(handle.existing_session()).unwrap();
    assert!(found.is_none());
    assert!(other.store.take_calls().is_empty());
}

#[test]
fn a_header_that_means_something_else_does_not_build() {
    for name in ["Authorization", "Set-Cookie", "no header"] {
        let refused = SessionManager::builder()
            .secret_key(SecretKey::generate().unwrap())
            .token_header(name)
            .build();
        assert!(
            matches!(refused, Err(ConfigError::TokenHeader(_))),
            "{name}"
        );
    }
}
