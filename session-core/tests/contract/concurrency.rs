//! Many requests of one session at once (Servlet 7.7.1): nothing is lost, nobody sees the
//! session of somebody else.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Barrier;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use session_core::testkit::{Fault, Verb, Visitor, block_on};
use session_core::{Exchange, Session, SessionError};

use crate::given::{Distance, Given, InFlight, MILLISECOND, SECOND, poll_once};

const REQUESTS: usize = 64;

/// One request per thread, all at the same time.
fn on_threads(
    given: &Given,
    ada: &Visitor,
    handler: fn(&Session, usize) -> Result<(), SessionError>,
) {
    let start = Barrier::new(REQUESTS);
    let sessions = given.site.sessions();
    thread::scope(|scope| {
        for number in 0..REQUESTS {
            let (start, request) = (&start, ada.request());
            scope.spawn(move || {
                block_on(async {
                    let mut exchange = sessions.begin(&request);
                    let session = exchange.handle().session().await.unwrap();
                    start.wait();
                    handler(&session, number).unwrap();
                    drop(session);
                    let _ = exchange.commit().await.unwrap();
                    exchange.finish().await.unwrap();
                });
            });
        }
    });
}

/// The same requests as tasks of a runtime on a far store, all loaded before the first commit.
fn as_tasks(
    given: &Given,
    ada: &Visitor,
    handler: fn(&Session, usize) -> Result<(), SessionError>,
) {
    let mut requests: Vec<_> = (0..REQUESTS).map(|_| given.request(ada)).collect();
    for (number, request) in requests.iter().enumerate() {
        handler(&request.session, number).unwrap();
    }
    let commits = requests.iter_mut().map(|request| request.exchange.commit());
    let commits: Vec<_> = given.in_a_while(futures_util::future::join_all(commits));
    assert!(commits.iter().all(Result::is_ok));
}

fn every_way(
    handler: fn(&Session, usize) -> Result<(), SessionError>,
    check: impl Fn(&Given, &Visitor),
) {
    let near = Given::near();
    let ada = near.visitor_with_session();
    on_threads(&near, &ada, handler);
    check(&near, &ada);
    let far = Given::far();
    let ada = far.visitor_with_session();
    as_tasks(&far, &ada, handler);
    check(&far, &ada);
}

#[test]
fn sixty_four_updates_of_one_counter_are_all_kept() {
    every_way(
        |session, _| {
            session
                .update_attribute("n", |n: &mut i64| *n += 1)
                .map(drop)
        },
        |given, ada| assert_eq!(given.stored(ada, "n"), Some(1 + REQUESTS)),
    );
}

#[test]
fn sixty_four_keys_are_all_kept() {
    every_way(
        |session, number| session.set_attribute(&format!("key {number}"), &number),
        |given, ada| {
            let view = given.peek(ada).unwrap();
            assert_eq!(view.attribute_names().count(), 1 + REQUESTS);
            for number in 0..REQUESTS {
                let value = view.get_attribute::<usize>(&format!("key {number}"));
                assert_eq!(value.unwrap(), Some(number));
            }
        },
    );
}

#[test]
fn sixty_four_updates_of_one_counter_cost_a_far_store_sixty_four_calls() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    given.take_calls();
    as_tasks(&given, &ada, |session, _| {
        session
            .update_attribute("n", |n: &mut i64| *n += 1)
            .map(drop)
    });
    let calls = given.take_calls();
    let applies = calls.iter().filter(|call| **call == Verb::Apply).count();
    assert_eq!(applies, REQUESTS);
    assert_eq!(given.stored(&ada, "n"), Some(1 + REQUESTS));
}

#[test]
fn sixty_four_updates_that_no_handle_reads_afterwards_cost_a_far_store_sixty_five_calls() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut exchanges: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let InFlight {
                exchange, session, ..
            } = given.request(&ada);
            session
                .update_attribute("n", |n: &mut i64| *n += 1)
                .unwrap();
            exchange
        })
        .collect();
    given.take_calls();
    let commits = exchanges.iter_mut().map(Exchange::commit);
    let commits: Vec<_> = given.in_a_while(futures_util::future::join_all(commits));
    assert!(commits.iter().all(Result::is_ok));
    // The first one could not know yet that others were going to wait.
    assert_eq!(given.take_calls(), [Verb::Apply; REQUESTS + 1]);
    assert_eq!(given.stored(&ada, "n"), Some(1 + REQUESTS));
}

#[test]
fn an_update_that_others_always_outrun_is_given_up_after_ten_seconds() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let mut slow = given.request(&ada);
    let (sessions, clock) = (given.site.sessions().clone(), given.site.clock().clone());
    let (other, mut runs) = (ada.request(), 100);
    let outrun = move |n: &mut i64| {
        runs += 1;
        *n = runs;
        clock.advance(SECOND);
        block_on(async {
            let mut exchange = sessions.begin(&other);
            let session = exchange.handle().session().await.unwrap();
            session.set_attribute("n", &(1_000 + runs)).unwrap();
            let _ = exchange.commit().await.unwrap();
        });
    };
    slow.session.update_attribute("n", outrun).unwrap();
    let started = given.now();
    assert!(matches!(slow.commit(), Err(SessionError::Conflict)));
    assert_eq!(given.now().saturating_since(started), SECOND * 11);
}

#[test]
fn a_writer_waits_no_longer_than_a_moment_for_one_that_the_store_does_not_answer() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut requests = [given.request(&ada), given.request(&ada)];
    for request in &requests {
        let update = |n: &mut i64| *n += 1;
        request.session.update_attribute("n", update).unwrap();
    }
    given.next(Verb::Apply, Fault::HoldRequest);
    let [first, second] = &mut requests;
    let mut first = pin!(first.exchange.commit());
    assert!(poll_once(first.as_mut()).is_pending());
    let before = given.now();
    let _ = given.in_a_while(second.exchange.commit()).unwrap();
    assert!(given.now().saturating_since(before) < SECOND);
    given.store.inner().release();
    let _ = given.in_a_while(first).unwrap();
    assert_eq!(given.stored(&ada, "n"), Some(3));
}

/// All at once they would cost two thousand calls, each of which takes as long.
#[test]
fn a_crowd_waits_as_long_as_a_slow_store_does_one_after_the_other() {
    const CALL: Duration = Duration::from_millis(100);
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut requests: Vec<_> = (0..REQUESTS).map(|_| given.request(&ada)).collect();
    for (number, request) in requests.iter().enumerate() {
        let update = |n: &mut i64| *n += 1;
        request.session.update_attribute("n", update).unwrap();
        given
            .store
            .inner()
            .nth(Verb::Apply, number + 1, Fault::HoldRequest);
    }
    given.take_calls();
    let commits = requests.iter_mut().map(|request| request.exchange.commit());
    let mut commits = pin!(futures_util::future::join_all(commits));
    let commits = loop {
        if let Poll::Ready(commits) = poll_once(commits.as_mut()) {
            break commits;
        }
        given.pass(CALL);
        given.store.inner().release();
    };
    assert!(commits.iter().all(Result::is_ok));
    assert_eq!(given.take_calls(), [Verb::Apply; REQUESTS]);
    assert_eq!(given.stored(&ada, "n"), Some(1 + REQUESTS));
}

/// One after the other they would each wait until a call is given up.
#[test]
fn when_the_store_fails_one_writer_the_others_wait_for_each_other_no_longer() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut requests: Vec<_> = (0..4).map(|_| given.request(&ada)).collect();
    for request in &requests {
        let update = |n: &mut i64| *n += 1;
        request.session.update_attribute("n", update).unwrap();
    }
    given.next(Verb::Apply, Fault::Unavailable);
    for number in 2..=4 {
        given
            .store
            .inner()
            .nth(Verb::Apply, number, Fault::HoldRequest);
    }
    let commits = requests.iter_mut().map(|request| request.exchange.commit());
    let mut commits = pin!(futures_util::future::join_all(commits));
    for _ in 0..10 {
        assert!(poll_once(commits.as_mut()).is_pending());
        given.pass(MILLISECOND);
    }
    assert_eq!(given.store.inner().held(), 3);
    given.store.inner().release();
    let commits = given.in_a_while(commits);
    assert!(commits[0].is_err() && commits[1..].iter().all(Result::is_ok));
    assert_eq!(given.stored(&ada, "n"), Some(4));
}

#[test]
fn sixty_four_appends_are_all_kept() {
    every_way(
        |session, number| session.append_attribute("l", &number),
        |given, ada| {
            let list: Vec<usize> = given.stored(ada, "l").unwrap();
            assert_eq!(list.len(), REQUESTS);
            assert_eq!(list.into_iter().collect::<BTreeSet<_>>().len(), REQUESTS);
        },
    );
}

#[test]
fn updates_keys_and_appends_of_the_same_requests_are_all_kept() {
    every_way(
        |session, number| {
            session.update_attribute("n", |n: &mut i64| *n += 1)?;
            session.set_attribute(&format!("key {number}"), &number)?;
            session.append_attribute("l", &number)
        },
        |given, ada| {
            assert_eq!(given.stored(ada, "n"), Some(1 + REQUESTS));
            assert_eq!(
                given.peek(ada).unwrap().attribute_names().count(),
                2 + REQUESTS
            );
            assert_eq!(
                given.stored::<Vec<usize>>(ada, "l").unwrap().len(),
                REQUESTS
            );
        },
    );
}

#[test]
fn tasks_of_one_request_share_its_session_without_losing_a_write() {
    // Threads do not run the tasks of the manual runtime.
    let given = Given::without_runtime(Distance::Near, |builder| builder);
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    thread::scope(|scope| {
        for number in 0..16 {
            let session = request.session.clone();
            scope.spawn(move || {
                for _ in 0..16 {
                    session
                        .update_attribute("n", |n: &mut i64| *n += 1)
                        .unwrap();
                    session.append_attribute("l", &number).unwrap();
                    block_on(session.save()).unwrap();
                }
            });
        }
    });
    request.send_head();
    assert_eq!(given.stored(&ada, "n"), Some(1 + 16 * 16));
    assert_eq!(given.stored::<Vec<i64>>(&ada, "l").unwrap().len(), 16 * 16);
}

#[test]
fn of_two_tasks_of_one_request_that_take_an_attribute_one_gets_it() {
    for _ in 0..200 {
        let given = Given::near();
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        let start = Barrier::new(2);
        let take = || {
            start.wait();
            request.session.take_attribute::<i64>("n").unwrap()
        };
        let (first, second) = thread::scope(|scope| {
            let other = scope.spawn(take);
            (take(), other.join().unwrap())
        });
        assert_eq!(first.xor(second), Some(1), "both got {first:?}");
    }
}

#[test]
fn of_sixty_four_logins_at_once_exactly_one_wins() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let sessions = given.site.sessions();
    let start = Barrier::new(REQUESTS);
    let cookies: Vec<Option<String>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..REQUESTS)
            .map(|number| {
                let (start, request) = (&start, ada.request());
                scope.spawn(move || {
                    block_on(async {
                        let mut exchange = sessions.begin(&request);
                        let session = exchange.handle().session().await.unwrap();
                        start.wait();
                        session.login(format!("visitor {number}")).unwrap();
                        drop(session);
                        match exchange.commit().await {
                            Ok(delivery) => delivery.set_cookie().map(str::to_owned),
                            Err(SessionError::Moved) => None,
                            Err(error) => panic!("{error}"),
                        }
                    })
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(cookies.iter().flatten().count(), 1);
    assert_eq!(given.sessions_stored(), 1);
}

#[test]
fn logging_out_while_others_write_leaves_nothing() {
    for _ in 0..50 {
        let given = Given::near();
        let ada = given.visitor_with_session();
        let sessions = given.site.sessions();
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for number in 0..4 {
                let (start, request) = (&start, ada.request());
                scope.spawn(move || {
                    block_on(async {
                        let mut exchange = sessions.begin(&request);
                        let session = exchange.handle().existing_session().await.unwrap().unwrap();
                        start.wait();
                        match number {
                            0 => session.logout().unwrap(),
                            1 => drop(session.change_session_id().unwrap()),
                            _ => session.set_attribute("n", &2).unwrap(),
                        }
                        drop(session);
                        // The rotation may lose; nothing else can.
                        let _ = exchange.commit().await;
                    });
                });
            }
        });
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn nobody_sees_the_session_of_somebody_else() {
    let given = Given::near();
    let sessions = given.site.sessions();
    thread::scope(|scope| {
        for number in 0..16_u64 {
            let mut visitor = given.visitor();
            scope.spawn(move || {
                block_on(async {
                    visitor
                        .visit(async |session| session.set_attribute("nonce", &number))
                        .await
                        .unwrap();
                    for round in 0..200 {
                        let mut exchange = sessions.begin(&visitor.request());
                        let session = exchange.handle().session().await.unwrap();
                        assert_eq!(session.get_attribute("nonce").unwrap(), Some(number));
                        session.set_attribute("round", &round).unwrap();
                        if round % 3 == 0 {
                            continue; // The handler is dropped.
                        }
                        if round % 5 == 0 {
                            session.change_session_id().unwrap();
                        }
                        drop(session);
                        let delivery = exchange.commit().await.unwrap();
                        visitor.receive(delivery);
                    }
                });
            });
        }
    });
    given.pass(SECOND);
    assert_eq!(given.sessions_stored(), 16);
}
