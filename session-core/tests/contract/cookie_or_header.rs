//! The token in the cookie or in a header, as each client likes it.

use session_core::testkit::{Headers, Request};
use session_core::{ConfigError, IdSource, SecretKey, Session, SessionError, SessionManager};

use crate::given::{Distance, Given, HOUR};

const HEADER: &str = "x-auth-token";

fn given_at(distance: Distance) -> Given {
    Given::at(distance, |builder| {
        builder.cookie_and_token_header("X-Auth-Token")
    })
}

fn given_near_and_far() -> [Given; 2] {
    [given_at(Distance::Near), given_at(Distance::Far)]
}

/// A request with these values of the cookie and of the header.
fn request(given: &Given, cookie: Option<&str>, header: Option<&str>) -> Request {
    let mut request = Request::default();
    if let Some(cookie) = cookie {
        let name = given.site.sessions().cookie_name();
        request
            .cookies
            .push(format!("{name}={cookie}").into_bytes());
    }
    let header = header.map(|header| (HEADER.to_owned(), header.as_bytes().to_vec()));
    request.headers.extend(header);
    request
}

/// Answers `request`, and the headers of the response.
fn answer<R>(
    given: &Given,
    request: &Request,
    handler: impl FnOnce(&Session) -> Result<R, SessionError>,
) -> (R, Headers) {
    let mut exchange = given.site.sessions().begin(request);
    let handle = exchange.handle();
    given.runtime.block_on(async {
        let answer = handler(&handle.session().await.unwrap()).unwrap();
        drop(handle);
        let mut headers = Headers::default();
        exchange.commit().await.unwrap().write_to(&mut headers);
        exchange.finish().await.unwrap();
        (answer, headers)
    })
}

fn add_one(session: &Session) -> Result<u32, SessionError> {
    session.update_attribute("n", |n: &mut u32| *n += 1)
}

fn number(session: &Session) -> Result<Option<u32>, SessionError> {
    session.get_attribute("n")
}

/// The token that a new client is told which sends `header`.
fn token_of_new_client(given: &Given, header: Option<&str>) -> String {
    let (_, headers) = answer(given, &request(given, None, header), add_one);
    if let [token] = headers.get(HEADER)[..] {
        return token.to_owned();
    }
    let [line] = headers.get("set-cookie")[..] else {
        panic!("a new client is told one token");
    };
    let (pair, _) = line.split_once(';').unwrap();
    pair.split_once('=').unwrap().1.to_owned()
}

#[test]
fn a_client_that_sends_neither_gets_the_cookie() {
    for given in given_near_and_far() {
        let (_, headers) = answer(&given, &request(&given, None, None), add_one);
        assert_eq!(headers.get("set-cookie").len(), 1);
        assert!(headers.get(HEADER).is_empty());
        assert_eq!(headers.get("cache-control"), ["no-store"]);
    }
}

#[test]
fn a_client_that_sends_the_header_empty_gets_the_token_in_it() {
    for given in given_near_and_far() {
        let (_, headers) = answer(&given, &request(&given, None, Some("")), add_one);
        assert_eq!(headers.get(HEADER).len(), 1);
        assert!(headers.get(HEADER)[0].len() > 80);
        assert!(headers.get("set-cookie").is_empty());
        assert_eq!(headers.get("cache-control"), ["no-store"]);
    }
}

#[test]
fn either_way_leads_back_to_the_session() {
    for given in given_near_and_far() {
        let token = token_of_new_client(&given, None);
        for (cookie, header) in [(Some(&*token), None), (None, Some(&*token))] {
            let (n, headers) = answer(&given, &request(&given, cookie, header), number);
            assert_eq!(n, Some(1));
            assert!(headers.get("set-cookie").is_empty());
            assert!(headers.get(HEADER).is_empty());
        }
    }
}

#[test]
fn the_answer_goes_back_the_way_the_request_came() {
    for given in given_near_and_far() {
        let token = token_of_new_client(&given, Some(""));
        let log_in = |session: &Session| session.login("ada");
        let (_, headers) = answer(&given, &request(&given, None, Some(&token)), log_in);
        let token = headers.get(HEADER)[0].to_owned();
        assert!(headers.get("set-cookie").is_empty());

        let (_, headers) = answer(&given, &request(&given, Some(&token), None), log_in);
        assert!(headers.get(HEADER).is_empty());
        let cookie = headers.get("set-cookie")[0];
        let token = cookie.split(['=', ';']).nth(1).unwrap();

        let log_out = |session: &Session| session.logout();
        let (_, headers) = answer(&given, &request(&given, None, Some(token)), log_out);
        assert_eq!(headers.get(HEADER), [""]);
        assert!(headers.get("set-cookie").is_empty());
    }
}

#[test]
fn the_end_of_a_session_that_came_in_the_cookie_is_told_to_the_cookie() {
    for given in given_near_and_far() {
        let token = token_of_new_client(&given, None);
        let log_out = |session: &Session| session.logout();
        let (_, headers) = answer(&given, &request(&given, Some(&token), None), log_out);
        assert!(headers.get("set-cookie")[0].contains("Max-Age=0"));
        assert!(headers.get(HEADER).is_empty());
    }
}

#[test]
fn a_request_with_the_cookie_uses_it_whatever_the_header_says() {
    for given in given_near_and_far() {
        let ada = token_of_new_client(&given, None);
        let eve = token_of_new_client(&given, Some(""));
        answer(&given, &request(&given, None, Some(&eve)), add_one);
        let both = request(&given, Some(&ada), Some(&eve));
        assert_eq!(answer(&given, &both, number).0, Some(1));
        // Nor does a script that sends the header get to see the token of the cookie.
        let (_, headers) = answer(&given, &request(&given, Some(&ada), Some("")), |session| {
            session.login("ada")
        });
        assert_eq!(headers.get("set-cookie").len(), 1);
        assert!(headers.get(HEADER).is_empty());
    }
}

#[test]
fn a_dead_cookie_is_not_made_good_by_the_header() {
    for given in given_near_and_far() {
        let token = token_of_new_client(&given, Some(""));
        let both = request(&given, Some("garbage"), Some(&token));
        assert_eq!(answer(&given, &both, number).0, None);
    }
}

#[test]
fn the_handler_learns_which_way_the_id_came() {
    for given in given_near_and_far() {
        let token = token_of_new_client(&given, None);
        for (cookie, header, source) in [
            (None, None, None),
            (None, Some(""), None),
            (Some(&*token), None, Some(IdSource::Cookie)),
            (None, Some(&*token), Some(IdSource::Header)),
            (Some(&*token), Some(&*token), Some(IdSource::Cookie)),
        ] {
            let request = request(&given, cookie, header);
            let handle = given.site.sessions().begin(&request).handle();
            assert_eq!(handle.requested_session_id_source(), source);
        }
    }
}

#[test]
fn a_consulted_session_makes_the_response_vary_by_both() {
    for given in given_near_and_far() {
        for header in [None, Some("")] {
            let (_, headers) = answer(&given, &request(&given, None, header), number);
            assert_eq!(headers.get("vary"), ["Cookie", HEADER]);
        }
        let mut exchange = given.site.sessions().begin(&request(&given, None, None));
        drop(given.runtime.block_on(exchange.handle().session()).unwrap());
        let mut headers = Headers::of(&[("vary", "X-Auth-Token, Accept")]);
        let delivery = given.runtime.block_on(exchange.commit()).unwrap();
        delivery.write_to(&mut headers);
        assert_eq!(headers.get("vary"), ["X-Auth-Token, Accept", "Cookie"]);
    }
}

#[test]
fn the_life_of_the_cookie_sends_no_token_to_a_client_with_the_header() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| {
            builder
                .max_age(HOUR)
                .max_inactive_interval(None)
                .cookie_and_token_header(HEADER)
        });
        let token = token_of_new_client(&given, Some(""));
        given.pass(HOUR / 2);
        let (_, headers) = answer(&given, &request(&given, None, Some(&token)), number);
        assert!(headers.get(HEADER).is_empty());
        let (_, headers) = answer(&given, &request(&given, Some(&token), None), number);
        assert_eq!(headers.get("set-cookie").len(), 1);
    }
}

#[test]
fn a_site_that_adds_the_header_keeps_the_sessions_it_has() {
    let before = Given::at(Distance::Near, |builder| builder);
    let ada = before.visitor_with_session();
    let store = before.store.clone();
    let after = Given::at(Distance::Near, |builder| {
        builder.store(store).cookie_and_token_header(HEADER)
    });
    let request = request(&after, None, ada.cookie().as_deref());
    assert_eq!(answer(&after, &request, number).0, Some(1));
}

#[test]
fn a_visitor_of_the_testkit_uses_the_cookie() {
    for given in given_near_and_far() {
        let mut ada = given.visitor_with_session();
        assert_eq!(given.visit(&mut ada, number).unwrap(), Some(1));
        assert_eq!(ada.set_cookies(), 1);
    }
}

#[test]
fn a_header_that_means_something_else_does_not_build() {
    let refused = SessionManager::builder()
        .secret_key(SecretKey::generate().unwrap())
        .cookie_and_token_header("Cookie")
        .build();
    assert!(matches!(refused, Err(ConfigError::TokenHeader(_))));
}
