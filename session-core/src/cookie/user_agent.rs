//! A browser's side of `Set-Cookie`, written from RFC 6265bis, section 5.6, for tests only: it
//! shares no code with what writes the lines.

use super::policy::SameSite;

/// A cookie as a browser keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) name: String,
    pub(super) value: String,
    /// Year, month, day, hour, minute, second.
    pub(super) expires: Option<[u16; 6]>,
    /// In seconds, not yet cut to the browser's limit.
    pub(super) max_age: Option<u64>,
    pub(super) domain: Option<String>,
    pub(super) path: Option<String>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: Option<SameSite>,
    pub(super) partitioned: bool,
    /// Attributes that the standard does not know.
    pub(super) others: Vec<(String, String)>,
}

/// What a browser keeps of `line`, sent by the domain that it names; `None` where it ignores
/// the whole line.
pub(super) fn receive(line: &str) -> Option<Received> {
    if line
        .chars()
        .any(|c| matches!(c, '\0'..='\x08' | '\x0a'..='\x1f' | '\x7f'))
    {
        return None;
    }
    let (pair, mut unparsed) = cut(line);
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let (name, value) = (trim(name), trim(value));
    if name.is_empty() && value.is_empty() || name.len() + value.len() > 4_096 {
        return None;
    }
    let mut received = Received {
        name: name.to_owned(),
        value: value.to_owned(),
        ..Received::default()
    };
    while let Some(rest) = unparsed {
        let (attribute, behind) = cut(rest);
        unparsed = behind;
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let (name, value) = (trim(name), trim(value));
        if value.len() <= 1_024 {
            received.add(name, value);
        }
    }
    received.is_kept().then_some(received)
}

impl Received {
    /// Section 5.6.1 and those after it; the last attribute of a name wins.
    fn add(&mut self, name: &str, value: &str) {
        match &*name.to_ascii_lowercase() {
            "expires" => self.expires = date(value).or(self.expires),
            "max-age" => {
                let digits = value.strip_prefix('-').unwrap_or(value);
                if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    let seconds = digits.parse().unwrap_or(u64::MAX);
                    self.max_age = Some(if value.starts_with('-') { 0 } else { seconds });
                }
            }
            "domain" => {
                let domain = value.strip_prefix('.').unwrap_or(value);
                self.domain = (!domain.is_empty()).then(|| domain.to_ascii_lowercase());
            }
            "path" => self.path = value.starts_with('/').then(|| value.to_owned()),
            "secure" => self.secure = true,
            "httponly" => self.http_only = true,
            "samesite" => {
                self.same_site = match &*value.to_ascii_lowercase() {
                    "none" => Some(SameSite::None),
                    "strict" => Some(SameSite::Strict),
                    "lax" => Some(SameSite::Lax),
                    _ => None,
                };
            }
            "partitioned" => self.partitioned = true,
            _ => self.others.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The storage model of section 5.7 over a secure connection, with the prefixes of the
    /// successor draft and the condition of partitioned cookies.
    fn is_kept(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        let for_host = self.path.as_deref() == Some("/") && self.domain.is_none();
        let needs_secure = self.same_site == Some(SameSite::None)
            || self.partitioned
            || ["__secure-", "__host-", "__http-"]
                .into_iter()
                .any(|prefix| name.starts_with(prefix));
        let needs_http_only = name.starts_with("__http-") || name.starts_with("__host-http-");
        (self.secure || !needs_secure)
            && (self.http_only || !needs_http_only)
            && (for_host || !name.starts_with("__host-"))
    }
}

/// What is in front of the first semicolon, and what is behind it if there is one.
fn cut(text: &str) -> (&str, Option<&str>) {
    match text.split_once(';') {
        Some((front, behind)) => (front, Some(behind)),
        None => (text, None),
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Section 5.1.1, without the two-digit years that nobody should write.
fn date(text: &str) -> Option<[u16; 6]> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text
        .split([' ', ',', '-', '/'])
        .filter(|token| !token.is_empty())
    {
        let number = token.parse::<u16>().ok();
        let start = token.get(..3).map(str::to_ascii_lowercase);
        let named = MONTHS
            .iter()
            .position(|&month| start.as_deref() == Some(month));
        let parts: Vec<u16> = token
            .split(':')
            .filter_map(|part| part.parse().ok())
            .collect();
        if let (None, [hour, minute, second]) = (time, &*parts) {
            time = Some((*hour, *minute, *second));
        } else if let (None, 1..=2, Some(number)) = (day, token.len(), number) {
            day = Some(number);
        } else if let (None, Some(named)) = (month, named) {
            month = u16::try_from(named + 1).ok();
        } else if let (None, 4, Some(number)) = (year, token.len(), number) {
            year = Some(number);
        }
    }
    let (hour, minute, second) = time?;
    Some([year?, month?, day?, hour, minute, second])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_of_these_tests_is_strict_where_real_ones_are() {
        for ignored in [
            "",
            "=",
            "__Host-a=b; Path=/",
            "__HOST-a=b; Secure; Path=/a",
            "__host-a=b; Secure; Path=/; Domain=c",
            "__Secure-a=b; Path=/",
            "__Http-a=b; Secure",
            "__Host-Http-a=b; Secure; Path=/",
            "a=b; SameSite=None",
            "a=b; Partitioned",
            "a=b\r\nc=d",
        ] {
            assert_eq!(receive(ignored), None, "{ignored:?}");
        }
    }

    #[test]
    fn the_browser_of_these_tests_reads_attributes_as_the_standard_says() {
        let line = "a = b=c ;PATH=/x; Domain=.EXAMPLE.org;Max-Age=-1; Max-Age=1x; secure=no; \
                    HttpOnly; samesite=LAX; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Priority=High";
        let expected = Received {
            name: "a".into(),
            value: "b=c".into(),
            expires: Some([1994, 11, 6, 8, 49, 37]),
            max_age: Some(0),
            domain: Some("example.org".into()),
            path: Some("/x".into()),
            secure: true,
            http_only: true,
            same_site: Some(SameSite::Lax),
            partitioned: false,
            others: vec![("Priority".into(), "High".into())],
        };
        assert_eq!(receive(line), Some(expected));
    }
}
