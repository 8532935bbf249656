//! Writers of one session, one after the other, where the store is far away.
//!
//! A change that depends on what was read is refused when another request was faster, and is made
//! again. Sent all at once, n of them cost about n²/2 calls. In a lane each waits for the one
//! before it, takes over what that one stored, and is right the first time.
//!
//! A lane is a courtesy and no lock: the store alone decides, and writers of other processes are
//! in no lane. So nobody waits long where nothing moves: one of those who wait takes the turn over.

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

/// How long a writer waits between two looks at whether the lane moves.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often it waits so long where the lane does move: ten seconds in all. A writer is refused at
/// the first conflict by then, so those who leave do not fall upon the store again and again.
const WAITS_MAX: usize = 40;

/// The lanes of all sessions that are being written in this process.
#[derive(Clone, Default)]
pub(crate) struct Lanes(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    lanes: HashMap<StoreKey, Lane>,
    /// How many turns there were.
    turns: u64,
}

struct Lane {
    /// Whose turn it is.
    number: u64,
    waiting: VecDeque<Sender<Turn>>,
}

/// The turn of one writer. The next one's comes when it is dropped.
pub(super) struct Turn {
    lanes: Lanes,
    key: StoreKey,
    number: u64,
    /// What the writer before stored, and then what this one did.
    stored: Option<Attributes>,
}

/// A writer in a lane behind others.
struct Waiting {
    lanes: Lanes,
    key: StoreKey,
    turn: Receiver<Turn>,
    /// Whose turn it was at the last look.
    number: u64,
}

enum Entered {
    Turn(Turn),
    Wait(Waiting),
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
            Entered::Wait(waiting) => Box::pin(waiting.turn(&**runtime)).await,
        }
    }

    fn enter(&self, key: StoreKey) -> Entered {
        let Table { lanes, turns } = &mut *self.0.lock();
        match lanes.entry(key) {
            Entry::Vacant(lane) => {
                *turns += 1;
                lane.insert(Lane {
                    number: *turns,
                    waiting: VecDeque::new(),
                });
                Entered::Turn(self.numbered(key, *turns, None))
            }
            Entry::Occupied(mut lane) => {
                let lane = lane.get_mut();
                let (sender, turn) = channel();
                lane.waiting.push_back(sender);
                Entered::Wait(Waiting {
                    lanes: self.clone(),
                    key,
                    turn,
                    number: lane.number,
                })
            }
        }
    }

    /// The first one who still waits, and the number of its turn; `None` when turn `number` was
    /// taken over. An empty lane is given up.
    fn next(&self, key: &StoreKey, number: u64) -> Option<(Sender<Turn>, u64)> {
        let Table { lanes, turns } = &mut *self.0.lock();
        let lane = lanes.get_mut(key).filter(|lane| lane.number == number)?;
        loop {
            match lane.waiting.pop_front() {
                Some(waiting) if waiting.is_canceled() => {}
                Some(waiting) => {
                    *turns += 1;
                    lane.number = *turns;
                    return Some((waiting, lane.number));
                }
                None => {
                    lanes.remove(key);
                    return None;
                }
            }
        }
    }

    fn numbered(&self, key: StoreKey, number: u64, stored: Option<Attributes>) -> Turn {
        Turn {
            lanes: self.clone(),
            key,
            number,
            stored,
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
        let table = self.lanes.0.lock();
        let lane = table.lanes.get(&self.key);
        lane.is_some_and(|lane| !lane.waiting.is_empty())
    }

    /// The store gave no answer. To be asked one after the other would take those who wait long.
    pub(super) fn dissolve(&self) {
        self.lanes.0.lock().lanes.remove(&self.key);
    }

    /// Tells the next writer what is stored now.
    pub(super) fn leave(&mut self, record: &Record) {
        self.stored = Some(record.attributes.clone());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some((next, number)) = self.lanes.next(&self.key, self.number) {
            let stored = self.stored.take();
            // One that has gone away this very moment drops the turn, and so hands it on.
            let _ = next.send(self.lanes.numbered(self.key, number, stored));
        }
    }
}

impl Waiting {
    async fn turn(mut self, runtime: &dyn Runtime) -> Option<Turn> {
        for _ in 0..WAITS_MAX {
            let moment = runtime.sleep(PATIENCE);
            if let Either::Left((turn, _)) = select(&mut self.turn, moment).await {
                return turn.ok();
            }
            if let Some(turn) = self.take_over() {
                return Some(turn);
            }
        }
        None
    }

    /// The turn of a writer that has had it since the last look. Those behind this one stay where
    /// they are, instead of falling upon the store all at once.
    fn take_over(&mut self) -> Option<Turn> {
        let Table { lanes, turns } = &mut *self.lanes.0.lock();
        let lane = lanes.get_mut(&self.key)?;
        if lane.number != self.number {
            self.number = lane.number;
            return None;
        }
        *turns += 1;
        lane.number = *turns;
        Some(self.lanes.numbered(self.key, lane.number, None))
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
        behind_others(lanes).turn
    }

    fn behind_others(lanes: &Lanes) -> Waiting {
        match lanes.enter(KEY) {
            Entered::Turn(_) => panic!("nobody is in the lane"),
            Entered::Wait(waiting) => waiting,
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
    fn in_a_lane_that_stands_one_takes_the_turn_over_and_hands_it_on() {
        let lanes = Lanes::default();
        let stuck = first(&lanes);
        let [mut second, mut third, fourth] = [(); 3].map(|()| behind_others(&lanes));
        let turn = second.take_over().unwrap();
        assert!(third.take_over().is_none(), "it moved");
        drop(second);
        drop(stuck);
        assert!((&mut third.turn).now_or_never().is_none(), "two at a time");
        drop(turn);
        let third = (&mut third.turn).now_or_never().unwrap().unwrap();
        drop(third);
        assert!(fourth.turn.now_or_never().is_some());
    }

    #[test]
    fn a_lane_at_a_store_without_an_answer_is_dissolved() {
        let lanes = Lanes::default();
        let turn = first(&lanes);
        let crowd = [(); 3].map(|()| waiting(&lanes));
        turn.dissolve();
        for waiting in crowd {
            let turn = waiting.now_or_never().expect("it waits no longer");
            assert!(turn.is_err());
        }
        drop(turn);
        assert!(lanes.0.lock().lanes.is_empty());
    }

    #[test]
    fn a_turn_that_was_taken_over_says_nothing_in_a_later_lane() {
        let lanes = Lanes::default();
        let stuck = first(&lanes);
        let taken_over = behind_others(&lanes).take_over();
        drop(taken_over);
        let turn = first(&lanes);
        let mut second = waiting(&lanes);
        drop(stuck);
        assert!((&mut second).now_or_never().is_none());
        drop(turn);
        assert!(second.now_or_never().is_some());
    }

    #[test]
    fn a_turn_whose_lane_was_dissolved_says_nothing_in_a_later_lane() {
        let lanes = Lanes::default();
        let without_an_answer = first(&lanes);
        without_an_answer.dissolve();
        let turn = first(&lanes);
        let mut second = waiting(&lanes);
        drop(without_an_answer);
        assert!((&mut second).now_or_never().is_none(), "two at a time");
        drop(turn);
        assert!(second.now_or_never().unwrap().is_ok());
    }

    #[test]
    fn an_empty_lane_is_given_up() {
        let lanes = Lanes::default();
        drop(first(&lanes));
        assert!(lanes.0.lock().lanes.is_empty());
        let turn = first(&lanes);
        drop(waiting(&lanes));
        drop(turn);
        assert!(lanes.0.lock().lanes.is_empty());
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
