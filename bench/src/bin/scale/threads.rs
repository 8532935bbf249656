//! What a second thread is worth, by the number of sessions.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use http::HeaderValue;
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::chance::Chance;
use crate::machine::{Watch, keep_to_processor};
use crate::site::Library;
use crate::visitor::{Refused, Visit, call, gather};

/// Visitors at a time, each a task.
const TASKS: usize = 32;

/// Requests of a task before the next one has its turn.
const TURN: u64 = 16;

/// Part of a slot that is not counted: caches, branch predictors, the allocator.
const WARM_UP: u32 = 5;

/// Others had more than this part of one processor: the round is marked.
const DISTURBED: f64 = 0.05;

/// How many sessions there are.
pub(crate) const SIZES: [usize; 3] = [1, 1_000, 1_000_000];

/// What is measured for each number of sessions.
pub(crate) const VISITS: [Visit; 2] = [Visit::Read, Visit::Count];

/// How much to measure.
pub(crate) struct Plan {
    /// How often.
    pub(crate) rounds: usize,
    /// How long one library is measured in one round, on one number of threads.
    pub(crate) slot: Duration,
}

/// One library with one number of sessions and one kind of visit.
#[derive(Serialize)]
pub(crate) struct Scaling {
    pub(crate) library: Library,
    pub(crate) sessions: usize,
    /// `read` or `count`.
    pub(crate) visit: &'static str,
    /// Requests a second with one thread, the median over the rounds.
    pub(crate) one: f64,
    /// With two.
    pub(crate) two: f64,
    /// Two by one, within a round.
    pub(crate) ratio: f64,
    /// That by bare's, within a round.
    pub(crate) of_bare: f64,
    /// Rounds that were counted.
    pub(crate) rounds: usize,
    /// Rounds in which others had the processors too.
    pub(crate) disturbed: usize,
}

/// The rates of one round: of each library, with one thread and with two.
struct Round {
    rates: Vec<[f64; 2]>,
    is_disturbed: bool,
}

/// Measures all libraries.
pub(crate) fn measure(plan: &Plan) -> Result<Vec<Scaling>, Box<dyn Error>> {
    let runtimes = [runtime(1)?, runtime(2)?];
    let mut scalings = Vec::new();
    for sessions in SIZES {
        let mut crowds = Vec::new();
        for library in Library::ALL {
            crowds.push(runtimes[0].block_on(Crowd::gather(library, sessions))?);
        }
        let mut chance = Chance::new(1);
        let mut rounds: [Vec<Round>; 2] = [Vec::new(), Vec::new()];
        for _ in 0..plan.rounds {
            for place in chance.shuffled(&[0, 1]) {
                let round = round(&runtimes, &crowds, VISITS[place], plan, &mut chance)?;
                rounds[place].push(round);
            }
        }
        for (visit, rounds) in VISITS.into_iter().zip(&rounds) {
            scalings.extend(conclude(sessions, visit, rounds));
        }
    }
    Ok(scalings)
}

/// Each thread of it has a processor of its own.
fn runtime(threads: usize) -> Result<Runtime, std::io::Error> {
    let started = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(threads)
        .on_thread_start(move || keep_to_processor(started.fetch_add(1, Ordering::Relaxed)))
        .enable_all()
        .build()
}

/// A site and its visitors.
struct Crowd {
    router: Router,
    cookies: Arc<[HeaderValue]>,
}

impl Crowd {
    async fn gather(library: Library, visitors: usize) -> Result<Self, Box<dyn Error>> {
        let mut router = library.router().await?;
        let cookies = gather(library, &mut router, visitors).await?.into();
        Ok(Self { router, cookies })
    }
}

/// Each library on each number of threads, in a new order.
fn round(
    runtimes: &[Runtime; 2],
    crowds: &[Crowd],
    visit: Visit,
    plan: &Plan,
    chance: &mut Chance,
) -> Result<Round, Box<dyn Error>> {
    let watch = Watch::start()?;
    let mut rates = vec![[0.0; 2]; crowds.len()];
    let places: Vec<usize> = (0..2 * crowds.len()).collect();
    for place in chance.shuffled(&places) {
        let (library, threads) = (place / 2, place % 2);
        let seed = chance.next();
        let slot = slot(&crowds[library], visit, plan.slot, seed);
        rates[library][threads] = runtimes[threads].block_on(slot)?;
    }
    Ok(Round {
        rates,
        is_disturbed: watch.others()? > DISTURBED,
    })
}

/// Requests a second. The thread that asks sleeps meanwhile, so the threads of the runtime are
/// all that run.
async fn slot(
    crowd: &Crowd,
    visit: Visit,
    time: Duration,
    seed: u64,
) -> Result<f64, Box<dyn Error>> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut counts = Vec::new();
    let mut tasks = Vec::new();
    for number in 0..TASKS as u64 {
        let count = Arc::new(Count::default());
        let task = Task {
            router: crowd.router.clone(),
            cookies: crowd.cookies.clone(),
            visit,
            chance: Chance::new(seed ^ (number << 32)),
            count: count.clone(),
            is_over: is_over.clone(),
        };
        counts.push(count);
        tasks.push(tokio::spawn(task.run()));
    }
    let done = || counts.iter().map(|count| count.0.load(Ordering::Relaxed));
    tokio::time::sleep(time / WARM_UP).await;
    let (before, began) = (done().sum::<u64>(), Instant::now());
    tokio::time::sleep(time).await;
    let (after, took) = (done().sum::<u64>(), began.elapsed());
    is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    Ok((after - before) as f64 / took.as_secs_f64())
}

/// On cache lines of its own: only one task writes it.
#[derive(Default)]
#[repr(align(128))]
struct Count(AtomicU64);

/// Visitors one after the other, each of them anybody.
struct Task {
    router: Router,
    cookies: Arc<[HeaderValue]>,
    visit: Visit,
    chance: Chance,
    count: Arc<Count>,
    is_over: Arc<AtomicBool>,
}

impl Task {
    async fn run(mut self) -> Result<(), Refused> {
        while !self.is_over.load(Ordering::Relaxed) {
            for _ in 0..TURN {
                let visitor = self.chance.below(self.cookies.len());
                call(&mut self.router, self.visit, Some(&self.cookies[visitor])).await?;
            }
            self.count.0.fetch_add(TURN, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// The medians of the rounds that were not disturbed; of all, when there are too few of those.
fn conclude(sessions: usize, visit: Visit, rounds: &[Round]) -> Vec<Scaling> {
    const FEW: usize = 3;
    let quiet: Vec<&Round> = rounds.iter().filter(|it| !it.is_disturbed).collect();
    let disturbed = rounds.len() - quiet.len();
    let counted = if quiet.len() >= FEW.min(rounds.len()) {
        quiet
    } else {
        rounds.iter().collect()
    };
    let median_of = |what: &dyn Fn(&Round) -> f64| median(counted.iter().map(|it| what(it)));
    let ratio = |round: &Round, place: usize| round.rates[place][1] / round.rates[place][0];
    let scaling = |(place, library): (usize, Library)| Scaling {
        library,
        sessions,
        visit: if visit == Visit::Read {
            "read"
        } else {
            "count"
        },
        one: median_of(&|round| round.rates[place][0]),
        two: median_of(&|round| round.rates[place][1]),
        ratio: median_of(&|round| ratio(round, place)),
        of_bare: median_of(&|round| ratio(round, place) / ratio(round, 0)),
        rounds: counted.len(),
        disturbed,
    };
    Library::ALL.into_iter().enumerate().map(scaling).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(ours: [f64; 2], is_disturbed: bool) -> Round {
        Round {
            rates: vec![[100.0, 150.0], ours, [1.0, 1.0], [1.0, 1.0]],
            is_disturbed,
        }
    }

    fn ours(rounds: &[Round]) -> Scaling {
        conclude(1, Visit::Read, rounds).swap_remove(1)
    }

    #[test]
    fn the_gain_of_a_library_is_compared_with_that_of_bare() {
        let scaling = ours(&[round([10.0, 12.0], false)]);
        assert_eq!((scaling.one, scaling.two), (10.0, 12.0));
        assert!((scaling.ratio - 1.2).abs() < 1e-9);
        assert!((scaling.of_bare - 0.8).abs() < 1e-9);
    }

    #[test]
    fn disturbed_rounds_count_only_where_there_are_too_few_others() {
        let quiet = || round([10.0, 12.0], false);
        let noisy = || round([10.0, 5.0], true);
        let scaling = ours(&[
            noisy(),
            quiet(),
            noisy(),
            quiet(),
            quiet(),
            noisy(),
            noisy(),
        ]);
        assert!((scaling.ratio - 1.2).abs() < 1e-9);
        assert_eq!((scaling.rounds, scaling.disturbed), (3, 4));
        let scaling = ours(&[noisy(), noisy(), noisy(), quiet(), quiet()]);
        assert!((scaling.ratio - 0.5).abs() < 1e-9);
        assert_eq!((scaling.rounds, scaling.disturbed), (5, 3));
    }
}
