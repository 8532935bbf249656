//! Proof that histories bite: a store that is careless in one way is found out.

mod careless;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_executor::block_on;

use self::careless::CarelessStore;
use super::History;
use crate::store::SessionStore;
use crate::testkit::store::Door;

/// One way in which a store can keep bad books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    /// A refused write is applied all the same.
    AppliesWhatItRefuses,
    /// A write brings a deleted session back.
    ApplyRevives,
    /// The session before a change is the one that the last load answered.
    BeforeIsWhatWasLoaded,
    /// The session before a change is the one after it.
    BeforeIsAfter,
    /// A forwarding entry is counted as a session.
    CensusCountsForwards,
    /// A new session is stored, and the answer is that its key was taken.
    CreateDisowns,
    /// A delete answers the session, again and again.
    DeleteAnswersTwice,
    /// A delete removes the session, and says that there was none.
    DeleteSaysNothing,
    /// Who ends a session is answered it without its attributes.
    EndForgetsAttributes,
    /// Who ends a session is told that there was none.
    EndSaysNothing,
    /// Who ends all sessions is answered those that were listed, whoever ended them.
    EndsWhatWasListed,
    /// What was evicted, or ended for another login or with everybody, is reported by no sweep.
    ReportsExpiryOnly,
    /// A renamed session gets another handle.
    RenameForgetsTheHandle,
    /// A renamed session lives under both keys.
    RenameLeavesACopy,
    /// The answer lacks an attribute that the session has.
    ReplyLacksAnAttribute,
    /// Some of what a sweep removed is not reported.
    SweepForgets,
    /// What a sweep removed is reported by the next one too.
    SweepReportsTwice,
    /// What a sweep removed is reported as it was when it was created.
    SweepReportsTheBeginning,
    /// What a sweep reported stays.
    SweepRemovesNothing,
}

const SLIPS: [Slip; 19] = [
    Slip::AppliesWhatItRefuses,
    Slip::ApplyRevives,
    Slip::BeforeIsWhatWasLoaded,
    Slip::BeforeIsAfter,
    Slip::CensusCountsForwards,
    Slip::CreateDisowns,
    Slip::DeleteAnswersTwice,
    Slip::DeleteSaysNothing,
    Slip::EndForgetsAttributes,
    Slip::EndSaysNothing,
    Slip::EndsWhatWasListed,
    Slip::ReportsExpiryOnly,
    Slip::RenameForgetsTheHandle,
    Slip::RenameLeavesACopy,
    Slip::ReplyLacksAnAttribute,
    Slip::SweepForgets,
    Slip::SweepReportsTwice,
    Slip::SweepReportsTheBeginning,
    Slip::SweepRemovesNothing,
];

/// How many histories a store has to play before it may be called good.
const HISTORIES: u64 = 100;

fn survives(seed: u64, store: Arc<dyn SessionStore>) -> bool {
    let play = || block_on(History::of_seed(seed).play_through(Door::Awaited, store));
    catch_unwind(AssertUnwindSafe(play)).is_ok()
}

#[test]
fn every_careless_store_is_found_out() {
    let is_found_out = |slip: &Slip| {
        let store = || Arc::new(CarelessStore::new(Some(*slip)));
        (0..HISTORIES).any(|seed| !survives(seed, store()))
    };
    let unnoticed: Vec<_> = SLIPS.iter().filter(|slip| !is_found_out(slip)).collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

#[test]
fn a_careful_store_survives() {
    for seed in 0..HISTORIES {
        assert!(
            survives(seed, Arc::new(CarelessStore::new(None))),
            "History::of_seed({seed})"
        );
    }
}
