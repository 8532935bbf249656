//! What dies, hangs and is cut while clients go on.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use crate::chance::Chance;
use crate::random::BUSY;
use crate::site::Site;
use crate::stores::Survives;
use crate::verdict::Tally;
use crate::workload::{Length, Plan, Recording, run};

/// How many turns clients have after the last fault, however slow the machine is.
const AFTERMATH: usize = 300;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Servers are killed with `kill -9` and started again.
    KillServers,
    /// The store is killed and started again: one node where it is a cluster.
    KillStore,
    /// The store hangs for a while (SIGSTOP): one node where it is a cluster.
    PauseStore,
    /// The connections between servers and store, or a node of it, are cut in the middle of a
    /// reply.
    CutReplies,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [
        Self::KillServers,
        Self::KillStore,
        Self::PauseStore,
        Self::CutReplies,
    ];

    /// What must survive on a store where this is to go wrong.
    pub(crate) const fn asks_for(self) -> Survives {
        match self {
            Self::KillServers => Survives::ItsClients,
            Self::KillStore | Self::PauseStore | Self::CutReplies => Survives::ItsServer,
        }
    }

    /// The name of the test.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::KillServers => "every_history_is_explained_when_servers_are_killed",
            Self::KillStore => "every_history_is_explained_when_the_store_is_killed",
            Self::PauseStore => "every_history_is_explained_when_the_store_hangs",
            Self::CutReplies => "every_history_is_explained_when_replies_of_the_store_are_cut",
        }
    }

    /// Lets it go wrong a few times.
    fn strike(self, site: &Site, chance: &mut Chance) {
        let own = || site.backing.own.as_ref().expect("a store of one's own");
        match self {
            Self::KillServers => {
                for round in 0..6 {
                    wait(50..300, chance);
                    let process = &site.processes[round % site.processes.len()];
                    process.kill();
                    wait(10..150, chance);
                    process.start_again();
                }
            }
            Self::KillStore => {
                for _ in 0..2 {
                    let one = own().one(chance);
                    wait(200..500, chance);
                    own().kill(one);
                    wait(50..400, chance);
                    own().start_again(one);
                }
            }
            Self::PauseStore => {
                // Once so that requests wait, and once for longer than they do.
                for long in [300..1_000, 5_000..5_500] {
                    let one = own().one(chance);
                    wait(200..500, chance);
                    own().pause(one);
                    wait(long, chance);
                    own().resume(one);
                }
            }
            Self::CutReplies => {
                for _ in 0..15 {
                    wait(30..120, chance);
                    own().cut_after(own().one(chance), chance.below(600));
                    wait(10..30, chance);
                    own().mend();
                }
            }
        }
    }
}

/// Waits so many milliseconds.
fn wait(milliseconds: Range<usize>, chance: &mut Chance) {
    let chosen = milliseconds.start + chance.below(milliseconds.len());
    sleep(Duration::from_millis(
        u64::try_from(chosen).unwrap_or_default(),
    ));
}

/// What clients did while `fault` struck.
pub(crate) fn run_under(fault: Fault, site: &Site, seed: u64) -> Recording {
    let is_over = AtomicBool::new(false);
    let plan = Plan {
        sessions: 4,
        hang_ups: 1,
        pause: Duration::from_millis(6),
        length: Length::Beyond(&is_over, AFTERMATH),
        ..BUSY
    };
    scope(|scope| {
        scope.spawn(|| {
            // Also when something cannot be started again, or the clients would never end.
            let _over = OnDrop(&is_over);
            let mut chance = Chance::from_seed(seed).branch(1_000);
            fault.strike(site, &mut chance);
        });
        run(plan, &site.addresses(), seed)
    })
}

/// Says that something is over, however it ended.
pub(crate) struct OnDrop<'f>(pub(crate) &'f AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The test that nothing goes wrong besides.
pub(crate) fn every_history_is_explained_under(fault: Fault, site: &Site) {
    let seed = 6;
    let recording = run_under(fault, site, seed);
    let mut tally = Tally::default();
    if let Err(unexplained) = tally.add(&recording) {
        panic!("with seed {seed}, {unexplained}");
    }
    println!("{tally}");
    // In some turns another client is about to begin the session.
    assert!(tally.operations > AFTERMATH / 2, "{tally}");
    assert!(tally.has_unanswered(), "nothing went wrong: {tally}");
}
