//! What the engine asks of its store and what it makes of the answers. The rules of the stores
//! themselves are in `testkit::store`.

use session_core::testkit::{Fault, Recording, SeededEntropy, Site, Verb, Visitor, block_on};
use session_core::{
    Entropy, EntropyError, MemoryStore, Rejection, Session, SessionError, SessionEvent,
};

use crate::given::{Distance, Given, HOUR, MINUTE, SECOND};
use crate::lagging::Lagging;

#[test]
fn a_session_without_any_attribute_is_stored_and_found_again() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        assert_eq!(given.peek(&ada).unwrap().attribute_names().count(), 0);
        given
            .visit(&mut ada, |session| session.set_attribute("n", &1))
            .unwrap();
        given
            .visit(&mut ada, |session| session.remove_attribute("n"))
            .unwrap();
        let view = given.peek(&ada).unwrap();
        assert_eq!(view.attribute_names().count(), 0);
        assert_eq!(view.principal().as_deref(), Some("ada"));
    }
}

#[test]
fn an_unreadable_record_is_no_session_and_an_event_and_is_never_overwritten() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let old = ada.clone();
        given.next(Verb::Load, Fault::Unreadable);
        given
            .visit(&mut ada, |session| session.set_attribute("n", &2))
            .unwrap();
        assert_eq!(
            given.take_events(),
            [
                SessionEvent::Rejected(Rejection::Unreadable),
                SessionEvent::Created
            ]
        );
        assert_eq!(given.take_calls(), [Verb::Load, Verb::Create]);
        assert_eq!(given.stored(&old, "n"), Some(1));
        assert_eq!(given.stored(&ada, "n"), Some(2));
    }
}

#[test]
fn a_record_of_a_newer_format_is_an_outage_and_is_never_touched() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given.next(Verb::Load, Fault::NewerFormat);
        let visit = given.visit(&mut ada, |session| session.set_attribute("n", &2));
        assert!(matches!(visit, Err(SessionError::NewerFormat)));
        assert_eq!(visit.unwrap_err().status(), 503);
        assert_eq!(given.take_calls(), [Verb::Load]);
        assert_eq!(ada.set_cookies(), 1);
        assert_eq!(given.stored(&ada, "n"), Some(1));
    }
}

#[test]
fn somebody_elses_record_is_refused_and_told() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given.next(Verb::Load, Fault::Foreign);
        let n = given.visit(&mut ada, |session| session.get_attribute::<i64>("n"));
        assert_eq!(n.unwrap(), None);
        assert_eq!(
            given.take_events(),
            [SessionEvent::Rejected(Rejection::Foreign)]
        );
    }
}

/// Somebody else, who changed the same attribute as often as ada will have.
fn somebody_else(given: &Given) -> Visitor {
    let mut bob = given.visitor();
    for n in [99, 100] {
        given
            .visit(&mut bob, |session| session.set_attribute("n", &n))
            .unwrap();
    }
    bob
}

#[test]
fn an_answer_to_a_write_that_is_somebody_elses_record_is_refused_and_told() {
    for given in Given::near_and_far() {
        let bob = somebody_else(&given);
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        request.session.set_attribute("m", &1).unwrap();
        given.next(Verb::Apply, Fault::Foreign);
        let saved = given.runtime.block_on(request.session.save());
        assert!(matches!(saved, Err(SessionError::Unavailable(_))));
        assert_eq!(
            given.take_events(),
            [SessionEvent::Rejected(Rejection::Foreign)]
        );
        assert_eq!(request.session.get_attribute("n").unwrap(), Some(1));
        assert_eq!(given.stored(&bob, "n"), Some(100));
    }
}

/// Whose session is over, nobody knows: so nobody is told that theirs is.
#[test]
fn a_logout_that_is_answered_with_somebody_elses_record_has_failed() {
    for given in Given::near_and_far() {
        let _bob = somebody_else(&given);
        let mut ada = given.visitor_with_session();
        let cookie = ada.cookie();
        given.next(Verb::Delete, Fault::Foreign);
        let outcome = given.visit(&mut ada, Session::logout);
        assert!(matches!(outcome, Err(SessionError::Unavailable(_))));
        assert_eq!(ada.cookie(), cookie);
        let events = given.take_events();
        assert!(events.contains(&SessionEvent::Rejected(Rejection::Foreign)));
        let is_end = |event: &SessionEvent| matches!(event, SessionEvent::Ended(_));
        assert!(!events.iter().any(is_end), "{events:?}");
    }
}

#[test]
fn ends_of_a_principal_that_are_answered_with_somebody_elses_record_have_failed() {
    for given in Given::near_and_far() {
        let _bob = somebody_else(&given);
        for verb in [Verb::End, Verb::EndAll] {
            let mut ada = given.visitor_with_session();
            given
                .visit(&mut ada, |session| session.login("ada"))
                .unwrap();
            let sessions = given.site.sessions();
            let listed = given.runtime.block_on(sessions.sessions_of("ada")).unwrap();
            given.take_events();
            given.next(verb, Fault::Foreign);
            let handle = listed[0].handle();
            let ended = given.runtime.block_on(async {
                match verb {
                    Verb::End => sessions.end_session("ada", &handle).await.map(drop),
                    _ => sessions.end_sessions_of("ada").await.map(drop),
                }
            });
            assert!(matches!(ended, Err(SessionError::Unavailable(_))));
            let foreign = SessionEvent::Rejected(Rejection::Foreign);
            assert_eq!(given.take_events(), [foreign]);
        }
    }
}

#[test]
fn an_update_is_never_made_again_on_the_value_of_somebody_else() {
    for given in Given::near_and_far() {
        let _bob = somebody_else(&given);
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request
            .session
            .update_attribute("n", |n: &mut i64| *n += 1)
            .unwrap();
        let mut tab = ada.clone();
        given
            .visit(&mut tab, |session| session.set_attribute("n", &10))
            .unwrap();
        given.next(Verb::Apply, Fault::Foreign);
        assert_eq!(
            given
                .in_a_while(request.exchange.commit())
                .unwrap_err()
                .status(),
            503
        );
        assert_eq!(given.stored(&ada, "n"), Some(10));
    }
}

#[test]
fn an_expired_record_that_a_store_still_answers_with_is_no_session() {
    for limit in ["idle", "absolute"] {
        let site = Site::with(|builder| {
            let builder = builder.store(Lagging::default());
            match limit {
                "idle" => builder.max_inactive_interval(MINUTE),
                _ => builder.absolute_timeout(MINUTE).max_inactive_interval(None),
            }
        });
        block_on(async {
            let mut ada = site.visitor();
            ada.visit(async |session| session.set_attribute("n", &1))
                .await
                .unwrap();
            site.clock().advance(MINUTE - SECOND);
            let handle = ada.begin().handle();
            assert!(
                handle.existing_session().await.unwrap().is_some(),
                "{limit}"
            );
            site.clock().advance(SECOND);
            let handle = ada.begin().handle();
            assert!(
                handle.existing_session().await.unwrap().is_none(),
                "{limit}"
            );
        });
    }
}

#[test]
fn an_update_on_a_stale_row_of_a_lagging_replica_loses_nothing() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        for _ in 0..3 {
            given
                .visit(&mut ada, |session| {
                    session.update_attribute("n", |n: &mut i64| *n += 1)
                })
                .unwrap();
        }
        given.next(Verb::Load, Fault::Stale);
        let request = given.request(&ada);
        let n = request.session.update_attribute("n", |n: &mut i64| *n += 1);
        assert_eq!(n.unwrap(), 2, "the row is stale");
        given.in_a_while(request.session.save()).unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(5));
    }
}

#[test]
fn an_id_that_is_taken_is_drawn_anew_and_never_overwrites() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        given.entropy.rewind();
        let mut eve = given.visitor();
        given
            .visit(&mut eve, |session| session.set_attribute("n", &2))
            .unwrap();
        assert_eq!(given.take_calls(), [Verb::Create, Verb::Create]);
        assert_ne!(eve.cookie(), ada.cookie());
        assert_eq!(given.stored(&ada, "n"), Some(1));
        assert_eq!(given.stored(&eve, "n"), Some(2));
    }
}

#[test]
fn a_new_id_that_is_taken_is_drawn_anew_also_in_a_rotation() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        // Ids that nobody gets, so that only the first one after the rewind is taken.
        given.entropy.fill(&mut [0; 320]).unwrap();
        let mut eve = given.visitor();
        given
            .visit(&mut eve, |session| session.set_attribute("n", &2))
            .unwrap();
        given.entropy.rewind();
        given.take_calls();
        given.visit(&mut eve, Session::change_session_id).unwrap();
        assert_eq!(given.take_calls(), [Verb::Load, Verb::Rename, Verb::Rename]);
        assert_ne!(eve.cookie(), ada.cookie());
        assert_eq!(given.stored(&ada, "n"), Some(1));
        assert_eq!(given.stored(&eve, "n"), Some(2));
    }
}

#[test]
fn a_generator_that_repeats_itself_creates_nothing() {
    let given = Given::at(Distance::Near, |builder| {
        builder.entropy(SeededEntropy::repeating(7))
    });
    let ada = given.visitor_with_session();
    let mut eve = given.visitor();
    let outcome = given.visit(&mut eve, |session| session.set_attribute("n", &2));
    assert!(matches!(outcome, Err(SessionError::Entropy(_))));
    assert_eq!(outcome.unwrap_err().status(), 503);
    assert_eq!(eve.set_cookies(), 0);
    assert_eq!(given.stored(&ada, "n"), Some(1));
}

#[test]
fn a_generator_that_repeats_itself_is_found_out_by_the_second_clash_of_a_rotation() {
    let given = Given::at(Distance::Near, |builder| {
        builder.entropy(SeededEntropy::repeating(7))
    });
    let mut ada = given.visitor_with_session();
    let outcome = given.visit(&mut ada, Session::change_session_id);
    assert!(matches!(outcome, Err(SessionError::Entropy(_))));
    assert_eq!(given.take_calls(), [Verb::Load, Verb::Rename, Verb::Rename]);
    assert_eq!(ada.set_cookies(), 1, "nothing is announced");
    assert_eq!(given.stored(&ada, "n"), Some(1));
}

#[test]
fn a_generator_that_fails_creates_and_rotates_nothing() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given.entropy.exhaust();
        let rotated = given.visit(&mut ada, Session::change_session_id);
        assert!(matches!(rotated, Err(SessionError::Entropy(_))));
        let login = given.visit(&mut ada, |session| session.login("ada"));
        assert!(matches!(login, Err(SessionError::Entropy(_))));
        let mut eve = given.visitor();
        given.take_calls();
        let created = given.visit(&mut eve, |session| {
            assert_eq!(session.id(), None);
            session.set_attribute("n", &1)
        });
        assert!(matches!(created, Err(SessionError::Entropy(_))));
        assert_eq!(given.take_calls(), []);
        assert_eq!((ada.set_cookies(), eve.set_cookies()), (1, 0));
        given
            .visit(&mut ada, |session| session.set_attribute("n", &2))
            .unwrap();
    }
}

#[test]
fn a_generator_that_stops_half_way_creates_nothing() {
    /// Delivers half of what was asked for, and says so.
    struct HalfWay;
    impl Entropy for HalfWay {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
            let half = buffer.len() / 2;
            buffer[..half].fill(7);
            Err(EntropyError)
        }
    }
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.entropy(HalfWay));
        let mut ada = given.visitor();
        let created = given.visit(&mut ada, |session| session.set_attribute("n", &1));
        assert!(matches!(created, Err(SessionError::Entropy(_))));
        assert_eq!((given.take_calls(), ada.set_cookies()), (vec![], 0));
    }
}

#[test]
fn namespaces_never_see_each_others_sessions_under_the_same_id() {
    let store = Recording::new(MemoryStore::new());
    let site = |namespace: &str| {
        let (store, namespace) = (store.clone(), namespace.to_owned());
        Site::with(move |builder| builder.store(store).namespace(namespace))
    };
    let (shop, forum) = (site("shop"), site("forum"));
    block_on(async {
        let mut ada = shop.visitor();
        ada.visit(async |session| session.set_attribute("n", &1))
            .await
            .unwrap();
        let mut stranger = forum.visitor();
        stranger.set_cookie(ada.cookie());
        let n = stranger
            .visit(async |session| session.get_attribute::<i64>("n"))
            .await;
        assert_eq!(n.unwrap(), None);
        stranger
            .visit(async |session| session.set_attribute("n", &2))
            .await
            .unwrap();
        let n = ada
            .visit(async |session| session.get_attribute::<i64>("n"))
            .await;
        assert_eq!(n.unwrap(), Some(1));
    });
}

#[test]
fn an_unchanged_session_is_not_written_when_it_was_just_accessed() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| session.get_attribute::<i64>("n"))
        .unwrap();
    assert_eq!(given.take_calls(), [Verb::Load]);
}

#[test]
fn committing_twice_writes_once() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.set_attribute("n", &2).unwrap();
        given.runtime.block_on(request.session.save()).unwrap();
        request.send_head();
        assert!(request.commit().unwrap().is_empty());
        request.finish().unwrap();
        assert_eq!(given.take_calls(), [Verb::Load, Verb::Apply]);
    }
}

#[test]
fn what_is_committed_before_the_head_is_read_by_the_request_that_follows_a_redirect() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.set_attribute("n", &2).unwrap();
        request.answer(&mut ada).unwrap();
        let n = given.visit(&mut ada, |session| session.get_attribute::<i64>("n"));
        assert_eq!(n.unwrap(), Some(2));
    }
}

#[test]
fn creating_and_ending_within_one_request_leaves_nothing_stored() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        given
            .visit(&mut ada, |session| {
                session.set_attribute("n", &1)?;
                session.invalidate()
            })
            .unwrap();
        assert_eq!(given.store.calls(), []);
        assert_eq!(ada.set_cookies(), 0);
    }
}

#[test]
fn two_requests_that_add_the_same_attribute_both_succeed_and_one_value_stays() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let (mut first, mut second) = (given.request(&ada), given.request(&ada));
        first.session.set_attribute("m", &1).unwrap();
        second.session.set_attribute("m", &2).unwrap();
        first.send_head();
        second.send_head();
        assert_eq!(given.stored(&ada, "m"), Some(2));
    }
}

#[test]
fn expired_sessions_of_a_near_store_are_swept_by_the_commits_of_others() {
    let given = Given::near();
    for _ in 0..4 {
        given.visitor_with_session();
    }
    given.pass(HOUR);
    let mut ada = given.visitor();
    // Each commit takes a small step through a store of many small parts.
    for n in 0..20_000 {
        given
            .visit(&mut ada, |session| session.set_attribute("n", &n))
            .unwrap();
    }
    let removed = given
        .take_events()
        .iter()
        .filter(|event| matches!(event, SessionEvent::Removed(_)))
        .count();
    assert_eq!(removed, 4);
    assert!(given.is_alive(&ada));
    assert_eq!(given.sessions_stored(), 1);
}

#[test]
fn a_far_store_is_swept_by_a_task_of_the_runtime() {
    let given = Given::far();
    for _ in 0..4 {
        given.visitor_with_session();
    }
    given.pass(MINUTE * 29);
    given.take_events();
    given.pass(MINUTE * 3);
    let removed = given
        .take_events()
        .iter()
        .filter(|event| matches!(event, SessionEvent::Removed(_)))
        .count();
    assert_eq!(removed, 4);
    assert_eq!(given.sessions_stored(), 0);
}

#[test]
fn the_sweeping_of_a_far_store_survives_an_outage() {
    let given = Given::far();
    given.visitor_with_session();
    given.pass(MINUTE * 29);
    given.store.inner().break_down();
    given.pass(MINUTE * 5);
    given.store.inner().repair();
    given.pass(MINUTE * 2);
    assert_eq!(given.sessions_stored(), 0);
}
