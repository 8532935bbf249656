//! Changes of several requests, and of several tasks of one request, that overlap.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_core::testkit::{Verb, Visitor};
use session_core::{Session, SessionError};

use crate::given::{Distance, Given, MILLISECOND, poll_once};

fn increment(session: &Session) {
    session
        .update_attribute("n", |n: &mut i64| *n += 1)
        .unwrap();
}

/// Another request of the same visitor, from start to end.
fn meanwhile<R>(
    given: &Given,
    ada: &Visitor,
    handler: impl FnOnce(&Session) -> Result<R, SessionError>,
) {
    given.visit(&mut ada.clone(), handler).unwrap();
}

#[test]
fn requests_that_change_different_attributes_all_survive() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.set_attribute("a", &1).unwrap();
        meanwhile(&given, &ada, |session| session.set_attribute("b", &2));
        meanwhile(&given, &ada, |session| session.remove_attribute("n"));
        request.send_head();
        let view = given.peek(&ada).unwrap();
        assert_eq!(view.attribute_names().collect::<Vec<_>>(), ["a", "b"]);
    }
}

#[test]
fn the_last_set_wins_for_its_attribute_only() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.set_attribute("n", &10).unwrap();
        meanwhile(&given, &ada, |session| {
            session.set_attribute("n", &20)?;
            session.set_attribute("m", &20)
        });
        request.send_head();
        assert_eq!(given.stored(&ada, "n"), Some(10));
        assert_eq!(given.stored(&ada, "m"), Some(20));
    }
}

#[test]
fn an_update_that_lost_the_race_runs_again_on_the_newer_value() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let runs = Arc::new(AtomicUsize::new(0));
        let mut request = given.request(&ada);
        let counted = runs.clone();
        let provisional = request.session.update_attribute("n", move |n: &mut i64| {
            counted.fetch_add(1, Ordering::SeqCst);
            *n *= 2;
        });
        assert_eq!(provisional.unwrap(), 2);
        meanwhile(&given, &ada, |session| session.set_attribute("n", &21));
        let delivery = given.in_a_while(request.exchange.commit());
        let _ = delivery.unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(42));
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn on_a_far_store_whoever_lost_a_race_waits_a_moment_before_the_next_try() {
    let given = Given::far();
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    increment(&request.session);
    meanwhile(&given, &ada, |session| session.set_attribute("n", &10));
    let mut commit = Box::pin(request.exchange.commit());
    for _ in 0..20 {
        assert!(poll_once(commit.as_mut()).is_pending());
        given.runtime.run_until_stalled();
    }
    given.pass(MILLISECOND);
    let _ = given.in_a_while(commit).unwrap();
    assert_eq!(given.stored(&ada, "n"), Some(11));
}

#[test]
fn after_save_an_update_shows_the_committed_value() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        increment(&request.session);
        meanwhile(&given, &ada, |session| session.set_attribute("n", &41));
        given.in_a_while(request.session.save()).unwrap();
        assert_eq!(request.session.get_attribute::<i64>("n").unwrap(), Some(42));
    }
}

#[test]
fn several_updates_and_appends_of_one_attribute_are_made_again_in_their_order() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        let session = &request.session;
        session.append_attribute("l", &1).unwrap();
        session
            .update_attribute("l", |list: &mut Vec<i64>| list.push(list.len() as i64 * 10))
            .unwrap();
        session.append_attribute("l", &3).unwrap();
        assert_eq!(
            session.get_attribute::<Vec<i64>>("l").unwrap(),
            Some(vec![1, 10, 3])
        );
        meanwhile(&given, &ada, |session| session.append_attribute("l", &7));
        let _ = given.in_a_while(request.exchange.commit()).unwrap();
        assert_eq!(given.stored(&ada, "l"), Some(vec![7, 1, 20, 3]));
    }
}

#[test]
fn an_update_of_an_attribute_that_was_removed_meanwhile_starts_from_the_default() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        increment(&request.session);
        meanwhile(&given, &ada, |session| session.remove_attribute("n"));
        let _ = given.in_a_while(request.exchange.commit()).unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(1));
    }
}

#[test]
fn an_update_of_an_attribute_that_changed_its_type_meanwhile_is_an_error_and_stores_nothing() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        increment(&request.session);
        request.session.set_attribute("m", &1).unwrap();
        meanwhile(&given, &ada, |session| session.set_attribute("n", "text"));
        let failed = given.in_a_while(request.exchange.commit());
        assert!(matches!(failed, Err(SessionError::Decode { .. })));
        assert_eq!(given.stored(&ada, "n"), Some("text".to_owned()));
        assert_eq!(given.stored::<i64>(&ada, "m"), None);
    }
}

#[test]
fn an_update_runs_under_no_lock() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        let (inner, mut runs) = (request.session.clone(), 0);
        let outcome = request.session.update_attribute("n", move |n: &mut i64| {
            runs += 1;
            assert!(runs < 100, "the update is made again and again");
            inner.set_attribute("other", &1).unwrap();
            inner.attribute_names().unwrap();
            *n += 1;
        });
        assert_eq!(outcome.unwrap(), 2);
        given.in_a_while(request.session.save()).unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(2));
        assert_eq!(given.stored(&ada, "other"), Some(1));
    }
}

#[test]
fn an_update_that_is_made_again_runs_under_no_lock_either() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        let inner = request.session.clone();
        request
            .session
            .update_attribute("n", move |n: &mut i64| {
                assert!(inner.get_attribute::<i64>("n").unwrap().is_some());
                *n += 1;
            })
            .unwrap();
        meanwhile(&given, &ada, |session| session.set_attribute("n", &10));
        given.in_a_while(request.session.save()).unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(11));
    }
}

#[test]
fn appends_of_overlapping_requests_are_kept_in_the_order_of_their_commits() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut requests: Vec<_> = (0..3).map(|_| given.request(&ada)).collect();
        for (number, request) in requests.iter().enumerate() {
            request.session.append_attribute("l", &number).unwrap();
        }
        given.take_calls();
        for number in [2, 0, 1] {
            requests[number].send_head();
        }
        assert_eq!(
            given.take_calls(),
            [Verb::Apply; 3],
            "an append never conflicts"
        );
        assert_eq!(given.stored(&ada, "l"), Some(vec![2, 0, 1]));
    }
}

#[test]
fn an_append_to_what_is_no_list_by_now_is_an_error_and_stores_nothing() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.append_attribute("l", &1).unwrap();
        request.session.set_attribute("m", &1).unwrap();
        meanwhile(&given, &ada, |session| session.set_attribute("l", "text"));
        assert!(matches!(
            request.commit(),
            Err(SessionError::NotAList { .. })
        ));
        assert_eq!(given.stored(&ada, "l"), Some("text".to_owned()));
        assert_eq!(given.stored::<i64>(&ada, "m"), None);
    }
}

#[test]
fn of_several_requests_that_take_and_save_exactly_one_succeeds() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let requests: Vec<_> = (0..5).map(|_| given.request(&ada)).collect();
        for request in &requests {
            assert_eq!(request.session.take_attribute::<i64>("n").unwrap(), Some(1));
        }
        let saved = requests
            .iter()
            .map(|request| given.in_a_while(request.session.save()));
        let outcomes: Vec<_> = saved.collect();
        assert!(outcomes[0].is_ok());
        assert!(
            outcomes[1..]
                .iter()
                .all(|it| matches!(it, Err(SessionError::Conflict)))
        );
        assert_eq!(given.stored::<i64>(&ada, "n"), None);
    }
}

#[test]
fn taking_twice_without_save_is_no_error() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let (mut first, mut second) = (given.request(&ada), given.request(&ada));
        for request in [&first, &second] {
            assert_eq!(request.session.take_attribute::<i64>("n").unwrap(), Some(1));
            request.session.append_attribute("l", &1).unwrap();
        }
        first.send_head();
        let _ = given.in_a_while(second.exchange.commit()).unwrap();
        assert_eq!(given.stored::<i64>(&ada, "n"), None);
        assert_eq!(given.stored(&ada, "l"), Some(vec![1, 1]));
    }
}

#[test]
fn strict_reads_make_a_set_over_a_changed_value_a_conflict() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.strict_reads(true));
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        let n: i64 = request.session.get_attribute("n").unwrap().unwrap();
        request.session.set_attribute("n", &(n + 1)).unwrap();
        meanwhile(&given, &ada, |session| session.set_attribute("n", &10));
        let refused = request.commit();
        assert!(matches!(refused, Err(SessionError::Conflict)));
        assert_eq!(refused.unwrap_err().status(), 409);
        assert_eq!(given.stored(&ada, "n"), Some(10));
    }
}

#[test]
fn strict_reads_make_a_removal_of_a_changed_value_a_conflict() {
    let given = Given::at(Distance::Near, |builder| builder.strict_reads(true));
    let ada = given.visitor_with_session();
    let request = given.request(&ada);
    request.session.get_attribute::<i64>("n").unwrap();
    request.session.remove_attribute("n").unwrap();
    meanwhile(&given, &ada, |session| session.set_attribute("n", &10));
    let save = given.runtime.block_on(request.session.save());
    assert!(matches!(save, Err(SessionError::Conflict)));
}

#[test]
fn strict_reads_mind_each_of_the_values_that_were_read() {
    let given = Given::at(Distance::Near, |builder| builder.strict_reads(true));
    for read_last in ["m", "n"] {
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        request.session.get_attribute::<i64>("n").unwrap();
        request.session.get_attribute::<i64>(read_last).unwrap();
        request.session.set_attribute("n", &2).unwrap();
        meanwhile(&given, &ada, |session| session.set_attribute("n", &10));
        let save = given.runtime.block_on(request.session.save());
        assert!(matches!(save, Err(SessionError::Conflict)), "{read_last}");
    }
}

#[test]
fn strict_reads_mind_nothing_that_was_not_read_or_did_not_change() {
    let given = Given::at(Distance::Near, |builder| builder.strict_reads(true));
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    request.session.get_attribute::<i64>("n").unwrap();
    request.session.set_attribute("n", &2).unwrap();
    request.session.set_attribute("m", &2).unwrap();
    increment(&request.session);
    meanwhile(&given, &ada, |session| session.set_attribute("m", &10));
    request.send_head();
    assert_eq!(given.stored(&ada, "n"), Some(3));
    assert_eq!(given.stored(&ada, "m"), Some(2));
}

#[test]
fn strict_reads_remember_the_value_that_was_read_also_across_a_save() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.strict_reads(true));
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        let n: i64 = request.session.get_attribute("n").unwrap().unwrap();
        meanwhile(&given, &ada, |session| session.set_attribute("n", &10));
        request.session.set_attribute("m", &1).unwrap();
        given.runtime.block_on(request.session.save()).unwrap();
        request.session.set_attribute("n", &(n + 1)).unwrap();
        let save = given.runtime.block_on(request.session.save());
        assert!(matches!(save, Err(SessionError::Conflict)));
        assert_eq!(given.stored(&ada, "n"), Some(10));
    }
}
