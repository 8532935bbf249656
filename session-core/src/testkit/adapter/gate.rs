//! Where a story holds handlers and bodies until it lets them go on.

use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot::{Sender, channel};
use parking_lot::{Condvar, Mutex};

/// How long a story waits for a server. Only a failing one waits as long.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A place in handlers and bodies. Clones are one gate.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    arrival: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Sender<()>>,
    is_closed: bool,
}

impl Gate {
    /// The server's side: says that somebody is here, and waits.
    pub(super) async fn pass(&self) {
        let opened = {
            let mut state = self.0.state.lock();
            if state.is_closed {
                return;
            }
            let (open, opened) = channel();
            state.waiting.push(open);
            self.0.arrival.notify_all();
            opened
        };
        // A gate that is closed lets everybody pass, too.
        let _ = opened.await;
    }

    /// The story's side: waits until `count` are here, and lets them pass all at once.
    ///
    /// # Panics
    /// When they do not come.
    pub(super) fn open_for(&self, count: usize) {
        self.wait_for(count);
        for open in take(&mut self.0.state.lock().waiting) {
            // One whose request was given up is not there any more.
            let _ = open.send(());
        }
    }

    /// Waits until `count` are here.
    ///
    /// # Panics
    /// When they do not come.
    pub(super) fn wait_for(&self, count: usize) {
        let mut state = self.0.state.lock();
        while state.waiting.len() < count {
            let wait = self.0.arrival.wait_for(&mut state, PATIENCE);
            assert!(
                !wait.timed_out(),
                "the server holds {} of {count} requests at the same time",
                state.waiting.len()
            );
        }
    }

    /// Lets everybody pass from now on, so that a server can end although its story failed.
    pub(super) fn close(&self) {
        let mut state = self.0.state.lock();
        state.is_closed = true;
        state.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use futures_executor::block_on;

    use super::*;

    #[test]
    fn who_is_there_passes_when_the_gate_opens() {
        let gate = Gate::default();
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let gate = gate.clone();
                thread::spawn(move || block_on(gate.pass()))
            })
            .collect();
        gate.open_for(2);
        for waiting in waiting {
            waiting.join().unwrap();
        }
    }

    #[test]
    fn a_closed_gate_holds_nobody() {
        let gate = Gate::default();
        let waiting = gate.clone();
        let waiting = thread::spawn(move || block_on(waiting.pass()));
        gate.wait_for(1);
        gate.close();
        waiting.join().unwrap();
        block_on(gate.pass());
    }
}
