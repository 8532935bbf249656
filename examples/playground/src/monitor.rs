//! What is known of all sessions together: for `/stats`, `/metrics` and the administrator's
//! page. Nothing of it names a session.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use session_core::store::{Census, RemovalReason, SessionStore, StoreError};
use session_core::{Clock, SessionError, SessionEvent, SessionManager, SessionStats, Timestamp};

use crate::stop::{Stop, pause_unless};

/// How often the live sessions are counted for the plot.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);

/// The most samples that are kept: those of an hour.
const SAMPLES_MAX: usize = 720;

/// How long the store may take to count.
const CENSUS_LIMIT: Duration = Duration::from_secs(5);

/// Counts the sessions of the site.
pub(crate) struct Monitor {
    sessions: SessionManager,
    store: Arc<dyn SessionStore>,
    metrics: PrometheusHandle,
    clock: Arc<dyn Clock>,
    samples: Mutex<VecDeque<Sample>>,
}

/// How many sessions lived at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) at: Timestamp,
    pub(crate) live: usize,
}

/// The sessions of the site at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) at: Timestamp,
    pub(crate) census: Census,
    pub(crate) stats: SessionStats,
}

impl Monitor {
    pub(crate) fn new(
        sessions: SessionManager,
        store: Arc<dyn SessionStore>,
        metrics: PrometheusHandle,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            sessions,
            store,
            metrics,
            clock,
            samples: Mutex::default(),
        }
    }

    /// Counts. What has expired by now is counted as expired, whether or not anybody came by
    /// since: where the books have more sessions than live, the difference is swept.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn figures(&self) -> Result<Figures, SessionError> {
        let at = self.clock.now();
        // The store is asked itself: a manager counts what it is asked, and whoever compares
        // the store calls before and after a request would find those of the comparison.
        let census = in_time(self.store.census(at)).await?;
        self.sweep_unless_live(&census).await?;
        let stats = self.stats();
        Ok(Figures { at, census, stats })
    }

    /// The text that Prometheus scrapes.
    pub(crate) async fn metrics(&self) -> String {
        // By way of the manager, which sets the gauges. In an outage they stay as they were:
        // the counts are then what somebody wants to see.
        if let Ok(census) = self.sessions.census().await {
            let _ = self.sweep_unless_live(&census).await;
        }
        self.metrics.run_upkeep();
        self.metrics.render()
    }

    /// The samples that are younger than `since`, the oldest first.
    pub(crate) fn samples_since(&self, since: Timestamp) -> Vec<Sample> {
        let samples = self.samples.lock();
        let young = samples.iter().filter(|sample| sample.at > since);
        young.copied().collect()
    }

    /// Takes samples until the program stops.
    pub(crate) async fn watch(self: Arc<Self>, stop: Stop) {
        loop {
            // In an outage nobody knows how many live: the plot has a gap there.
            if let Ok(Figures { at, census, .. }) = self.figures().await {
                let live = census.live();
                self.keep(Sample { at, live });
            }
            // What nobody scrapes must not pile up.
            self.metrics.run_upkeep();
            if pause_unless(&stop, SAMPLE_INTERVAL).await.is_err() {
                return;
            }
        }
    }

    fn keep(&self, sample: Sample) {
        let mut samples = self.samples.lock();
        if samples.len() == SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// A sweep is told to the statistics, so it happens only when there is something to sweep.
    async fn sweep_unless_live(&self, census: &Census) -> Result<(), SessionError> {
        let on_the_books = self.stats().on_the_books();
        if usize::try_from(on_the_books).unwrap_or(usize::MAX) > census.live() {
            self.sessions.sweep().await?;
        }
        Ok(())
    }

    fn stats(&self) -> SessionStats {
        // The manager of this site counts.
        self.sessions.stats().unwrap_or_default()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Monitor")
    }
}

/// What the counts say about the lives of sessions. Every session that was created is live or
/// ended in one of the two ways.
pub(crate) trait Books {
    /// How many were created.
    fn created(&self) -> u64;
    /// How many lay idle too long or reached their absolute limit.
    fn expired(&self) -> u64;
    /// How many were ended before their time, by whomever: themselves, their principal, an
    /// administrator, or a store that was full.
    fn invalidated(&self) -> u64;

    /// How many must be alive, unless they expired and nobody has noticed yet.
    fn on_the_books(&self) -> u64 {
        let over = self.expired().saturating_add(self.invalidated());
        self.created().saturating_sub(over)
    }
}

impl Books for SessionStats {
    fn created(&self) -> u64 {
        self.count(SessionEvent::Created)
    }

    fn expired(&self) -> u64 {
        self.count(SessionEvent::Removed(RemovalReason::Expired))
    }

    fn invalidated(&self) -> u64 {
        let ends = self.events().filter(|(event, _)| {
            matches!(event, SessionEvent::Ended(_) | SessionEvent::Removed(_))
                && *event != SessionEvent::Removed(RemovalReason::Expired)
        });
        ends.map(|(_, count)| count).sum()
    }
}

/// The store's answer, if it comes in time.
async fn in_time(
    census: impl Future<Output = Result<Census, StoreError>>,
) -> Result<Census, SessionError> {
    match tokio::time::timeout(CENSUS_LIMIT, census).await {
        Ok(census) => Ok(census?),
        Err(_) => Err(SessionError::TimedOut(CENSUS_LIMIT)),
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use session_core::store::Verb;
    use session_core::testkit::{ManualClock, Site, Visitor, test_key};
    use session_core::{MemoryStore, Session};

    use super::*;

    /// A site that counts, and its monitor.
    fn watched() -> (Site, Monitor) {
        let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
        let clock = ManualClock::new();
        let sessions = SessionManager::builder()
            .secret_key(test_key())
            .shared_store(store.clone())
            .statistics()
            .clock(clock.clone())
            .build()
            .unwrap();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let monitor = Monitor::new(sessions.clone(), store, metrics, Arc::new(clock.clone()));
        (Site::of(sessions, clock), monitor)
    }

    async fn visitor_with_session(site: &Site) -> Visitor {
        let mut visitor = site.visitor();
        let visit = visitor.visit(async |session| session.set_attribute("n", &1));
        visit.await.unwrap();
        visitor
    }

    #[tokio::test]
    async fn the_books_balance_whatever_becomes_of_sessions() {
        let (site, monitor) = watched();
        let mut first = visitor_with_session(&site).await;
        first.visit(async |session| session.logout()).await.unwrap();
        visitor_with_session(&site).await;
        site.clock().advance(Duration::from_secs(29 * 60));
        let mut other = visitor_with_session(&site).await;
        let login = other.visit(async |session: Session| session.login("ada"));
        login.await.unwrap();
        site.clock().advance(Duration::from_secs(60));
        let Figures { census, stats, .. } = monitor.figures().await.unwrap();
        let counts = (stats.created(), stats.expired(), stats.invalidated());
        assert_eq!(counts, (3, 1, 1));
        assert_eq!((census.live(), stats.on_the_books()), (1, 1));

        site.sessions().end_everybody().await.unwrap();
        let Figures { census, stats, .. } = monitor.figures().await.unwrap();
        assert_eq!((stats.expired(), stats.invalidated()), (1, 2));
        assert_eq!((census.live(), stats.on_the_books()), (0, 0));
    }

    #[tokio::test]
    async fn a_look_is_counted_only_where_it_finds_something_to_sweep() {
        let (site, monitor) = watched();
        visitor_with_session(&site).await;
        let before = site.sessions().stats();
        for _ in 0..3 {
            monitor.figures().await.unwrap();
        }
        assert_eq!(site.sessions().stats(), before);
        site.clock().advance(Duration::from_secs(30 * 60));
        let swept = monitor.figures().await.unwrap().stats;
        let sweeps = |stats: &SessionStats| stats.store_calls(Verb::Sweep).calls;
        assert!(sweeps(&swept) > sweeps(&before.unwrap()));
        monitor.figures().await.unwrap();
        assert_eq!(site.sessions().stats(), Some(swept));
    }

    #[test]
    fn the_samples_of_an_hour_are_kept_and_told_from_a_moment_on() {
        let (_, monitor) = watched();
        let at = |number: usize| Timestamp::from_millis(5_000 * number as u64);
        for live in 1..=SAMPLES_MAX + 10 {
            monitor.keep(Sample { at: at(live), live });
        }
        let all = monitor.samples_since(Timestamp::EPOCH);
        assert_eq!(all.len(), SAMPLES_MAX);
        assert_eq!(
            all[0],
            Sample {
                at: at(11),
                live: 11
            }
        );
        let last = SAMPLES_MAX + 10;
        let late = monitor.samples_since(at(last - 1));
        assert_eq!(
            late,
            [Sample {
                at: at(last),
                live: last
            }]
        );
        assert_eq!(monitor.samples_since(at(last)), []);
    }
}
