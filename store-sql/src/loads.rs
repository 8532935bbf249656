//! Loads that wait at the same time travel together.
//!
//! A few statements that read sessions run at a time; whoever comes then waits for one of them to
//! end, and is read with all who came meanwhile, in one statement. Most of what a load costs, here
//! and in the database, is the statement and the way there. While little is going on nobody
//! waits, and a load is its own statement.
//!
//! A statement for several belongs to a task, so that a call that is dropped takes no other one
//! with it; and when it fails, everybody reads alone and has an answer of his own. Each runtime of the
//! process has a line of its own: a task of another one stands still while that is busy with something
//! else.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_core::StoreKey;
use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;

use crate::dialect::{Arg, Dialect};
use crate::engine::{Engine, For};
use crate::error::Failure;
use crate::row::{self, Stored};

/// Statements that run at a time on a runtime before others wait.
const AT_ONCE: usize = 2;

/// The most sessions that one statement reads: a power of two.
pub(crate) const TOGETHER_MAX: usize = 32;

/// The loads that run and that wait, for each runtime where some run.
#[derive(Default)]
pub(crate) struct Loads(Mutex<HashMap<Id, Line>>);

#[derive(Default)]
struct Line {
    running: usize,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    key: StoreKey,
    /// Closed without an answer when the key is to be read alone.
    told: oneshot::Sender<Option<Stored>>,
}

/// Reads what is under a key.
pub(crate) async fn find<D: Dialect>(
    engine: &Engine<D>,
    key: &StoreKey,
) -> Result<Option<Stored>, Failure> {
    let Some(shared) = engine.shared() else {
        return find_alone(engine, key).await;
    };
    let runtime = Handle::current();
    let Some(told) = engine.loads.enter(runtime.id(), key) else {
        let _turn = Turn {
            engine: shared,
            runtime,
        };
        return find_alone(engine, key).await;
    };
    drop(shared);
    match told.await {
        Ok(stored) => Ok(stored),
        Err(_) => find_alone(engine, key).await,
    }
}

async fn find_alone<D: Dialect>(
    engine: &Engine<D>,
    key: &StoreKey,
) -> Result<Option<Stored>, Failure> {
    let rows = engine
        .read(&engine.statements.load, &[Arg::key(key)])
        .await?;
    Ok(row::read(&rows)?.into_iter().next())
}

/// The turn of a load that runs by itself. Afterwards it is the turn of those who wait.
struct Turn<D: Dialect> {
    engine: Arc<Engine<D>>,
    runtime: Handle,
}

impl<D: Dialect> Drop for Turn<D> {
    fn drop(&mut self) {
        let runtime = self.runtime.id();
        if self.engine.loads.leave(runtime) {
            return;
        }
        let engine = self.engine.clone();
        // A runtime that has ended drops it at once.
        self.runtime.spawn(Service { engine, runtime }.serve());
    }
}

/// The turn of those who wait. When it ends early, they read alone.
struct Service<D: Dialect> {
    engine: Arc<Engine<D>>,
    runtime: Id,
}

impl<D: Dialect> Service<D> {
    async fn serve(self) {
        loop {
            let batch = self.engine.loads.next(self.runtime);
            if batch.is_empty() {
                return;
            }
            let keys: Vec<StoreKey> = batch.iter().map(|it| it.key).collect();
            // Whoever hears nothing reads alone, and finds out what is wrong.
            if let Ok(mut found) = self.engine.in_time(self.find(&keys)).await {
                for Waiting { key, told } in batch {
                    let place = found.iter().position(|stored| stored.key == key);
                    // Who went away does not hear it.
                    let _ = told.send(place.map(|place| found.swap_remove(place)));
                }
            }
        }
    }

    async fn find(&self, keys: &[StoreKey]) -> Result<Vec<Stored>, Failure> {
        let engine = &*self.engine;
        let mut lease = engine.lease(For::Reading).await?;
        let rows = D::find(engine, lease.connection(), keys).await;
        let mut rows = engine.settle(lease, rows)?;
        row::sort(&mut rows);
        Ok(row::read(&rows)?)
    }
}

impl<D: Dialect> Drop for Service<D> {
    fn drop(&mut self) {
        self.engine.loads.give_up(self.runtime);
    }
}

impl Loads {
    /// A turn, for `None`, or a place in the line.
    fn enter(&self, runtime: Id, key: &StoreKey) -> Option<oneshot::Receiver<Option<Stored>>> {
        let mut lines = self.lines();
        let line = lines.entry(runtime).or_default();
        if line.running < AT_ONCE {
            line.running += 1;
            return None;
        }
        let (tell, told) = oneshot::channel();
        line.waiting.push_back(Waiting {
            key: *key,
            told: tell,
        });
        Some(told)
    }

    /// Ends a turn. False, and the turn goes on, when there are those who wait.
    fn leave(&self, runtime: Id) -> bool {
        let mut lines = self.lines();
        if lines.get(&runtime).is_some_and(|it| !it.waiting.is_empty()) {
            return false;
        }
        end_turn(&mut lines, runtime);
        true
    }

    /// Ends a turn whoever waits.
    fn give_up(&self, runtime: Id) {
        let left = end_turn(&mut self.lines(), runtime);
        drop(left);
    }

    /// Those who wait longest, each key once.
    fn next(&self, runtime: Id) -> Vec<Waiting> {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(&runtime) else {
            return Vec::new();
        };
        let (mut batch, mut others) = (Vec::<Waiting>::new(), VecDeque::new());
        for waiting in line.waiting.drain(..) {
            let is_new = batch.iter().all(|other| other.key != waiting.key);
            if waiting.told.is_closed() {
                continue;
            } else if is_new && batch.len() < TOGETHER_MAX {
                batch.push(waiting);
            } else {
                others.push_back(waiting);
            }
        }
        line.waiting = others;
        batch
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Id, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one turn less, and answers those who wait. Nothing is kept of a runtime without turns.
fn end_turn(lines: &mut HashMap<Id, Line>, runtime: Id) -> VecDeque<Waiting> {
    let Some(line) = lines.get_mut(&runtime) else {
        return VecDeque::new();
    };
    line.running = line.running.saturating_sub(1);
    let left = mem::take(&mut line.waiting);
    if line.running == 0 {
        lines.remove(&runtime);
    }
    left
}
