//! A token is accepted exactly as it was given, or not at all.

use super::Attack;
use crate::base64;
use crate::likeness::Likeness;
use crate::site::{Owner, Site};
use crate::verdict::{Attempt, ensure, failed};

pub(super) const ATTACKS: [Attack; 3] = [
    Attack {
        name: "spellings",
        requirement: "SG-5",
        elsewhere: "#39: itsdangerous reads several spellings as one token",
        tried: "each character replaced, padding, junk, percent-encoding",
        run: spellings,
    },
    Attack {
        name: "unsigned",
        requirement: "SG-7",
        elsewhere: "#2, #14: starsessions; rack-session CVE-2026-39324",
        tried: "a live token without its signature, or with a part of it",
        run: unsigned,
    },
    Attack {
        name: "garbage",
        requirement: "SG-13",
        elsewhere: "#38: FastSession answers an exception to `sid=x`",
        tried: "values of any bytes, up to 8 KiB",
        run: garbage,
    },
];

fn spellings(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let token = owner.token().to_owned();
    let mut variants = mutations(&token);
    for junk in ["=", "==", "!!!!", "!", ".", "%00", "\\", "~"] {
        variants.push(format!("{token}{junk}"));
        variants.push(format!("{junk}{token}"));
    }
    let middle = token.len() / 2;
    for junk in ["!!!!", " ", "%", "=", "\n ".trim_start_matches('\n')] {
        if token.is_char_boundary(middle) {
            variants.push(format!("{}{junk}{}", &token[..middle], &token[middle..]));
        }
    }
    let escaped = |byte: u8| format!("%{byte:02X}");
    variants.push(token.bytes().map(escaped).collect());
    if let Some(first) = token.bytes().next() {
        variants.push(format!("{}{}", escaped(first), &token[1..]));
    }
    variants.push(token.replace('-', "+").replace('_', "/"));
    variants.push(token.replace('%', "%25"));
    variants.push(unescaped(&token));
    variants.retain(|variant| *variant != token);
    none_reaches(&owner, &variants)
}

/// The token with each of its characters replaced by near ones, and the last one by all.
fn mutations(token: &str) -> Vec<String> {
    let characters: Vec<char> = token.chars().collect();
    let mut variants = Vec::new();
    for (at, own) in characters.iter().enumerate() {
        let is_last = at + 1 == characters.len();
        let last_of_part = characters.get(at + 1) == Some(&'.');
        let others: Vec<char> = if is_last || last_of_part {
            base64::ALPHABET.chars().collect()
        } else {
            near(*own)
        };
        for other in others {
            let mut changed = characters.clone();
            changed[at] = other;
            variants.push(changed.into_iter().collect());
        }
    }
    variants
}

/// The neighbour in the alphabet of base64url, and the same letter in the other case.
fn near(own: char) -> Vec<char> {
    let place = base64::ALPHABET.find(own).unwrap_or(0);
    let neighbour = base64::ALPHABET.chars().nth(place ^ 1).unwrap_or('A');
    let other_case = if own.is_ascii_lowercase() {
        own.to_ascii_uppercase()
    } else {
        own.to_ascii_lowercase()
    };
    vec![neighbour, other_case]
}

/// The text with its percent escapes undone.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte.filter(u8::is_ascii_graphic) {
            Some(byte) => {
                out.push(char::from(byte));
                out.push_str(&part[2..]);
            }
            None => {
                out.push('%');
                out.push_str(part);
            }
        }
    }
    out
}

fn unsigned(site: &Site) -> Attempt {
    let owner = site.owner()?;
    let token = owner.token();
    let mut variants: Vec<String> = (1..token.len())
        .filter(|end| token.is_char_boundary(*end))
        .map(|end| token[..end].to_owned())
        .collect();
    let plain = unescaped(token);
    for text in [token, &*plain] {
        for separator in ['.', ':', '-', '|', '!', '~'] {
            for (at, _) in text.match_indices(separator) {
                let (before, after) = (&text[..at], &text[at + 1..]);
                variants.push(before.to_owned());
                variants.push(after.to_owned());
                variants.push(format!("{before}{separator}"));
                variants.push(format!("{before}{separator}none"));
            }
        }
    }
    // The part between a mark in front, like `s:` of express, and the signature.
    let bare = plain.trim_start_matches("s:");
    variants.push(bare.split('.').next().unwrap_or_default().to_owned());
    variants.retain(|variant| !variant.is_empty() && variant != token && *variant != plain);
    none_reaches(&owner, &variants)
}

fn none_reaches(owner: &Owner<'_>, variants: &[String]) -> Attempt {
    let (mut accepted, mut example) = (0, None);
    for variant in variants {
        if owner.reaches(owner.pair(variant.as_bytes()))? {
            accepted += 1;
            example.get_or_insert(variant);
        }
    }
    let Some(example) = example else {
        return ensure(owner.reaches(owner.cookie())?, || {
            "the attack ended the session".into()
        });
    };
    let shared = example
        .chars()
        .zip(owner.token().chars())
        .take_while(|(one, other)| one == other)
        .count();
    failed(format!(
        "{accepted} of {} other texts are good too, one differs from character {} on",
        variants.len(),
        shared + 1
    ))
}

fn garbage(site: &Site) -> Attempt {
    let name = site.chance.word("n");
    let without = Likeness::of_two(site, || site.send(&site.reading(&name)))?;
    for value in values(site) {
        let mut cookie = [site.target.cookie.as_bytes(), b"="].concat();
        cookie.extend(&value);
        let shown = shown(&value);
        let Ok(answer) = site.send(&site.reading(&name).with("cookie", &cookie)) else {
            return failed(format!("hung up at {shown}"));
        };
        // HTTP itself forbids control characters in a header, and lets a server bound its size.
        let is_forbidden = value.iter().any(|byte| matches!(byte, 0..=0x1f | 0x7f));
        let is_refused = answer.status == 400 && is_forbidden || answer.status == 431;
        if !is_refused {
            without.must_equal(site, &answer, &shown)?;
        }
        if !is_forbidden {
            let request = site
                .target
                .write
                .request(&[("name", &name), ("value", "v1")]);
            let answer = site.send(&request.with("cookie", &cookie))?;
            ensure(answer.is_success() || answer.status == 431, || {
                format!("a write is answered with {} at {shown}", answer.status)
            })?;
        }
    }
    Ok(())
}

fn values(site: &Site) -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        "",
        "x",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "s:",
        "s:.",
        "s%3A.",
        "j:{}",
        "{}",
        "[]",
        "null",
        "\"",
        "\"\"",
        "%",
        "%00",
        "%zz",
        "%ff%fe",
        "==",
        "=",
        "../../etc/passwd",
        "a|b",
        "\u{2028}",
        "-1",
        "NaN",
        "true",
        "AAAA",
        "....AAAA",
        "é",
        "' OR 1=1 --",
        "${x}",
        "\t",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    values.push(vec![0]);
    values.push(b"a\0b".to_vec());
    values.push((0x80..=0xff).collect());
    values.push(
        (1..0x20)
            .filter(|byte| !matches!(byte, b'\n' | b'\r'))
            .collect(),
    );
    for length in [22, 32, 43, 64, 87, 88, 1024, 8192] {
        values.push(vec![b'A'; length]);
        values.push(vec![b'.'; length]);
        values.push(site.chance.header_bytes(length));
    }
    for _ in 0..100 {
        values.push(site.chance.header_bytes(1 + site.chance.below(120)));
    }
    values
}

fn shown(value: &[u8]) -> String {
    let start: String = String::from_utf8_lossy(value).chars().take(24).collect();
    format!("{:?} ({} bytes)", start, value.len())
}
