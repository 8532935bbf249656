//! What responses say of the session, and to whom.

use super::Attack;
use crate::http::Response;
use crate::site::Site;
use crate::verdict::{Attempt, described, ensure};

pub(super) const ATTACKS: [Attack; 6] = [
    Attack {
        name: "leaks",
        requirement: "CK-2",
        elsewhere: "",
        tried: "is the token anywhere in a response but in its cookie line?",
        run: leaks,
    },
    Attack {
        name: "one-line",
        requirement: "CK-6",
        elsewhere: "",
        tried: "writes and a login: is the cookie set once in each response?",
        run: one_line,
    },
    Attack {
        name: "own-cookies",
        requirement: "CK-6",
        elsewhere: "#40: FastSession; Litestar #2069",
        tried: "do cookies of the application survive beside the session's?",
        run: own_cookies,
    },
    Attack {
        name: "unchanged",
        requirement: "CK-12",
        elsewhere: "",
        tried: "reads: is the cookie sent again although nothing changed?",
        run: unchanged,
    },
    Attack {
        name: "caches",
        requirement: "CK-13",
        elsewhere: "",
        tried: "may a cache keep a response that sets the cookie?",
        run: caches,
    },
    Attack {
        name: "varies",
        requirement: "CK-13",
        elsewhere: "#27: Flask CVE-2023-30861, CVE-2026-27205",
        tried: "does a cache learn that a response depends on the cookie?",
        run: varies,
    },
];

fn leaks(site: &Site) -> Attempt {
    let mut owner = site.owner()?;
    let mut seen: Vec<(&str, Response, String)> = Vec::new();
    let target = &site.target;
    let routes = [
        ("write", Some(&target.write)),
        ("read", Some(&target.read)),
        ("whoami", target.whoami.as_ref()),
        ("redirect", target.redirect.as_ref()),
        ("own_cookies", target.own_cookies.as_ref()),
        ("login", target.login.as_ref()),
        ("whoami", target.whoami.as_ref()),
        ("count", target.count.as_ref().map(|count| &count.route)),
    ];
    let user = site.chance.word("user");
    for (name, route) in routes {
        let Some(route) = route else { continue };
        let fill = [
            ("name", "n"),
            ("value", "v"),
            ("user", &*user),
            ("delay", "0"),
        ];
        let response = owner.visitor.ask(route, &fill)?;
        seen.push((name, response, owner.token().to_owned()));
    }
    // Pages for errors like to repeat what they were sent.
    let mut missing = target.read.request(&[("name", "n")]);
    missing.target = format!("/{}", site.chance.word("nowhere"));
    let response = owner.visitor.send(&missing)?;
    seen.push(("an unknown address", response, owner.token().to_owned()));
    for (place, response, token) in seen {
        let parts = token.split('.').filter(|part| part.len() > 20);
        for part in parts.chain([&*token]) {
            let in_body = response.body.contains(part);
            let mut lines = response.lines.iter();
            let in_lines = lines.any(|(name, value)| name != "set-cookie" && value.contains(part));
            ensure(!in_body && !in_lines, || {
                format!("the answer to {place} tells the token")
            })?;
        }
    }
    Ok(())
}

fn one_line(site: &Site) -> Attempt {
    let mut visitor = site.visitor();
    let mut answers = vec![visitor.write("n", "v")?, visitor.write("n", "w")?];
    if let Some(login) = &site.target.login {
        answers.push(visitor.ask(login, &[("user", &site.chance.word("user"))])?);
    }
    for answer in answers {
        let lines = site.set_cookies(&answer).len();
        ensure(lines <= 1, || {
            format!("one response sets the cookie {lines} times")
        })?;
    }
    Ok(())
}

fn own_cookies(site: &Site) -> Attempt {
    let route = described(site.target.own_cookies.as_ref(), "own_cookies")?;
    let fill = [("name", "n"), ("value", "v")];
    let response = site.send(&route.request(&fill))?;
    let ours = site.set_cookies(&response).len();
    let all = response.all("set-cookie").count();
    ensure(ours == 1, || format!("{ours} lines of the session"))?;
    ensure(all - ours >= 2, || {
        format!("of two cookies of the application {} are left", all - ours)
    })
}

fn unchanged(site: &Site) -> Attempt {
    let mut owner = site.owner()?;
    for turn in 1..=20 {
        let name = owner.name.clone();
        let answer = owner.visitor.read(&name)?;
        ensure(site.set_cookies(&answer).is_empty(), || {
            format!("read {turn} of an unchanged session sets the cookie")
        })?;
    }
    Ok(())
}

fn caches(site: &Site) -> Attempt {
    let request = site.target.write.request(&[("name", "n"), ("value", "v")]);
    let response = site.send(&request)?;
    ensure(!site.set_cookies(&response).is_empty(), || {
        "a write began no session".into()
    })?;
    ensure(is_kept_by_no_shared_cache(&response), || {
        "a response with the cookie has no Cache-Control: no-store".into()
    })
}

fn varies(site: &Site) -> Attempt {
    let mut owner = site.owner()?;
    let name = owner.name.clone();
    let response = owner.visitor.read(&name)?;
    let mut varied = response.all("vary").flat_map(|line| line.split(','));
    let varies =
        varied.any(|name| matches!(name.trim(), "*") || name.trim().eq_ignore_ascii_case("cookie"));
    ensure(varies || is_kept_by_no_shared_cache(&response), || {
        "a response that depends on the session has no Vary: Cookie".into()
    })
}

fn is_kept_by_no_shared_cache(response: &Response) -> bool {
    let mut directives = response
        .all("cache-control")
        .flat_map(|line| line.split(','));
    directives.any(|it| {
        matches!(
            it.trim().to_ascii_lowercase().as_str(),
            "no-store" | "private"
        )
    })
}
