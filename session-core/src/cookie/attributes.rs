//! Which cookies a browser keeps as they were meant: the checks behind the policy.

use super::policy::{CookieError, CookieOptions, SameSite};
use super::signature::TOKEN_LEN;

/// The most bytes of the name, which together with the value may have 4,096; browsers drop
/// larger cookies (RFC 6265bis, 5.6).
pub(super) const NAME_MAX: usize = 4_096 - TOKEN_LEN;

/// The most bytes of the value of an attribute; browsers skip larger ones (RFC 6265bis, 5.6).
pub(super) const ATTRIBUTE_MAX: usize = 1_024;

/// The attributes that passed the checks: what is written is what a browser reads.
#[derive(Clone, Debug)]
pub(super) struct CookieAttributes {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) domain: Option<String>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: SameSite,
    pub(super) partitioned: bool,
    pub(super) others: Vec<(String, String)>,
}

impl CookieAttributes {
    pub(super) fn check(options: CookieOptions) -> Result<Self, CookieError> {
        let path = options.path.unwrap_or_else(|| "/".to_owned());
        if !(path.starts_with('/') && is_attribute_value(&path)) {
            return Err(CookieError::Path { path });
        }
        let domain = options.domain.map(host_name).transpose()?;
        let name = options.name.unwrap_or_else(|| {
            let name = match (options.secure, &*path, &domain) {
                (true, "/", None) => "__Host-sid",
                (true, _, _) => "__Secure-sid",
                (false, _, _) => "sid",
            };
            name.to_owned()
        });
        if !is_token(&name) || name.len() > NAME_MAX {
            return Err(CookieError::Name { name });
        }
        if options.partitioned && !options.secure {
            return Err(CookieError::PartitionedNeedsSecure);
        }
        if options.same_site == SameSite::None && !options.secure {
            return Err(CookieError::SameSiteNoneNeedsSecure);
        }
        check_others(&options.attributes)?;
        let attributes = Self {
            name,
            path,
            domain,
            secure: options.secure,
            http_only: options.http_only,
            same_site: options.same_site,
            partitioned: options.partitioned,
            others: options.attributes,
        };
        attributes.check_prefix()?;
        Ok(attributes)
    }

    /// The conditions of RFC 6265bis, 4.1.3, and of its successor, which adds the two prefixes
    /// with `Http`. Browsers find the prefix whatever its case, so it is looked for alike.
    fn check_prefix(&self) -> Result<(), CookieError> {
        const HOST_HTTP: &str = "__Host-Http-";
        const PREFIXES: [&str; 4] = [HOST_HTTP, "__Host-", "__Http-", "__Secure-"];
        let starts_with = |prefix: &&str| {
            let start = self.name.as_bytes().get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        // The longer one of two that fit comes first.
        let Some(prefix) = PREFIXES.into_iter().find(starts_with) else {
            return Ok(());
        };
        let for_host = matches!(prefix, HOST_HTTP | "__Host-");
        let for_http = matches!(prefix, HOST_HTTP | "__Http-");
        let conditions = [
            (self.secure, "Secure"),
            (!for_http || self.http_only, "HttpOnly"),
            (!for_host || self.path == "/", "the path /"),
            (!for_host || self.domain.is_none(), "no domain"),
        ];
        match conditions.into_iter().find(|(met, _)| !met) {
            Some((_, condition)) => Err(CookieError::Prefix { prefix, condition }),
            None => Ok(()),
        }
    }
}

fn check_others(others: &[(String, String)]) -> Result<(), CookieError> {
    const WITH_OPTIONS: [&str; 8] = [
        "Domain",
        "Expires",
        "HttpOnly",
        "Max-Age",
        "Partitioned",
        "Path",
        "SameSite",
        "Secure",
    ];
    for (index, (name, value)) in others.iter().enumerate() {
        if !is_token(name) || !is_attribute_value(value) {
            return Err(CookieError::Attribute { name: name.clone() });
        }
        let earlier = others[..index].iter().map(|(name, _)| name.as_str());
        if WITH_OPTIONS
            .into_iter()
            .chain(earlier)
            .any(|taken| taken.eq_ignore_ascii_case(name))
        {
            return Err(CookieError::AttributeTwice { name: name.clone() });
        }
    }
    Ok(())
}

/// `domain` as browsers keep it: in lower case and without a leading dot, which they have
/// ignored since RFC 6265 (5.2.3).
fn host_name(domain: String) -> Result<String, CookieError> {
    const HOST_MAX: usize = 253;
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host = domain.strip_prefix('.').unwrap_or(&domain);
    if host.len() <= HOST_MAX && host.split('.').all(is_label) {
        Ok(host.to_ascii_lowercase())
    } else {
        Err(CookieError::Domain { domain })
    }
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// The octets that RFC 6265bis, 4.1.1, lets into an attribute, and no outer spaces, which
/// browsers would take away.
fn is_attribute_value(text: &str) -> bool {
    text.len() <= ATTRIBUTE_MAX
        && text
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b';')
        && text.trim_matches(' ') == text
}

#[cfg(test)]
mod tests;
