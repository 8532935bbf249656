//! The cookie as a browser is told to keep it.

use super::Attack;
use crate::cookie_line::CookieLine;
use crate::site::Site;
use crate::verdict::{Attempt, Stop, described, ensure, failed};

pub(super) const ATTACKS: [Attack; 10] = [
    Attack {
        name: "secure",
        requirement: "CK-1",
        elsewhere: "",
        tried: "is the cookie sent over HTTPS alone?",
        run: |site| flag(site, "secure", "Secure"),
    },
    Attack {
        name: "http-only",
        requirement: "CK-2",
        elsewhere: "",
        tried: "is the cookie out of reach for scripts?",
        run: |site| flag(site, "httponly", "HttpOnly"),
    },
    Attack {
        name: "same-site",
        requirement: "CK-3",
        elsewhere: "",
        tried: "does the line say SameSite?",
        run: same_site,
    },
    Attack {
        name: "prefix",
        requirement: "CK-4",
        elsewhere: "",
        tried: "does the name bind the cookie to HTTPS or to the host, and do the attributes keep it?",
        run: prefix,
    },
    Attack {
        name: "path",
        requirement: "CK-5",
        elsewhere: "FastSession names no path",
        tried: "does the line say for which paths the cookie is?",
        run: path,
    },
    Attack {
        name: "octets",
        requirement: "CK-7",
        elsewhere: "#33: jshttp/cookie CVE-2024-47764; cowlib CVE-2026-43969",
        tried: "are name and value made of what a cookie may hold?",
        run: octets,
    },
    Attack {
        name: "size",
        requirement: "CK-8",
        elsewhere: "",
        tried: "do browsers keep a cookie of this size?",
        run: size,
    },
    Attack {
        name: "lifetime",
        requirement: "CK-9",
        elsewhere: "",
        tried: "is a Max-Age or Expires well-formed, and no longer than 400 days?",
        run: lifetime,
    },
    Attack {
        name: "partitioned",
        requirement: "CK-11",
        elsewhere: "",
        tried: "is a partitioned cookie Secure?",
        run: partitioned,
    },
    Attack {
        name: "until-closed",
        requirement: "LC-9",
        elsewhere: "",
        tried: "does the cookie end with the browser unless somebody asked for more?",
        run: until_closed,
    },
];

fn flag(site: &Site, attribute: &str, spelled: &str) -> Attempt {
    let line = CookieLine::of_a_new_session(site)?;
    ensure(line.has(attribute), || format!("the line has no {spelled}"))
}

fn same_site(site: &Site) -> Attempt {
    let line = CookieLine::of_a_new_session(site)?;
    let Some(given) = line.attribute("samesite").map(str::to_ascii_lowercase) else {
        return failed("the line has no SameSite");
    };
    let is_known = matches!(given.as_str(), "strict" | "lax" | "none");
    ensure(is_known, || format!("SameSite={given} is no value"))?;
    ensure(given != "none" || line.has("secure"), || {
        "SameSite=None without Secure".into()
    })
}

fn prefix(site: &Site) -> Attempt {
    let line = CookieLine::of_a_new_session(site)?;
    let name = line.name.to_ascii_lowercase();
    let for_host = name.starts_with("__host-");
    ensure(for_host || name.starts_with("__secure-"), || {
        "the name has neither __Host- nor __Secure-".into()
    })?;
    ensure(line.has("secure"), || "a prefix without Secure".into())?;
    let whole_host = line.attribute("path") == Some("/") && !line.has("domain");
    ensure(!for_host || whole_host, || {
        "__Host- needs Path=/ and no Domain".into()
    })
}

fn path(site: &Site) -> Attempt {
    let line = CookieLine::of_a_new_session(site)?;
    let path = line.attribute("path").unwrap_or_default();
    ensure(path.starts_with('/'), || {
        "without a Path the cookie is for the folder of the request".into()
    })
}

fn octets(site: &Site) -> Attempt {
    let line = CookieLine::of_a_new_session(site)?;
    let in_name = |it: u8| it.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&it);
    let in_value = |it: u8| it.is_ascii_graphic() && !b"\",;\\".contains(&it);
    ensure(line.name.bytes().all(in_name), || {
        "the name is no token".into()
    })?;
    ensure(line.value.bytes().all(in_value), || {
        "the value holds what a cookie may not".into()
    })
}

fn size(site: &Site) -> Attempt {
    let line = CookieLine::of_a_new_session(site)?;
    let size = line.name.len() + line.value.len();
    ensure(size <= 4096, || format!("name and value have {size} bytes"))
}

fn lifetime(site: &Site) -> Attempt {
    const DAYS_400: u64 = 400 * 24 * 60 * 60;
    let line = CookieLine::of_a_new_session(site)?;
    let (age, expires) = (line.attribute("max-age"), line.attribute("expires"));
    if age.is_none() && expires.is_none() {
        return Err(Stop::NotApplicable(
            "the cookie ends with the browser".into(),
        ));
    }
    if let Some(age) = age {
        let seconds = age
            .bytes()
            .all(|it| it.is_ascii_digit())
            .then(|| age.parse::<u64>());
        let seconds = seconds.and_then(Result::ok);
        ensure(
            seconds.is_some_and(|it| (1..=DAYS_400).contains(&it)),
            || format!("Max-Age={age}"),
        )?;
    }
    if let Some(expires) = expires {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let words: Vec<_> = expires.split(' ').collect();
        let is_date = words.len() == 6
            && words[0].ends_with(',')
            && words[3].len() == 4
            && words[3].bytes().all(|it| it.is_ascii_digit())
            && words[5] == "GMT";
        ensure(is_date, || format!("Expires={expires}"))?;
    }
    Ok(())
}

fn partitioned(site: &Site) -> Attempt {
    let line = CookieLine::of_a_new_session(site)?;
    if !line.has("partitioned") {
        return Err(Stop::NotApplicable("the cookie is not partitioned".into()));
    }
    ensure(line.has("secure"), || "Partitioned without Secure".into())
}

fn until_closed(site: &Site) -> Attempt {
    let mut lines = vec![CookieLine::of_a_new_session(site)?];
    if let Ok(login) = described(site.target.login.as_ref(), "login") {
        let request = login.request(&[("user", &site.chance.word("user"))]);
        let response = site.send(&request)?;
        lines.extend(
            site.set_cookies(&response)
                .last()
                .map(|it| CookieLine::parse(it)),
        );
    }
    let is_kept = lines
        .iter()
        .any(|line| line.has("max-age") || line.has("expires"));
    ensure(!is_kept, || "the cookie outlives the browser".into())
}
