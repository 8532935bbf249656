//! What is exchanged in a build for the tests of interleavings.

use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::{PoisonError, TryLockError};

use shuttle::sync::Mutex as Shuttled;
pub(crate) use shuttle::sync::MutexGuard;

/// A schedule can only be played again where nothing else is left to chance.
pub(crate) type RandomState = BuildHasherDefault<DefaultHasher>;

/// A lock of `shuttle` that is asked like one of `parking_lot`: it is never poisoned.
#[derive(Default)]
pub(crate) struct Mutex<T>(Shuttled<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Shuttled::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}
