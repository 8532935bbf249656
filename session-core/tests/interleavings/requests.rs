//! Requests of one session, handles of one request, and what becomes of what they leave behind.

use std::task::{Context, Waker};

use session_core::{Session, SessionError};
use shuttle::future::block_on;
use shuttle::thread;

use crate::explore::explore;
use crate::site::*;
use crate::tables::MINUTE;

fn each(test: impl Fn(Distance) + Copy + Send + Sync + 'static) {
    for distance in NEAR_AND_FAR {
        explore(move || test(distance));
    }
}

#[test]
fn requests_at_once_lose_no_update_and_no_append() {
    each(|distance| {
        let site = site(distance);
        let ada = visitor_with_session(&site);
        let requests: Vec<_> = (0..3_i64)
            .map(|request| {
                let mut ada = ada.clone();
                thread::spawn(move || {
                    visit(&mut ada, |session| {
                        increment(session, "n")?;
                        session.append_attribute("list", &request)
                    })
                    .unwrap();
                })
            })
            .collect();
        requests.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(stored(&ada, "n"), Some(4));
        let mut list: Vec<i64> = stored(&ada, "list").unwrap();
        list.sort_unstable();
        assert_eq!(list, [0, 1, 2]);
    });
}

#[test]
fn handles_of_one_request_that_save_at_once_store_what_each_wrote() {
    each(|distance| {
        let site = site(distance);
        let mut ada = visitor_with_session(&site);
        let mut exchange = ada.begin();
        let session = block_on(exchange.handle().session()).unwrap();
        let tasks: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|name| {
                let session = session.clone();
                thread::spawn(move || {
                    session.set_attribute(name, &1).unwrap();
                    increment(&session, "n").unwrap();
                    block_on(session.save()).unwrap();
                    assert_eq!(session.get_attribute(name).unwrap(), Some(1));
                })
            })
            .collect();
        ada.receive(block_on(exchange.commit()).unwrap());
        tasks.into_iter().for_each(|task| task.join().unwrap());
        drop(session);
        block_on(exchange.finish()).unwrap();
        assert_eq!(stored(&ada, "a"), Some(1));
        assert_eq!(stored(&ada, "b"), Some(1));
        assert_eq!(stored(&ada, "n"), Some(3));
    });
}

/// The body ends, or its client goes away, while a task still holds the session and drops it:
/// whoever comes last stores what is left, and nobody stores it twice.
#[test]
fn what_a_task_writes_around_the_end_of_a_body_is_stored_once() {
    for goes_away in [false, true] {
        each(move |distance| {
            let site = site(distance);
            let ada = visitor_with_session(&site);
            let mut exchange = ada.begin();
            let session = block_on(exchange.handle().session()).unwrap();
            let _ = block_on(exchange.commit()).unwrap();
            let task = thread::spawn(move || {
                session.append_attribute("list", &1).unwrap();
                session.append_attribute("list", &2).unwrap();
            });
            if goes_away {
                drop(exchange);
            } else {
                block_on(exchange.finish()).unwrap();
            }
            task.join().unwrap();
            block_on(site.sessions().drain());
            assert_eq!(stored(&ada, "list"), Some(vec![1, 2]));
        });
    }
}

#[test]
fn a_request_kept_alive_while_it_commits_loses_nothing_and_has_one_id() {
    each(|distance| {
        let site = site(distance);
        let mut ada = visitor_with_session(&site);
        let before = ada.clone();
        let mut exchange = ada.begin();
        let session = block_on(exchange.handle().session()).unwrap();
        let task = thread::spawn(move || {
            increment(&session, "n").unwrap();
            block_on(session.save()).unwrap();
            increment(&session, "n").unwrap();
        });
        let other = block_on(exchange.handle().session()).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let _ = exchange.poll_keep_alive(&mut context);
        other.login("ada").unwrap();
        let _ = exchange.poll_keep_alive(&mut context);
        ada.receive(block_on(exchange.commit()).unwrap());
        task.join().unwrap();
        drop(other);
        block_on(exchange.finish()).unwrap();
        block_on(site.sessions().drain());
        assert_eq!(stored(&ada, "n"), Some(3));
        assert!(!is_alive(&before));
    });
}

#[test]
fn of_two_logins_one_wins_and_writes_of_before_follow_it() {
    one_of_two_wins(|session| session.login("ada").map(drop));
}

#[test]
fn of_two_changes_of_an_id_one_wins_and_writes_of_before_follow_it() {
    one_of_two_wins(|session| session.change_session_id().map(drop));
}

/// Two requests of one session `renew` its id at once, and a third one writes.
fn one_of_two_wins(renew: fn(&Session) -> Result<(), SessionError>) {
    each(move |distance| {
        let site = site(distance);
        let ada = visitor_with_session(&site);
        let logins: Vec<_> = (0..2)
            .map(|_| {
                let mut ada = ada.clone();
                thread::spawn(move || {
                    let login = visit(&mut ada, renew);
                    (login, ada)
                })
            })
            .collect();
        let mut exchange = ada.begin();
        let session = block_on(exchange.handle().existing_session()).unwrap();
        if let Some(session) = &session {
            increment(session, "n").unwrap();
        }
        let wrote = session.is_some();
        drop(session);
        let _ = block_on(exchange.commit()).unwrap();
        block_on(exchange.finish()).unwrap();
        let (mut won, mut usable) = (0, Vec::new());
        for login in logins {
            let (login, visitor) = login.join().unwrap();
            match login {
                Ok(_) => won += 1,
                Err(SessionError::Moved) => {}
                Err(error) => panic!("{error}"),
            }
            usable.extend(is_alive(&visitor).then_some(visitor));
        }
        assert!(!is_alive(&ada), "the old id is dead");
        assert_eq!((won, usable.len()), (1, 1));
        assert_eq!(stored(&usable[0], "n"), Some(if wrote { 2 } else { 1 }));
    });
}

/// A logout that found its session ends it under whatever id it has by then.
#[test]
fn a_logout_is_final_whatever_is_under_way() {
    each(|distance| {
        let site = site(distance);
        let ada = visitor_with_session(&site);
        let mut writing = ada.clone();
        let writing = thread::spawn(move || {
            let mut exchange = writing.begin();
            let session = block_on(exchange.handle().existing_session()).unwrap();
            if let Some(session) = session {
                increment(&session, "n").unwrap();
            }
            writing.receive(block_on(exchange.commit()).unwrap());
            block_on(exchange.finish()).unwrap();
            assert_eq!(writing.set_cookies(), 1, "only the first one");
        });
        let mut turning = ada.clone();
        let turning = thread::spawn(move || {
            // Refused when the session is gone.
            let _ = visit(&mut turning, |session| {
                let found: Option<i64> = session.get_attribute("n")?;
                found.map(|_| session.change_session_id()).transpose()
            });
            turning
        });
        let mut leaving = ada.clone();
        let found = visit(&mut leaving, |session| {
            let found: Option<i64> = session.get_attribute("n")?;
            session.logout()?;
            Ok(found.is_some())
        });
        let found = found.unwrap();
        writing.join().unwrap();
        let turned = turning.join().unwrap();
        block_on(site.sessions().drain());
        assert!(!is_alive(&ada) && !is_alive(&leaving));
        assert_eq!(is_alive(&turned), !found);
    });
}

/// A long request that ends touches its session once more, and may be the last to hold what a
/// task has just written.
#[test]
fn what_is_written_during_the_last_touch_is_stored_before_a_server_ends() {
    explore(|| {
        let site = site(Distance::Far);
        let ada = visitor_with_session(&site);
        let mut exchange = ada.begin();
        let session = block_on(exchange.handle().session()).unwrap();
        let _ = block_on(exchange.commit()).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let _ = exchange.poll_keep_alive(&mut context);
        site.clock().advance(2 * MINUTE);
        let task = thread::spawn(move || session.append_attribute("list", &1).unwrap());
        drop(exchange);
        task.join().unwrap();
        block_on(site.sessions().drain());
        assert_eq!(stored(&ada, "list"), Some(vec![1]));
    });
}

/// `drain` does not answer before what was handed off is stored.
#[test]
fn a_server_that_drains_before_it_ends_has_stored_everything() {
    each(|distance| {
        let site = site(distance);
        let ada = visitor_with_session(&site);
        let requests: Vec<_> = (0..2)
            .map(|_| {
                let ada = ada.clone();
                thread::spawn(move || {
                    let mut exchange = ada.begin();
                    let session = block_on(exchange.handle().session()).unwrap();
                    let _ = block_on(exchange.commit()).unwrap();
                    session.append_attribute("list", &1).unwrap();
                    drop(exchange);
                    drop(session);
                })
            })
            .collect();
        requests.into_iter().for_each(|it| it.join().unwrap());
        block_on(site.sessions().drain());
        assert_eq!(stored(&ada, "list"), Some(vec![1, 1]));
    });
}

#[test]
fn an_accessor_and_requests_at_once_lose_no_update() {
    each(|distance| {
        let site = site(distance);
        let mut ada = visitor_with_session(&site);
        let accessor = visit(&mut ada, Session::accessor).unwrap();
        let socket = thread::spawn(move || {
            let work = accessor.access(async |session| increment(&session, "n"));
            block_on(work).unwrap();
        });
        visit(&mut ada, |session| increment(session, "n")).unwrap();
        socket.join().unwrap();
        assert_eq!(stored(&ada, "n"), Some(3));
    });
}
