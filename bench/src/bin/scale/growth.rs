//! A site that grows from nobody to a million sessions of 100 bytes: what one takes, and how
//! long the worst of them has to wait. Each library has a process of its own, so that memory
//! which another one has left behind is not counted.

use std::env;
use std::error::Error;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use session_core::{Clock, SystemClock};
use tokio::runtime::Builder;

use crate::calls::{Door, anonymous, roomy};
use crate::chance::Chance;
use crate::histogram::Histogram;
use crate::latency::Quantiles;
use crate::machine::resident;
use crate::site::Library;
use crate::stopwatch::{Stopwatch, time};
use crate::visitor::{Visit, call};

/// The sessions of a site that has grown.
const MANY: usize = 1_000_000;
/// Those of a small one, for comparison.
const FEW: usize = 1_000;

/// What it was to grow.
#[derive(Serialize, Deserialize)]
pub(crate) struct Growth {
    /// The library, or [`STORE`](crate::latency::STORE).
    pub(crate) of: String,
    /// Bytes of resident memory for each session.
    pub(crate) bytes: f64,
    /// What its own estimate says, if it has one.
    pub(crate) estimate: Option<f64>,
    /// Making one of the first thousand, in a thousand sites.
    pub(crate) few: Quantiles,
    /// Making one of a million.
    pub(crate) many: Quantiles,
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

/// Lets a site grow in this process: what [`measure`] runs.
pub(crate) fn site(library: Library) -> Result<Growth, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (bytes, many) = runtime.block_on(async {
        let mut times = Histogram::default();
        let mut router = library.router().await?;
        // What a first request sets up belongs to no session.
        call(&mut router, Visit::Remember, None).await?;
        let before = resident()?;
        for _ in 0..MANY {
            let watch = Stopwatch::start();
            call(&mut router, Visit::Remember, None).await?;
            times.add(watch.stop().running);
        }
        let grown = resident()?.saturating_sub(before);
        Ok::<_, Box<dyn Error>>((grown as f64 / MANY as f64, Quantiles::of(&times)))
    })?;
    let few = runtime.block_on(async {
        let mut times = Histogram::default();
        for _ in 0..MANY / FEW / 10 {
            let mut router = library.router().await?;
            for _ in 0..FEW {
                let watch = Stopwatch::start();
                call(&mut router, Visit::Remember, None).await?;
                times.add(watch.stop().running);
            }
        }
        Ok::<_, Box<dyn Error>>(Quantiles::of(&times))
    })?;
    Ok(Growth {
        of: library.name().to_owned(),
        bytes,
        estimate: None,
        few,
        many,
    })
}

/// Lets our store grow in this process, without requests.
pub(crate) fn store() -> Result<Growth, Box<dyn Error>> {
    let mut chance = Chance::new(1);
    let mut fill = |sessions: usize, times: &mut Histogram| {
        let store = roomy();
        let now = SystemClock.now();
        let before = resident()?;
        for _ in 0..sessions {
            let record = anonymous(chance.key(), now);
            let (created, took) = time(|| Door(&store).create(&record, now));
            created?;
            times.add(took.running);
        }
        let grown = resident()?.saturating_sub(before);
        let each = |bytes: usize| bytes as f64 / sessions as f64;
        Ok::<_, Box<dyn Error>>((each(grown as usize), each(store.bytes())))
    };
    let (mut few, mut many) = (Histogram::default(), Histogram::default());
    let (bytes, estimate) = fill(MANY, &mut many)?;
    for _ in 0..MANY / FEW / 10 {
        fill(FEW, &mut few)?;
    }
    Ok(Growth {
        of: crate::latency::STORE.to_owned(),
        bytes,
        estimate: Some(estimate),
        few: Quantiles::of(&few),
        many: Quantiles::of(&many),
    })
}
