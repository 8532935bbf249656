//! Writers of one session, one after the other, where the store is far away.
//!
//! A change that depends on what was read is refused when another request was faster, and is made
//! again. Sent all at once, n of them cost about n²/2 calls. In a lane each waits for the one
//! before it, takes over what that one stored, and is right the first time.
//!
//! A lane is a courtesy and no lock: the store alone decides, and writers of other processes are
//! in no lane. So nobody waits long, and whoever was not let in goes on without.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot::{Receiver, Sender, channel};
use futures_util::future::{Either, select};

use crate::engine::Engine;
use crate::runtime::Runtime;
use crate::session::{Attributes, ChangeSet, Expected, Record, StoreKey};
use crate::sync::Mutex;

/// How long a writer waits for those before it. A hundred of them fit into this time; where they
/// do not, the store is slow, and a queue in front of it would make it slower still.
const PATIENCE: Duration = Duration::from_millis(250);

/// The lanes of all sessions that are being written in this process.
#[derive(Clone, Default)]
pub(crate) struct Lanes(Arc<Mutex<HashMap<StoreKey, VecDeque<Sender<Turn>>>>>);

/// The turn of one writer. The next one's comes when it is dropped.
pub(super) struct Turn {
    lanes: Lanes,
    key: StoreKey,
    /// What the writer before stored, and then what this one did.
    stored: Option<Attributes>,
}

enum Entered {
    Turn(Turn),
    Wait(Receiver<Turn>),
}

impl Lanes {
    /// The turn of a writer that sends `changes` to the session under `key`; `None` where none
    /// is needed, or none came in time.
    pub(super) async fn turn(engine: &Engine, key: StoreKey, changes: &ChangeSet) -> Option<Turn> {
        let mut expected = changes.attributes.iter().map(|it| it.expected);
        let depends = expected.any(|it| it != Expected::Anything);
        if !depends || changes.login.is_some() || engine.is_immediate() {
            return None;
        }
        let runtime = engine.runtime.get()?;
        match engine.lanes.enter(key) {
            Entered::Turn(turn) => Some(turn),
            // In a box, so that commits which wait for nobody do not carry the wait about.
            Entered::Wait(turn) => Box::pin(in_patience(turn, &**runtime)).await,
        }
    }

    fn enter(&self, key: StoreKey) -> Entered {
        match self.0.lock().entry(key) {
            Entry::Vacant(lane) => {
                lane.insert(VecDeque::new());
                Entered::Turn(Turn {
                    lanes: self.clone(),
                    key,
                    stored: None,
                })
            }
            Entry::Occupied(mut lane) => {
                let (sender, turn) = channel();
                lane.get_mut().push_back(sender);
                Entered::Wait(turn)
            }
        }
    }

    /// The first in the lane who still waits. An empty lane is given up.
    fn next(&self, key: &StoreKey) -> Option<Sender<Turn>> {
        let mut lanes = self.0.lock();
        let lane = lanes.get_mut(key)?;
        loop {
            match lane.pop_front() {
                Some(waiting) if waiting.is_canceled() => {}
                Some(waiting) => return Some(waiting),
                None => {
                    lanes.remove(key);
                    return None;
                }
            }
        }
    }
}

impl Turn {
    /// What the writer before stored, to be built on.
    pub(super) fn take_stored(&mut self) -> Option<Attributes> {
        self.stored.take()
    }

    /// True when somebody waits and would like to know what is stored now.
    pub(super) fn is_awaited(&self) -> bool {
        let lanes = self.lanes.0.lock();
        lanes.get(&self.key).is_some_and(|lane| !lane.is_empty())
    }

    /// Tells the next writer what is stored now.
    pub(super) fn leave(&mut self, record: &Record) {
        self.stored = Some(record.attributes.clone());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(next) = self.lanes.next(&self.key) {
            // One that has gone away this very moment drops the turn, and so hands it on.
            let _ = next.send(Turn {
                lanes: self.lanes.clone(),
                key: self.key,
                stored: self.stored.take(),
            });
        }
    }
}

async fn in_patience(turn: Receiver<Turn>, runtime: &dyn Runtime) -> Option<Turn> {
    match select(turn, runtime.sleep(PATIENCE)).await {
        Either::Left((turn, _)) => turn.ok(),
        Either::Right(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const KEY: StoreKey = StoreKey::from_bytes([7; 32]);

    fn first(lanes: &Lanes) -> Turn {
        match lanes.enter(KEY) {
            Entered::Turn(turn) => turn,
            Entered::Wait(_) => panic!("somebody is in the lane"),
        }
    }

    fn waiting(lanes: &Lanes) -> Receiver<Turn> {
        match lanes.enter(KEY) {
            Entered::Turn(_) => panic!("nobody is in the lane"),
            Entered::Wait(turn) => turn,
        }
    }

    #[test]
    fn writers_come_one_after_the_other_in_their_order() {
        let lanes = Lanes::default();
        let turn = first(&lanes);
        let (mut second, mut third) = (waiting(&lanes), waiting(&lanes));
        assert!(turn.is_awaited());
        drop(turn);
        let turn = (&mut second).now_or_never().unwrap().unwrap();
        assert!((&mut third).now_or_never().is_none());
        drop(turn);
        assert!(!(&mut third).now_or_never().unwrap().unwrap().is_awaited());
    }

    #[test]
    fn a_writer_that_went_away_is_passed_over() {
        let lanes = Lanes::default();
        let turn = first(&lanes);
        let (second, mut third) = (waiting(&lanes), waiting(&lanes));
        drop(second);
        drop(turn);
        assert!((&mut third).now_or_never().is_some());
    }

    #[test]
    fn a_turn_that_was_given_to_nobody_any_more_is_handed_on() {
        let lanes = Lanes::default();
        let turn = first(&lanes);
        let (second, mut third) = (waiting(&lanes), waiting(&lanes));
        drop(turn);
        drop(second);
        assert!((&mut third).now_or_never().is_some());
    }

    #[test]
    fn an_empty_lane_is_given_up() {
        let lanes = Lanes::default();
        drop(first(&lanes));
        assert!(lanes.0.lock().is_empty());
        let turn = first(&lanes);
        drop(waiting(&lanes));
        drop(turn);
        assert!(lanes.0.lock().is_empty());
    }

    /// Handing the turn to each of them, to be handed back, would exhaust the stack.
    #[test]
    fn a_crowd_that_went_away_is_passed_over_at_once() {
        let lanes = Lanes::default();
        let turn = first(&lanes);
        for _ in 0..200_000 {
            drop(waiting(&lanes));
        }
        let mut last = waiting(&lanes);
        drop(turn);
        assert!((&mut last).now_or_never().is_some());
    }
}
