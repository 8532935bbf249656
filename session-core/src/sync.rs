//! What threads share a memory through: locks and counters. All of the engine takes them from
//! here, so that one place can exchange them.
//!
//! In every ordinary build these are the locks of `parking_lot` and the counters of the standard
//! library, under their own names. In a build for the tests of interleavings (`--cfg shuttle`)
//! they are those of `shuttle`, at each of which another thread may have a turn. In one that measures
//! locks (`--cfg timed_locks`) those of `parking_lot` note for how long they are held.

#[cfg(not(shuttle))]
pub(crate) use std::hash::RandomState;
#[cfg(not(shuttle))]
pub(crate) use std::sync::atomic;

#[cfg(not(any(shuttle, timed_locks)))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(shuttle)]
pub(crate) use shuttle::sync::atomic;

#[cfg(shuttle)]
pub(crate) use self::shuttled::{Mutex, MutexGuard, RandomState};

#[cfg(timed_locks)]
pub(crate) use self::timed::{Mutex, MutexGuard};

#[cfg(shuttle)]
mod shuttled;
#[cfg(timed_locks)]
pub(crate) mod timed;
