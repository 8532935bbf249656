//! Cookie lines: what a fuzzer writes becomes lines with tokens in them, and what RFC 6265bis,
//! section 4.2, makes of such lines.
//!
//! Bytes that no UTF-8 text contains stand for what chance would never find. All others are
//! taken as they are.

use crate::site::Known;

/// The name of the session cookie.
pub const NAME: &str = "__Host-sid";

/// How many bytes of `Cookie` lines a request may spend.
pub const BYTES_MAX: usize = 64 * 1024;

/// How many values of one name a request may spend.
pub const VALUES_MAX: usize = 8;

/// The lines that `data` stands for.
pub fn expand(data: &[u8], known: &Known) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    for &byte in data {
        let text: &[u8] = match byte {
            0xf6 => NAME.as_bytes(),
            0xf7 => known.first.as_bytes(),
            0xf8 => known.first_by_previous_key.as_bytes(),
            0xf9 => known.second.as_bytes(),
            0xfa => known.unknown.as_bytes(),
            0xfb => known.forged.as_bytes(),
            0xfc => known.of_another_cookie.as_bytes(),
            0xfd => &[b'A'; crate::issuer::TOKEN_LEN],
            // A few of them spend what a request may spend.
            0xfe => &[b'.'; 20_000],
            0xff => {
                lines.push(Vec::new());
                continue;
            }
            _ => &[byte],
        };
        if let Some(line) = lines.last_mut() {
            line.extend_from_slice(text);
        }
    }
    lines
}

/// The values of the session cookie in `lines` that count, in their order.
pub fn values(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut left = BYTES_MAX;
    let mut found = Vec::new();
    for line in lines {
        let line = &line[..line.len().min(left)];
        left -= line.len();
        for pair in line.split(|&byte| byte == b';') {
            let mut parts = pair.splitn(2, |&byte| byte == b'=');
            if let (Some(name), Some(value)) = (parts.next(), parts.next())
                && trim(name) == NAME.as_bytes()
            {
                found.push(trim(value).to_vec());
            }
        }
    }
    found.truncate(VALUES_MAX);
    found
}

/// Without the white space of HTTP at both ends.
pub fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().take_while(|byte| is_blank(byte)).count();
    let text = &text[start..];
    let end = text.iter().rev().take_while(|byte| is_blank(byte)).count();
    &text[..text.len() - end]
}
