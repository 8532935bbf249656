//! Listeners (Servlet 11.3; `HttpSessionListener`, `HttpSessionAttributeListener`,
//! `HttpSessionIdListener`, `HttpSessionBindingListener`).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use session_core::testkit::{Fault, Verb};
use session_core::{
    AtLimit, AttributeHook, DestroyReason, Session, SessionAttribute, SessionChange, SessionLimit,
    SessionListener, SessionManagerBuilder, SessionNotice,
};

use crate::given::{DAY, Distance, Given, HOUR, MINUTE, SECOND};

/// What listeners were told, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Writes down what it is told.
struct Chronicler(Diary);

#[async_trait]
impl SessionListener for Chronicler {
    async fn notified(&self, notice: &SessionNotice) {
        self.0.write(line(notice));
    }
}

fn line(notice: &SessionNotice) -> String {
    let number = |value: &session_core::AttributeValue| value.get::<u32>().unwrap();
    match notice.change() {
        SessionChange::Created => "created".into(),
        SessionChange::Destroyed(reason) => format!("destroyed {reason:?}"),
        SessionChange::IdChanged { .. } => "id changed".into(),
        SessionChange::AttributeAdded { name, value } => {
            format!("added {name}={}", number(value))
        }
        SessionChange::AttributeReplaced { name, old, value } => {
            format!("replaced {name}={} by {}", number(old), number(value))
        }
        SessionChange::AttributeRemoved { name, old } => format!("removed {name}={}", number(old)),
        other => format!("{other:?}"),
    }
}

fn with_diary(
    distance: Distance,
    configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
) -> (Given, Diary) {
    let diary = Diary::default();
    let chronicler = Chronicler(diary.clone());
    let given = Given::at(distance, |builder| configure(builder.listener(chronicler)));
    (given, diary)
}

fn near_and_far() -> [(Given, Diary); 2] {
    [Distance::Near, Distance::Far].map(|distance| with_diary(distance, |builder| builder))
}

fn told(given: &Given, diary: &Diary) -> Vec<String> {
    given.runtime.run_until_stalled();
    diary.take()
}

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
fn attributes_are_told_as_they_were_and_are() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor_with_session();
        told(&given, &diary);
        given
            .visit(&mut ada, |session| {
                session.set_attribute("n", &2)?;
                session.set_attribute("m", &7)
            })
            .unwrap();
        assert_eq!(told(&given, &diary), ["added m=7", "replaced n=1 by 2"]);
        given
            .visit(&mut ada, |session| session.remove_attribute("n"))
            .unwrap();
        assert_eq!(told(&given, &diary), ["removed n=2"]);
        given
            .visit(&mut ada, |session| session.set_attribute("m", &7))
            .unwrap();
        assert!(
            told(&given, &diary).is_empty(),
            "the same value is no change"
        );
    }
}

#[test]
fn the_old_value_is_the_one_that_was_replaced_not_the_one_that_was_read() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        given
            .visit(&mut ada, |session| session.set_attribute("n", &5))
            .unwrap();
        told(&given, &diary);
        slow.session.set_attribute("n", &9).unwrap();
        slow.send_head();
        assert_eq!(told(&given, &diary), ["replaced n=5 by 9"]);
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
fn a_login_over_another_principal_removes_what_was_that_ones() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        told(&given, &diary);
        given
            .visit(&mut ada, |session| {
                session.login("eve")?;
                session.set_attribute("m", &3)
            })
            .unwrap();
        assert_eq!(
            told(&given, &diary),
            ["id changed", "removed n=1", "added m=3"]
        );
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
fn listeners_are_told_in_order_and_of_an_end_in_the_opposite_order() {
    struct Numbered(u32, Diary);

    #[async_trait]
    impl SessionListener for Numbered {
        async fn notified(&self, notice: &SessionNotice) {
            if matches!(
                notice.change(),
                SessionChange::Created | SessionChange::Destroyed(_)
            ) {
                self.1.write(format!("{} {}", self.0, line(notice)));
            }
        }
    }

    let diary = Diary::default();
    let given = Given::at(Distance::Near, |builder| {
        builder
            .listener(Numbered(1, diary.clone()))
            .listener(Numbered(2, diary.clone()))
    });
    let mut ada = given.visitor_with_session();
    assert_eq!(told(&given, &diary), ["1 created", "2 created"]);
    given.visit(&mut ada, Session::invalidate).unwrap();
    assert_eq!(
        told(&given, &diary),
        ["2 destroyed Invalidated", "1 destroyed Invalidated"]
    );
}

#[test]
fn a_listener_that_panics_or_never_ends_harms_neither_requests_nor_other_listeners() {
    struct Panics;
    struct Waits;

    #[async_trait]
    impl SessionListener for Panics {
        async fn notified(&self, _: &SessionNotice) {
            panic!("a listener of the application has a fault");
        }
    }

    #[async_trait]
    impl SessionListener for Waits {
        async fn notified(&self, _: &SessionNotice) {
            std::future::pending::<()>().await;
        }
    }

    for distance in [Distance::Near, Distance::Far] {
        let (given, diary) = {
            let diary = Diary::default();
            let last = Chronicler(diary.clone());
            let given = Given::at(distance, |builder| {
                builder.listener(Panics).listener(Waits).listener(last)
            });
            (given, diary)
        };
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.set_attribute("n", &2))
            .unwrap();
        assert_eq!(given.stored(&ada, "n"), Some(2));
        for _ in 0..40 {
            given.pass(SECOND);
        }
        assert_eq!(
            told(&given, &diary),
            ["created", "added n=1", "replaced n=1 by 2"]
        );
    }
}

#[test]
fn a_listener_may_use_the_session() {
    struct Counts;

    #[async_trait]
    impl SessionListener for Counts {
        async fn notified(&self, notice: &SessionNotice) {
            if matches!(notice.change(), SessionChange::IdChanged { .. }) {
                let accessor = notice.accessor::<session_core::Main>();
                let counted = accessor
                    .access(async |session| {
                        session.update_attribute("changes", |n: &mut u32| *n += 1)
                    })
                    .await;
                assert!(counted.is_ok());
            }
        }
    }

    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.listener(Counts));
        let mut ada = given.visitor_with_session();
        for _ in 0..3 {
            given
                .visit(&mut ada, |session| session.change_session_id().map(|_| ()))
                .unwrap();
            given.runtime.run_until_stalled();
        }
        assert_eq!(given.stored(&ada, "changes"), Some(3));
        assert_eq!(given.stored(&ada, "n"), Some(1));
    }
}

#[test]
fn a_server_that_stops_waits_for_its_listeners() {
    for (given, diary) in near_and_far() {
        given.visitor_with_session();
        given.in_a_while(given.site.sessions().drain());
        assert_eq!(diary.take(), ["created", "added n=1"]);
    }
}

#[test]
fn without_a_runtime_listeners_are_told_at_once() {
    let diary = Diary::default();
    let chronicler = Chronicler(diary.clone());
    let given = Given::without_runtime(Distance::Near, |builder| builder.listener(chronicler));
    given.visitor_with_session();
    assert_eq!(diary.take(), ["created", "added n=1"]);
}

/// A lock that a session holds elsewhere.
#[derive(Serialize, Deserialize)]
struct Seat(u32);

impl SessionAttribute for Seat {
    const NAME: &'static str = "seat";
}

struct Seats(Diary);

#[async_trait]
impl AttributeHook<Seat> for Seats {
    async fn bound(&self, seat: Seat, _: &SessionNotice) {
        self.0.write(format!("taken {}", seat.0));
    }

    async fn unbound(&self, seat: Seat, _: &SessionNotice) {
        self.0.write(format!("free {}", seat.0));
    }
}

#[test]
fn each_value_that_is_bound_is_unbound_once() {
    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let seats = Seats(diary.clone());
        let given = Given::at(distance, |builder| builder.attribute_hook::<Seat>(seats));
        let mut ada = given.visitor_with_session();
        for seat in [1, 2] {
            given
                .visit(&mut ada, |session| session.set(&Seat(seat)))
                .unwrap();
        }
        given.visit(&mut ada, Session::remove::<Seat>).unwrap();
        assert_eq!(
            told(&given, &diary),
            ["taken 1", "taken 2", "free 1", "free 2"]
        );
        given
            .visit(&mut ada, |session| session.set(&Seat(3)))
            .unwrap();
        given.visit(&mut ada, Session::invalidate).unwrap();
        assert_eq!(told(&given, &diary), ["taken 3", "free 3"]);
    }
}

#[test]
fn a_value_that_loses_the_race_with_the_end_of_its_session_is_never_bound() {
    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let seats = Seats(diary.clone());
        let given = Given::at(distance, |builder| builder.attribute_hook::<Seat>(seats));
        let mut ada = given.visitor_with_session();
        let slow = given.request(&ada);
        slow.session.set(&Seat(1)).unwrap();
        given.visit(&mut ada, Session::invalidate).unwrap();
        let _ = slow.end().unwrap();
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

#[test]
fn notices_print_no_id_and_no_value() {
    struct Prints(Diary);

    #[async_trait]
    impl SessionListener for Prints {
        async fn notified(&self, notice: &SessionNotice) {
            self.0.write(format!("{notice:?}"));
        }
    }

    let diary = Diary::default();
    let prints = Prints(diary.clone());
    let given = Given::at(Distance::Near, |builder| builder.listener(prints));
    let mut ada = given.visitor();
    given
        .visit(&mut ada, |session| session.set_attribute("pin", "0815"))
        .unwrap();
    let cookie = ada.cookie().unwrap();
    for line in told(&given, &diary) {
        assert!(!line.contains("0815") && !line.contains(&cookie), "{line}");
    }
    given.pass(HOUR);
}
