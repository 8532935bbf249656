//! What a subscriber of `tracing` is told, with the feature of that name.

use std::fmt;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, Mutex};

use session_core::Session;
use session_core::testkit::{Fault, Verb};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use crate::given::Given;

/// Takes everything that is told, whatever its level, as one line of text each.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<Vec<String>>>);

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {}", metadata.level(), metadata.target()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

/// A second subscriber that no thread tells anything. Whether an event interests anybody is found
/// out once, by the thread that comes to it first, and where there is one subscriber only that
/// thread's own is asked: the other tests have none, and the event would be told nowhere any more.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Everything::default()));

/// What was told while `story` happened.
fn told(story: impl FnOnce()) -> Vec<String> {
    LazyLock::force(&SECOND);
    let everything = Everything::default();
    tracing::subscriber::with_default(everything.clone(), story);
    everything.0.lock().unwrap().clone()
}

#[test]
fn what_happens_to_a_session_is_told_with_its_reason() {
    for given in Given::near_and_far() {
        let lines = told(|| {
            let mut ada = given.visitor_with_session();
            given
                .visit(&mut ada, |session| session.login("ada"))
                .unwrap();
            given.visit(&mut ada, Session::logout).unwrap();
        });
        assert_eq!(
            lines,
            [
                "DEBUG session_core message=session created event=\"created\"",
                "DEBUG session_core message=session renamed event=\"renamed\"",
                "DEBUG session_core message=session ended event=\"ended\" reason=\"logged_out\"",
            ]
        );
    }
}

#[test]
fn what_an_operator_should_look_at_is_a_warning_and_a_returning_visitor_is_none() {
    for given in Given::near_and_far() {
        let lines = told(|| {
            let mut mallory = given.visitor();
            mallory.set_cookie(Some("x".repeat(86)));
            let mut returning = given.visitor_with_unknown_id();
            for visitor in [&mut mallory, &mut returning] {
                given.visit(visitor, Session::is_new).unwrap();
            }
            let ada = given.visitor_with_session();
            let mut late = given.request(&ada);
            late.send_head();
            late.session.set_attribute("n", &2).unwrap();
            given.next(Verb::Apply, Fault::Unavailable);
            late.finish().unwrap_err();
        });
        let with = |text: &str| lines.iter().find(|line| line.contains(text)).unwrap();
        assert!(with("reason=\"unknown\"").starts_with("DEBUG"));
        assert!(with("late_commit_failed").starts_with("WARN"));
        let warnings = lines.iter().filter(|line| line.starts_with("WARN"));
        assert_eq!(warnings.count(), 2, "{lines:#?}");
    }
}

#[test]
fn nothing_that_is_told_names_a_session_or_its_visitor() {
    for given in Given::near_and_far() {
        let mut secrets = vec!["ada@example.org".to_owned()];
        let lines = told(|| {
            let mut ada = given.visitor_with_session();
            let mut stale = ada.clone();
            secrets.extend(ada.cookie());
            let names = given.visit(&mut ada, |session| {
                session.login("ada@example.org")?;
                Ok([
                    session.handle()?.map(|handle| handle.to_string()),
                    session.fingerprint().map(|print| print.to_string()),
                ])
            });
            secrets.extend(names.unwrap().into_iter().flatten());
            secrets.extend(ada.cookie());
            // Under an id that was changed, and under one that somebody made up.
            given.visit(&mut stale, Session::is_new).unwrap();
            let forged = ada.cookie().unwrap().replace(['a', 'b'], "c");
            stale.set_cookie(Some(forged));
            given.visit(&mut stale, Session::is_new).unwrap();
            given.visit(&mut ada, Session::invalidate).unwrap();
        });
        assert_eq!(lines.len(), 5, "{lines:#?}");
        assert!(secrets.len() >= 4, "{} secrets", secrets.len());
        for secret in secrets {
            let parts = secret.split('.').filter(|part| part.len() > 3);
            for part in parts {
                assert!(!lines.concat().contains(part), "{lines:#?}");
            }
        }
    }
}
