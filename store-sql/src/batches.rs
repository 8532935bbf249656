//! Steps that wait at the same time are written together.
//!
//! Most of what a write costs is the statement, the way to the database and the commit. A
//! [`Step`] stands alone: it is written if its row is still the one that was read, or it is not.
//! So those that wait line up here, and a task writes them in one transaction. Each answers for
//! itself whether it was written. None waits for a lock there: what somebody else is at is
//! not written, nor is anything when a transaction fails, and whoever is told so goes on alone.
//!
//! The task belongs to nobody, so that a call that is dropped takes no other one with it.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_core::StoreKey;
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

/// The steps that wait.
#[derive(Default)]
pub(crate) struct Batches(Mutex<Line>);

#[derive(Default)]
struct Line {
    /// True while a task is at it.
    is_served: bool,
    waiting: VecDeque<Placed>,
}

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
    if engine.batches.enter(placed) {
        let service = Service {
            engine: shared,
            is_over: false,
        };
        tokio::spawn(service.serve());
    }
    // The task ended with its runtime, in the middle of it.
    let unknown = || Failure::Lost(SqlError::Lost("it was being closed".into()));
    told.await.unwrap_or_else(|_| Err(unknown()))
}

/// A task that writes what waits until nothing does.
struct Service<D: Dialect> {
    engine: Arc<Engine<D>>,
    is_over: bool,
}

impl<D: Dialect> Service<D> {
    async fn serve(mut self) {
        loop {
            // Who comes while this waits for its turn comes along.
            let lease = self.engine.lease(For::Writing).await;
            let batch = self.engine.batches.next(D::BATCHES);
            if batch.is_empty() {
                if let Ok(lease) = lease {
                    lease.give_back();
                }
                self.is_over = self.engine.batches.leave();
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
            self.engine.batches.give_up();
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
    fn enter(&self, placed: Placed) -> bool {
        let mut line = self.line();
        line.waiting.push_back(placed);
        !mem::replace(&mut line.is_served, true)
    }

    /// Steps of one kind, as many as are written together, from those that wait longest.
    fn next(&self, sizes: Sizes) -> Vec<Placed> {
        let mut line = self.line();
        // Who went away before it began has written nothing.
        line.waiting.retain(|placed| !placed.told.is_closed());
        let Some(kind) = line.waiting.front().map(|placed| placed.kind) else {
            return Vec::new();
        };
        let (mut batch, mut others) = (Vec::<Placed>::new(), VecDeque::new());
        for placed in line.waiting.drain(..) {
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
        line.waiting = others;
        batch
    }

    /// Ends a task. False when somebody came meanwhile.
    fn leave(&self) -> bool {
        let mut line = self.line();
        line.is_served = !line.waiting.is_empty();
        !line.is_served
    }

    /// Ends a task whoever waits: they have written nothing yet.
    fn give_up(&self) {
        let mut line = self.line();
        line.is_served = false;
        let left = mem::take(&mut line.waiting);
        drop(line);
        tell(left, |_| Ok(false));
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
