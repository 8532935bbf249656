//! The same workload again and again, with new seeds, and figures at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::faults::{Fault, run_under};
use crate::outage::{Away, Times, go_through};
use crate::random::{BUSY, HANGING_UP};
use crate::site::Site;
use crate::stores::{Backing, Store, Survives};
use crate::verdict::{Tally, percentiles};
use crate::workload::run;

const USAGE: &str = "usage: scripts/histories [--minutes N] [--seed S] [--store NAME | URL]";

/// How often it says how far it is.
const NEWS: Duration = Duration::from_secs(30);

/// Runs for as long as the arguments say.
pub(crate) fn main(words: impl Iterator<Item = String>) -> ExitCode {
    match Options::parse(words) {
        Some(options) => options.run(),
        None => {
            eprintln!("{USAGE}");
            let names: Vec<_> = Store::present().map(Store::name).collect();
            eprintln!(
                "Servers are started for these stores: {}.",
                names.join(", ")
            );
            ExitCode::from(2)
        }
    }
}

struct Options {
    length: Duration,
    seed: u64,
    store: Place,
}

/// Where the sessions are.
enum Place {
    /// In a store that is started for this run, and broken.
    Own(Store),
    /// In a store that is there, and is not broken.
    There(String),
}

/// One thing to do for a while.
#[derive(Clone, Copy, Debug)]
enum Round {
    Calm,
    HangUps,
    Fault(Fault),
    Outage(Away),
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let mut options = Self {
            length: Duration::from_secs(60),
            seed: since_epoch.as_secs(),
            store: Place::Own(Store::Memory),
        };
        while let Some(word) = words.next() {
            let value = words.next()?;
            match word.as_str() {
                "--minutes" => {
                    let minutes: f64 = value.parse().ok()?;
                    options.length = Duration::try_from_secs_f64(minutes * 60.0).ok()?;
                }
                "--seed" => options.seed = value.parse().ok()?,
                "--store" => {
                    let named = Store::present().find(|store| store.name() == value);
                    options.store = match named {
                        Some(store) => Place::Own(store),
                        None if value.contains(':') => Place::There(value),
                        None => return None,
                    };
                }
                _ => return None,
            }
        }
        Some(options)
    }

    fn run(&self) -> ExitCode {
        let (sites, survives) = self.store.open();
        let rounds = rounds(survives);
        let (began, mut news) = (Instant::now(), Instant::now());
        let mut account = Account::default();
        let mut seed = self.seed;
        println!("seeds from {seed}");
        while began.elapsed() < self.length {
            for site in &sites {
                for round in &rounds {
                    account.add(*round, site, seed);
                    seed += 1;
                    if news.elapsed() > NEWS {
                        news = Instant::now();
                        println!("after {:.0?}: {}", began.elapsed(), account.tally);
                    }
                }
            }
        }
        println!("{account}");
        match account.unexplained {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}

impl Place {
    fn open(&self) -> (Vec<Site>, Survives) {
        match self {
            Self::Own(store) => {
                let open = || store.open_for(store.survives());
                let casts = store.casts().iter();
                let sites = casts.map(|cast| Site::start(cast, open())).collect();
                (sites, store.survives())
            }
            Self::There(url) => {
                let cast = ["axum", "actix", "warp"];
                let site = Site::start(&cast, Backing::at(url));
                (vec![site], Survives::ItsClients)
            }
        }
    }
}

/// All that can be done where this survives.
fn rounds(survives: Survives) -> Vec<Round> {
    let mut rounds = vec![Round::Calm, Round::HangUps];
    let faults = Fault::ALL.into_iter();
    let faults = faults.filter(|fault| survives >= fault.asks_for());
    rounds.extend(faults.map(Round::Fault));
    if survives >= Survives::ItsServer {
        rounds.extend(Away::ALL.map(Round::Outage));
    }
    rounds
}

/// What came of all rounds.
#[derive(Default)]
struct Account {
    tally: Tally,
    outages: Times,
    faults: usize,
    unexplained: usize,
}

impl Account {
    fn add(&mut self, round: Round, site: &Site, seed: u64) {
        let addresses = site.addresses();
        let recording = match round {
            Round::Calm => run(BUSY, &addresses, seed),
            Round::HangUps => run(HANGING_UP, &addresses, seed),
            Round::Fault(fault) => {
                self.faults += 1;
                run_under(fault, site, seed)
            }
            Round::Outage(away) => {
                self.outages.add(go_through(away, site));
                return;
            }
        };
        if let Err(unexplained) = self.tally.add(&recording) {
            self.unexplained += 1;
            println!("{round:?} with seed {seed}: {unexplained}");
        }
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            tally,
            outages,
            faults,
            unexplained,
        } = self;
        writeln!(f, "{tally}")?;
        writeln!(
            f,
            "outages: 503 after {}; a route without a session after {}; sessions back after {}",
            percentiles(&outages.refused),
            percentiles(&outages.untouched),
            percentiles(&outages.back)
        )?;
        write!(
            f,
            "{faults} rounds with faults, {unexplained} unexplained histories"
        )
    }
}
