//! How keys are named, and which of them lie together.

use std::fmt::Write as _;

use session_core::{PrincipalKey, StoreKey};

/// Sessions whose keys lie in one slot of a cluster, with all that belongs to them: their
/// index, their generation, and what is to be reported of them. A script works on one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group(u8);

/// How many groups there are on a cluster: a few for each node of even a large one.
pub(crate) const GROUPS: usize = 256;

/// How many groups are asked at once by whoever asks them all.
pub(crate) const GROUPS_AT_ONCE: usize = 32;

impl Group {
    /// The groups of a cluster.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// What of its keys decides about the slot.
    fn tag(self) -> String {
        let mut tag = String::new();
        self.push_tag(&mut tag);
        tag
    }

    fn push_tag(self, name: &mut String) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        name.push('g');
        name.push(char::from(DIGITS[usize::from(self.0 >> 4)]));
        name.push(char::from(DIGITS[usize::from(self.0 & 15)]));
    }

    pub(crate) fn number(self) -> usize {
        usize::from(self.0)
    }

    /// The slot of a cluster that its keys are in.
    pub(crate) fn slot(self) -> u16 {
        crc16(self.tag().as_bytes()) % SLOTS
    }
}

const SLOTS: u16 = 16_384;

/// The checksum by which a cluster spreads keys over slots (CRC-16/XMODEM).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| {
            let shifted = sum << 1;
            if sum & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}

/// How sessions are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// Over one group: a single server.
    One,
    /// Over all groups: a cluster.
    All,
}

/// The names of keys under one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
    spread: Spread,
}

impl Names {
    pub(crate) fn new(prefix: &str, spread: Spread) -> Self {
        Self {
            prefix: escaped(prefix),
            spread,
        }
    }

    /// All groups.
    pub(crate) fn groups(&self) -> Vec<Group> {
        match self.spread {
            Spread::One => vec![Group(0)],
            Spread::All => Group::all().collect(),
        }
    }

    pub(crate) fn group_of(&self, key: &StoreKey) -> Group {
        self.group(key.as_bytes())
    }

    pub(crate) fn group_of_principal(&self, key: &PrincipalKey) -> Group {
        self.group(key.as_bytes())
    }

    /// Digests are evenly spread by any of their bytes.
    fn group(&self, digest: &[u8; 32]) -> Group {
        match self.spread {
            Spread::One => Group(0),
            Spread::All => Group(digest[31]),
        }
    }

    pub(crate) fn session(&self, key: &StoreKey) -> String {
        self.name(self.group_of(key), "s", &key.to_hex())
    }

    /// The list of the sessions of a principal.
    pub(crate) fn principal(&self, key: &PrincipalKey) -> String {
        self.name(self.group_of_principal(key), "p", &key.to_hex())
    }

    /// How often everybody was ended.
    pub(crate) fn generation(&self, group: Group) -> String {
        self.name(group, "generation", "")
    }

    /// The sessions by their deadlines.
    pub(crate) fn index(&self, group: Group) -> String {
        self.name(group, "index", "")
    }

    /// The index of an earlier generation.
    pub(crate) fn set_aside(&self, group: Group, generation: u64) -> String {
        self.name(group, "index", &generation.to_string())
    }

    /// The earlier generations that are not swept yet.
    pub(crate) fn outdated(&self, group: Group) -> String {
        self.name(group, "outdated", "")
    }

    /// What was ended and not reported yet.
    pub(crate) fn ended(&self, group: Group) -> String {
        self.name(group, "ended", "")
    }

    fn name(&self, group: Group, kind: &str, rest: &str) -> String {
        // Every request makes some of these, so they are put together by hand.
        let mut name = String::with_capacity(self.prefix.len() + kind.len() + rest.len() + 8);
        name.push_str(&self.prefix);
        name.push_str(":{");
        group.push_tag(&mut name);
        name.push_str("}:");
        name.push_str(kind);
        if !rest.is_empty() {
            name.push(':');
            name.push_str(rest);
        }
        name
    }
}

/// A prefix in which nothing is left that means something: a brace would decide about the slot,
/// a colon would end the prefix, and an operator's pattern would take `*` for anything.
fn escaped(prefix: &str) -> String {
    let mut escaped = String::with_capacity(prefix.len());
    for byte in prefix.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_server() {
        // The example of the cluster specification.
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn no_prefix_reaches_the_keys_of_another() {
        let key = StoreKey::from_bytes([7; 32]);
        let prefixes = [
            "", ":", "a", "a:", "a:{g00}", "a%", "a%3A", "{g00}", "*", "a*", "é", "\0", "A",
        ];
        let mut names: Vec<_> = prefixes
            .iter()
            .map(|prefix| Names::new(prefix, Spread::One).session(&key))
            .collect();
        for name in &names {
            assert_eq!(name.matches('{').count(), 1, "{name}");
            let (_, rest) = name.split_once(':').unwrap();
            assert!(rest.starts_with("{g00}:s:"), "{name}");
            assert!(name.is_ascii() && !name.contains('*'), "{name}");
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), prefixes.len());
    }

    #[test]
    fn all_that_belongs_to_a_group_is_in_its_slot() {
        let names = Names::new("{x}", Spread::All);
        for group in names.groups() {
            let tag = format!(":{{{}}}:", group.tag());
            for name in [
                names.generation(group),
                names.index(group),
                names.set_aside(group, 3),
                names.outdated(group),
                names.ended(group),
            ] {
                assert!(name.contains(&tag), "{name}");
            }
        }
        assert_eq!(names.groups().len(), GROUPS);
    }
}
