//! Changes of the id (`HttpServletRequest.changeSessionId`, `login`; OWASP ASVS 7.2.4).

use session_core::testkit::{Fault, Verb, Visitor};
use session_core::{DropReason, Rejection, Session, SessionError, SessionEvent};

use crate::given::{DAY, Distance, Given, MILLISECOND, MINUTE, SECOND};

#[test]
fn without_a_session_there_is_no_id_to_change() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let changed = given.visit(&mut ada, Session::change_session_id);
        assert!(matches!(changed, Err(SessionError::NoSession)));
        assert_eq!(given.store.calls(), []);
    }
}

#[test]
fn a_change_answers_another_id_and_the_session_agrees() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    let before = request.session.id().unwrap();
    let fingerprint = request.session.fingerprint();
    let after = request.session.change_session_id().unwrap();
    assert_ne!(after, before);
    assert_eq!(request.session.id(), Some(after));
    assert_ne!(request.session.fingerprint(), fingerprint);
}

#[test]
fn the_data_survives_and_the_new_cookie_is_sent_once() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let created = given.now();
        given.pass(MINUTE);
        given
            .visit(&mut ada, |session| {
                session.set_attribute("m", &2)?;
                session.change_session_id()
            })
            .unwrap();
        assert_eq!(ada.set_cookies(), 2);
        given
            .visit(&mut ada, |session| {
                assert_eq!(session.get_attribute::<i64>("n")?, Some(1));
                assert_eq!(session.get_attribute::<i64>("m")?, Some(2));
                assert_eq!(session.creation_time()?, created);
                Ok(())
            })
            .unwrap();
        assert_eq!(ada.set_cookies(), 2);
        assert_eq!(given.take_events(), [SessionEvent::Renamed]);
    }
}

#[test]
fn the_old_id_stops_resolving_and_the_new_one_resolves() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let old = ada.clone();
        given.visit(&mut ada, Session::change_session_id).unwrap();
        assert!(!given.is_alive(&old));
        assert!(given.is_alive(&ada));
    }
}

#[test]
fn of_two_changes_before_the_commit_only_the_last_id_exists() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let last = given.visit(&mut ada, |session| {
            session.change_session_id()?;
            session.change_session_id()
        });
        let renames = given
            .take_calls()
            .iter()
            .filter(|call| **call == Verb::Rename)
            .count();
        assert_eq!(renames, 1);
        let now = given.visit(&mut ada, |session| {
            session.id().ok_or(SessionError::NoSession)
        });
        assert_eq!(now.unwrap(), last.unwrap());
        assert_eq!(given.sessions_stored(), 1);
    }
}

#[test]
fn changing_the_id_of_an_unsaved_session_leaves_nothing_under_the_first_one() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let id = given.visit(&mut ada, |session| {
            session.set_attribute("n", &1)?;
            let first = session.id();
            let second = session.change_session_id()?;
            assert_ne!(first, Some(second));
            Ok(second)
        });
        assert_eq!(given.take_calls(), [Verb::Create]);
        let now = given.visit(&mut ada, |session| {
            session.id().ok_or(SessionError::NoSession)
        });
        assert_eq!(now.unwrap(), id.unwrap());
    }
}

#[test]
fn of_two_requests_that_change_the_id_one_wins_and_the_other_applies_nothing() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let (mut first, mut second) = (given.request(&ada), given.request(&ada));
        for (request, name) in [(&first, "first"), (&second, "second")] {
            request.session.set_attribute(name, &1).unwrap();
            request.session.change_session_id().unwrap();
        }
        let mut winner = ada.clone();
        first.answer(&mut winner).unwrap();
        let lost = second.commit();
        assert!(matches!(lost, Err(SessionError::Moved)));
        assert_eq!(lost.unwrap_err().status(), 409);
        assert_eq!(given.stored(&winner, "first"), Some(1));
        assert_eq!(given.stored::<i64>(&winner, "second"), None);
        assert_eq!(given.sessions_stored(), 1);
    }
}

#[test]
fn of_two_logins_one_wins_and_the_other_is_told() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let (mut first, mut second) = (given.request(&ada), given.request(&ada));
        first.session.login("ada").unwrap();
        second.session.login("eve").unwrap();
        let mut winner = ada.clone();
        first.answer(&mut winner).unwrap();
        assert!(matches!(second.commit(), Err(SessionError::Moved)));
        let principal = given.peek(&winner).unwrap().principal();
        assert_eq!(principal.as_deref(), Some("ada"));
    }
}

#[test]
fn a_rotation_of_a_request_that_was_told_of_another_one_is_refused() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let slow = given.request(&ada);
        given
            .visit(&mut ada.clone(), Session::change_session_id)
            .unwrap();
        slow.session.set_attribute("m", &2).unwrap();
        given.runtime.block_on(slow.session.save()).unwrap();
        slow.session.change_session_id().unwrap();
        let saved = given.runtime.block_on(slow.session.save());
        assert!(matches!(saved, Err(SessionError::Moved)));
    }
}

#[test]
fn changing_the_id_of_an_ended_session_creates_nothing() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        given.visit(&mut ada.clone(), Session::invalidate).unwrap();
        slow.session.change_session_id().unwrap();
        assert!(slow.commit().unwrap().set_cookie().is_none());
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn an_invalidation_follows_a_change_of_id_that_was_faster() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        given.visit(&mut ada, Session::change_session_id).unwrap();
        slow.session.invalidate().unwrap();
        assert!(
            slow.commit().unwrap().set_cookie().is_none(),
            "the fresh cookie is not its own"
        );
        assert!(!given.is_alive(&ada));
        assert_eq!(given.sessions_stored(), 0);
    }
}

#[test]
fn a_straggler_that_knows_of_the_new_id_and_ends_the_session_ends_no_cookie() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut straggler = given.request(&ada);
        given.visit(&mut ada, Session::change_session_id).unwrap();
        straggler.session.set_attribute("n", &2).unwrap();
        given.runtime.block_on(straggler.session.save()).unwrap();
        straggler.session.invalidate().unwrap();
        assert!(straggler.commit().unwrap().set_cookie().is_none());
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn what_was_in_flight_under_the_old_id_is_kept() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        for _ in 0..3 {
            given.visit(&mut ada, Session::change_session_id).unwrap();
        }
        slow.session.set_attribute("m", &2).unwrap();
        slow.session
            .update_attribute("n", |n: &mut i64| *n += 10)
            .unwrap();
        slow.session.append_attribute("l", "x").unwrap();
        assert!(slow.commit().unwrap().set_cookie().is_none());
        assert_eq!(given.stored(&ada, "m"), Some(2));
        assert_eq!(given.stored(&ada, "n"), Some(11));
        assert_eq!(given.stored(&ada, "l"), Some(vec!["x".to_owned()]));
    }
}

/// Else two servers that disagree could send it round in circles.
#[test]
fn what_was_in_flight_follows_sixteen_changes_of_the_id_and_no_more() {
    for given in Given::near_and_far() {
        for (changes, is_kept) in [(16, true), (17, false)] {
            let mut ada = given.visitor_with_session();
            let mut slow = given.request(&ada);
            slow.session.set_attribute("n", &2).unwrap();
            for _ in 0..changes {
                given.visit(&mut ada, Session::change_session_id).unwrap();
            }
            match slow.commit() {
                Ok(_) => assert!(is_kept),
                Err(error) => assert!(!is_kept && matches!(error, SessionError::Moved)),
            }
            assert_eq!(given.stored(&ada, "n"), Some(if is_kept { 2 } else { 1 }));
        }
    }
}

#[test]
fn a_login_changes_the_id_and_binds_the_principal_in_one_step() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let planted = ada.clone();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        assert_eq!(given.take_calls(), [Verb::Load, Verb::Rename]);
        assert!(
            !given.is_alive(&planted),
            "fixation: the id from before the login is dead"
        );
        let view = given.peek(&ada).unwrap();
        assert_eq!(view.principal().as_deref(), Some("ada"));
        assert_eq!(view.get_attribute::<i64>("n").unwrap(), Some(1));
    }
}

#[test]
fn every_login_changes_the_id_also_one_as_the_same_principal() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let mut cookies = Vec::new();
        for _ in 0..3 {
            given
                .visit(&mut ada, |session| session.login("ada"))
                .unwrap();
            cookies.push(ada.cookie().unwrap());
        }
        cookies.sort();
        cookies.dedup();
        assert_eq!(cookies.len(), 3);
    }
}

#[test]
fn a_login_over_another_principal_starts_empty() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        given
            .visit(&mut ada, |session| {
                session.set_attribute("before", &1)?;
                session.login("eve")?;
                assert_eq!(session.get_attribute::<i64>("n")?, None);
                assert!(session.attribute_names()?.is_empty());
                session.set_attribute("after", &2)
            })
            .unwrap();
        let view = given.peek(&ada).unwrap();
        assert_eq!(view.attribute_names().collect::<Vec<_>>(), ["after"]);
        assert_eq!(view.principal().as_deref(), Some("eve"));
    }
}

#[test]
fn what_was_in_flight_never_reaches_the_session_of_another_principal() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let log_in = |visitor: &mut Visitor, name: &str| {
            given.visit(visitor, |session| session.login(name)).unwrap();
        };
        log_in(&mut ada, "ada");
        let saving = given.request(&ada);
        let mut committing = given.request(&ada);
        let mut streaming = given.request(&ada);
        streaming.send_head();
        log_in(&mut ada, "eve");
        given
            .visit(&mut ada, |session| session.set_attribute("n", &100))
            .unwrap();
        given.take_events();

        saving
            .session
            .update_attribute("n", |n: &mut u32| *n += 1)
            .unwrap();
        let saved = given.in_a_while(saving.session.save());
        assert!(matches!(saved, Err(SessionError::Gone)), "{saved:?}");
        assert_eq!(saving.session.get_attribute::<u32>("n").unwrap(), Some(1));

        committing.session.set_attribute("m", &1).unwrap();
        assert!(committing.commit().unwrap().set_cookie().is_none());
        streaming.session.append_attribute("l", &1).unwrap();
        streaming.finish().unwrap();
        assert_eq!(
            given.take_events(),
            [SessionEvent::WritesDropped(DropReason::Gone); 3]
        );

        let view = given.peek(&ada).unwrap();
        assert_eq!(view.principal().as_deref(), Some("eve"));
        assert_eq!(view.attribute_names().collect::<Vec<_>>(), ["n"]);
        assert_eq!(given.stored(&ada, "n"), Some(100));
    }
}

#[test]
fn a_long_request_does_not_keep_the_session_of_another_principal_alive() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        let mut long = given.request(&ada);
        long.stay_pending(MINUTE);
        given
            .visit(&mut ada, |session| session.login("eve"))
            .unwrap();
        long.stay_pending(MINUTE * 35);
        assert!(!given.is_alive(&ada), "nobody used it for 35 minutes");
    }
}

#[test]
fn what_was_in_flight_before_a_visitor_logged_in_reaches_the_session() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        for expected in 2..4 {
            let slow = given.request(&ada);
            given
                .visit(&mut ada, |session| session.login("ada"))
                .unwrap();
            slow.session
                .update_attribute("n", |n: &mut u32| *n += 1)
                .unwrap();
            let _ = slow.end().unwrap();
            assert_eq!(given.stored(&ada, "n"), Some(expected));
        }
    }
}

#[test]
fn a_login_as_the_same_principal_keeps_the_data() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    for _ in 0..2 {
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
    }
    assert_eq!(given.stored(&ada, "n"), Some(1));
}

#[test]
fn within_one_request_a_login_over_another_principal_starts_empty_too() {
    let given = Given::near();
    let mut ada = given.visitor();
    given
        .visit(&mut ada, |session| {
            session.login("ada")?;
            session.set_attribute("n", &1)?;
            session.login("eve")
        })
        .unwrap();
    let view = given.peek(&ada).unwrap();
    assert_eq!(view.attribute_names().count(), 0);
    assert_eq!(view.principal().as_deref(), Some("eve"));
}

#[test]
fn the_name_of_a_principal_has_1_to_255_bytes() {
    let given = Given::near();
    let request = given.request(&given.visitor());
    let login = |length: usize| request.session.login("n".repeat(length));
    assert!(matches!(login(0), Err(SessionError::InvalidName)));
    assert!(matches!(login(256), Err(SessionError::InvalidName)));
    assert!(login(255).is_ok());
}

#[test]
fn a_straggler_with_the_old_id_may_not_start_a_session_for_thirty_seconds() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut straggler = ada.clone();
        given.visit(&mut ada, Session::change_session_id).unwrap();
        given.take_events();
        given.pass(SECOND * 30 - MILLISECOND);
        let write = |session: &Session| session.set_attribute("n", &9);
        let refused = given.visit(&mut straggler, write);
        assert!(matches!(refused, Err(SessionError::Moved)));
        assert_eq!(straggler.set_cookies(), 1);
        assert_eq!(
            given.take_events(),
            [SessionEvent::Rejected(Rejection::Moved)]
        );
        let login = given.visit(&mut straggler, |session| session.login("eve"));
        assert!(matches!(login, Err(SessionError::Moved)));

        given.pass(MILLISECOND);
        given.visit(&mut straggler, write).unwrap();
        assert_ne!(straggler.cookie(), ada.cookie());
        assert_eq!(given.stored(&straggler, "n"), Some(9));
        assert_eq!(given.stored(&ada, "n"), Some(1));
    }
}

#[test]
fn a_straggler_that_only_reads_is_served_without_a_session_and_without_a_cookie() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut straggler = ada.clone();
        given.visit(&mut ada, Session::change_session_id).unwrap();
        let n = given.visit(&mut straggler, |session| session.get_attribute::<i64>("n"));
        assert_eq!(n.unwrap(), None);
        assert_eq!(straggler.set_cookies(), 1);
    }
}

#[test]
fn a_failed_change_of_id_announces_nothing_and_leaves_the_old_id_usable() {
    for given in Given::near_and_far() {
        for fault in [Fault::Unavailable, Fault::Full, Fault::NewerFormat] {
            let mut ada = given.visitor_with_session();
            given.next(Verb::Rename, fault);
            assert!(
                given
                    .visit(&mut ada, |session| session.login("ada"))
                    .is_err()
            );
            assert_eq!(ada.set_cookies(), 1);
            assert_eq!(given.peek(&ada).unwrap().principal(), None);
        }
    }
}

#[test]
fn a_change_of_id_whose_reply_was_lost_announces_nothing_and_leaves_one_id_at_most() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given.next(Verb::Rename, Fault::LoseReply);
        let outcome = given.visit(&mut ada, |session| session.login("ada"));
        assert!(matches!(outcome, Err(SessionError::Unavailable(_))));
        assert_eq!(ada.set_cookies(), 1);
        assert!(!given.is_alive(&ada), "the visitor logs in again");
        assert_eq!(given.sessions_stored(), 1);
    }
}

#[test]
fn a_change_of_id_survives_a_clash_with_a_faster_update() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request
            .session
            .update_attribute("n", |n: &mut i64| *n += 1)
            .unwrap();
        request.session.change_session_id().unwrap();
        given
            .visit(&mut ada.clone(), |session| session.set_attribute("n", &100))
            .unwrap();
        ada.receive(given.in_a_while(request.exchange.commit()).unwrap());
        assert_eq!(given.stored(&ada, "n"), Some(101));
    }
}

#[test]
fn a_record_made_long_ago_keeps_its_creation_time_through_every_change_of_id() {
    let given = Given::at(Distance::Near, |builder| {
        builder.max_inactive_interval(None).absolute_timeout(None)
    });
    let mut ada = given.visitor_with_session();
    let created = given.now();
    for _ in 0..5 {
        given.pass(DAY);
        given.visit(&mut ada, Session::change_session_id).unwrap();
    }
    assert_eq!(given.peek(&ada).unwrap().creation_time(), created);
}
