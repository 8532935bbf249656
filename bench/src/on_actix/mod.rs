//! On actix-web: the applications are called as the services that its server calls.

use crate::framework::{Framework, Target};
use crate::scenario::Scenario;
use crate::variant::Variant;

mod actix_session;
mod bare;
mod ours;
mod site;

/// The targets are parts of what actix-session with its signed cookie store costs.
///
/// There is no chat: a cookie has no room for it.
pub(crate) const FRAMEWORK: Framework = Framework {
    name: "actix",
    bare: Variant::new("bare", || Box::pin(bare::site())),
    ours: Variant::new("ours", || Box::pin(ours::site())),
    peers: &[Variant::new("actix-session", || {
        Box::pin(actix_session::site())
    })],
    targets: &[
        Target::new(Scenario::Read, 0.55),
        Target::new(Scenario::Count, 0.53),
        Target::new(Scenario::Untouched, 0.89),
        Target::new(Scenario::Create, 0.90),
    ],
};
