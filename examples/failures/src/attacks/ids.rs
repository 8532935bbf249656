//! The ids of many new sessions, side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::Attack;
use crate::base64;
use crate::site::Site;
use crate::verdict::{Attempt, Stop, described, ensure, failed};

pub(super) const ATTACKS: [Attack; 3] = [
    Attack {
        name: "ids",
        requirement: "ID-1",
        elsewhere: "#17: go.uuid CVE-2021-3538; nano-id RUSTSEC-2024-0343",
        tried: "the ids of many new sessions: all different, at least 128 bits of chance",
        run: ids,
    },
    Attack {
        name: "principal-in-token",
        requirement: "ID-5",
        elsewhere: "",
        tried: "the token of somebody who logged in, read for their name",
        run: principal_in_token,
    },
    Attack {
        name: "generic-name",
        requirement: "ID-7",
        elsewhere: "",
        tried: "whether the cookie's name tells what the server is built with",
        run: generic_name,
    },
];

/// What the entropy that is measured may lack of 128 bits by chance.
const TOLERANCE: f64 = 0.5;

fn ids(site: &Site) -> Attempt {
    let mut tokens = Vec::with_capacity(site.ids);
    for _ in 0..site.ids {
        let mut visitor = site.visitor();
        visitor.write("n", "v")?;
        let token = visitor
            .token
            .map_or_else(|| failed("a write began no session"), Ok)?;
        tokens.push(token);
    }
    let unique: BTreeSet<_> = tokens.iter().collect();
    ensure(unique.len() == tokens.len(), || {
        format!("{} ids came twice", tokens.len() - unique.len())
    })?;
    let ids: Vec<&str> = tokens.iter().map(|token| id_of(token)).collect();
    let different: BTreeSet<_> = ids.iter().collect();
    // Where the first part is the same in all tokens, the whole text is what is looked at.
    let ids = if different.len() == ids.len() {
        ids
    } else {
        tokens.iter().map(|it| &**it).collect()
    };

    let characters: Vec<Vec<u8>> = ids.iter().map(|id| id.bytes().collect()).collect();
    let decoded: Option<Vec<Vec<u8>>> = ids.iter().map(|id| base64::decode(id)).collect();
    // Each is an upper bound, since places can depend on each other.
    let mut bits = entropy(&characters);
    if let Some(decoded) = decoded {
        bits = bits.min(entropy(&decoded));
    }
    ensure(bits >= 128.0 - TOLERANCE, || {
        format!("an id holds at most {bits:.1} bits of chance")
    })?;
    neighbours(&characters)
}

/// What stands before the first separator, behind a mark like `s:` of express.
fn id_of(token: &str) -> &str {
    let token = token.strip_prefix("s%3A").unwrap_or(token);
    token.split('.').next().unwrap_or(token)
}

/// The entropy of each place, added up, in bits.
fn entropy(ids: &[Vec<u8>]) -> f64 {
    let longest = ids.iter().map(Vec::len).max().unwrap_or_default();
    (0..longest).map(|place| entropy_at(ids, place)).sum()
}

fn entropy_at(ids: &[Vec<u8>], place: usize) -> f64 {
    let mut seen: BTreeMap<Option<u8>, u32> = BTreeMap::new();
    for id in ids {
        *seen.entry(id.get(place).copied()).or_default() += 1;
    }
    let total = f64::from(u32::try_from(ids.len()).unwrap_or(u32::MAX));
    let shannon: f64 = seen
        .values()
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum();
    // A sample shows less than there is; this is what it lacks on average (Miller and Madow).
    let symbols = f64::from(u32::try_from(seen.len()).unwrap_or(u32::MAX));
    shannon + (symbols - 1.0) / (2.0 * total * std::f64::consts::LN_2)
}

/// A place that is the same in an id and in the next one as often as not is no chance: a counter
/// and a clock are found by it.
fn neighbours(ids: &[Vec<u8>]) -> Attempt {
    let shortest = ids.iter().map(Vec::len).min().unwrap_or_default();
    for place in 0..shortest {
        let symbols: BTreeSet<u8> = ids.iter().map(|id| id[place]).collect();
        if symbols.len() < 8 {
            continue;
        }
        let same = ids
            .windows(2)
            .filter(|pair| pair[0][place] == pair[1][place])
            .count();
        ensure(same * 2 < ids.len(), || {
            format!(
                "character {} rarely changes from one id to the next",
                place + 1
            )
        })?;
    }
    Ok(())
}

fn principal_in_token(site: &Site) -> Attempt {
    let login = described(site.target.login.as_ref(), "login")?;
    let user = site.chance.word("user");
    let mut visitor = site.visitor();
    visitor.ask(login, &[("user", &user)])?;
    let token = visitor
        .token
        .map_or_else(|| failed("a login gave no cookie"), Ok)?;
    let hex: String = user.bytes().map(|byte| format!("{byte:02x}")).collect();
    let is_told = |text: &str| text.contains(&user) || text.to_ascii_lowercase().contains(&hex);
    let mut texts = vec![token.clone()];
    for part in token.split(['.', ':', '|', '%', '-', '_']).chain([&*token]) {
        // The name can begin at any byte of a group of three, and a part at any of four letters.
        for start in 0..part.len().min(4) {
            let decoded = part.get(start..).and_then(base64::decode);
            texts.extend(decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    ensure(!texts.iter().any(|text| is_told(text)), || {
        "the token tells who is logged in".into()
    })
}

fn generic_name(site: &Site) -> Attempt {
    const TELLING: [&str; 14] = [
        "aspsession",
        "asp.net",
        "cakephp",
        "cfid",
        "ci_session",
        "connect.",
        "express",
        "fastapi",
        "jsessionid",
        "laravel",
        "phpsessid",
        "rack",
        "symfony",
        "tower",
    ];
    if site.target.cookie.is_empty() {
        return Err(Stop::NotApplicable("the cookie has no name".into()));
    }
    let name = site.target.cookie.to_ascii_lowercase();
    ensure(
        !TELLING.iter().any(|telling| name.contains(telling)),
        || format!("{} tells what the server is built with", site.target.cookie),
    )
}

#[cfg(test)]
mod tests {
    use super::entropy;
    use crate::chance::Chance;

    fn ids(of: impl Fn(&Chance) -> Vec<u8>) -> Vec<Vec<u8>> {
        let chance = Chance::from_seed(7);
        (0..2000).map(|_| of(&chance)).collect()
    }

    #[test]
    fn as_many_bits_are_found_as_there_are() {
        let hex = |chance: &Chance| {
            let text = format!("{:016x}{:016x}", chance.number(), chance.number());
            text.into_bytes()
        };
        let found = entropy(&ids(hex));
        assert!((found - 128.0).abs() < 0.4, "{found}");
        let uuid = |chance: &Chance| {
            let mut id = hex(chance);
            (id[12], id[16]) = (b'4', b"89ab"[chance.below(4)]);
            id
        };
        let found = entropy(&ids(uuid));
        assert!((found - 122.0).abs() < 0.4, "{found}");
    }
}
