//! Listeners of sessions (Servlet 11.3; `HttpSessionListener`, `HttpSessionIdListener`).

use async_trait::async_trait;
use session_core::testkit::{Fault, Verb, test_key};
use session_core::{
    AtLimit, DestroyReason, Rejection, Session, SessionChange, SessionError, SessionEvent,
    SessionLimit, SessionListener, SessionManager, SessionNotice,
};

use crate::diary::{Chronicler, Diary, near_and_far, told, with_diary};
use crate::given::{DAY, Distance, Given, MINUTE, SECOND};

#[test]
fn a_created_session_is_told_once_with_its_attributes_after_it() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor();
        given
            .visit(&mut ada, |session| {
                session.set_attribute("b", &2)?;
                session.set_attribute("a", &1)
            })
            .unwrap();
        assert_eq!(told(&given, &diary), ["created", "added a=1", "added b=2"]);
        given
            .visit(&mut ada, |session| session.get_attribute::<u32>("a"))
            .unwrap();
        assert!(told(&given, &diary).is_empty(), "loading creates nothing");
    }
}

#[test]
fn listeners_are_told_also_where_nobody_asks_for_events() {
    let diary = Diary::default();
    let chronicler = Chronicler(diary.clone());
    let given = Given::at(Distance::Near, |_| {
        let builder = SessionManager::builder().secret_key(test_key());
        builder.listener(chronicler)
    });
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| session.set_attribute("n", &2))
        .unwrap();
    let expected = ["created", "added n=1", "replaced n=1 by 2"];
    assert_eq!(told(&given, &diary), expected);
}

#[test]
fn a_created_session_is_told_under_the_id_and_the_handle_that_it_has() {
    struct Names(Diary);

    #[async_trait]
    impl SessionListener for Names {
        async fn notified(&self, notice: &SessionNotice) {
            if matches!(notice.change(), SessionChange::Created) {
                let session = notice.session();
                self.0
                    .write(format!("{} {}", session.fingerprint(), session.handle()));
            }
        }
    }

    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let names = Names(diary.clone());
        let given = Given::at(distance, |builder| builder.listener(names));
        let ada = given.visitor_with_session();
        let session = given.peek(&ada).unwrap();
        let name = format!("{} {}", session.fingerprint(), session.handle());
        assert_eq!(told(&given, &diary), [name]);
        let handle = given.request(&ada).session.handle().unwrap();
        assert_eq!(handle, Some(session.handle()));
    }
}

#[test]
fn an_end_is_told_once_with_its_reason_and_what_was_in_the_session() {
    for (given, diary) in near_and_far() {
        let ends: [(fn(&Session) -> _, _); 2] = [
            (Session::invalidate, "destroyed Invalidated"),
            (Session::logout, "destroyed LoggedOut"),
        ];
        for (end, line) in ends {
            let mut ada = given.visitor_with_session();
            let slow = given.request(&ada);
            told(&given, &diary);
            given.visit(&mut ada, end).unwrap();
            assert_eq!(told(&given, &diary), [line, "removed n=1"]);
            slow.session.set_attribute("n", &2).unwrap();
            let _ = slow.end().unwrap();
            assert!(told(&given, &diary).is_empty(), "it ended before");
        }
    }
}

#[test]
fn the_end_of_a_session_that_became_unreadable_is_told_as_the_request_knew_it() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor_with_session();
        told(&given, &diary);
        given.next(Verb::Delete, Fault::Damaged);
        given.visit(&mut ada, Session::logout).unwrap();
        assert_eq!(told(&given, &diary), ["destroyed LoggedOut", "removed n=1"]);
    }
}

#[test]
fn an_end_tells_of_what_was_in_the_session_then_and_not_of_what_the_request_knew() {
    for (given, diary) in near_and_far() {
        let ada = given.visitor_with_session();
        let slow = given.request(&ada);
        assert_eq!(slow.session.get_attribute("n").unwrap(), Some(1));
        let mut tab = ada.clone();
        given
            .visit(&mut tab, |session| session.set_attribute("n", &2))
            .unwrap();
        told(&given, &diary);
        slow.session.invalidate().unwrap();
        let _ = slow.end().unwrap();
        let expected = ["destroyed Invalidated", "removed n=2"];
        assert_eq!(told(&given, &diary), expected);
    }
}

/// Answers are mixed up on a connection.
#[test]
fn an_end_tells_nothing_of_somebody_else_whose_record_the_store_answers_with() {
    for (given, diary) in near_and_far() {
        let mut bob = given.visitor();
        given
            .visit(&mut bob, |session| session.set_attribute("m", &99))
            .unwrap();
        let mut ada = given.visitor_with_session();
        told(&given, &diary);
        given.take_events();
        given.next(Verb::Delete, Fault::Foreign);
        let ended = given.visit(&mut ada, Session::invalidate);
        assert!(matches!(ended, Err(SessionError::Unavailable(_))));
        assert!(told(&given, &diary).is_empty());
        let rejected = SessionEvent::Rejected(Rejection::Foreign);
        assert!(given.take_events().contains(&rejected));
    }
}

#[test]
fn an_expired_session_is_told_when_it_is_swept() {
    for (given, diary) in near_and_far() {
        given.visitor_with_session();
        told(&given, &diary);
        given.pass(DAY);
        // On a near store the commits of others sweep.
        for _ in 0..2_000 {
            given.visitor_with_session();
        }
        given.pass(SECOND);
        let told = told(&given, &diary);
        let ends = told.iter().filter(|line| line.starts_with("destroyed"));
        assert_eq!(ends.collect::<Vec<_>>(), ["destroyed Expired"]);
    }
}

#[test]
fn an_expired_session_that_its_visitor_asks_for_is_told_by_the_sweep_and_not_before() {
    for (given, diary) in near_and_far() {
        let ada = given.visitor_with_session();
        given.pass(MINUTE * 29);
        told(&given, &diary);
        // A far store is swept once a minute.
        given.site.clock().advance(MINUTE);
        for _ in 0..3 {
            let request = given.request(&ada);
            assert!(request.session.is_new().unwrap());
            let _ = request.end().unwrap();
        }
        assert!(told(&given, &diary).is_empty(), "asking ends nothing");
        given.pass(MINUTE);
        for _ in 0..2_000 {
            given.visitor_with_session();
        }
        let told = told(&given, &diary);
        let ends = told.iter().filter(|line| line.starts_with("destroyed"));
        assert_eq!(ends.collect::<Vec<_>>(), ["destroyed Expired"]);
    }
}

#[test]
fn a_session_that_ends_by_its_principal_or_with_everybody_is_told_once() {
    for (given, diary) in near_and_far() {
        let log_in = || {
            let mut visitor = given.visitor_with_session();
            given
                .visit(&mut visitor, |session| session.login("ada"))
                .unwrap();
        };
        let sessions = given.site.sessions();
        log_in();
        log_in();
        told(&given, &diary);
        let ended = given.in_a_while(sessions.end_sessions_of("ada"));
        assert_eq!(ended.unwrap(), 2);
        let one = ["destroyed Terminated", "removed n=1"];
        assert_eq!(told(&given, &diary), [one, one].concat());

        given.visitor_with_session();
        told(&given, &diary);
        given.in_a_while(sessions.end_everybody()).unwrap();
        // On a near store the commits of others sweep.
        for _ in 0..2_000 {
            given.visitor_with_session();
        }
        given.pass(MINUTE * 2);
        let told = told(&given, &diary);
        let ends = told.iter().filter(|line| line.starts_with("destroyed"));
        assert_eq!(ends.collect::<Vec<_>>(), ["destroyed Generation"]);
    }
}

#[test]
fn a_session_that_makes_room_for_another_login_is_told() {
    for distance in [Distance::Near, Distance::Far] {
        let limit = SessionLimit {
            max: 1,
            at_limit: AtLimit::EndOldest,
        };
        let (given, diary) = with_diary(distance, |builder| builder.session_limit(limit));
        for _ in 0..2 {
            let mut visitor = given.visitor_with_session();
            given
                .visit(&mut visitor, |session| session.login("ada"))
                .unwrap();
        }
        given.visitor_with_session();
        given.pass(MINUTE * 2);
        let told = told(&given, &diary);
        let ends = told.iter().filter(|line| line.starts_with("destroyed"));
        assert_eq!(ends.collect::<Vec<_>>(), ["destroyed Replaced"]);
    }
}

#[test]
fn a_change_of_the_id_is_neither_an_end_nor_a_beginning() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor_with_session();
        told(&given, &diary);
        given
            .visit(&mut ada, |session| session.change_session_id().map(|_| ()))
            .unwrap();
        assert_eq!(told(&given, &diary), ["id changed"]);
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        assert_eq!(told(&given, &diary), ["id changed"]);
    }
}

#[test]
fn a_change_of_the_id_tells_the_old_name_and_the_new() {
    struct Names(Diary);

    #[async_trait]
    impl SessionListener for Names {
        async fn notified(&self, notice: &SessionNotice) {
            if let SessionChange::IdChanged { old } = notice.change() {
                self.0.write(old.to_string());
                self.0.write(notice.session().fingerprint().to_string());
            }
        }
    }

    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let names = Names(diary.clone());
        let given = Given::at(distance, |builder| builder.listener(names));
        let mut ada = given.visitor_with_session();
        let old = given.peek(&ada).unwrap().fingerprint().to_string();
        given
            .visit(&mut ada, |session| session.change_session_id().map(|_| ()))
            .unwrap();
        let new = given.peek(&ada).unwrap().fingerprint().to_string();
        assert_eq!(told(&given, &diary), [old, new]);
    }
}

#[test]
fn what_the_store_did_not_accept_is_not_told() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor_with_session();
        told(&given, &diary);
        given.next(Verb::Apply, Fault::Unavailable);
        let failed = given.visit(&mut ada, |session| session.set_attribute("n", &2));
        assert!(failed.is_err());
        given.next(Verb::Delete, Fault::Unavailable);
        assert!(given.visit(&mut ada, Session::invalidate).is_err());
        assert!(told(&given, &diary).is_empty());
    }
}

#[test]
fn every_reason_of_the_store_has_its_word() {
    use session_core::store::RemovalReason;
    let words = [
        (RemovalReason::Evicted, DestroyReason::Evicted),
        (RemovalReason::Expired, DestroyReason::Expired),
        (RemovalReason::Generation, DestroyReason::Generation),
        (RemovalReason::Replaced, DestroyReason::Replaced),
    ];
    for (reason, word) in words {
        assert_eq!(DestroyReason::from(reason), word);
    }
}
