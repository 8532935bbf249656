//! Every public future of the engine, dropped at every await, for every answer of the store: the
//! state is the old one or the new one, nothing is locked, and the session can be used afterwards.

mod outside;
mod requests;
mod rows;
mod scan;
mod verbs;

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use session_core::testkit::{Fault, Verb, Visitor};
use session_core::{DropReason, Session, SessionAccessor, SessionError, SessionEvent};

use self::rows::{Row, every_future};
use crate::given::{Distance, Given, MILLISECOND, MINUTE, poll_once};
use crate::onlooker::end_and_look;

/// What is about to be dropped.
type Attempt = Pin<Box<dyn Future<Output = Result<(), SessionError>>>>;

/// Polls of any one future here before it must be done.
const POLLS_MAX: usize = 24;

/// After so many polls a future that waits for somebody is not going to do anything new.
const POLLS_OF_NO_USE: usize = 4;

/// Longer than the engine waits for a store, and than a straggler is kept from starting anew.
const IN_THE_END: Duration = Duration::from_secs(40);

/// Whether tasks get a turn between two polls of the future that is going to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tasks {
    Run,
    Wait,
    /// No runtime is attached: the future does everything by itself.
    None,
}

/// What the store answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// What it was asked for.
    Well,
    /// The first call of a verb goes wrong.
    Badly(Verb, Fault),
    /// What it must, after something happened meanwhile.
    After(Meanwhile),
}

impl Answer {
    /// The store says that it did to Ada's session what it did not do: nobody could know.
    fn is_a_lie(self) -> bool {
        use Verb::{Apply, Delete, Rename};
        matches!(self, Self::Badly(Apply | Rename | Delete, Fault::Forgotten))
    }

    /// The store says that there is no such session, and there is.
    fn denies_the_session(self) -> bool {
        matches!(self, Self::Badly(_, Fault::Absent))
    }

    /// The second time a write finds another value than it read, and is made again upon it. To
    /// give a session a new id a second time is refused.
    fn is_done_twice(self) -> bool {
        matches!(self, Self::Badly(Verb::Apply, Fault::Twice))
    }
}

/// What another request did to the session just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    /// It wrote the same attribute: a conflict.
    Written,
    /// It gave the session another id.
    Moved,
    /// It ended the session.
    Ended,
    /// Nothing, for longer than the session may lie idle.
    Expired,
}

const MEANWHILE: [Meanwhile; 4] = [
    Meanwhile::Written,
    Meanwhile::Moved,
    Meanwhile::Ended,
    Meanwhile::Expired,
];

/// What can go wrong with a call of `verb`.
fn faults_of(verb: Verb) -> impl Iterator<Item = Fault> {
    let faults = Fault::ALL.into_iter();
    faults.filter(move |fault| fault.can_befall(verb))
}

fn answers(row: &Row) -> Vec<Answer> {
    let faults = row
        .verbs
        .iter()
        .flat_map(|&verb| faults_of(verb).map(move |fault| Answer::Badly(verb, fault)));
    let meanwhile = MEANWHILE.into_iter().map(Answer::After);
    [Answer::Well]
        .into_iter()
        .chain(faults)
        .chain(meanwhile)
        .collect()
}

/// Ada, who is logged in and whose session holds `n = 1`, an accessor of it, and somebody whom
/// nothing here concerns.
struct Stage {
    given: Given,
    ada: Visitor,
    eve: Visitor,
    watcher: SessionAccessor,
}

impl Stage {
    fn new(tasks: Tasks) -> Self {
        let given = match tasks {
            Tasks::None => Given::without_runtime(Distance::Far, |builder| builder),
            _ => Given::far(),
        };
        let mut ada = given.visitor_with_session();
        let login = |session: &Session| {
            session.login("ada")?;
            session.accessor()
        };
        let watcher = given.visit(&mut ada, login).unwrap();
        let eve = given.visitor_with_session();
        given.pass(MINUTE);
        Self {
            watcher: watcher.following_id_changes(),
            given,
            ada,
            eve,
        }
    }

    /// What happens between the beginning of a request and the call that is going to be dropped.
    fn prepare(&self, answer: Answer) {
        let mut other = self.ada.clone();
        match answer {
            Answer::Well => {}
            Answer::Badly(verb, fault) => self.given.next(verb, fault),
            Answer::After(Meanwhile::Written) => {
                let add = |session: &Session| session.update_attribute("n", |n: &mut i64| *n += 1);
                self.given.visit(&mut other, add).unwrap();
            }
            Answer::After(Meanwhile::Moved) => {
                let renew = |session: &Session| session.change_session_id();
                self.given.visit(&mut other, renew).unwrap();
            }
            Answer::After(Meanwhile::Ended) => {
                self.given.visit(&mut other, Session::invalidate).unwrap();
            }
            Answer::After(Meanwhile::Expired) => self.given.pass(31 * MINUTE),
        }
    }

    /// The attributes `n` and `m` of Ada's session, wherever it is. It is over then.
    fn state(&self) -> Option<(Option<i64>, Option<i64>)> {
        let ended = end_and_look(self.given.store.clone(), self.given.site.clock(), "ada")?;
        let number = |name| ended.get_attribute(name).unwrap();
        Some((number("n"), number("m")))
    }

    /// Judges what a future left behind that was dropped, or done.
    fn judge(&mut self, row: &Row, answer: Answer, is_acknowledged: bool) {
        self.given.store.inner().forget();
        self.given.store.inner().release();
        self.given.pass(IN_THE_END);
        let events = self.given.take_events();
        self.assert_usable();
        let written = answer == Answer::After(Meanwhile::Written);
        let over = matches!(answer, Answer::After(Meanwhile::Ended | Meanwhile::Expired));
        // A response leaves as it is when its session is gone. Whoever saves is told the error.
        let is_of_a_response = row.name.starts_with("exchange/");
        let is_told_dropped =
            is_of_a_response && events.contains(&SessionEvent::WritesDropped(DropReason::Gone));
        let is_told_ended = events.iter().any(|it| matches!(it, SessionEvent::Ended(_)));
        let Some(state) = self.state() else {
            assert!(row.ends || over, "the session is gone");
            let is_kept = !(row.writes && is_acknowledged) || is_told_dropped;
            return assert!(is_kept, "a write is dropped and nobody is told");
        };
        assert!(!over, "what was over came back");
        let n = 1 + i64::from(written);
        let (old, new) = ((Some(n), None), (Some(n + 10), Some(1)));
        let twice = (Some(n + 20), Some(1));
        let is_new = row.writes && (state == new || (answer.is_done_twice() && state == twice));
        assert!(state == old || is_new, "{state:?} is neither old nor new");
        if !is_acknowledged || answer.is_a_lie() {
            return;
        }
        let is_denied = answer.denies_the_session();
        assert!(
            !row.writes || is_new || (is_denied && is_told_dropped),
            "an acknowledged write is lost"
        );
        assert!(
            !row.ends || (is_denied && !is_told_ended),
            "an acknowledged end is lost"
        );
    }

    /// Nothing is under way any more, and everybody can go on.
    fn assert_usable(&mut self) {
        let mut drain = Box::pin(self.given.site.sessions().drain());
        assert!(
            poll_once(drain.as_mut()).is_ready(),
            "something is left under way"
        );
        for visitor in [&mut self.ada, &mut self.eve] {
            let set = |session: &Session| session.set_attribute("usable", &true);
            self.given.visit(visitor, set).unwrap();
            assert_eq!(self.given.stored(visitor, "usable"), Some(true));
        }
    }
}

/// Drops the future of `row` after `polls` polls. False when more polls are of no use.
fn drop_after(row: &Row, answer: Answer, tasks: Tasks, polls: usize) -> bool {
    let mut stage = Stage::new(tasks);
    let outcome = {
        let mut attempt = (row.begin)(&stage, answer);
        let mut outcome = None;
        for _ in 0..polls {
            if let Poll::Ready(done) = poll_once(attempt.as_mut()) {
                outcome = Some(done);
                break;
            }
            if tasks == Tasks::Run {
                stage.given.pass(MILLISECOND);
            }
        }
        outcome
    };
    let is_done = outcome.is_some();
    let is_held = matches!(
        answer,
        Answer::Badly(_, Fault::HoldReply | Fault::HoldRequest)
    );
    let waits = is_held || tasks == Tasks::Wait || row.is_endless;
    assert!(polls < POLLS_MAX, "the future is never done");
    let is_of_use = !is_done && (!waits || polls < POLLS_OF_NO_USE);
    // What waits for a task that gets no turn, or that nobody runs, has asked the store nothing.
    let is_idle = !is_done && tasks != Tasks::Run;
    assert!(
        is_of_use || is_idle || stage.given.store.inner().is_played_out(),
        "the fault did not come up"
    );
    stage.judge(row, answer, matches!(outcome, Some(Ok(()))));
    is_of_use
}

fn play(file: &str) {
    let rows = every_future().filter(|row| row.name.starts_with(file));
    let mut played = 0;
    for row in rows {
        for answer in answers(row) {
            for tasks in [Tasks::Run, Tasks::Wait, Tasks::None] {
                let mut polls = 0;
                let of = format!("{} ({}), {answer:?}, tasks {tasks:?}", row.name, row.case);
                let told = Told(of);
                while drop_after(row, answer, tasks, polls) {
                    polls += 1;
                }
                played += polls;
                drop(told);
            }
        }
    }
    assert!(played > 50, "{file}: nothing was dropped");
}

/// Says on the way of a panic what was being played.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

#[test]
fn opening_and_looking_can_be_dropped_at_any_await_for_any_answer() {
    play("exchange/handle.rs");
}

#[test]
fn commits_and_ends_of_requests_can_be_dropped_at_any_await_for_any_answer() {
    play("exchange/mod.rs");
}

#[test]
fn bodies_can_be_dropped_at_any_await_for_any_answer() {
    play("exchange/body.rs");
}

#[test]
fn saves_can_be_dropped_at_any_await_for_any_answer() {
    play("session/handle.rs");
}

#[test]
fn accesses_outside_of_requests_can_be_dropped_at_any_await_for_any_answer() {
    play("session/accessor.rs");
}

#[test]
fn what_is_asked_of_a_manager_can_be_dropped_at_any_await_for_any_answer() {
    play("manager.rs");
}

#[test]
fn ends_of_principals_can_be_dropped_at_any_await_for_any_answer() {
    play("principals.rs");
}
