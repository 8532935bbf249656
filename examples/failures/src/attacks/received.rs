//! Cookies as clients, proxies and neighbours of the domain send them.

use super::Attack;
use crate::site::{Owner, Site};
use crate::verdict::{Attempt, ensure};

pub(super) const ATTACKS: [Attack; 7] = [
    Attack {
        name: "several-lines",
        requirement: "IN-1",
        elsewhere: "",
        tried: "cookies spread over several header lines",
        run: several_lines,
    },
    Attack {
        name: "tossed",
        requirement: "IN-2",
        elsewhere: "#47: actix-session reads the first cookie only",
        tried: "the cookie before and after others of its name",
        run: tossed,
    },
    Attack {
        name: "two-live",
        requirement: "IN-2",
        elsewhere: "",
        tried: "the cookies of two sessions, in either order",
        run: two_live,
    },
    Attack {
        name: "resembling-names",
        requirement: "IN-3",
        elsewhere: "#31: PHP CVE-2020-7070, CVE-2022-31629; Rack CVE-2020-8184",
        tried: "names in other case, percent-encoded, with Unicode spaces, with and without prefix",
        run: resembling_names,
    },
    Attack {
        name: "quoted",
        requirement: "IN-3",
        elsewhere: "#31: quotes and $Version are read as in RFC 2109",
        tried: "the token in quotes, and after $Version",
        run: quoted,
    },
    Attack {
        name: "swallowed",
        requirement: "IN-3",
        elsewhere: "#32: Jetty CVE-2023-26049; Undertow CVE-2023-4639",
        tried: "a quote in a cookie before: does it hide the ones that follow?",
        run: swallowed,
    },
    Attack {
        name: "nameless",
        requirement: "IN-4",
        elsewhere: "#31: Werkzeug CVE-2023-23934",
        tried: "a cookie without a name whose value looks like ours",
        run: nameless,
    },
];

fn several_lines(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let own = owner.cookie();
    for order in 0..3 {
        let mut lines: Vec<&[u8]> = vec![b"a=1", b"b=2; c=3"];
        lines.insert(order, &own);
        let request = lines.iter().fold(site.reading(&owner.name), |it, line| {
            it.with("cookie", line)
        });
        ensure(owner.reached_by(&request)?, || {
            format!("the cookie is not found in line {} of 3", order + 1)
        })?;
    }
    Ok(())
}

fn tossed(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let same_length = "A".repeat(owner.token().len());
    let own = owner.cookie();
    for bad in ["x", "", &same_length] {
        let bad = owner.pair(bad.as_bytes());
        ensure(owner.reaches([&bad[..], b"; ", &own].concat())?, || {
            "a bad cookie in front of the good one hides it".into()
        })?;
        ensure(owner.reaches([&own[..], b"; ", &bad].concat())?, || {
            "a bad cookie behind the good one hides it".into()
        })?;
    }
    // A bound on how many are looked at is allowed; an error is not.
    let mut cookies = [&owner.pair(b"x")[..], b"; "].concat().repeat(100);
    cookies.extend(&own);
    let answer = site.send(&site.reading(&owner.name).with("cookie", cookies))?;
    ensure(!answer.is_server_error(), || {
        format!("status {} to 101 cookies of one name", answer.status)
    })
}

fn two_live(site: &Site) -> Attempt {
    let (one, other) = (site.owner()?, site.owner()?);
    let first = [one.cookie(), other.cookie()].join(&b"; "[..]);
    let second = [other.cookie(), one.cookie()].join(&b"; "[..]);
    let told = |cookies: &[u8]| Attempt::Ok((one.reaches(cookies)?, other.reaches(cookies)?));
    ensure(told(&first)? == told(&second)?, || {
        "which of two sessions is used depends on the order".into()
    })
}

fn resembling_names(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let name = site.target.cookie.as_str();
    let swapped: String = name
        .chars()
        .map(|it| {
            if it.is_ascii_lowercase() {
                it.to_ascii_uppercase()
            } else {
                it.to_ascii_lowercase()
            }
        })
        .collect();
    let escape = |byte: u8| format!("%{byte:02X}");
    let plain = ["__Host-", "__Secure-"]
        .iter()
        .find_map(|it| name.strip_prefix(it));
    let mut names = vec![
        swapped,
        name.to_ascii_uppercase(),
        name.bytes().map(escape).collect(),
        format!(
            "{}{}",
            escape(name.bytes().next().unwrap_or(b'x')),
            &name[1..]
        ),
        name.replace('_', "%5F"),
        name.replace('-', "%2D"),
        name.replace('_', "."),
        name.replace('-', "_"),
        name.replace("__Host-", "__host-"),
        name.replace("__Host-", "..Host-"),
        format!("${name}"),
        format!("\"{name}\""),
        format!("{name}[]"),
        format!("{name}[0]"),
        format!("{name}\u{2000}"),
        format!("{name}%00"),
        plain.map_or_else(|| format!("__Host-{name}"), str::to_owned),
    ];
    for space in [
        "\u{2000}", "\u{a0}", "\u{85}", "\u{3000}", "\u{feff}", "\u{200b}", "%20",
    ] {
        names.push(format!("{space}{name}"));
    }
    let mut names: Vec<Vec<u8>> = names.into_iter().map(String::into_bytes).collect();
    // The same spaces in Latin-1, as servers read them that know of no UTF-8.
    for space in [0x85, 0xa0] {
        names.push([&[space], name.as_bytes()].concat());
    }
    for resembling in names {
        if resembling == name.as_bytes() {
            continue;
        }
        let cookie = [&resembling[..], b"=", owner.token().as_bytes()].concat();
        ensure(!owner.reaches(cookie)?, || {
            format!("{} is read as {name}", resembling.escape_ascii())
        })?;
    }
    Ok(())
}

fn quoted(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let (name, token) = (&site.target.cookie, owner.token());
    none_reaches(
        &owner,
        &[
            format!("{name}=\"{token}\""),
            format!("{name}='{token}'"),
            format!("$Version=1; {name}=\"{token}\"; $Path=/"),
            format!("$Version=1, {name}={token}"),
            format!("{name}=\"{}\\{}\"", &token[..1], &token[1..]),
            format!("a=1, {name}={token}"),
        ],
    )
}

fn swallowed(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let (name, token) = (&site.target.cookie, owner.token());
    for cookies in [
        format!("a=\"b; {name}={token}; c=d\""),
        format!("a=\"b; {name}={token}"),
        format!("\"; {name}={token}"),
        format!("$Version=\"1\"; a=\"\\\"; {name}={token}; b=\""),
    ] {
        ensure(owner.reaches(&cookies)?, || {
            "a quote in another cookie hides the session's".into()
        })?;
    }
    Ok(())
}

fn nameless(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let (name, token) = (&site.target.cookie, owner.token());
    none_reaches(
        &owner,
        &[
            format!("={name}={token}"),
            format!("=={name}={token}"),
            format!("={token}"),
            token.to_owned(),
            format!("a=b={name}={token}"),
            format!("a={name}={token}"),
        ],
    )
}

fn none_reaches(owner: &Owner<'_>, cookies: &[String]) -> Attempt {
    for cookie in cookies {
        ensure(!owner.reaches(cookie)?, || {
            format!(
                "{} is read as the session's cookie",
                cookie.replace(owner.token(), "TOKEN")
            )
        })?;
    }
    Ok(())
}
