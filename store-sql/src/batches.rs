//! Steps that wait at the same time are written together.
//!
//! Most of what a write costs is the statement, the way to the database and the commit. A
//! [`Step`] stands alone: it is written if its row is still the one that was read, or it is not.
//! So those that wait line up here, and a task writes them in one transaction. Each answers for
//! itself whether it was written. None waits for a lock there: what somebody else is at is
//! not written, nor is anything when a transaction fails, and whoever is told so goes on alone.
//!
//! The task belongs to nobody, so that a call that is dropped takes no other one with it. A process
//! may have several runtimes, one for each worker of actix-web, and each has a line of its own: a task
//! of another runtime stands still while that is busy with something else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_core::StoreKey;
use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;

use crate::dialect::{Arg, Dialect};
use crate::engine::{Engine, For};
use crate::error::{Failure, SqlError};
use crate::foreseen::Step;
use crate::pool::Lease;
use crate::row;
use crate::steps::Kind;

/// The most steps that are written together: a power of two.
pub(crate) const TOGETHER_MAX: usize = 16;

/// How many steps a database takes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// None: a step would not be one round trip.
    None,
    /// Powers of two, each of which is a script of its own.
    PowersOfTwo,
    /// Any number, as lists.
    All,
}

/// The steps that wait, for each runtime where a task is at them.
#[derive(Default)]
pub(crate) struct Batches(Mutex<HashMap<Id, Line>>);

type Line = VecDeque<Placed>;

/// A step in the line, and who wants to hear of it.
struct Placed {
    kind: Kind,
    key: StoreKey,
    values: Vec<Owned>,
    told: oneshot::Sender<Result<bool, Failure>>,
}

impl Placed {
    fn values(&self) -> Vec<Arg<'_>> {
        self.values.iter().map(Owned::borrowed).collect()
    }
}

/// A value that outlives the call it came with.
enum Owned {
    Number(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

impl Owned {
    fn of(value: &Arg<'_>) -> Self {
        match *value {
            Arg::Number(number) => Self::Number(number),
            Arg::Bytes(bytes) => Self::Bytes(bytes.map(<[u8]>::to_vec)),
        }
    }

    fn borrowed(&self) -> Arg<'_> {
        match self {
            Self::Number(number) => Arg::Number(*number),
            Self::Bytes(bytes) => Arg::Bytes(bytes.as_deref()),
        }
    }
}

/// Writes a step together with others. False when nothing was written.
pub(crate) async fn write<D: Dialect>(engine: &Engine<D>, step: Step<'_>) -> Result<bool, Failure> {
    let Some(shared) = engine.shared() else {
        return Ok(false);
    };
    let (tell, told) = oneshot::channel();
    let placed = Placed {
        kind: step.kind,
        key: *step.key,
        values: step.values.iter().map(Owned::of).collect(),
        told: tell,
    };
    let runtime = Handle::current();
    if engine.batches.enter(runtime.id(), placed) {
        let service = Service {
            engine: shared,
            runtime: runtime.id(),
            is_over: false,
        };
        runtime.spawn(service.serve());
    }
    // The task ended with its runtime, in the middle of it.
    let unknown = || Failure::Lost(SqlError::Lost("it was being closed".into()));
    told.await.unwrap_or_else(|_| Err(unknown()))
}

/// A task that writes what waits on a runtime until nothing does.
struct Service<D: Dialect> {
    engine: Arc<Engine<D>>,
    runtime: Id,
    is_over: bool,
}

impl<D: Dialect> Service<D> {
    async fn serve(mut self) {
        loop {
            // Who comes while this waits for its turn comes along.
            let lease = self.engine.lease(For::Writing).await;
            let batch = self.engine.batches.next(self.runtime, D::BATCHES);
            if batch.is_empty() {
                if let Ok(lease) = lease {
                    lease.give_back();
                }
                self.is_over = self.engine.batches.leave(self.runtime);
                if self.is_over {
                    return;
                }
                continue;
            }
            let Ok(lease) = lease else {
                tell(batch, |_| Ok(false));
                continue;
            };
            match self.engine.in_time(self.write(lease, &batch)).await {
                Ok(written) => tell(batch, |placed| Ok(written.contains(&placed.key))),
                Err(Failure::Lost(why)) => tell(batch, |_| Err(Failure::Lost(again(&why)))),
                Err(_) => tell(batch, |_| Ok(false)),
            }
        }
    }

    /// Writes a batch of one kind. Answers the keys of what was written.
    async fn write(
        &self,
        mut lease: Lease<'_, D>,
        batch: &[Placed],
    ) -> Result<Vec<StoreKey>, Failure> {
        let Some(Placed { kind, .. }) = batch.first() else {
            return Ok(Vec::new());
        };
        let steps: Vec<Vec<Arg<'_>>> = batch.iter().map(Placed::values).collect();
        let rows = D::write(&self.engine, lease.connection(), *kind, &steps).await;
        let rows = match rows {
            // It may have failed in the middle of a script.
            Err(error) if !D::IS_REMOTE => {
                let failure = D::sort(&error);
                self.engine.abandon(lease, &failure).await;
                return Err(failure);
            }
            rows => self.engine.settle(lease, rows)?,
        };
        Ok(rows.iter().flat_map(|row| row::key_at(row, 0)).collect())
    }
}

impl<D: Dialect> Drop for Service<D> {
    fn drop(&mut self) {
        if !self.is_over {
            self.engine.batches.give_up(self.runtime);
        }
    }
}

fn tell(
    batch: impl IntoIterator<Item = Placed>,
    answer: impl Fn(&Placed) -> Result<bool, Failure>,
) {
    for placed in batch {
        let answer = answer(&placed);
        // Who is gone hears nothing.
        let _ = placed.told.send(answer);
    }
}

/// The same error for somebody else.
fn again(error: &SqlError) -> SqlError {
    match error {
        SqlError::TimedOut(limit) => SqlError::TimedOut(*limit),
        SqlError::Lost(words) => SqlError::Lost(words.clone()),
        other => SqlError::Lost(other.to_string().into()),
    }
}

impl Batches {
    /// Lines up. True when the one who did has to see to it that the line is served.
    fn enter(&self, runtime: Id, placed: Placed) -> bool {
        let mut lines = self.lines();
        let is_served = lines.contains_key(&runtime);
        lines.entry(runtime).or_default().push_back(placed);
        !is_served
    }

    /// Steps of one kind, as many as are written together, from those that wait longest.
    fn next(&self, runtime: Id, sizes: Sizes) -> Vec<Placed> {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(&runtime) else {
            return Vec::new();
        };
        // Who went away before it began has written nothing.
        line.retain(|placed| !placed.told.is_closed());
        let Some(kind) = line.front().map(|placed| placed.kind) else {
            return Vec::new();
        };
        let (mut batch, mut others) = (Vec::<Placed>::new(), VecDeque::new());
        for placed in line.drain(..) {
            // Each session once: what is written is known by its key.
            let is_alike = placed.kind == kind && batch.len() < TOGETHER_MAX;
            if is_alike && batch.iter().all(|other| other.key != placed.key) {
                batch.push(placed);
            } else {
                others.push_back(placed);
            }
        }
        let size = match sizes {
            Sizes::PowersOfTwo => 1 << batch.len().ilog2(),
            Sizes::All | Sizes::None => batch.len(),
        };
        for placed in batch.drain(size..).rev() {
            others.push_front(placed);
        }
        *line = others;
        batch
    }

    /// Ends a task. False when somebody came meanwhile.
    fn leave(&self, runtime: Id) -> bool {
        let mut lines = self.lines();
        let is_over = lines.get(&runtime).is_none_or(VecDeque::is_empty);
        if is_over {
            lines.remove(&runtime);
        }
        is_over
    }

    /// Ends a task whoever waits: they have written nothing yet.
    fn give_up(&self, runtime: Id) {
        let left = self.lines().remove(&runtime);
        tell(left.unwrap_or_default(), |_| Ok(false));
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Id, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
