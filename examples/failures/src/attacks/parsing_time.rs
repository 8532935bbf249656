//! How long a server looks at a hostile cookie header.

use std::time::{Duration, Instant};

use super::Attack;
use crate::site::Site;
use crate::verdict::{Attempt, ensure};

pub(super) const ATTACKS: [Attack; 1] = [Attack {
    name: "parsing-time",
    requirement: "IN-5",
    elsewhere: "#30: CPython CVE-2024-7592; Tornado CVE-2024-52804",
    tried: "headers of up to 64 KiB: does four times the length take much more than four times the time?",
    run: parsing_time,
}];

/// Four times the length takes four times as long where time is linear, and 16 times as long
/// where it is quadratic.
const RATIO_MAX: u32 = 8;

/// Whatever takes no longer than this harms nobody, and its ratio is noise.
const HARMLESS: Duration = Duration::from_millis(50);

fn parsing_time(site: &Site) -> Attempt {
    let name = &site.target.cookie;
    let pieces = [
        ("backslashes in quotes", format!("{name}=\""), "\\\""),
        ("octal escapes in quotes", format!("{name}=\""), "\\012"),
        ("semicolons", String::new(), ";"),
        ("equals signs", String::new(), "="),
        ("pairs", String::new(), "a=b; "),
        (
            "cookies of our name",
            String::new(),
            &*format!("{name}=x; "),
        ),
        ("quotes", format!("{name}="), "\""),
        ("dots", format!("{name}="), "."),
    ];
    for (what, start, piece) in pieces {
        let line = |length: usize| start.clone() + &piece.repeat(length / piece.len());
        // Many servers read no header as long as that.
        let Some(length) = longest_that_is_read(site, line)? else {
            continue;
        };
        let mut tries = 0..3;
        let (short, long) = loop {
            let short = time_of(site, &line(length / 4))?;
            let long = time_of(site, &line(length))?;
            // A busy machine looks like a slow server, but not each time.
            if long <= (short * RATIO_MAX).max(HARMLESS) || tries.next().is_none() {
                break (short, long);
            }
        };
        ensure(long <= (short * RATIO_MAX).max(HARMLESS), || {
            format!(
                "{length} bytes of {what} take {} ms, a quarter of them {} ms",
                long.as_millis(),
                short.as_millis()
            )
        })?;
    }
    Ok(())
}

fn longest_that_is_read(site: &Site, line: impl Fn(usize) -> String) -> Attempt<Option<usize>> {
    for length in [64 << 10, 30 << 10, 12 << 10, 6 << 10] {
        let request = site.reading("n").with("cookie", line(length));
        let is_read = |status| !matches!(status, 400 | 413 | 431);
        if site
            .send(&request)
            .is_ok_and(|answer| is_read(answer.status))
        {
            return Ok(Some(length));
        }
    }
    Ok(None)
}

/// The shortest of several: what else the machine does only makes them longer.
fn time_of(site: &Site, cookies: &str) -> Attempt<Duration> {
    let request = site.reading("n").with("cookie", cookies);
    let mut shortest = Duration::MAX;
    for turn in 0..12 {
        let begun = Instant::now();
        site.send(&request)?;
        shortest = shortest.min(begun.elapsed());
        if turn >= 3 && shortest <= HARMLESS {
            break;
        }
    }
    Ok(shortest)
}
