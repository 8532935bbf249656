//! The algorithm of RFC 6265bis, section 5.6, for one `Set-Cookie` line.

use super::Enforcement;
use super::date::date;

/// What a line says.
pub(super) struct Parsed {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) attributes: Attributes,
}

/// The attributes; where one is repeated, the last that counts.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) expires: Option<i64>,
    pub(super) max_age: Option<i64>,
    pub(super) domain: Option<String>,
    pub(super) path: Option<Vec<u8>>,
    pub(super) is_secure: bool,
    pub(super) is_http_only: bool,
    pub(super) same_site: Enforcement,
    pub(super) is_partitioned: bool,
    pub(super) others: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Reads a line; `None` where it is ignored as a whole.
pub(super) fn parse(line: &[u8]) -> Option<Parsed> {
    if line
        .iter()
        .any(|byte| byte.is_ascii_control() && *byte != b'\t')
    {
        return None;
    }
    let mut parts = line.split(|&byte| byte == b';');
    let pair = parts.next()?;
    let (name, value) = name_and_value(pair).unwrap_or((b"", pair));
    let (name, value) = (trim(name), trim(value));
    if name.is_empty() && value.is_empty() || name.len() + value.len() > 4_096 {
        return None;
    }
    // A cookie without a name must not pass for one with a prefix.
    if name.is_empty() && looks_prefixed(value) {
        return None;
    }
    let mut attributes = Attributes::default();
    for part in parts {
        let (name, value) = name_and_value(part).unwrap_or((part, b""));
        let (name, value) = (trim(name), trim(value));
        if value.len() <= 1_024 {
            attributes.add(name, value);
        }
    }
    Some(Parsed {
        name: name.to_vec(),
        value: value.to_vec(),
        attributes,
    })
}

impl Attributes {
    fn add(&mut self, name: &[u8], value: &[u8]) {
        match &name.to_ascii_lowercase()[..] {
            b"expires" => self.expires = date(value).or(self.expires),
            b"max-age" => self.max_age = seconds(value).or(self.max_age),
            b"domain" => {
                let value = value.strip_prefix(b".").unwrap_or(value);
                let value = String::from_utf8_lossy(value);
                self.domain = Some(value.to_ascii_lowercase());
            }
            b"path" => self.path = value.starts_with(b"/").then(|| value.to_vec()),
            b"secure" => self.is_secure = true,
            b"httponly" => self.is_http_only = true,
            b"samesite" => {
                self.same_site = match &value.to_ascii_lowercase()[..] {
                    b"none" => Enforcement::None,
                    b"strict" => Enforcement::Strict,
                    b"lax" => Enforcement::Lax,
                    _ => Enforcement::Default,
                };
            }
            b"partitioned" => self.is_partitioned = true,
            _ => self.others.push((name.to_vec(), value.to_vec())),
        }
    }
}

/// 5.6.2: an optional minus and digits; more than a number holds is the most it holds.
fn seconds(value: &[u8]) -> Option<i64> {
    let (sign, digits) = match value {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0_i64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    Some(sign * number)
}

fn name_and_value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == b'=')?;
    Some((&text[..at], &text[at + 1..]))
}

fn looks_prefixed(value: &[u8]) -> bool {
    let value = value.to_ascii_lowercase();
    let prefixes: [&[u8]; 3] = [b"__secure-", b"__host-", b"__http-"];
    prefixes.iter().any(|prefix| value.starts_with(prefix))
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
