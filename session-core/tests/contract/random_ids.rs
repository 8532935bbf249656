//! Ids as clients get them, from the generator of the operating system (OWASP ASVS 7.2.3): no
//! test can show that they cannot be guessed, but a generator that is broken, or bits that are
//! lost on the way to the client, would show here.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use base64ct::{Base64UrlUnpadded, Encoding};
use session_core::testkit::{Site, block_on};
use session_core::{Entropy, EntropyError, Session, SystemEntropy};

const IDS: usize = 100_000;
const BYTES: usize = 32;

type Id = [u8; BYTES];

type Token = [u8; 1 + BYTES + 32];

/// The bytes behind a cookie: a version byte, the id, a signature.
fn token_of(cookie: &str) -> Token {
    let mut token = [0; 1 + BYTES + 32];
    Base64UrlUnpadded::decode(cookie, &mut token).unwrap();
    token
}

/// The ids of new sessions, read from their cookies: a version byte, the id, a signature.
fn ids_of_new_sessions() -> Vec<Id> {
    let site = Site::with(|builder| builder.entropy(SystemEntropy::new()));
    let id_of_new_session = |_| {
        let mut stranger = site.visitor();
        let visit = stranger.visit(async |session: Session| session.set_attribute("n", &1));
        block_on(visit).unwrap();
        token_of(&stranger.cookie().unwrap())[1..=BYTES]
            .try_into()
            .unwrap()
    };
    (0..IDS).map(id_of_new_session).collect()
}

/// How far from the half a count of `IDS` fair coins may be. By Hoeffding's inequality it is
/// further with a probability below 2 exp(-2 * 1200^2 / 100000) = 6.3e-13.
const DEVIATION_MAX: usize = 1_200;

/// Checks 256 coins: how often each bit is set.
fn assert_fair(ids: impl Iterator<Item = Id>, what: &str) {
    let mut counts = [0_usize; BYTES * 8];
    for id in ids {
        for (place, count) in counts.iter_mut().enumerate() {
            *count += usize::from(id[place / 8] >> (place % 8) & 1);
        }
    }
    for (place, count) in counts.into_iter().enumerate() {
        let deviation = count.abs_diff(IDS / 2);
        assert!(deviation < DEVIATION_MAX, "{what}: {count} at bit {place}");
    }
}

fn xor(one: &Id, other: &Id) -> Id {
    std::array::from_fn(|place| one[place] ^ other[place])
}

/// The id with its bits moved by one.
fn rotated(id: &Id) -> Id {
    std::array::from_fn(|place| id[place] << 1 | id[(place + 1) % BYTES] >> 7)
}

/// 768 coins, and 1e10 pairs of halves that have 128 bits: a false alarm has a probability below
/// 768 * 6.3e-13 + 1e10 / 2^128 = 4.9e-10.
#[test]
fn a_hundred_thousand_ids_are_all_different_and_each_bit_is_a_fair_coin() {
    let ids = ids_of_new_sessions();
    for half in [0..BYTES / 2, BYTES / 2..BYTES] {
        let distinct: HashSet<&[u8]> = ids.iter().map(|id| &id[half.clone()]).collect();
        assert_eq!(distinct.len(), IDS, "neither half of an id comes twice");
    }
    assert_fair(ids.iter().copied(), "set");
    let next = ids.iter().cycle().skip(1);
    assert_fair(
        ids.iter().zip(next).map(|(id, next)| xor(id, next)),
        "other than in the id before",
    );
    assert_fair(
        ids.iter().map(|id| xor(id, &rotated(id))),
        "other than the bit beside it",
    );
}

/// A place is the same in all 100 tokens by chance with a probability of 256^-99.
#[test]
fn the_tokens_of_one_principal_have_nothing_in_common_but_their_version() {
    let site = Site::with(|builder| builder.entropy(SystemEntropy::new()));
    let mut ada = site.visitor();
    let tokens: Vec<Token> = (0..100)
        .map(|_| {
            let login = ada.visit(async |session: Session| session.login("ada"));
            block_on(login).unwrap();
            token_of(&ada.cookie().unwrap())
        })
        .collect();
    let in_common = (0..tokens[0].len()).filter(|place| {
        tokens
            .iter()
            .all(|token| token[*place] == tokens[0][*place])
    });
    assert_eq!(in_common.collect::<Vec<_>>(), [0]);
}

/// The generator of the operating system, and how many bytes it was asked for each time.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<usize>>>);

impl Asked {
    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Entropy for Asked {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.0.lock().unwrap().push(buffer.len());
        SystemEntropy::new().fill(buffer)
    }
}

/// What was drawn ahead would be there twice after a fork.
#[test]
fn an_id_is_drawn_when_it_is_needed_and_none_ahead() {
    let asked = Asked::default();
    let site = Site::with(|builder| builder.entropy(asked.clone()));
    assert_eq!(asked.take(), [], "there is no session yet");
    let mut ada = site.visitor();
    for _ in 0..10 {
        block_on(ada.visit(async |session: Session| session.login("ada"))).unwrap();
        assert_eq!(
            asked.take(),
            [BYTES],
            "a session begins, or gets another id"
        );
        block_on(ada.visit(async |session: Session| session.set_attribute("n", &1))).unwrap();
        assert_eq!(asked.take(), [], "it keeps its id");
    }
}
