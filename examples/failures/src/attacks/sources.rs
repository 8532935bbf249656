//! What a request may say about the session besides its cookie: nothing.

use super::Attack;
use crate::http::Request;
use crate::site::Site;
use crate::verdict::{Attempt, Stop, ensure};

pub(super) const ATTACKS: [Attack; 3] = [
    Attack {
        name: "other-places",
        requirement: "ID-6",
        elsewhere: "#4: Tomcat CVE-2025-55668",
        tried: "a live token in the query, the path, a form and other headers",
        run: other_places,
    },
    Attack {
        name: "skip-headers",
        requirement: "XS-2",
        elsewhere: "#37: FastSession skips sessions at a client's request",
        tried: "headers that might switch sessions off",
        run: skip_headers,
    },
    Attack {
        name: "spoofed-https",
        requirement: "CK-14",
        elsewhere: "",
        tried: "headers of a proxy, sent by a client: do they change the cookie?",
        run: spoofed_https,
    },
];

fn other_places(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let (token, cookie) = (owner.token(), site.target.cookie.as_str());
    let plain = || site.reading(&owner.name);
    let mut requests: Vec<(String, Request)> = Vec::new();
    for name in [
        cookie,
        "id",
        "sid",
        "session",
        "session_id",
        "PHPSESSID",
        "token",
    ] {
        let mut request = plain();
        let mark = if request.target.contains('?') {
            '&'
        } else {
            '?'
        };
        request.target = format!("{}{mark}{name}={token}", request.target);
        requests.push((format!("in the query as {name}"), request));
        requests.push((format!("in the header {name}"), plain().with(name, token)));
        let mut form = plain().with("content-type", "application/x-www-form-urlencoded");
        form.body = format!("{name}={token}").into_bytes();
        requests.push((format!("in a form as {name}"), form));
    }
    for name in [cookie, "jsessionid"] {
        let mut request = plain();
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (&*request.target, String::new()),
        };
        request.target = format!("{path};{name}={token}{query}");
        requests.push((format!("in the path as {name}"), request));
    }
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("x-session-id", token.to_owned()),
        ("x-session-token", token.to_owned()),
        ("x-auth-token", token.to_owned()),
        ("cookie2", format!("{cookie}={token}")),
        ("x-cookie", format!("{cookie}={token}")),
        ("x-original-cookie", format!("{cookie}={token}")),
    ] {
        requests.push((format!("in the header {name}"), plain().with(name, value)));
    }
    for (place, request) in requests {
        ensure(!owner.reached_by(&request)?, || {
            format!("a token is read {place}")
        })?;
    }
    Ok(())
}

fn skip_headers(site: &Site) -> Attempt {
    let headers = [
        ("x-fastsession-skip", "skip"),
        ("x-skip-session", "1"),
        ("x-session-skip", "skip"),
        ("skip-session", "true"),
        ("x-no-session", "1"),
        ("no-session", "1"),
        ("x-session", "off"),
        ("x-health-check", "1"),
        ("x-internal-request", "1"),
        ("user-agent", "kube-probe/1.30"),
        ("user-agent", "Googlebot/2.1"),
        ("purpose", "prefetch"),
        ("sec-purpose", "prefetch"),
        ("dnt", "1"),
        ("x-requested-with", "XMLHttpRequest"),
        ("x-forwarded-for", "127.0.0.1"),
    ];
    let mut owner = site.owner()?;
    for (header, value) in headers {
        let cookie = owner.cookie();
        let request = site.reading(&owner.name).with(header, value);
        let sees = owner.reached_by(&request.with("cookie", &cookie));
        ensure(sees.unwrap_or(false), || {
            format!("with {header}: {value} the session is not there")
        })?;
        let (name, written) = (site.chance.word("n"), site.chance.word("v"));
        let request = site
            .target
            .write
            .request(&[("name", &name), ("value", &written)]);
        owner.visitor.send(&request.with(header, value))?;
        let kept = owner.visitor.read(&name)?.body.contains(&written);
        ensure(kept, || {
            format!("with {header}: {value} a write is not kept")
        })?;
    }
    Ok(())
}

fn spoofed_https(site: &Site) -> Attempt {
    let trusted = |(name, _): &(String, String)| name.to_ascii_lowercase().contains("forwarded");
    if site.target.lines.iter().any(trusted) {
        let why = "the server is told to trust its proxy";
        return Err(Stop::NotApplicable(why.into()));
    }
    let attributes_with = |lines: &[(&str, &str)]| {
        let fill = [("name", "n"), ("value", "v")];
        let request = site.target.write.request(&fill);
        let request = lines
            .iter()
            .fold(request, |request, (name, value)| request.with(name, value));
        let response = site.send(&request)?;
        let line = site
            .set_cookies(&response)
            .last()
            .copied()
            .unwrap_or_default();
        Attempt::Ok(line.split_once(';').map(|(_, rest)| rest.to_owned()))
    };
    let own = attributes_with(&[])?;
    for line in [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-ssl", "on"),
        ("forwarded", "proto=https;host=elsewhere.example"),
        ("front-end-https", "on"),
        ("x-forwarded-host", "elsewhere.example"),
    ] {
        ensure(attributes_with(&[line])? == own, || {
            format!("{}: {} changes the cookie", line.0, line.1)
        })?;
    }
    Ok(())
}
