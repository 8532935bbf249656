//! Requests at the same time, and requests that follow at once.

use std::thread::{self, ScopedJoinHandle};

use super::Attack;
use crate::site::Site;
use crate::verdict::{Attempt, described, ensure, failed};

pub(super) const ATTACKS: [Attack; 5] = [
    Attack {
        name: "parallel-keys",
        requirement: "CC-1",
        elsewhere: "sessions that are stored whole lose what others wrote",
        tried: "64 writes to one session at once, each under a name of its own",
        run: parallel_keys,
    },
    Attack {
        name: "increments",
        requirement: "CC-1",
        elsewhere: "",
        tried: "32 increments of one number at once",
        run: increments,
    },
    Attack {
        name: "redirect",
        requirement: "CC-3",
        elsewhere: "#41: express-session #309, #526; ASP.NET",
        tried: "a write that answers with a redirect, followed at once on another connection",
        run: redirect,
    },
    Attack {
        name: "stream",
        requirement: "CC-4",
        elsewhere: "",
        tried: "a body that writes while it streams: does whoever saw its end read the last write?",
        run: stream,
    },
    Attack {
        name: "mixing",
        requirement: "CC-8",
        elsewhere: "#29: redis-py and OpenAI 2023; FrankenPHP GHSA-r3xh-3r3w-47gp; Jetty CVE-2026-5795",
        tried: "16 visitors at once, who hang up at random: does one see another's session?",
        run: mixing,
    },
];

fn parallel_keys(site: &Site) -> Attempt {
    const WRITES: usize = 64;
    let mut owner = site.owner()?;
    let names: Vec<_> = (0..WRITES).map(|_| site.chance.word("n")).collect();
    let value = site.chance.word("v");
    // With a delay all have loaded the session before one stores it.
    let route = site
        .target
        .slow_write
        .as_ref()
        .unwrap_or(&site.target.write);
    let requests: Vec<_> = names
        .iter()
        .map(|name| {
            let fill = [("name", &**name), ("value", &value), ("delay", "100")];
            owner.visitor.with_cookie(&route.request(&fill))
        })
        .collect();
    let answers = site.send_at_once(&requests)?;
    let accepted = answers.iter().filter(|it| it.is_success()).count();
    let mut kept = 0;
    for name in &names {
        kept += usize::from(owner.visitor.read(name)?.body.contains(&value));
    }
    ensure(accepted == WRITES && kept == WRITES, || {
        format!("{accepted} of {WRITES} writes were accepted and {kept} kept")
    })
}

fn increments(site: &Site) -> Attempt {
    const TIMES: usize = 32;
    let route = described(site.target.increment.as_ref(), "increment")?;
    let mut owner = site.owner()?;
    let name = site.chance.word("n");
    let request = route.request(&[("name", &name), ("delay", "20")]);
    let request = owner.visitor.with_cookie(&request);
    site.send_at_once(&vec![request; TIMES])?;
    let body = owner.visitor.read(&name)?.body;
    let digits: String = body.chars().filter(char::is_ascii_digit).collect();
    ensure(digits == TIMES.to_string(), || {
        format!("{TIMES} increments made {digits:?}")
    })
}

fn redirect(site: &Site) -> Attempt {
    let route = described(site.target.redirect.as_ref(), "redirect")?;
    let mut owner = site.owner()?;
    for turn in 1..=20 {
        let (name, value) = (site.chance.word("n"), site.chance.word("v"));
        let request = route.request(&[("name", &name), ("value", &value)]);
        let (head, _connection) = site.head_of(&owner.visitor.with_cookie(&request))?;
        ensure((300..400).contains(&head.status), || {
            format!("status {} instead of a redirect", head.status)
        })?;
        owner.visitor.keep(&head);
        let follow = owner.visitor.with_cookie(&site.reading(&name));
        let seen = site.send_beside(&follow)?;
        ensure(seen.body.contains(&value), || {
            format!("whoever followed redirect {turn} did not see the write")
        })?;
    }
    Ok(())
}

fn stream(site: &Site) -> Attempt {
    let stream = described(site.target.stream.as_ref(), "stream")?;
    let mut owner = site.owner()?;
    for _ in 0..3 {
        let name = site.chance.word("n");
        let answer = owner.visitor.ask(&stream.route, &[("name", &name)])?;
        ensure(answer.is_success(), || {
            format!("status {} instead of a stream", answer.status)
        })?;
        let seen = owner.visitor.read(&name)?;
        ensure(
            seen.is_success() && seen.body.contains(&stream.last),
            || "what was written during the body is lost".into(),
        )?;
    }
    Ok(())
}

fn mixing(site: &Site) -> Attempt {
    const VISITORS: usize = 16;
    const ROUNDS: usize = 25;
    let name = site.chance.word("n");
    // Whatever anybody writes begins with it, so a foreign value is known as one.
    let mark = site.chance.word("mark");
    thread::scope(|scope| {
        let running: Vec<_> = (0..VISITORS)
            .map(|_| {
                scope.spawn(|| {
                    let value = site.chance.word(&mark);
                    let mut visitor = site.visitor();
                    let write = site
                        .target
                        .write
                        .request(&[("name", &name), ("value", &value)]);
                    visitor.keep(&site.send_beside(&write)?);
                    for _ in 0..ROUNDS {
                        let read = visitor.with_cookie(&site.reading(&name));
                        if site.chance.below(3) == 0 {
                            site.abandon(&read)?;
                            site.abandon(&visitor.with_cookie(&write))?;
                        }
                        let seen = site.send_beside(&read)?.body;
                        let foreign = seen.replace(&value, "").contains(&mark);
                        ensure(!foreign, || "a visitor saw another one's session".into())?;
                        ensure(seen.contains(&value), || "a visitor lost a value".into())?;
                    }
                    Ok(())
                })
            })
            .collect();
        let mut joined = running.into_iter().map(ScopedJoinHandle::join);
        joined.try_for_each(|it| it.unwrap_or_else(|_| failed("a visitor gave up")))
    })
}
