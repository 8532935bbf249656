//! What a server stores, and for whom.

use super::Attack;
use crate::site::Site;
use crate::verdict::{Attempt, ensure, failed};

pub(super) const ATTACKS: [Attack; 3] = [
    Attack {
        name: "flood",
        requirement: "LC-16",
        elsewhere: "#25, #26: Django CVE-2015-5143, CVE-2015-5963",
        tried: "reads and logouts of visitors without a cookie: do they make sessions?",
        run: flood,
    },
    Attack {
        name: "too-large",
        requirement: "RL-1",
        elsewhere: "#44: axum-core RUSTSEC-2022-0055",
        tried: "a value of 4 MiB",
        run: too_large,
    },
    Attack {
        name: "key-names",
        requirement: "ST-6",
        elsewhere: "#23: PHP CVE-2016-7125",
        tried: "delimiters, quotes and NUL in names of attributes",
        run: key_names,
    },
];

fn flood(site: &Site) -> Attempt {
    let before = live(site)?;
    for turn in 0..200 {
        let mut request = site.reading(&site.chance.word("n"));
        if let (Some(logout), true) = (&site.target.logout, turn % 10 == 0) {
            request = logout.request(&[]);
        }
        let answer = site.send(&request)?;
        ensure(!matches!(site.given(&answer), Some(Some(_))), || {
            "a visitor who stored nothing got a session".into()
        })?;
    }
    let after = live(site)?;
    ensure(before == after, || {
        format!("{before:?} sessions became {after:?}")
    })
}

/// How many sessions there are, where the target describes how to ask.
fn live(site: &Site) -> Attempt<Option<u64>> {
    let Some(count) = &site.target.count else {
        return Ok(None);
    };
    let answer = site.send(&count.route.request(&[]))?;
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match json[&count.member].as_u64() {
        Some(live) => Ok(Some(live)),
        None => failed(format!("[count] tells no number as {}", count.member)),
    }
}

fn too_large(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let value = "x".repeat(4 << 20);
    let request = site
        .target
        .write
        .request(&[("name", "large"), ("value", &value)]);
    // A server may hang up rather than read all of it.
    if let Ok(answer) = site.send_beside(&owner.visitor.with_cookie(&request)) {
        ensure(!answer.is_server_error(), || {
            format!("status {} to a large value", answer.status)
        })?;
        ensure(!answer.is_success(), || {
            "4 MiB were stored in a session".into()
        })?;
    }
    ensure(owner.reaches(owner.cookie())?, || {
        "a large value cost the session".into()
    })
}

fn key_names(site: &Site) -> Attempt {
    let mut owner = site.owner()?;
    let (left, right) = (site.chance.word("l"), site.chance.word("r"));
    for delimiter in [
        "%7C",
        "%22",
        "%00",
        "%3A",
        "%3B",
        "%0A",
        "__proto__",
        "%5B%5D",
    ] {
        let (name, value) = (format!("{left}{delimiter}{right}"), site.chance.word("v"));
        let answer = owner.visitor.write(&name, &value)?;
        ensure(!answer.is_server_error(), || {
            format!("status {} to a name with {delimiter}", answer.status)
        })?;
        let stored = answer.is_success();
        let whole = owner.visitor.read(&name)?.body.contains(&value);
        ensure(whole == stored, || {
            format!("a name with {delimiter} is not found again")
        })?;
        for part in [&left, &right] {
            let seen = owner.visitor.read(part)?;
            ensure(!seen.body.contains(&value), || {
                format!("{delimiter} in a name is read as a delimiter")
            })?;
        }
        ensure(owner.reaches(owner.cookie())?, || {
            format!("a name with {delimiter} cost other attributes")
        })?;
    }
    Ok(())
}
