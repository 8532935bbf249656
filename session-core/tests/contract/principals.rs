//! The sessions of a principal: "your devices", "log out everywhere else", and everybody's end.

use session_core::store::RemovalReason;
use session_core::testkit::{
    Fault, ManualClock, Recording, Site, Verb, Visitor, block_on, test_key,
};
use session_core::{
    EndReason, LoginOptions, MemoryStore, PrincipalSession, Session, SessionError, SessionEvent,
    SessionHandle, SessionManager,
};

use crate::given::{Given, HOUR, MINUTE, SECOND, poll_once};
use crate::lagging::Lagging;

const TERMINATED: SessionEvent = SessionEvent::Ended(EndReason::Terminated);

fn log_in(given: &Given, visitor: &mut Visitor, login: impl Into<LoginOptions>) {
    given
        .visit(visitor, |session| session.login(login))
        .unwrap();
}

/// Somebody who logged in just now.
fn visitor_as(given: &Given, login: impl Into<LoginOptions>) -> Visitor {
    let mut visitor = given.visitor_with_session();
    log_in(given, &mut visitor, login);
    visitor
}

fn sessions_of(given: &Given, principal: &str) -> Vec<PrincipalSession> {
    let list = given.site.sessions().sessions_of(principal);
    given.runtime.block_on(list).unwrap()
}

fn end_session(given: &Given, principal: &str, handle: &SessionHandle) -> bool {
    let end = given.site.sessions().end_session(principal, handle);
    given.runtime.block_on(end).unwrap()
}

fn end_everybody(given: &Given) {
    let end = given.site.sessions().end_everybody();
    given.runtime.block_on(end).unwrap();
}

/// By which name the list calls the visitor's session.
fn handle_of(given: &Given, visitor: &Visitor) -> SessionHandle {
    let request = given.request(visitor);
    let handle = request.session.handle().unwrap().unwrap();
    // A look that leaves the cookie as it is.
    assert_eq!(request.end().unwrap().set_cookie(), None);
    handle
}

fn handles(sessions: &[PrincipalSession]) -> Vec<SessionHandle> {
    sessions.iter().map(PrincipalSession::handle).collect()
}

#[test]
fn a_principal_sees_its_own_sessions_the_oldest_login_first() {
    for given in Given::near_and_far() {
        assert!(sessions_of(&given, "ada").is_empty());
        given.visitor_with_session();
        // The session that begins first logs in last.
        let mut laptop = given.visitor_with_session();
        let phone = visitor_as(&given, "ada");
        visitor_as(&given, "eve");
        given.pass(SECOND);
        log_in(&given, &mut laptop, "ada");
        let listed = handles(&sessions_of(&given, "ada"));
        assert_eq!(
            listed,
            [handle_of(&given, &phone), handle_of(&given, &laptop)]
        );
        assert_eq!(sessions_of(&given, "eve").len(), 1);
        assert!(sessions_of(&given, "Ada").is_empty());
    }
}

#[test]
fn a_listed_session_tells_what_a_page_of_devices_shows() {
    for given in Given::near_and_far() {
        let start = given.now();
        let mut ada = given.visitor_with_session();
        given.pass(MINUTE);
        let label = "Firefox <on> \"Linux\"";
        log_in(&given, &mut ada, LoginOptions::of("ada").label(label));
        given.pass(MINUTE * 2);
        given
            .visit(&mut ada, |session| session.set_attribute("n", &2))
            .unwrap();
        let sessions = sessions_of(&given, "ada");
        let [session] = &sessions[..] else {
            panic!("{sessions:?}");
        };
        let after = |minutes| start.saturating_add(MINUTE * minutes);
        assert_eq!(session.label(), Some(label));
        assert_eq!(session.creation_time(), start);
        assert_eq!(session.authenticated_at(), after(1));
        assert_eq!(session.last_accessed_time(), after(3));
        assert_eq!(session.max_inactive_interval(), Some(MINUTE * 30));
        assert_eq!(session.expires_at(), Some(after(33)));
        log_in(&given, &mut ada, "ada");
        assert_eq!(sessions_of(&given, "ada")[0].label(), None);
    }
}

#[test]
fn the_current_session_is_found_in_the_list_by_its_handle_whatever_its_id() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        let handle = given.visit(&mut ada, |session| {
            session.login("ada")?;
            session.handle()
        });
        assert_eq!(handle.unwrap(), None, "it is not stored yet");
        let handle = handle_of(&given, &ada);
        for _ in 0..2 {
            assert_eq!(handles(&sessions_of(&given, "ada")), [handle]);
            let change_id = |session: &Session| session.change_session_id().map(drop);
            given.visit(&mut ada, change_id).unwrap();
            log_in(&given, &mut ada, "ada");
            assert_eq!(handle_of(&given, &ada), handle);
        }
        let request = given.request(&ada);
        request.session.logout().unwrap();
        let refused = request.session.handle();
        assert!(matches!(refused, Err(SessionError::Invalidated)));
    }
}

#[test]
fn looking_at_the_list_prolongs_nothing() {
    for given in Given::near_and_far() {
        let ada = visitor_as(&given, "ada");
        let before = sessions_of(&given, "ada")[0].expires_at();
        given.pass(MINUTE * 29);
        assert_eq!(sessions_of(&given, "ada")[0].expires_at(), before);
        given.pass(MINUTE);
        assert!(sessions_of(&given, "ada").is_empty());
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_session_that_is_ended_from_another_one_is_gone_at_once() {
    for given in Given::near_and_far() {
        let mut phone = visitor_as(&given, "ada");
        let laptop = visitor_as(&given, "ada");
        let handle = handle_of(&given, &phone);
        given.take_events();
        assert!(end_session(&given, "ada", &handle));
        assert_eq!(given.take_events(), [TERMINATED]);
        assert!(!given.is_alive(&phone));
        assert!(given.is_alive(&laptop));
        assert_eq!(
            handles(&sessions_of(&given, "ada")),
            [handle_of(&given, &laptop)]
        );

        let told = phone.set_cookies();
        let principal = given.visit(&mut phone, Session::principal);
        assert_eq!(principal.unwrap(), None);
        assert_eq!(
            phone.set_cookies(),
            told,
            "no cookie tells that it was ended"
        );
        given.take_events();
        assert!(!end_session(&given, "ada", &handle), "it ends once");
        assert_eq!(given.take_events(), []);
    }
}

#[test]
fn a_session_is_ended_by_its_handle_also_after_it_got_other_ids() {
    for given in Given::near_and_far() {
        let mut ada = visitor_as(&given, "ada");
        let handle = sessions_of(&given, "ada")[0].handle();
        for _ in 0..3 {
            given.pass(HOUR / 3);
            given
                .visit(&mut ada, |session| session.change_session_id().map(drop))
                .unwrap();
        }
        assert!(end_session(&given, "ada", &handle));
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_handle_of_somebody_elses_session_ends_nothing() {
    for given in Given::near_and_far() {
        let ada = visitor_as(&given, "ada");
        let anonymous = given.visitor_with_session();
        for visitor in [&ada, &anonymous] {
            let handle = handle_of(&given, visitor);
            assert!(!end_session(&given, "eve", &handle));
            assert!(given.is_alive(visitor));
        }
        let unknown = SessionHandle::from_bytes([7; 16]);
        assert!(!end_session(&given, "ada", &unknown));
    }
}

#[test]
fn a_handle_is_no_credential() {
    for given in Given::near_and_far() {
        visitor_as(&given, "ada");
        let handle = sessions_of(&given, "ada")[0].handle().to_string();
        for cookie in [handle.clone(), format!("1.{handle}"), handle.repeat(2)] {
            let mut thief = given.visitor();
            thief.set_cookie(Some(cookie));
            let principal = given.visit(&mut thief, Session::principal);
            assert_eq!(principal.unwrap(), None);
        }
    }
}

#[test]
fn logging_out_everywhere_else_spares_the_current_session() {
    for given in Given::near_and_far() {
        let [phone, tablet, laptop] = [(); 3].map(|()| visitor_as(&given, "ada"));
        let eve = visitor_as(&given, "eve");
        let current = handle_of(&given, &laptop);
        let others = given.site.sessions().end_other_sessions("ada", &current);
        given.take_events();
        assert_eq!(given.runtime.block_on(others).unwrap(), 2);
        assert_eq!(given.take_events(), [TERMINATED; 2]);
        assert!(!given.is_alive(&phone) && !given.is_alive(&tablet));
        assert!(given.is_alive(&laptop) && given.is_alive(&eve));
        assert_eq!(handles(&sessions_of(&given, "ada")), [current]);
    }
}

#[test]
fn logging_out_everywhere_ends_every_session_of_that_principal() {
    for given in Given::near_and_far() {
        let [phone, laptop] = [(); 2].map(|()| visitor_as(&given, "ada"));
        let eve = visitor_as(&given, "eve");
        let sessions = given.site.sessions();
        let ended = given.runtime.block_on(sessions.end_sessions_of("ada"));
        assert_eq!(ended.unwrap(), 2);
        assert!(!given.is_alive(&phone) && !given.is_alive(&laptop));
        assert!(given.is_alive(&eve));
        let again = given.runtime.block_on(sessions.end_sessions_of("ada"));
        assert_eq!(again.unwrap(), 0);
        let spared = handle_of(&given, &eve);
        let nobody = sessions.end_other_sessions("nobody", &spared);
        assert_eq!(given.runtime.block_on(nobody).unwrap(), 0);
    }
}

#[test]
fn a_request_under_way_in_a_session_that_is_ended_stores_nothing() {
    for given in Given::near_and_far() {
        let ada = visitor_as(&given, "ada");
        let mut streams = given.request(&ada);
        streams.send_head();
        let request = given.request(&ada);
        let handle = handle_of(&given, &ada);
        assert!(end_session(&given, "ada", &handle));
        request.session.set_attribute("n", &2).unwrap();
        let saved = given.runtime.block_on(request.session.save());
        assert!(matches!(saved, Err(SessionError::Gone)));
        let delivery = request.end().unwrap();
        assert_eq!(delivery.set_cookie(), None);
        streams.session.set_attribute("n", &3).unwrap();
        streams.finish().unwrap();
        assert!(!given.is_alive(&ada));
        assert!(sessions_of(&given, "ada").is_empty());
    }
}

#[test]
fn ending_ones_own_session_by_its_handle_is_as_if_another_request_did() {
    for given in Given::near_and_far() {
        let mut ada = visitor_as(&given, "ada");
        let mut request = given.request(&ada);
        let handle = request.session.handle().unwrap().unwrap();
        assert!(end_session(&given, "ada", &handle));
        request.answer(&mut ada).unwrap();
        request.finish().unwrap();
        assert!(ada.cookie().is_some(), "no cookie was deleted");
        assert!(!given.is_alive(&ada));
    }
}

#[test]
fn a_session_that_logs_in_as_somebody_else_changes_lists() {
    for given in Given::near_and_far() {
        let mut visitor = visitor_as(&given, "ada");
        log_in(&given, &mut visitor, "eve");
        assert!(sessions_of(&given, "ada").is_empty());
        assert_eq!(sessions_of(&given, "eve").len(), 1);
        let end = given.site.sessions().end_sessions_of("ada");
        assert_eq!(given.runtime.block_on(end).unwrap(), 0);
        assert!(given.is_alive(&visitor));
    }
}

#[test]
fn everybody_is_logged_out_at_once_and_can_come_back() {
    for given in Given::near_and_far() {
        let mut ada = visitor_as(&given, "ada");
        let anonymous = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.send_head();
        given.take_events();
        end_everybody(&given);
        assert!(!given.is_alive(&ada) && !given.is_alive(&anonymous));
        request.session.set_attribute("n", &2).unwrap();
        request.finish().unwrap();
        assert!(!given.is_alive(&ada), "a write under way revives nothing");
        assert!(sessions_of(&given, "ada").is_empty());

        log_in(&given, &mut ada, "ada");
        assert_eq!(sessions_of(&given, "ada").len(), 1);
        // The store is swept by commits, or by a task.
        for _ in 0..100 {
            given
                .visit(&mut ada, |session| session.set_attribute("n", &1))
                .unwrap();
        }
        given.pass(MINUTE * 2);
        let ended = SessionEvent::Removed(RemovalReason::Generation);
        let events = given.take_events();
        assert_eq!(events.iter().filter(|event| **event == ended).count(), 2);
        assert!(given.is_alive(&ada));
    }
}

#[test]
fn applications_that_share_a_store_do_not_see_each_others_principals() {
    let store = Recording::new(MemoryStore::new());
    let site = |name: &str| {
        let clock = ManualClock::new();
        let builder = SessionManager::builder()
            .secret_key(test_key())
            .store(store.clone())
            .cookie_name(name)
            .clock(clock.clone());
        Site::of(builder.build().unwrap(), clock)
    };
    let (shop, forum) = (site("shop"), site("forum"));
    let mut ada = shop.visitor();
    block_on(ada.visit(async |session| session.login("ada"))).unwrap();
    assert_eq!(
        block_on(shop.sessions().sessions_of("ada")).unwrap().len(),
        1
    );
    assert!(
        block_on(forum.sessions().sessions_of("ada"))
            .unwrap()
            .is_empty()
    );
    let ended = block_on(forum.sessions().end_sessions_of("ada")).unwrap();
    assert_eq!(ended, 0);
    let handle = block_on(shop.sessions().sessions_of("ada")).unwrap()[0].handle();
    assert!(!block_on(forum.sessions().end_session("ada", &handle)).unwrap());
    assert!(block_on(shop.sessions().end_session("ada", &handle)).unwrap());
}

#[test]
fn a_store_that_knows_no_principals_says_so() {
    let site = Site::with(|builder| builder.store(Lagging::default()));
    let sessions = site.sessions();
    let handle = SessionHandle::from_bytes([7; 16]);
    let errors = [
        block_on(sessions.sessions_of("ada")).unwrap_err(),
        block_on(sessions.end_session("ada", &handle)).unwrap_err(),
        block_on(sessions.end_sessions_of("ada")).unwrap_err(),
        block_on(sessions.end_other_sessions("ada", &handle)).unwrap_err(),
        block_on(sessions.end_everybody()).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, SessionError::NoPrincipals), "{error}");
        assert_eq!(error.status(), 500);
    }
}

#[test]
fn an_outage_is_no_empty_list_and_no_ended_session() {
    for given in Given::near_and_far() {
        let ada = visitor_as(&given, "ada");
        let handle = handle_of(&given, &ada);
        given.store.inner().break_down();
        let sessions = given.site.sessions();
        let listed = given.runtime.block_on(sessions.sessions_of("ada"));
        let ended = given.runtime.block_on(sessions.end_session("ada", &handle));
        let all = given.runtime.block_on(sessions.end_sessions_of("ada"));
        let everybody = given.runtime.block_on(sessions.end_everybody());
        for error in [listed.map(drop), ended.map(drop), all.map(drop), everybody] {
            assert!(
                matches!(error, Err(SessionError::Unavailable(_))),
                "{error:?}"
            );
        }
        given.store.inner().repair();
        assert!(given.is_alive(&ada));
        assert_eq!(sessions_of(&given, "ada").len(), 1);
    }
}

#[test]
fn a_far_store_that_does_not_answer_is_given_up_at_the_deadline() {
    let given = Given::far();
    let ada = visitor_as(&given, "ada");
    let handle = handle_of(&given, &ada);
    let sessions = given.site.sessions();
    for verb in [Verb::List, Verb::End, Verb::EndAll, Verb::EndEverybody] {
        given.next(verb, Fault::HoldRequest);
        let mut call = Box::pin(async {
            match verb {
                Verb::List => sessions.sessions_of("ada").await.map(drop),
                Verb::End => sessions.end_session("ada", &handle).await.map(drop),
                Verb::EndAll => sessions.end_sessions_of("ada").await.map(drop),
                _ => sessions.end_everybody().await,
            }
        });
        assert!(poll_once(call.as_mut()).is_pending());
        given.runtime.run_until_stalled();
        given.pass(SECOND * 5);
        let timed_out = given.runtime.block_on(call);
        assert!(
            matches!(timed_out, Err(SessionError::TimedOut(_))),
            "{verb}"
        );
        assert_eq!(given.store.inner().held(), 0, "the call was given up");
    }
    assert!(given.is_alive(&ada), "no call that was held has happened");
}
