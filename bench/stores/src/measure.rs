//! The timing, and the table.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::backend::Backend;
use crate::site::{Action, Library, Site, Trouble};

/// Visitors that ask at the same time.
const VISITORS: usize = 32;

/// Requests by which round trips are counted.
const COUNTED: usize = 100;

/// How much to measure.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) slot: Duration,
}

/// Measures all libraries on one backend, and prints what came out.
pub(crate) async fn compare(
    backend: Backend,
    actions: &[Action],
    plan: &Plan,
) -> Result<(), Trouble> {
    let running = backend.start()?;
    let libraries = backend.libraries();
    let mut sites = Vec::new();
    for library in libraries {
        let site = (library.open)(running.url.clone()).await?;
        proves_itself(library, &*site).await?;
        sites.push(site);
    }
    println!("\n{}, requests a second (round trips)", backend.name());
    print!("{:<28}", "");
    for action in actions {
        print!("{:>18}", action.name());
    }
    println!();
    let mut rates = vec![vec![0.0; actions.len()]; libraries.len()];
    for (column, &action) in actions.iter().enumerate() {
        let mut rounds = vec![Vec::new(); libraries.len()];
        for _ in 0..plan.rounds {
            for (row, site) in sites.iter().enumerate() {
                rounds[row].push(rate(&**site, action, plan.slot).await?);
            }
        }
        for (row, mut rounds) in rounds.into_iter().enumerate() {
            rounds.sort_by(f64::total_cmp);
            rates[row][column] = rounds[rounds.len() / 2];
        }
    }
    for (row, library) in libraries.iter().enumerate() {
        print!("{:<28}", library.name);
        for (column, &action) in actions.iter().enumerate() {
            let trips = match running.wire()? {
                None => String::new(),
                Some((wire, url)) => {
                    let site = (library.open)(url).await?;
                    format!(" ({:.1})", round_trips(&*site, action, &wire).await?)
                }
            };
            print!("{:>18}", format!("{:.0}{trips}", rates[row][column]));
        }
        println!();
        let ours = (0..row).rev().find(|&row| !libraries[row].is_peer);
        if let Some(ours) = ours.filter(|_| library.is_peer) {
            print!("{:<28}", "  ratio, ours to the peer");
            for (ours, peer) in rates[ours].iter().zip(&rates[row]) {
                print!("{:>18}", format!("{:.2}", ours / peer));
            }
            println!();
        }
    }
    Ok(())
}

/// Requests a second of all visitors together.
async fn rate(site: &dyn Site, action: Action, time: Duration) -> Result<f64, Trouble> {
    let cookies = try_join_all((0..VISITORS).map(|_| arrive(site, action))).await?;
    visit_for(site, action, &cookies, time / 5).await?;
    let started = Instant::now();
    let answered = visit_for(site, action, &cookies, time).await?;
    Ok(answered as f64 / started.elapsed().as_secs_f64())
}

async fn visit_for(
    site: &dyn Site,
    action: Action,
    cookies: &[Option<String>],
    time: Duration,
) -> Result<usize, Trouble> {
    let until = Instant::now() + time;
    let visitors = cookies.iter().map(async |cookie| {
        let mut answered = 0;
        while Instant::now() < until {
            site.ask(action.path(), cookie.as_deref()).await?;
            answered += 1;
            // A library that answers without waiting would keep the others from their turn.
            tokio::task::yield_now().await;
        }
        Ok::<usize, Trouble>(answered)
    });
    Ok(try_join_all(visitors).await?.into_iter().sum())
}

/// The cookie of somebody who has a session, or of nobody.
async fn arrive(site: &dyn Site, action: Action) -> Result<Option<String>, Trouble> {
    if !action.returns() {
        return Ok(None);
    }
    let page = site.ask(Action::Create.path(), None).await?;
    Ok(Some(page.cookie.ok_or("a new session sends a cookie")?))
}

async fn round_trips(
    site: &dyn Site,
    action: Action,
    wire: &testbed::Wire,
) -> Result<f64, Trouble> {
    let cookie = arrive(site, action).await?;
    site.ask(action.path(), cookie.as_deref()).await?;
    let before = wire.round_trips();
    for _ in 0..COUNTED {
        site.ask(action.path(), cookie.as_deref()).await?;
    }
    Ok((wire.round_trips() - before) as f64 / COUNTED as f64)
}

/// Before anything is timed, every library has to do its job.
async fn proves_itself(library: &Library, site: &dyn Site) -> Result<(), Trouble> {
    let cookie = arrive(site, Action::Write).await?;
    let cookie = cookie.as_deref();
    site.ask(Action::Write.path(), cookie).await?;
    let page = site.ask(Action::Read.path(), cookie).await?;
    if page.text != "2" {
        return Err(format!("{} counts to {}", library.name, page.text).into());
    }
    Ok(())
}
