//! How long single calls and requests take, with few sessions and with many, while one percent
//! of them expires each second and as many are made.

use std::error::Error;
use std::time::{Duration, Instant};

use axum::Router;
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use session_core::store::Loaded;
use session_core::{Clock, SystemClock};
use tokio::runtime::Builder;

use crate::calls::{Door, SWEEP_STEP, anonymous, change, fill};
use crate::chance::Chance;
use crate::histogram::Histogram;
use crate::site::{Calendar, Library, expiring};
use crate::stopwatch::{Stopwatch, Took, time};
use crate::visitor::{Visit, ask, gather};

/// So long a session lives: one percent of them expires each second.
const LIFE: Duration = Duration::from_secs(100);

/// The numbers of sessions that are compared.
pub(crate) const SIZES: [usize; 2] = [1_000, 1_000_000];

/// The name of our store among the libraries.
pub(crate) const STORE: &str = "store";

/// The quantiles of a histogram, in nanoseconds, without what other programs took.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) calls: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
    /// Of a plot: parts of all calls that took longer, with the time.
    pub(crate) tail: Vec<(f64, u64)>,
}

impl Quantiles {
    /// Those of this histogram.
    pub(crate) fn of(histogram: &Histogram) -> Self {
        /// Steps of a plot for each power of ten.
        const STEPS: i32 = 4;
        let depth = (histogram.total().max(1) as f64).log10();
        let parts = (0..=(depth * f64::from(STEPS)) as i32)
            .map(|step| 10_f64.powf(-f64::from(step) / f64::from(STEPS)));
        Self {
            calls: histogram.total(),
            p50: histogram.quantile(0.5),
            p99: histogram.quantile(0.99),
            p999: histogram.quantile(0.999),
            max: histogram.max(),
            tail: parts
                .map(|part| (part, histogram.quantile(1.0 - part)))
                .collect(),
        }
    }
}

/// Calls of one kind, with one number of sessions.
#[derive(Serialize)]
pub(crate) struct Latency {
    /// Whose: `store` for calls of our store, else the library that is asked by requests.
    pub(crate) of: &'static str,
    /// Which.
    pub(crate) call: &'static str,
    /// How many there were.
    pub(crate) sessions: usize,
    #[serde(flatten)]
    pub(crate) quantiles: Quantiles,
}

/// Histograms by the kind of a call.
struct Kinds<const N: usize> {
    names: [&'static str; N],
    times: [Histogram; N],
}

impl<const N: usize> Kinds<N> {
    fn new(names: [&'static str; N]) -> Self {
        Self {
            names,
            times: std::array::from_fn(|_| Histogram::default()),
        }
    }

    fn add(&mut self, kind: usize, took: Took) {
        self.times[kind].add(took.running);
    }

    fn conclude(&self, of: &'static str, sessions: usize) -> Vec<Latency> {
        let latency = |(call, times): (&'static str, &Histogram)| Latency {
            of,
            call,
            sessions,
            quantiles: Quantiles::of(times),
        };
        let kinds = self.names.into_iter().zip(&self.times);
        kinds
            .filter(|(_, times)| times.total() > 0)
            .map(latency)
            .collect()
    }
}

/// Measures the calls of our store, and requests to all libraries.
pub(crate) fn measure(time: Duration) -> Result<Vec<Latency>, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut latencies = Vec::new();
    for sessions in SIZES {
        latencies.extend(store(sessions, time)?);
        for library in Library::STORING {
            latencies.extend(runtime.block_on(requests(library, sessions, time))?);
        }
    }
    Ok(latencies)
}

/// Calls of our store: what a request that reads and one that writes make of it, and the step
/// of sweeping that ends each.
fn store(sessions: usize, duration: Duration) -> Result<Vec<Latency>, Box<dyn Error>> {
    const LOAD: usize = 0;
    const CHANGE: usize = 1;
    const CREATE: usize = 2;
    const SWEEP: usize = 3;
    let mut kinds = Kinds::new(["load", "change", "create", "sweep step"]);
    let mut chance = Chance::new(1);
    let (store, mut keys) = fill(sessions, LIFE, SystemClock.now(), &mut chance)?;
    let door = Door(&store);
    let began = Instant::now();
    while began.elapsed() < duration {
        let now = SystemClock.now();
        let visitor = chance.below(keys.len());
        let (loaded, took) = time(|| door.load(&keys[visitor], now));
        kinds.add(LOAD, took);
        if !matches!(loaded?, Loaded::Live { .. }) {
            keys[visitor] = chance.key();
            let mut record = anonymous(keys[visitor], now);
            record.absolute_deadline = now.saturating_add(LIFE);
            let (created, took) = time(|| door.create(&record, now));
            created?;
            kinds.add(CREATE, took);
        } else if chance.below(2) == 0 {
            let changes = change(now);
            let (applied, took) = time(|| door.apply(&keys[visitor], &changes, now));
            applied?;
            kinds.add(CHANGE, took);
        }
        let (swept, took) = time(|| door.sweep(now, SWEEP_STEP));
        swept?;
        kinds.add(SWEEP, took);
    }
    Ok(kinds.conclude(STORE, sessions))
}

/// Requests that read and requests that write, of anybody. Where sessions expire, a visitor
/// without one begins the next one.
async fn requests(
    library: Library,
    sessions: usize,
    duration: Duration,
) -> Result<Vec<Latency>, Box<dyn Error>> {
    const READ: usize = 0;
    const COUNT: usize = 1;
    const CREATE: usize = 2;
    let mut kinds = Kinds::new(["read", "count", "create"]);
    let mut chance = Chance::new(1);
    let (mut router, mut cookies) = open(library, sessions).await?;
    let began = Instant::now();
    while began.elapsed() < duration {
        let visitor = chance.below(cookies.len());
        let (kind, visit) = [(READ, Visit::Read), (COUNT, Visit::Count)][chance.below(2)];
        let watch = Stopwatch::start();
        let mut page = ask(&mut router, visit, Some(&cookies[visitor])).await?;
        let mut took = watch.stop();
        if !page.had_no_session(visit) {
            kinds.add(kind, took);
            continue;
        }
        if visit == Visit::Read {
            kinds.add(kind, took);
            let watch = Stopwatch::start();
            page = ask(&mut router, Visit::Create, None).await?;
            took = watch.stop();
        }
        kinds.add(CREATE, took);
        cookies[visitor] = page.into_cookie().ok_or("no cookie for a new session")?;
    }
    Ok(kinds.conclude(library.name(), sessions))
}

/// A site and its visitors. Ours expire one after the other; the peers would do so in hours.
async fn open(
    library: Library,
    sessions: usize,
) -> Result<(Router, Vec<HeaderValue>), Box<dyn Error>> {
    if library != Library::Ours {
        let mut router = library.router().await?;
        let cookies = gather(library, &mut router, sessions).await?;
        return Ok((router, cookies));
    }
    /// Parts of the visitors that come at one time each.
    const PARTS: usize = 1_000;
    let calendar = Calendar::default();
    let mut router = expiring(calendar.clone(), LIFE)?;
    let mut cookies = Vec::with_capacity(sessions);
    for part in 0..PARTS {
        calendar.set_behind(LIFE.mul_f64(1.0 - (part + 1) as f64 / PARTS as f64));
        cookies.append(&mut gather(library, &mut router, sessions / PARTS).await?);
    }
    Ok((router, cookies))
}
