//! A site that grows from nobody to a million sessions of 100 bytes: what one takes, and how
//! long the worst of them has to wait. Each library has a process of its own, so that memory
//! which another one has left behind is not counted.

use std::env;
use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use session_core::{MemoryStore, Timestamp};
use tokio::runtime::{Builder, Runtime};

use crate::calls::{Door, anonymous, roomy};
use crate::chance::Chance;
use crate::latency::Quantiles;
use crate::machine::resident;
use crate::replay::{RUNS, Replay, Run};
use crate::site::{Calendar, Library, repeatable};
use crate::stopwatch::{Stopwatch, time};
use crate::visitor::{Visit, call};

/// The sessions of a site that has grown.
const MANY: usize = 1_000_000;
/// Those of a small one, for comparison.
const FEW: usize = 1_000;
/// How many small ones there are.
const SITES: usize = 100;

/// What it was to grow.
#[derive(Serialize, Deserialize)]
pub(crate) struct Growth {
    /// The library, or [`STORE`](crate::latency::STORE).
    pub(crate) of: String,
    /// Bytes of resident memory for each session.
    pub(crate) bytes: f64,
    /// Making one of the first thousand, in many sites. The quickest of three runs, where runs
    /// can be the same: ours, and our store.
    pub(crate) few: Quantiles,
    /// Making one of a million.
    pub(crate) many: Quantiles,
    /// The slowest of that million in the first run, in nanoseconds.
    pub(crate) slowest: u64,
}

/// Measures a library in a process of its own.
pub(crate) fn measure(of: &str) -> Result<Growth, Box<dyn Error>> {
    let child = Command::new(env::current_exe()?)
        .args(["grow", of])
        .stderr(Stdio::inherit())
        .output()?;
    if !child.status.success() {
        return Err(format!("growing {of} ended with {}", child.status).into());
    }
    Ok(serde_json::from_slice(&child.stdout)?)
}

/// What grows: something that makes sessions, new and empty.
trait Growing {
    /// Makes a session and times it.
    fn create(&mut self) -> Result<Duration, Box<dyn Error>>;
}

/// Lets it grow in this process: what [`measure`] runs.
pub(crate) fn grow(of: &str) -> Result<Growth, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let library = Library::from_str(of, false).ok();
    let new = || -> Result<Box<dyn Growing + '_>, Box<dyn Error>> {
        match library {
            Some(library) => Ok(Box::new(Site::open(library, &runtime)?)),
            None => Ok(Box::new(Store::new())),
        }
    };
    let is_repeatable = library.is_none_or(|library| library == Library::Ours);
    let runs = if is_repeatable { RUNS } else { 1 };
    let (mut many, mut few) = (Replay::default(), Replay::default());
    let (mut bytes, mut slowest) = (None, Duration::ZERO);
    for number in 0..runs {
        let mut growing = new()?;
        // The times have their memory before the sessions have theirs.
        let mut run = vec![(0, Duration::MAX); MANY];
        let before = resident()?;
        create(&mut *growing, &mut run)?;
        if number == 0 {
            // Later runs use again what this one has had.
            bytes = Some(resident()?.saturating_sub(before));
            slowest = run.iter().map(|(_, time)| *time).max().unwrap_or_default();
        }
        many.add(run)?;
        drop(growing);
        let mut run = Run::new();
        for _ in 0..SITES {
            let mut some = vec![(0, Duration::MAX); FEW];
            create(&mut *new()?, &mut some)?;
            run.append(&mut some);
        }
        few.add(run)?;
    }
    Ok(Growth {
        of: of.to_owned(),
        bytes: bytes.unwrap_or_default() as f64 / MANY as f64,
        few: Quantiles::of(&few.times_of(0)),
        many: Quantiles::of(&many.times_of(0)),
        slowest: slowest.as_nanos() as u64,
    })
}

fn create(growing: &mut dyn Growing, run: &mut Run) -> Result<(), Box<dyn Error>> {
    for call in run {
        call.1 = growing.create()?;
    }
    Ok(())
}

/// A site, whose sessions come by requests.
struct Site<'a> {
    router: Router,
    runtime: &'a Runtime,
}

impl<'a> Site<'a> {
    fn open(library: Library, runtime: &'a Runtime) -> Result<Self, Box<dyn Error>> {
        const LIFE: Duration = Duration::from_secs(60 * 60);
        let router = match library {
            Library::Ours => repeatable(Calendar::default(), LIFE)?,
            _ => runtime.block_on(library.router())?,
        };
        let mut site = Self { router, runtime };
        // What a first request sets up belongs to no session.
        site.create()?;
        Ok(site)
    }
}

impl Growing for Site<'_> {
    fn create(&mut self) -> Result<Duration, Box<dyn Error>> {
        self.runtime.block_on(async {
            let watch = Stopwatch::start();
            call(&mut self.router, Visit::Remember, None).await?;
            Ok(watch.stop().running)
        })
    }
}

/// Our store without requests.
struct Store {
    store: MemoryStore,
    chance: Chance,
    now: Timestamp,
}

impl Store {
    fn new() -> Self {
        Self {
            store: roomy(),
            chance: Chance::new(1),
            now: Timestamp::from_millis(1 << 40),
        }
    }
}

impl Growing for Store {
    fn create(&mut self) -> Result<Duration, Box<dyn Error>> {
        let record = anonymous(self.chance.key(), self.now);
        let (created, took) = time(|| Door(&self.store).create(&record, self.now));
        created?;
        Ok(took.running)
    }
}
