//! Which rules may run at the same time in one process: all of them, but for those that end
//! the sessions of everybody, or count them.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::lock::{Mutex, MutexGuard};

/// How a rule shares its store with others.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    /// It runs while others do.
    Shared,
    /// It runs while no other does.
    Alone,
}

/// A rule that shares holds one of the seats; one that runs alone holds them all. Rules that
/// meet on a seat wait for each other, so there are more seats than a test harness has threads.
const SEATS: usize = 256;

impl Turn {
    /// Waits until the rule may run, which it may until the answer is dropped.
    pub(super) async fn come(self) -> Vec<MutexGuard<'static, ()>> {
        static ROOM: LazyLock<[Mutex<()>; SEATS]> =
            LazyLock::new(|| std::array::from_fn(|_| Mutex::default()));
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        match self {
            Self::Shared => {
                let seat = NEXT.fetch_add(1, Ordering::Relaxed) % SEATS;
                vec![ROOM[seat].lock().await]
            }
            Self::Alone => {
                let mut seats = Vec::with_capacity(SEATS);
                // All rules that run alone take the seats in the same order.
                for seat in ROOM.iter() {
                    seats.push(seat.lock().await);
                }
                seats
            }
        }
    }
}
