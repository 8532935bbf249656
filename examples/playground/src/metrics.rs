//! The recorder of `metrics`, which writes what it was told for Prometheus.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Up to how many seconds the classes of a store call's duration reach: from what memory takes
/// to where a call is given up. Without classes the exporter would tell quantiles, which cannot
/// be added up over several servers.
const STORE_SECONDS: [f64; 8] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 5.0];

/// The content type of what it writes: the text format of Prometheus.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Installs the recorder for this program, before anything is built that tells it something.
///
/// # Errors
/// When there is one already.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    let store_seconds = Matcher::Full("session_store_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(store_seconds, &STORE_SECONDS)?
        .install_recorder()
}
