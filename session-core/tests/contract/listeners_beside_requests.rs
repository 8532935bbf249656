//! Listeners are told beside requests: in which order, by whom, and what harms nobody.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use session_core::testkit::ManualRuntime;
use session_core::{
    BoxFuture, Runtime, Session, SessionChange, SessionError, SessionListener, SessionNotice,
};

use crate::diary::{Chronicler, Diary, line, near_and_far, told};
use crate::given::{Distance, Given, HOUR, SECOND};

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
fn a_listener_that_panics_before_it_waits_is_one_that_panics() {
    struct Rash;

    impl SessionListener for Rash {
        fn notified<'s, 'n, 'f>(&'s self, _: &'n SessionNotice) -> BoxedTelling<'f>
        where
            's: 'f,
            'n: 'f,
            Self: 'f,
        {
            panic!("a listener of the application has a fault");
        }
    }

    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let last = Chronicler(diary.clone());
        let given = Given::at(distance, |builder| builder.listener(Rash).listener(last));
        given.visitor_with_session();
        assert_eq!(told(&given, &diary), ["created", "added n=1"]);
    }
}

/// What `async_trait` makes of the answer of a listener.
type BoxedTelling<'f> = Pin<Box<dyn Future<Output = ()> + Send + 'f>>;

#[test]
fn a_task_that_a_runtime_dropped_does_not_silence_the_listeners() {
    /// Drops the next task that it is to run, as a runtime does that shuts down.
    struct Drops(ManualRuntime, AtomicBool);

    impl Runtime for Drops {
        fn spawn(&self, task: BoxFuture<()>) {
            if !self.1.swap(false, Ordering::SeqCst) {
                self.0.spawn(task);
            }
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<()> {
            self.0.sleep(duration)
        }
    }

    let diary = Diary::default();
    let last = Chronicler(diary.clone());
    let given = Given::without_runtime(Distance::Near, |builder| builder.listener(last));
    let runtime = Drops(given.runtime.clone(), AtomicBool::new(true));
    given.site.sessions().attach_runtime(Arc::new(runtime));
    let mut ada = given.visitor_with_session();
    assert!(told(&given, &diary).is_empty(), "the task was dropped");
    given
        .visit(&mut ada, |session| session.set_attribute("n", &2))
        .unwrap();
    assert_eq!(
        told(&given, &diary),
        ["created", "added n=1", "replaced n=1 by 2"]
    );
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
fn what_was_in_a_session_can_be_read_when_it_is_told_to_have_ended() {
    struct Reads(Diary);

    #[async_trait]
    impl SessionListener for Reads {
        async fn notified(&self, notice: &SessionNotice) {
            if let SessionChange::Destroyed(reason) = notice.change() {
                let session = notice.session();
                let n: Option<u32> = session.get_attribute("n").unwrap();
                let names: Vec<_> = session.attribute_names().collect();
                let who = session.principal();
                self.0
                    .write(format!("{reason:?}: {who:?} had {names:?}, n={n:?}"));
            }
        }
    }

    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let reads = Reads(diary.clone());
        let given = Given::at(distance, |builder| builder.listener(reads));
        let logged_in = || {
            let mut ada = given.visitor_with_session();
            given
                .visit(&mut ada, |session| session.login("ada"))
                .unwrap();
            ada
        };
        given.visit(&mut logged_in(), Session::logout).unwrap();
        logged_in();
        let sessions = given.site.sessions();
        given.in_a_while(sessions.end_sessions_of("ada")).unwrap();
        assert_eq!(
            told(&given, &diary),
            [
                r#"LoggedOut: Some("ada") had ["n"], n=Some(1)"#,
                r#"Terminated: Some("ada") had ["n"], n=Some(1)"#
            ]
        );
    }
}

#[test]
fn a_listener_that_asks_for_a_session_that_ended_gets_none_and_ends_nothing_again() {
    struct Asks(Diary);

    #[async_trait]
    impl SessionListener for Asks {
        async fn notified(&self, notice: &SessionNotice) {
            self.0.write(line(notice));
            if matches!(notice.change(), SessionChange::Destroyed(_)) {
                let accessor = notice.accessor::<session_core::Main>();
                let ended = accessor.access(async |session| session.invalidate()).await;
                assert!(matches!(ended, Err(SessionError::Gone)), "{ended:?}");
                self.0.write("gone");
            }
        }
    }

    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let asks = Asks(diary.clone());
        let given = Given::at(distance, |builder| builder.listener(asks));
        let mut ada = given.visitor_with_session();
        told(&given, &diary);
        given.visit(&mut ada, Session::invalidate).unwrap();
        assert_eq!(
            told(&given, &diary),
            ["destroyed Invalidated", "gone", "removed n=1"]
        );
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
