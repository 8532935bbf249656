//! What is left of a session after its end.

use std::thread;
use std::time::Duration;

use super::Attack;
use crate::cookie_line::CookieLine;
use crate::site::{Owner, Site};
use crate::verdict::{Attempt, described, ensure, failed};

pub(super) const ATTACKS: [Attack; 3] = [
    Attack {
        name: "deletion",
        requirement: "CK-10",
        elsewhere: "",
        tried: "does a logout take the cookie away as it was set?",
        run: deletion,
    },
    Attack {
        name: "replay",
        requirement: "LC-3",
        elsewhere: "#8, #10: Spring Security CVE-2023-20862; @fastify/secure-session CVE-2024-31999",
        tried: "100 requests with the cookie of a session that ended",
        run: replay,
    },
    Attack {
        name: "in-flight",
        requirement: "LC-4",
        elsewhere: "#6, #42: rack-session CVE-2025-46336; session-file-store #55",
        tried: "slow writes that began before the logout: do they bring the session back?",
        run: in_flight,
    },
];

fn deletion(site: &Site) -> Attempt {
    let logout = described(site.target.logout.as_ref(), "logout")?;
    let set = CookieLine::of_a_new_session(site)?;
    let owner = site.owner()?;
    let request = owner.visitor.with_cookie(&logout.request(&[]));
    let response = site.send(&request)?;
    let lines = site.set_cookies(&response);
    let Some(line) = lines.last() else {
        return failed("a logout sets no cookie");
    };
    ensure(site.given(&response) == Some(None), || {
        "the cookie that a logout sets is no deletion".into()
    })?;
    ensure(CookieLine::parse(line).place() == set.place(), || {
        "the deletion has other attributes than the cookie".into()
    })
}

fn replay(site: &Site) -> Attempt {
    let logout = described(site.target.logout.as_ref(), "logout")?;
    let (mut owner, user) = logged_in(site)?;
    let token = owner.token().to_owned();
    let answer = owner.visitor.ask(logout, &[])?;
    ensure(answer.is_success(), || {
        format!("a logout is answered with status {}", answer.status)
    })?;
    for _ in 0..100 {
        is_over(site, &owner, &token, &user)?;
    }
    Ok(())
}

fn in_flight(site: &Site) -> Attempt {
    let logout = described(site.target.logout.as_ref(), "logout")?;
    let slow = described(site.target.slow_write.as_ref(), "slow_write")?;
    for _ in 0..3 {
        let (mut owner, user) = logged_in(site)?;
        let token = owner.token().to_owned();
        let written = site.chance.word("v");
        let request = slow.request(&[("name", "late"), ("value", &written), ("delay", "400")]);
        let request = owner.visitor.with_cookie(&request);
        let requests = vec![request; 4];
        let answers = thread::scope(|scope| {
            let running = scope.spawn(|| site.send_at_once(&requests));
            // They have loaded the session by now, and store it later.
            thread::sleep(Duration::from_millis(150));
            let ended = owner.visitor.ask(logout, &[]);
            let answers = running.join();
            ended?;
            answers.unwrap_or_else(|_| failed("a slow write was not answered"))
        })?;
        is_over(site, &owner, &token, &user)?;
        let late = site.carrier(&token).read("late")?;
        ensure(!late.body.contains(&written), || {
            "a slow write brought the session back under its id".into()
        })?;
        for answer in answers {
            if let Some(Some(given)) = site.given(&answer) {
                is_over(site, &owner, &given, &user)?;
            }
        }
    }
    Ok(())
}

/// Somebody with a value in their session, logged in where the target describes how.
fn logged_in(site: &Site) -> Attempt<(Owner<'_>, String)> {
    let mut owner = site.owner()?;
    let user = site.chance.word("user");
    if let Some(login) = &site.target.login {
        owner.visitor.ask(login, &[("user", &user)])?;
        // Not every login keeps what was there before.
        let (name, value) = (owner.name.clone(), owner.value.clone());
        owner.visitor.write(&name, &value)?;
    }
    Ok((owner, user))
}

fn is_over(site: &Site, owner: &Owner<'_>, token: &str, user: &str) -> Attempt {
    let seen = site.carrier(token).read(&owner.name)?;
    ensure(!seen.body.contains(&owner.value), || {
        "after the logout the session is still there".into()
    })?;
    if let Some(whoami) = &site.target.whoami {
        let seen = site.carrier(token).ask(whoami, &[])?;
        ensure(!seen.body.contains(user), || {
            "after the logout somebody is still logged in".into()
        })?;
    }
    Ok(())
}
