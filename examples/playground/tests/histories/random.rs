//! What clients do by chance, explained.

use std::time::Duration;

use crate::Test;
use crate::calls::Counting;
use crate::site::Site;
use crate::verdict::Tally;
use crate::workload::{Length, Plan, run};

pub(crate) const TESTS: &[Test] = &[
    ("every_history_is_explained", every_history_is_explained),
    (
        "every_history_is_explained_when_clients_hang_up",
        every_history_is_explained_when_clients_hang_up,
    ),
    (
        "increments_that_are_lost_are_found_out",
        increments_that_are_lost_are_found_out,
    ),
];

/// As many requests as the servers take.
pub(crate) const BUSY: Plan<'static> = Plan {
    clients: 8,
    sessions: 3,
    per_session: 60,
    hang_ups: 0,
    pause: Duration::ZERO,
    delay: Duration::from_millis(8),
    counting: Counting::Atomic,
    length: Length::Requests(1_500),
};

/// The same by clients of which some do not wait for their answers.
pub(crate) const HANGING_UP: Plan<'static> = Plan {
    hang_ups: 10,
    ..BUSY
};

fn every_history_is_explained(site: &Site) {
    explain(site, BUSY, &[1, 2]);
}

fn every_history_is_explained_when_clients_hang_up(site: &Site) {
    explain(site, HANGING_UP, &[3, 4]);
}

/// That the tests above can fail.
fn increments_that_are_lost_are_found_out(site: &Site) {
    let plan = Plan {
        counting: Counting::Naive,
        ..BUSY
    };
    let recording = run(plan, &site.addresses(), 5);
    let unexplained = Tally::default().add(&recording).unwrap_err();
    assert!(
        unexplained.contains("no order of these operations"),
        "{unexplained}"
    );
}

fn explain(site: &Site, plan: Plan<'_>, seeds: &[u64]) {
    let mut tally = Tally::default();
    for seed in seeds {
        let recording = run(plan, &site.addresses(), *seed);
        if let Err(unexplained) = tally.add(&recording) {
            panic!("with seed {seed}, {unexplained}");
        }
    }
    println!("{tally}");
    assert!(tally.histories > 20, "{tally}");
}
