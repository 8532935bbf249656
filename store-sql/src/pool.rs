//! The connections of a store: few, reused, and given back in good order or not at all.
//!
//! The pool of the driver asks the database for a sign of life whenever a connection comes
//! back, in a task of its own that may hang for ever; this one asks a connection that has been
//! idle for a while, and before it is used. A call that was dropped, or that failed in the middle,
//! gives its connection up: nobody gets one whose state is not known.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Connection;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::dialect::Dialect;
use crate::error::{Failure, SqlError};

/// A connection that has not been used for this long is asked for a sign of life first: the
/// database may have been restarted, or a firewall may have forgotten it.
const ASKED_AFTER: Duration = Duration::from_secs(1);

/// A connection that nobody needed for this long is closed.
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);

/// A connection is replaced after this long, so that what a server keeps for it does not grow,
/// and load balancers get their turn.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);

/// How a pool behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolSettings {
    /// The most connections.
    pub(crate) size: usize,
    /// How long a call waits for one that is in use.
    pub(crate) patience: Duration,
    /// How long making one, or a sign of life, may take.
    pub(crate) connect: Duration,
}

/// Connections to one database.
pub(crate) struct Pool<D: Dialect> {
    settings: PoolSettings,
    permits: Semaphore,
    idle: Mutex<VecDeque<Idle<D::Connection>>>,
}

struct Idle<C> {
    connection: C,
    made: Instant,
    since: Instant,
}

/// A connection in use. It goes back into the pool by [`give_back`](Self::give_back) alone.
pub(crate) struct Lease<'a, D: Dialect> {
    pool: &'a Pool<D>,
    connection: D::Connection,
    made: Instant,
    /// Held until the connection is back, or gone.
    _permit: SemaphorePermit<'a>,
}

impl<D: Dialect> Pool<D> {
    pub(crate) fn new(settings: PoolSettings) -> Self {
        Self {
            settings,
            permits: Semaphore::new(settings.size.max(1)),
            idle: Mutex::default(),
        }
    }

    /// A connection that works as far as one can know: one that was used just now, the one used
    /// last, or a new one.
    pub(crate) async fn lease(&self, dialect: &D) -> Result<Lease<'_, D>, Failure> {
        let Ok(Ok(permit)) = timeout(self.settings.patience, self.permits.acquire()).await else {
            return Err(Failure::Lost(SqlError::Exhausted(self.settings.patience)));
        };
        let (connection, made) = match self.reuse().await {
            Some(idle) => (idle.connection, idle.made),
            None => (self.connect(dialect).await?, Instant::now()),
        };
        Ok(Lease {
            pool: self,
            connection,
            made,
            _permit: permit,
        })
    }

    /// Forgets the connections that nobody uses: one of them was found to be lost.
    pub(crate) fn forget_idle(&self) {
        let forgotten = std::mem::take(&mut *self.idle());
        drop(forgotten);
    }

    async fn reuse(&self) -> Option<Idle<D::Connection>> {
        while let Some(mut idle) = self.next_idle() {
            if idle.made.elapsed() > AGE_MAX {
                // In good manners, but not at any price.
                let _ = timeout(self.settings.connect, idle.connection.close()).await;
                continue;
            }
            if !D::IS_REMOTE || idle.since.elapsed() < ASKED_AFTER {
                return Some(idle);
            }
            match timeout(self.settings.connect, idle.connection.ping()).await {
                Ok(Ok(())) => return Some(idle),
                // The others were used before this one, so they are no better.
                Ok(Err(_)) | Err(_) => self.forget_idle(),
            }
        }
        None
    }

    /// The connection that was used last. One that nobody needed for long is given up.
    fn next_idle(&self) -> Option<Idle<D::Connection>> {
        let (next, unneeded) = {
            let mut idle = self.idle();
            let next = idle.pop_back();
            let is_unneeded = |it: &Idle<_>| it.since.elapsed() > IDLE_MAX;
            let unneeded = match idle.front().is_some_and(is_unneeded) {
                true => idle.pop_front(),
                false => None,
            };
            (next, unneeded)
        };
        drop(unneeded);
        next
    }

    async fn connect(&self, dialect: &D) -> Result<D::Connection, Failure> {
        match timeout(self.settings.connect, dialect.connect()).await {
            Ok(connected) => connected.map_err(|error| D::sort(&error)),
            Err(_) => Err(Failure::Lost(SqlError::TimedOut(self.settings.connect))),
        }
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle<D::Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Dialect> Lease<'_, D> {
    pub(crate) fn connection(&mut self) -> &mut D::Connection {
        &mut self.connection
    }

    /// Gives the connection back: whatever was begun on it is over.
    pub(crate) fn give_back(self) {
        let idle = Idle {
            connection: self.connection,
            made: self.made,
            since: Instant::now(),
        };
        self.pool.idle().push_back(idle);
    }
}
