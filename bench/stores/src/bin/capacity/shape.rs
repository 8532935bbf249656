//! The sessions that are made, and the names of everything, each drawn from its number so that
//! nothing has to be remembered.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use session_core::{
    Attribute, Authentication, Codec, PrincipalKey, Record, Revision, SessionHandle, StoreKey,
    Timestamp, Value,
};

/// What is in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// A counter, and nobody is logged in.
    Minimal,
    /// Somebody is logged in; a counter, a cart and preferences of 300 bytes in all.
    Login,
    /// Somebody is logged in; a conversation of 40 messages in 10 KB.
    Chat,
}

/// One session in this many expires early.
pub(crate) const EARLY: u64 = 10;

/// How long the sessions that expire early may lie idle: what new sessions have by default.
const IDLE_EARLY: Duration = Duration::from_secs(30 * 60);

/// How long the others may.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);

/// How far their limits differ, in milliseconds.
const IDLE_SPREAD: u64 = 60 * 60 * 1_000;

/// How long a login lasts whatever its activity: the default.
pub(crate) const ABSOLUTE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Shape {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Login => "logged-in",
            Self::Chat => "chat",
        }
    }

    /// A session of this kind.
    pub(crate) fn record(self, number: u64, now: Timestamp) -> Record {
        let mut record = anonymous(number, key(number), now);
        let idle = if number.is_multiple_of(EARLY) {
            IDLE_EARLY
        } else {
            IDLE
        };
        // No two sessions of a site expire in the same millisecond: an index would fold them.
        let idle = idle + Duration::from_millis(number % IDLE_SPREAD);
        record.max_inactive_interval = idle.into();
        let mut attributes = vec![attribute("visits", small_number(number))];
        if self != Self::Minimal {
            record.authentication = Some(Arc::new(login(number, now)));
        }
        let mut chance = Chance(number);
        match self {
            Self::Minimal => {}
            Self::Login => attributes.extend([
                attribute("cart", text(&chance.words(180))),
                attribute("preferences", text(&chance.words(100))),
            ]),
            Self::Chat => {
                let mut list = vec![0xdc, 0, 40];
                for _ in 0..40 {
                    list.extend_from_slice(text(&chance.words(250)).as_slice());
                }
                attributes.push(attribute("conversation", list));
            }
        }
        record.attributes = attributes.into_iter().collect();
        record
    }
}

/// A session of somebody who came for the first time.
pub(crate) fn anonymous(number: u64, key: StoreKey, now: Timestamp) -> Record {
    let mut chance = Chance(number ^ 0x5eed);
    let mut handle = [0; 16];
    chance.fill(&mut handle);
    let mut record = Record::new(key, SessionHandle::from_bytes(handle), now);
    record.max_inactive_interval = IDLE.into();
    record.absolute_deadline = now.saturating_add(ABSOLUTE);
    record.attributes = [attribute("visits", small_number(number))]
        .into_iter()
        .collect();
    record
}

/// The key of a session.
pub(crate) fn key(number: u64) -> StoreKey {
    StoreKey::from_bytes(digest(number))
}

/// The key that a session gets when its id is replaced for the `turn`th time.
pub(crate) fn next_key(number: u64, turn: u64) -> StoreKey {
    StoreKey::from_bytes(digest(number | (turn << 56)))
}

/// Who a session belongs to: each to somebody else.
pub(crate) fn login(number: u64, now: Timestamp) -> Authentication {
    let principal = format!("user{number:09}@example.org");
    let principal_key = PrincipalKey::from_bytes(digest(number | (0xff << 56)));
    let mut login = Authentication::new(principal, principal_key, now);
    login.label = Some("Firefox on Linux".into());
    login
}

fn attribute(name: &str, bytes: Vec<u8>) -> Attribute {
    Attribute {
        name: name.into(),
        revision: Revision::new(1),
        value: Value::new(Codec::MessagePack, bytes),
    }
}

/// A number of up to 16 bits, encoded.
pub(crate) fn small_number(number: u64) -> Vec<u8> {
    let [low, high, ..] = number.to_le_bytes();
    vec![0xcd, high, low]
}

/// A text of up to 65,535 bytes, encoded.
fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut bytes = vec![0xda];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
    bytes
}

/// Thirty-two bytes that look drawn by lot.
fn digest(number: u64) -> [u8; 32] {
    let mut digest = [0; 32];
    Chance(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1e5).fill(&mut digest);
    digest
}

/// Chance that repeats itself (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for some in bytes.chunks_mut(8) {
            some.copy_from_slice(&self.next().to_le_bytes()[..some.len()]);
        }
    }

    /// Words of a language of 2,000, the first ones more often, so that a database that
    /// compresses finds about what it finds in writing.
    fn words(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            let rank = (self.next() % 2_000) * (self.next() % 2_000) / 2_000;
            let mut spelling = Self(rank);
            for _ in 0..1 + spelling.next() % 4 {
                let drawn = spelling.next();
                text.push(char::from(b"bcdfghjklmnprstvwz"[(drawn % 18) as usize]));
                text.push(char::from(b"aeiou"[(drawn / 18 % 5) as usize]));
            }
            text.push(' ');
        }
        text.truncate(length);
        text
    }
}
