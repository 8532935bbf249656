//! Clients that do by chance what can be done to sessions, through all servers, and note it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::actor::Actor;
use crate::calls::Counting;
use crate::chance::Chance;
use crate::history::Nanos;
use crate::subject::Subject;

/// What is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'p> {
    pub(crate) clients: usize,
    /// How many sessions are used at a time.
    pub(crate) sessions: usize,
    /// How many requests are sent to one.
    pub(crate) per_session: usize,
    /// How many percent of the clients hang up once they have asked for a change.
    pub(crate) hang_ups: usize,
    /// The longest pause that a client makes between two requests.
    pub(crate) pause: Duration,
    /// The longest pause that a server makes between loading a session and changing it.
    pub(crate) delay: Duration,
    pub(crate) counting: Counting,
    pub(crate) length: Length<'p>,
}

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length<'p> {
    /// About so many requests.
    Requests(usize),
    /// Until this is true, and so many turns more.
    Beyond(&'p AtomicBool, usize),
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) subjects: Vec<Arc<Subject>>,
    /// How long requests took that were answered, and those that were not.
    pub(crate) answered: Vec<Duration>,
    pub(crate) unanswered: Vec<Duration>,
    pub(crate) took: Duration,
}

/// Does what `plan` says with these servers, and looks at each session a last time.
pub(crate) fn run(plan: Plan<'_>, servers: &[SocketAddr], seed: u64) -> Recording {
    let chance = Chance::from_seed(seed);
    let stage = Stage {
        plan,
        servers,
        seed,
        clock: Instant::now(),
        requests: AtomicUsize::new(0),
        slots: (0..plan.sessions).map(|_| Slot::default()).collect(),
        subjects: Mutex::default(),
    };
    let mut recording = thread::scope(|scope| {
        let actors: Vec<_> = (0..plan.clients)
            .map(|number| {
                let actor = Actor::new(&stage, number, chance.branch(number));
                scope.spawn(|| actor.play())
            })
            .collect();
        let mut recording = Recording {
            subjects: Vec::new(),
            answered: Vec::new(),
            unanswered: Vec::new(),
            took: Duration::ZERO,
        };
        for actor in actors {
            let actor = actor.join().expect("a client does not panic");
            recording.answered.extend(actor.answered);
            recording.unanswered.extend(actor.unanswered);
        }
        recording
    });
    recording.took = stage.clock.elapsed();
    let mut last = Actor::new(&stage, plan.clients, chance.branch(plan.clients));
    recording.subjects.clone_from(&stage.subjects());
    for subject in &recording.subjects {
        last.look_back(subject);
    }
    recording
}

/// What all clients share.
pub(crate) struct Stage<'p> {
    pub(crate) plan: Plan<'p>,
    pub(crate) servers: &'p [SocketAddr],
    pub(crate) seed: u64,
    clock: Instant,
    /// How many turns there were, of those that count.
    requests: AtomicUsize,
    /// The sessions in use.
    pub(crate) slots: Vec<Slot>,
    subjects: Mutex<Vec<Arc<Subject>>>,
}

impl Stage<'_> {
    pub(crate) fn now(&self) -> Nanos {
        u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(Nanos::MAX)
    }

    /// All sessions that were in use.
    pub(crate) fn subjects(&self) -> MutexGuard<'_, Vec<Arc<Subject>>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_over(&self) -> bool {
        let (counts, length) = match self.plan.length {
            Length::Requests(length) => (true, length),
            Length::Beyond(end, length) => (end.load(Ordering::SeqCst), length),
        };
        counts && self.requests.fetch_add(1, Ordering::SeqCst) >= length
    }
}

/// Room for a session in use.
#[derive(Default)]
pub(crate) struct Slot {
    subject: Mutex<Option<Arc<Subject>>>,
    /// Held by the client that begins the next one.
    pub(crate) turn: Mutex<()>,
}

impl Slot {
    pub(crate) fn subject(&self) -> MutexGuard<'_, Option<Arc<Subject>>> {
        self.subject.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
