//! Passwords as they are kept: hashed with Argon2id.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash;
use argon2::password_hash::phc::{self, Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use session_core::{Entropy, EntropyError};

use super::credentials::Password;
use super::queue::{Busy, Queue};

/// What one hash costs. Whoever steals the hashes pays this for each guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB, at least 8.
    pub memory: u32,
    /// Passes over the memory, at least one.
    pub passes: u32,
}

impl Default for Cost {
    /// 19 MiB and two passes, the least that OWASP recommends for Argon2id.
    fn default() -> Self {
        Self {
            memory: Params::DEFAULT_M_COST,
            passes: Params::DEFAULT_T_COST,
        }
    }
}

/// How many hashes are made at once. With the usual cost they take 76 MiB together.
const RUNS: usize = 4;

/// How many may wait for their turn: about a second's worth.
const WAITING: usize = 64;

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// Too many others are being hashed.
    #[error("too many passwords are being hashed")]
    Busy,
    /// No salt could be drawn.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The cost cannot be had, or what is kept is no hash.
    #[error("the password could not be hashed")]
    Argon2(#[from] password_hash::Error),
}

impl From<Busy> for HashError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

/// The hash of a password with its salt and its cost, in the PHC string format. Prints redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// A hash that was kept elsewhere. Whether it is one is found out when it is used.
    pub(super) fn kept(hash: &str) -> Self {
        Self(hash.into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(redacted)")
    }
}

/// Hashes passwords and checks them, few at a time.
pub(super) struct Passwords {
    argon2: Argon2<'static>,
    entropy: Arc<dyn Entropy>,
    queue: Queue,
    memory: Memory,
    /// The hash of a password that nobody knows.
    nobodys: PasswordHash,
}

impl Passwords {
    pub(super) fn new(cost: Cost, entropy: Arc<dyn Entropy>) -> Result<Self, HashError> {
        let params = Params::new(cost.memory, cost.passes, Params::DEFAULT_P_COST, None);
        let params = params.map_err(password_hash::Error::from)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let memory = Memory::default();
        let (unknown, salt): ([u8; 32], _) = (drawn(&*entropy)?, drawn(&*entropy)?);
        let nobodys = memory.lend(|blocks| hash(&argon2, &unknown, salt, blocks))?;
        Ok(Self {
            argon2,
            entropy,
            queue: Queue::new(RUNS, WAITING),
            memory,
            nobodys,
        })
    }

    /// Hashes `password` with a fresh salt.
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        let salt = drawn(&*self.entropy)?;
        let (argon2, memory) = (self.argon2.clone(), self.memory.clone());
        let hashed = self
            .queue
            .run(move || memory.lend(|blocks| hash(&argon2, password.as_bytes(), salt, blocks)));
        Ok(hashed.await??)
    }

    /// Whether `password` is the one that was hashed; never when `known` is `None`, which takes
    /// the same work, so that the time tells nobody which names have an account.
    pub(super) async fn check(
        &self,
        password: Password,
        known: Option<PasswordHash>,
    ) -> Result<bool, HashError> {
        let is_known = known.is_some();
        let hash = known.unwrap_or_else(|| self.nobodys.clone());
        let memory = self.memory.clone();
        let verified = self
            .queue
            .run(move || memory.lend(|blocks| verify(&hash, password.as_bytes(), blocks)));
        Ok(verified.await?? && is_known)
    }
}

/// The memory that hashing takes, used again: given back to the allocator after every run, it
/// would be kept there once for every thread that ever ran. There is one piece for each of the
/// runs that were ever under way at once.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Vec<Block>>>>);

impl Memory {
    /// Does `work` with a piece that nobody else uses meanwhile. It may hold anything.
    fn lend<T>(&self, work: impl FnOnce(&mut Vec<Block>) -> T) -> T {
        let pieces = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = pieces().pop().unwrap_or_default();
        let done = work(&mut blocks);
        pieces().push(blocks);
        done
    }
}

fn hash(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: [u8; 16],
    blocks: &mut Vec<Block>,
) -> password_hash::Result<PasswordHash> {
    let output = output(argon2, password, &salt, blocks)?;
    let hash = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(output),
    };
    Ok(PasswordHash(hash.to_string().into()))
}

/// Whether `password` is the one of `hash`, at the cost that the hash names.
fn verify(
    hash: &PasswordHash,
    password: &[u8],
    blocks: &mut Vec<Block>,
) -> password_hash::Result<bool> {
    let hash = phc::PasswordHash::new(&hash.0)?;
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
        return Err(password_hash::Error::EncodingInvalid);
    };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
    let version = hash.version.map(Version::try_from).transpose()?;
    let params = Params::try_from(&hash)?;
    let argon2 = Argon2::new(algorithm, version.unwrap_or_default(), params);
    // Outputs are compared in a time that does not depend on what is in them.
    Ok(output(&argon2, password, &salt, blocks)? == expected)
}

fn output(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    blocks: &mut Vec<Block>,
) -> password_hash::Result<Output> {
    blocks.resize(argon2.params().block_count(), Block::default());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2.hash_password_into_with_memory(password, salt, &mut output, blocks)?;
    Ok(Output::new(&output)?)
}

fn drawn<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], EntropyError> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;
    use futures_util::FutureExt;
    use session_core::SystemEntropy;

    use super::*;

    const CHEAP: Cost = Cost {
        memory: 8,
        passes: 1,
    };

    fn passwords() -> Passwords {
        Passwords::new(CHEAP, Arc::new(SystemEntropy::new())).unwrap()
    }

    fn written(password: &str) -> Password {
        Password::from(password.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_every_other_is_not() {
        let passwords = passwords();
        let hash = passwords.hash(written("correct horse")).await.unwrap();
        for (guess, is_right) in [
            ("correct horse", true),
            ("correct horse ", false),
            ("Correct horse", false),
            ("", false),
        ] {
            let checked = passwords.check(written(guess), Some(hash.clone())).await;
            assert_eq!(checked.unwrap(), is_right, "{guess:?}");
        }
    }

    #[tokio::test]
    async fn two_accounts_with_one_password_have_different_hashes() {
        let passwords = passwords();
        let one = passwords.hash(written("correct horse")).await.unwrap();
        let other = passwords.hash(written("correct horse")).await.unwrap();
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn what_is_kept_says_how_it_was_hashed_and_prints_redacted() {
        let hash = passwords().hash(written("correct horse")).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        // Also to who hashes in memory that was never used before.
        let verified = Argon2::default().verify_password(b"correct horse", &*hash.0);
        assert_eq!(verified, Ok(()));
        assert_eq!(format!("{hash:?}"), "PasswordHash(redacted)");
    }

    #[test]
    fn the_usual_cost_is_what_owasp_recommends() {
        let Cost { memory, passes } = Cost::default();
        assert_eq!((memory, passes), (19 * 1024, 2));
    }

    #[test]
    fn a_cost_that_cannot_be_had_is_an_error() {
        let nothing = Cost {
            memory: 0,
            passes: 0,
        };
        assert!(Passwords::new(nothing, Arc::new(SystemEntropy::new())).is_err());
    }

    /// The work is the run of Argon2, and it is there in both cases: neither is answered while
    /// others occupy all the runs.
    #[tokio::test]
    async fn a_name_without_an_account_costs_the_same_work() {
        let passwords = passwords();
        let hash = passwords.hash(written("correct horse")).await.unwrap();
        let occupied = passwords.queue.occupy();
        for known in [Some(hash), None] {
            let mut check = passwords.check(written("a guess"), known).boxed();
            assert!((&mut check).now_or_never().is_none());
        }
        drop(occupied);
        assert!(!passwords.check(written("a guess"), None).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn hashing_keeps_no_more_memory_than_runs_at_once_take() {
        let passwords = passwords();
        let checks = (0..64).map(|_| passwords.check(written("a guess"), None));
        for checked in futures_util::future::join_all(checks).await {
            assert!(!checked.unwrap());
        }
        let pieces = passwords.memory.0.lock().unwrap();
        assert!(pieces.len() <= RUNS, "{} pieces", pieces.len());
        assert!(pieces.iter().all(|blocks| blocks.len() == 8));
    }
}
