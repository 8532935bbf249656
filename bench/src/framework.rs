//! The web frameworks. Each is a group of its own in the report: a library is compared with
//! the bare framework that it is on.

use crate::scenario::Scenario;
use crate::variant::Variant;
use crate::{on_actix, on_axum, on_warp};

/// A web framework, and what gives it sessions.
pub(crate) struct Framework {
    /// The name in reports and on the command line.
    pub(crate) name: &'static str,
    /// The same routes without sessions: what the others are compared with.
    pub(crate) bare: Variant,
    /// This workspace.
    pub(crate) ours: Variant,
    /// Those that we are compared with.
    pub(crate) peers: &'static [Variant],
    /// What is measured, and what is aimed at. The targets are parts of what the first of the
    /// peers costs.
    pub(crate) targets: &'static [Target],
}

/// What is aimed at in one scenario.
pub(crate) struct Target {
    /// Which one.
    pub(crate) scenario: Scenario,
    /// Our overhead as a part of that of the first peer.
    pub(crate) ratio: f64,
}

impl Target {
    /// To cost at most this part of what the first peer costs.
    pub(crate) const fn new(scenario: Scenario, ratio: f64) -> Self {
        Self { scenario, ratio }
    }
}

impl Framework {
    /// All of them, in the order of the report.
    pub(crate) const ALL: [&'static Self; 3] = [
        &on_axum::FRAMEWORK,
        &on_actix::FRAMEWORK,
        &on_warp::FRAMEWORK,
    ];

    /// What is measured on it: bare, ours, the peers.
    pub(crate) fn variants(&self) -> Vec<Variant> {
        let mut variants = vec![self.bare, self.ours];
        variants.extend(self.peers);
        variants
    }

    /// What is measured on it, in the order of the report.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        self.targets.iter().map(|target| target.scenario).collect()
    }
}
