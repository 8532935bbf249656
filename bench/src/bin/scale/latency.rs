//! How long single calls and requests take, with few sessions and with many, while one percent
//! of them expires each second and as many are made.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use session_core::Timestamp;
use session_core::store::Loaded;
use tokio::runtime::Builder;

use crate::calls::{Door, SWEEPS, SWEEPS_NEW, anonymous, change, fill};
use crate::chance::Chance;
use crate::histogram::Histogram;
use crate::replay::{RUNS, Replay, Run};
use crate::site::{Calendar, Library, repeatable};
use crate::stopwatch::{Stopwatch, time};
use crate::visitor::{Visit, ask, gather};

/// So long a session lives: one percent of them expires each second.
const LIFE: Duration = Duration::from_secs(100);

/// Calls of one thread in a second, by the clock that sessions expire by.
const CALLS_A_SECOND: u32 = 250_000;
const SECOND: Duration = Duration::from_secs(1);

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

/// Measures this many calls of our store, and requests to all libraries.
pub(crate) fn measure(calls: usize) -> Result<Vec<Latency>, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut latencies = Vec::new();
    for sessions in SIZES {
        let mut replay = Replay::default();
        for _ in 0..RUNS {
            replay.add(store(sessions, calls)?)?;
        }
        latencies.extend(conclude(STORE, &CALLS, &replay, sessions));
        for library in Library::STORING {
            let replay = runtime.block_on(requests(library, sessions, calls))?;
            latencies.extend(conclude(library.name(), &REQUESTS, &replay, sessions));
        }
    }
    Ok(latencies)
}

fn conclude(
    of: &'static str,
    kinds: &[&'static str],
    replay: &Replay,
    sessions: usize,
) -> Vec<Latency> {
    let times = (0..kinds.len()).map(|kind| replay.times_of(kind));
    let kinds = kinds.iter().zip(times);
    kinds
        .filter(|(_, times)| times.total() > 0)
        .map(|(call, times)| Latency {
            of,
            call,
            sessions,
            quantiles: Quantiles::of(&times),
        })
        .collect()
}

/// When the call of this number is made.
fn time_of(call: usize, began: Timestamp) -> Timestamp {
    began.saturating_add(SECOND / CALLS_A_SECOND * call as u32)
}

/// The calls of our store.
const CALLS: [&str; 4] = ["load", "change", "create", "sweep step"];

/// What requests that read and requests that write make of our store, and the step of sweeping
/// that ends each.
fn store(sessions: usize, calls: usize) -> Result<Run, Box<dyn Error>> {
    const LOAD: usize = 0;
    const CHANGE: usize = 1;
    const CREATE: usize = 2;
    const SWEEP: usize = 3;
    let mut run = Run::with_capacity(3 * calls);
    let mut chance = Chance::new(1);
    let began = Timestamp::from_millis(1 << 40);
    let (store, mut keys) = fill(sessions, LIFE, began, &mut chance)?;
    let door = Door(&store);
    for call in 0..calls {
        let now = time_of(call, began);
        let visitor = chance.below(keys.len());
        let mut sweeps = SWEEPS;
        let (loaded, took) = time(|| door.load(&keys[visitor], now));
        run.push((LOAD, took.running));
        if !matches!(loaded?, Loaded::Live { .. }) {
            keys[visitor] = chance.key();
            let mut record = anonymous(keys[visitor], now);
            record.absolute_deadline = now.saturating_add(LIFE);
            let (created, took) = time(|| door.create(&record, now));
            created?;
            run.push((CREATE, took.running));
            sweeps = SWEEPS_NEW;
        } else if chance.below(2) == 0 {
            let changes = change(now);
            let (applied, took) = time(|| door.apply(&keys[visitor], &changes, now));
            applied?;
            run.push((CHANGE, took.running));
        }
        let (swept, took) = time(|| door.sweep(now, sweeps));
        swept?;
        run.push((SWEEP, took.running));
    }
    Ok(run)
}

/// The kinds of requests.
const REQUESTS: [&str; 3] = ["read", "count", "create"];

/// Requests that read and requests that write, of anybody. Where sessions expire, a visitor
/// without one begins the next one.
async fn requests(
    library: Library,
    sessions: usize,
    calls: usize,
) -> Result<Replay, Box<dyn Error>> {
    const READ: usize = 0;
    const COUNT: usize = 1;
    const CREATE: usize = 2;
    let began = Timestamp::from_millis(1 << 40);
    let calendar = Calendar::default();
    let mut replay = Replay::default();
    let mut site = None;
    for _ in 0..RUNS {
        // Where nothing expires, one site will do.
        if library == Library::Ours || site.is_none() {
            drop(site.take());
            site = Some(open(library, sessions, &calendar, began).await?);
        }
        let Some((router, cookies)) = &mut site else {
            continue;
        };
        let mut run = Run::with_capacity(calls + calls / 8);
        let mut chance = Chance::new(1);
        for number in 0..calls {
            calendar.set(time_of(number, began));
            let visitor = chance.below(cookies.len());
            let (kind, visit) = [(READ, Visit::Read), (COUNT, Visit::Count)][chance.below(2)];
            let watch = Stopwatch::start();
            let mut page = ask(router, visit, Some(&cookies[visitor])).await?;
            let mut took = watch.stop();
            if !page.had_no_session(visit) {
                run.push((kind, took.running));
                continue;
            }
            if visit == Visit::Read {
                run.push((kind, took.running));
                let watch = Stopwatch::start();
                page = ask(router, Visit::Create, None).await?;
                took = watch.stop();
            }
            run.push((CREATE, took.running));
            cookies[visitor] = page.into_cookie().ok_or("no cookie for a new session")?;
        }
        replay.add(run)?;
    }
    Ok(replay)
}

/// A site and its visitors. Ours expire one after the other from `began` on; the peers would do
/// so in hours.
async fn open(
    library: Library,
    sessions: usize,
    calendar: &Calendar,
    began: Timestamp,
) -> Result<(Router, Vec<HeaderValue>), Box<dyn Error>> {
    if library != Library::Ours {
        let mut router = library.router().await?;
        let cookies = gather(library, &mut router, sessions).await?;
        return Ok((router, cookies));
    }
    /// Parts of the visitors that come at one time each.
    const PARTS: u32 = 1_000;
    let life_before = Timestamp::from_millis(began.as_millis() - LIFE.as_millis() as u64);
    let mut router = repeatable(calendar.clone(), LIFE)?;
    let mut cookies = Vec::with_capacity(sessions);
    for part in 1..=PARTS {
        calendar.set(life_before.saturating_add(LIFE / PARTS * part));
        let some = gather(library, &mut router, sessions / PARTS as usize);
        cookies.append(&mut some.await?);
    }
    Ok((router, cookies))
}
