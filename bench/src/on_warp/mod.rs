//! On warp: the filters are called as the tower services that its server calls.

use bytes::Bytes;
use http_body_util::Empty;

use crate::framework::{Framework, Target};
use crate::scenario::Scenario;
use crate::tower_site::TowerSite;
use crate::variant::Variant;

mod bare;
mod ours;
mod warp_sessions;

/// A site whose requests have a body that warp takes.
type WarpSite<S> = TowerSite<S, Empty<Bytes>>;

/// The targets are parts of what warp-sessions costs, which signs nothing. Nothing of it is
/// around the routes, so all of its routes have its filter, also the one that ignores the
/// session. Ours has a layer around them as on axum, and the filter where a session is used.
pub(crate) const FRAMEWORK: Framework = Framework {
    name: "warp",
    bare: Variant::new("bare", || Box::pin(async { Ok(bare::site()) })),
    ours: Variant::new("ours", || Box::pin(async { ours::site() })),
    peers: &[Variant::new("warp-sessions", || {
        Box::pin(async { Ok(warp_sessions::site()) })
    })],
    targets: &[
        Target::new(Scenario::Read, 0.73),
        Target::new(Scenario::Count, 0.79),
        Target::new(Scenario::Untouched, 0.25),
        Target::new(Scenario::Create, 0.63),
        Target::new(Scenario::Append, 0.17),
    ],
};
