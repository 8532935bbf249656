//! A site in the course of a history.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_executor::block_on;
use futures_util::future::join_all;
use parking_lot::Mutex;

use super::deeds::Seat;
use super::parts::{Left, Part, access, given_up, manage, request, sweep};
use super::weather::{Trouble, Weather};
use super::{Crowd, History};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::event::SessionEvent;
use crate::manager::SessionManager;
use crate::session::{AtLimit, SessionAccessor, SessionLimit};
use crate::store::SessionStore;
use crate::testkit::chance::Chance;
use crate::testkit::store::Door;
use crate::testkit::{Ledger, ManualClock, SeededEntropy, Site, Visitor, test_key};

/// A site in the course of a history.
pub(super) struct Stage<'h> {
    history: &'h History,
    door: Door,
    clock: ManualClock,
    weather: Arc<Weather>,
    ledger: Ledger,
    pub(super) events: Arc<Events>,
    sessions: SessionManager,
    visitors: Vec<Visitor>,
    accessors: Vec<SessionAccessor>,
}

const VISITORS: usize = 4;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl<'h> Stage<'h> {
    pub(super) fn open(history: &'h History, door: Door, store: Arc<dyn SessionStore>) -> Self {
        let mut chance = Chance::new(history.rounds.first().copied().unwrap_or_default()).fork();
        let clock = ManualClock::new();
        clock.set(SystemClock.now());
        let ledger = match history.trouble {
            Trouble::Refused => Ledger::new(),
            Trouble::AnswersLost => Ledger::with_lost_answers(),
        };
        let limit = SessionLimit {
            max: 1 + chance.below(3),
            at_limit: chance.pick(&[AtLimit::EndOldest, AtLimit::Refuse]),
        };
        let limit = Some(limit).filter(|_| store.principals().is_some() && chance.one_in(2));
        let weather = Arc::new(Weather::new(store, door, history.trouble, chance.fork()));
        let events = Arc::<Events>::default();
        let counted = events.clone();
        let builder = SessionManager::builder()
            .secret_key(test_key())
            .shared_store(weather.clone())
            .clock(clock.clone())
            .entropy(SeededEntropy::new(chance.number()))
            .absolute_timeout(DAY)
            .max_bytes(4_096)
            .max_attributes(5)
            .strict_reads(chance.one_in(4))
            .on_event(move |event| counted.note(event))
            .listener(ledger.clone())
            .attribute_hook::<Seat>(ledger.hook::<Seat>());
        let builder = match limit {
            Some(limit) => builder.session_limit(limit),
            None => builder,
        };
        let sessions = match builder.build() {
            Ok(sessions) => sessions,
            Err(error) => panic!("the site does not build: {error}"),
        };
        if let Some(runtime) = &history.runtime {
            sessions.attach_runtime(runtime.clone());
        }
        let site = Site::of(sessions.clone(), clock.clone());
        Self {
            history,
            door,
            clock,
            weather,
            ledger,
            events,
            visitors: (0..VISITORS).map(|_| site.visitor()).collect(),
            sessions,
            accessors: Vec::new(),
        }
    }

    /// One round: several act at the same time, or time passes.
    pub(super) async fn play(&mut self, mut chance: Chance) -> Result<(), String> {
        if chance.one_in(4) {
            self.let_time_pass(&mut chance);
        }
        let parts = (0..=chance.below(4))
            .map(|_| self.part(&mut chance))
            .collect();
        for left in self.act(parts).await {
            if let Some(surprise) = left.surprises.first() {
                return Err(format!("a visitor got the error {surprise:?}"));
            }
            if let Some((browser, delivery)) = left.delivery {
                self.visitors[browser].receive(delivery);
            }
            self.accessors.extend(left.accessor);
        }
        let surplus = self.accessors.len().saturating_sub(VISITORS);
        self.accessors.drain(..surplus);
        match self.ledger.mistakes().first() {
            Some(mistake) => Err(mistake.clone()),
            None if chance.one_in(4) => self.audit().await,
            None => Ok(()),
        }
    }

    fn let_time_pass(&self, chance: &mut Chance) {
        match chance.below(10) {
            0..=3 => self.clock.advance(SECOND * 31),
            4..=5 => self.clock.advance(MINUTE * 14),
            6..=7 => self.clock.advance(MINUTE * 31),
            8 => self.clock.advance(DAY),
            // Clocks step back, too.
            _ => {
                let before = self.clock.now().as_millis() - 10 * 60 * 1_000;
                self.clock.set(Timestamp::from_millis(before));
            }
        }
    }

    fn part(&mut self, chance: &mut Chance) -> Part {
        let sessions = self.sessions.clone();
        // Without a runtime, what a call did whose caller went away is known to nobody.
        let goes_on =
            self.history.runtime.is_some() || self.history.trouble == Trouble::AnswersLost;
        let (part, may_be_given_up) = match chance.below(14) {
            0..=2 if !self.accessors.is_empty() => {
                let accessor = self.accessors[chance.below(self.accessors.len())].clone();
                let at_once = self.door == Door::Immediate;
                (access(accessor, chance.fork()), goes_on || at_once)
            }
            3 => (sweep(sessions, chance.fork()), false),
            4..=5 => (manage(sessions, chance.fork()), goes_on),
            _ => {
                let browser = chance.below(VISITORS);
                let asked = self.visitors[browser].request();
                let at_once = self.door == Door::Immediate;
                let part = request(sessions, asked, browser, chance.fork());
                (part, goes_on || at_once)
            }
        };
        match may_be_given_up && chance.one_in(6) {
            true => given_up(part, chance.fork()),
            false => part,
        }
    }

    async fn act(&self, parts: Vec<Part>) -> Vec<Left> {
        match self.history.crowd {
            Crowd::Interleaved => join_all(parts).await,
            Crowd::OnThreads => thread::scope(|scope| {
                let acting: Vec<_> = parts
                    .into_iter()
                    .map(|part| scope.spawn(|| block_on(part)))
                    .collect();
                acting
                    .into_iter()
                    .map(|acting| {
                        let left = acting.join();
                        left.unwrap_or_else(|panic| resume_unwind(panic))
                    })
                    .collect()
            }),
        }
    }

    /// The books against the store, and against what is counted.
    async fn audit(&self) -> Result<(), String> {
        self.weather.set_fair(true);
        let audited = self.ledger.audit(&self.sessions).await;
        self.weather.set_fair(false);
        audited.map_err(|error| error.to_string())?;
        let counted = self.events.sum();
        let told = (self.ledger.created(), self.ledger.destroyed());
        match counted == told {
            true => Ok(()),
            false => Err(format!(
                "{told:?} sessions were told as created and destroyed, and {counted:?} counted"
            )),
        }
    }

    /// All sessions end, and the store is empty.
    pub(super) async fn close(mut self) -> Result<(), String> {
        self.audit().await?;
        self.visitors.clear();
        self.accessors.clear();
        self.clock.advance(DAY * 2);
        self.audit().await?;
        match self.ledger.live() {
            live if live > 0 && self.history.trouble == Trouble::Refused => {
                Err(format!("{live} sessions outlived their absolute limit"))
            }
            _ => Ok(()),
        }
    }
}

/// The events of the site.
#[derive(Default)]
pub(super) struct Events(Mutex<Vec<SessionEvent>>);

impl Events {
    fn note(&self, event: SessionEvent) {
        self.0.lock().push(event);
    }

    /// How many sessions were created, and how many ended.
    fn sum(&self) -> (usize, usize) {
        let events = self.0.lock();
        let count = |wanted: fn(&&SessionEvent) -> bool| events.iter().filter(wanted).count();
        (
            count(|event| matches!(event, SessionEvent::Created)),
            count(|event| matches!(event, SessionEvent::Ended(_) | SessionEvent::Removed(_))),
        )
    }

    #[cfg(test)]
    pub(super) fn take(&self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.0.lock())
    }
}
