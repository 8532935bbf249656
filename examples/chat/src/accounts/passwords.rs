//! Passwords as they are kept: hashed with Argon2id.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
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
    /// The hash of a password that nobody knows.
    nobodys: PasswordHash,
}

impl Passwords {
    pub(super) fn new(cost: Cost, entropy: Arc<dyn Entropy>) -> Result<Self, HashError> {
        let params = Params::new(cost.memory, cost.passes, Params::DEFAULT_P_COST, None);
        let params = params.map_err(password_hash::Error::from)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let unknown: [u8; 32] = drawn(&*entropy)?;
        let nobodys = hash(&argon2, &unknown, drawn(&*entropy)?)?;
        Ok(Self {
            argon2,
            entropy,
            queue: Queue::new(RUNS, WAITING),
            nobodys,
        })
    }

    /// Hashes `password` with a fresh salt.
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        let (argon2, salt) = (self.argon2.clone(), drawn(&*self.entropy)?);
        let hashed = self
            .queue
            .run(move || hash(&argon2, password.as_bytes(), salt));
        hashed.await?
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
        let argon2 = self.argon2.clone();
        let verified = self
            .queue
            .run(move || argon2.verify_password(password.as_bytes(), &*hash.0));
        match verified.await? {
            Ok(()) => Ok(is_known),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8], salt: [u8; 16]) -> Result<PasswordHash, HashError> {
    let hash = argon2.hash_password_with_salt(password, &salt)?;
    Ok(PasswordHash(hash.to_string().into()))
}

fn drawn<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], EntropyError> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
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
}
