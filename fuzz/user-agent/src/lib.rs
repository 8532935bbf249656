//! A browser's cookies, written from RFC 6265bis, section by section, with the prefixes of its
//! successor and the condition of partitioned cookies. It shares no code with what writes the
//! lines, nor with what reads them in other tests.

#![forbid(unsafe_code)]

mod date;
mod parse;

use parse::{Attributes, parse};

/// Seconds since 1970, negative before.
pub type Seconds = i64;

/// The longest life of a cookie (5.5), 400 days.
pub const LIFE_MAX: Seconds = 400 * 24 * 60 * 60;

/// Where a response came from, or a request goes to.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The host, in lower case.
    pub host: String,
    /// The path.
    pub path: String,
    /// Whether the scheme is secure.
    pub is_secure: bool,
}

/// From which requests of other sites a cookie is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// `SameSite=None`.
    None,
    /// `SameSite=Lax`.
    Lax,
    /// `SameSite=Strict`.
    Strict,
    /// No `SameSite`, or none that is known.
    #[default]
    Default,
}

/// A cookie as a browser keeps it (5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The name.
    pub name: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// When it goes; `None` for the end of the browser.
    pub expires: Option<Seconds>,
    /// The domain.
    pub domain: String,
    /// Whether it is for that host alone.
    pub is_host_only: bool,
    /// The path.
    pub path: Vec<u8>,
    /// Whether it is only sent over secure connections.
    pub is_secure: bool,
    /// Whether scripts cannot see it.
    pub is_http_only: bool,
    /// What keeps it from being sent.
    pub same_site: Enforcement,
    /// Whether it is kept apart for each site that embeds this one.
    pub is_partitioned: bool,
    /// Attributes that the standard ignores.
    pub others: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The cookies of a browser.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    /// What is there, the oldest first.
    pub cookies: Vec<Stored>,
}

impl Jar {
    /// Takes in the value of a `Set-Cookie` line of a response.
    pub fn receive(&mut self, line: &[u8], from: &Origin, now: Seconds) {
        let Some(parsed) = parse(line) else {
            return;
        };
        let Some(stored) = store(parsed, from, now) else {
            return;
        };
        self.cookies.retain(|other| {
            (
                &other.name,
                &other.domain,
                &other.path,
                other.is_partitioned,
            ) != (
                &stored.name,
                &stored.domain,
                &stored.path,
                stored.is_partitioned,
            ) || other.is_host_only != stored.is_host_only
        });
        if stored.expires.is_none_or(|at| at > now) {
            self.cookies.push(stored);
        }
    }

    /// The `Cookie` line of a request that comes from the same site (5.8.3).
    pub fn line(&self, to: &Origin) -> Vec<u8> {
        let mut line = Vec::new();
        for cookie in &self.cookies {
            let is_domain = match cookie.is_host_only {
                true => to.host == cookie.domain,
                false => domain_matches(&to.host, &cookie.domain),
            };
            let is_path = path_matches(to.path.as_bytes(), &cookie.path);
            if is_domain && is_path && (to.is_secure || !cookie.is_secure) {
                if !line.is_empty() {
                    line.extend_from_slice(b"; ");
                }
                line.extend_from_slice(&cookie.name);
                line.push(b'=');
                line.extend_from_slice(&cookie.value);
            }
        }
        line
    }
}

/// The storage model (5.7) for one cookie that was received over HTTP.
fn store(parsed: parse::Parsed, from: &Origin, now: Seconds) -> Option<Stored> {
    let parse::Parsed {
        name,
        value,
        attributes,
    } = parsed;
    let Attributes {
        expires,
        max_age,
        domain,
        path,
        is_secure,
        is_http_only,
        same_site,
        is_partitioned,
        others,
    } = attributes;
    let expires = match (max_age, expires) {
        (Some(seconds), _) if seconds <= 0 => Some(Seconds::MIN),
        (Some(seconds), _) => Some(now.saturating_add(seconds.min(LIFE_MAX))),
        (None, Some(date)) => Some(date.min(now.saturating_add(LIFE_MAX))),
        (None, None) => None,
    };
    let domain = domain.filter(|domain| !domain.is_empty());
    let (domain, is_host_only) = match domain {
        Some(domain) if domain_matches(&from.host, &domain) => (domain, false),
        Some(_) => return None,
        None => (from.host.clone(), true),
    };
    let has_path = path.is_some();
    let path = path.unwrap_or_else(|| default_path(&from.path));
    let starts_with = |prefix: &str| {
        let start = name.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let needs_secure = same_site == Enforcement::None
        || is_partitioned
        || ["__Secure-", "__Host-", "__Http-"]
            .into_iter()
            .any(starts_with);
    let needs_http_only = starts_with("__Http-") || starts_with("__Host-Http-");
    let is_for_host = is_host_only && has_path && path == b"/";
    let is_ignored = is_secure && !from.is_secure
        || needs_secure && !is_secure
        || needs_http_only && !is_http_only
        || starts_with("__Host-") && !is_for_host;
    (!is_ignored).then_some(Stored {
        name,
        value,
        expires,
        domain,
        is_host_only,
        path,
        is_secure,
        is_http_only,
        same_site,
        is_partitioned,
        others,
    })
}

/// 5.1.3.
fn domain_matches(host: &str, domain: &str) -> bool {
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
    host == domain
        || !is_address
            && host
                .strip_suffix(domain)
                .is_some_and(|front| front.ends_with('.'))
}

/// 5.1.4.
fn default_path(path: &str) -> Vec<u8> {
    match path.rfind('/') {
        Some(last) if last > 0 && path.starts_with('/') => path[..last].into(),
        _ => b"/".to_vec(),
    }
}

/// 5.1.4.
fn path_matches(path: &[u8], of_cookie: &[u8]) -> bool {
    path.strip_prefix(of_cookie)
        .is_some_and(|rest| rest.is_empty() || of_cookie.ends_with(b"/") || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests;
