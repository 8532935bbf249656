//! On axum: the routers are called as tower services, as `axum::serve` does it.
//!
//! Every router gets its state at once (`with_state(())`), as there. A router without a state
//! applies its layers again for every request.

use std::error::Error;

use axum::Router;
use axum::body::Body;

use crate::framework::{Framework, Target};
use crate::scenario::Scenario;
use crate::site::Site;
use crate::tower_site::TowerSite;
use crate::variant::Variant;

mod axum_session;
mod bare;
mod ours;
mod tower_sessions;

/// The targets are parts of what signed tower-sessions costs.
pub(crate) const FRAMEWORK: Framework = Framework {
    name: "axum",
    bare: Variant::new("bare", || Box::pin(async { site(Ok(bare::router())) })),
    ours: Variant::new("ours", || Box::pin(async { site(ours::router()) })),
    peers: &[
        Variant::new("tower-sessions", || {
            Box::pin(async { site(Ok(tower_sessions::router())) })
        }),
        Variant::new("axum_session", || {
            Box::pin(async { site(axum_session::router().await) })
        }),
    ],
    targets: &[
        Target::new(Scenario::Read, 0.42),
        Target::new(Scenario::Count, 0.36),
        Target::new(Scenario::Untouched, 0.35),
        Target::new(Scenario::Create, 0.55),
        Target::new(Scenario::Append, 0.07),
        Target::new(Scenario::Update, 0.27),
    ],
};

fn site(router: Result<Router, Box<dyn Error>>) -> Result<Box<dyn Site>, Box<dyn Error>> {
    Ok(Box::new(TowerSite::<_, Body>::new(router?)))
}
