//! Fixation: what becomes of the id that a visitor had before.

use super::Attack;
use crate::site::Site;
use crate::verdict::{Attempt, described, ensure};

pub(super) const ATTACKS: [Attack; 2] = [
    Attack {
        name: "fixation",
        requirement: "LC-1",
        elsewhere: "#3, #4: passport CVE-2022-25896; Tomcat CVE-2013-2067",
        tried: "logins: is there a new id, and what can the old one still do?",
        run: fixation,
    },
    Attack {
        name: "login-race",
        requirement: "LC-1",
        elsewhere: "#4: Tomcat CVE-2019-17563",
        tried: "16 logins of one session at once: is the old id dead afterwards?",
        run: login_race,
    },
];

fn fixation(site: &Site) -> Attempt {
    let login = described(site.target.login.as_ref(), "login")?;
    let mut owner = site.owner()?;
    let user = site.chance.word("user");
    let mut old = owner.token().to_owned();
    for occasion in ["a login", "a second login"] {
        let answer = owner.visitor.ask(login, &[("user", &user)])?;
        ensure(answer.is_success(), || {
            format!("{occasion} is answered with status {}", answer.status)
        })?;
        ensure(owner.token() != old, || format!("{occasion} keeps the id"))?;
        is_logged_in(site, owner.token(), &user)?;
        let (name, value) = (site.chance.word("n"), site.chance.word("v"));
        owner.visitor.write(&name, &value)?;
        is_stranger(site, &old, &user)?;
        for (name, value) in [(&name, &value), (&owner.name, &owner.value)] {
            let seen = site.carrier(&old).read(name)?;
            ensure(!seen.body.contains(value), || {
                format!("after {occasion} the old id still opens the session")
            })?;
        }
        old = owner.token().to_owned();
    }
    Ok(())
}

fn login_race(site: &Site) -> Attempt {
    const LOGINS: usize = 16;
    let login = described(site.target.login.as_ref(), "login")?;
    let owner = site.owner()?;
    let user = site.chance.word("user");
    let request = owner
        .visitor
        .with_cookie(&login.request(&[("user", &user)]));
    let answers = site.send_at_once(&vec![request; LOGINS])?;
    let mut succeeded = 0;
    for answer in &answers {
        ensure(!answer.is_server_error(), || {
            format!("a login is answered with status {}", answer.status)
        })?;
        if let Some(Some(token)) = site.given(answer) {
            succeeded += 1;
            ensure(token != owner.token(), || "a login keeps the id".into())?;
        }
    }
    ensure(succeeded > 0, || "no login gave a new id".into())?;
    is_stranger(site, owner.token(), &user)?;
    ensure(!owner.reaches(owner.cookie())?, || {
        "after the logins the old id still opens the session".into()
    })
}

fn is_logged_in(site: &Site, token: &str, user: &str) -> Attempt {
    let Some(whoami) = &site.target.whoami else {
        return Ok(());
    };
    let answer = site.carrier(token).ask(whoami, &[])?;
    ensure(answer.body.contains(user), || {
        "nobody is logged in after a login".into()
    })
}

fn is_stranger(site: &Site, token: &str, user: &str) -> Attempt {
    let Some(whoami) = &site.target.whoami else {
        return Ok(());
    };
    let answer = site.carrier(token).ask(whoami, &[])?;
    ensure(!answer.body.contains(user), || {
        "whoever has the old id is logged in".into()
    })
}
