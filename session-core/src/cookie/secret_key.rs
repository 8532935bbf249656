//! The secret that the operator provides, and which secrets are none.

use std::ffi::OsString;
use std::fmt;

use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError, SystemEntropy};

/// The shortest secret key in bytes: the output length of HMAC-SHA-256, below which a key is
/// the weakest part of the signature (RFC 2104, section 3).
pub(crate) const KEY_LEN_MIN: usize = 32;

/// A key that signs session ids. Whoever knows it can sign ids, though not guess one.
///
/// Prints redacted, is not serializable, and is overwritten in memory when dropped. Make one
/// with a generator, for example `openssl rand -base64 48`, and keep it out of the source.
///
/// ```
/// use session_core::{KeyError, SecretKey};
///
/// let key = SecretKey::generate()?;
/// assert_eq!(format!("{key:?}"), "SecretKey(redacted)");
///
/// let refused = SecretKey::new("secret");
/// assert_eq!(refused.unwrap_err(), KeyError::TooShort { length: 6 });
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone)]
pub struct SecretKey(Zeroizing<Box<[u8]>>);

/// Why a secret key, or a list of them, cannot be used. Never shows a byte of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The source of random bytes failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// There is no key to sign with.
    #[error("there is no secret key to sign with")]
    Missing,
    /// The environment variable is not set.
    #[error("the environment variable {name} that should hold the secret key is not set")]
    NotSet {
        /// The variable.
        name: String,
    },
    /// The key holds words that manuals and templates use in place of a key.
    #[error("the secret key looks like a placeholder; make one with a random generator")]
    Placeholder,
    /// The key is a shorter key written several times, or bytes that count up or down.
    #[error("the secret key is a pattern that repeats; make one with a random generator")]
    Repetitive,
    /// More keys than are worth trying on every token.
    #[error("there are {count} secret keys; at most {most} can be listed", most = super::signature::KEYS_MAX)]
    TooMany {
        /// How many were listed.
        count: usize,
    },
    /// The key is shorter than 32 bytes.
    #[error("the secret key has {length} bytes; it needs at least {KEY_LEN_MIN}")]
    TooShort {
        /// Its length in bytes.
        length: usize,
    },
}

impl SecretKey {
    /// The key that consists of these bytes, whatever text they may be.
    ///
    /// The bytes are copied; clearing the original is up to the caller.
    ///
    /// # Errors
    /// [`KeyError::TooShort`] below 32 bytes; [`KeyError::Placeholder`] and
    /// [`KeyError::Repetitive`] for keys that anybody could try (compare Superset
    /// CVE-2023-27524, where thousands of sites shared the key of the manual).
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let bytes = bytes.as_ref();
        if bytes.len() < KEY_LEN_MIN {
            return Err(KeyError::TooShort {
                length: bytes.len(),
            });
        }
        if is_repetitive(bytes) {
            return Err(KeyError::Repetitive);
        }
        if holds_placeholder(bytes) {
            return Err(KeyError::Placeholder);
        }
        Ok(Self(Zeroizing::new(bytes.into())))
    }

    /// A new random key. Sessions signed with it end with the process, unless it is kept.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] when the operating system has no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        Self::draw(&SystemEntropy::new())
    }

    /// The key in an environment variable: its bytes as they are, not decoded.
    ///
    /// ```
    /// use session_core::{KeyError, SecretKey};
    ///
    /// let missing = SecretKey::from_env("A_VARIABLE_THAT_IS_NOT_SET");
    /// assert!(matches!(missing, Err(KeyError::NotSet { .. })));
    /// ```
    ///
    /// # Errors
    /// [`KeyError::NotSet`] when there is no such variable, and those of [`new`](Self::new).
    pub fn from_env(name: &str) -> Result<Self, KeyError> {
        Self::from_variable(name, std::env::var_os(name))
    }

    fn draw(entropy: &impl Entropy) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new(Box::<[u8]>::from([0; KEY_LEN_MIN]));
        entropy.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    fn from_variable(name: &str, value: Option<OsString>) -> Result<Self, KeyError> {
        let value = value.ok_or_else(|| KeyError::NotSet {
            name: name.to_owned(),
        })?;
        Self::new(Zeroizing::new(value.into_encoded_bytes()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

/// True when the key is a block of less than 32 bytes written at least twice, or when each
/// byte differs from the one before it by the same amount.
fn is_repetitive(bytes: &[u8]) -> bool {
    let longest_block = (bytes.len() / 2).min(KEY_LEN_MIN - 1);
    let repeats = (1..=longest_block).any(|block| bytes[block..] == bytes[..bytes.len() - block]);
    let mut steps = bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let first_step = steps.next();
    repeats || steps.all(|step| Some(step) == first_step)
}

/// Words of which a key was never drawn at random, in lower case and without punctuation.
///
/// They are at least eight letters or ten digits long, so that they turn up by chance in less
/// than one of 10^8 random keys.
const PLACEHOLDERS: [&str; 20] = [
    "0123456789",
    "1234567890",
    "256bitsecret",
    "abcdefghij",
    "changeit",
    "changeme",
    "changethis",
    "correcthorsebattery",
    "djangoinsecure",
    "insecurekey",
    "keyboardcat",
    "notsosecret",
    "placeholder",
    "qwertyuiop",
    "replaceme",
    "replacethis",
    "secretkey",
    "sessionsecret",
    "supersecret",
    "thisisa",
];

fn holds_placeholder(bytes: &[u8]) -> bool {
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphanumeric());
    // With room for all of them: what grows leaves copies behind, which nobody clears.
    let mut lower = Zeroizing::new(Vec::with_capacity(bytes.len()));
    lower.extend(letters.map(u8::to_ascii_lowercase));
    PLACEHOLDERS.iter().any(|word| {
        lower
            .windows(word.len())
            .any(|window| window == word.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding as _};
    use ring::digest;

    use super::*;

    const GOOD: &[u8; 32] =
        b"\x8f\x1b\x99\xd4JzQw0v7e\xfa2\x11nB\xc3\x05kR\x90hG\x7f\x18\xa6sT\xde\x0c\xb7";

    #[test]
    fn a_key_shorter_than_32_bytes_is_refused_whatever_its_length() {
        for length in 0..KEY_LEN_MIN {
            assert_eq!(
                SecretKey::new(&GOOD[..length]).unwrap_err(),
                KeyError::TooShort { length }
            );
        }
        assert!(SecretKey::new(GOOD).is_ok());
    }

    #[test]
    fn the_keys_of_manuals_and_templates_are_refused() {
        for key in [
            "secret",
            "changeme",
            "my-secret-key",
            "keyboard cat",
            "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
            "\u{2}\u{1}thisismyscretkey\u{1}\u{2}\\e\\y\\y\\h",
            "your-256-bit-secret-your-256-bit-secret",
            "a-string-secret-at-least-256-bits-long; your 256-bit secret",
            "please-change-this-to-a-long-random-value",
            "django-insecure-3k!x@q9)w7zv^m2#c8&t5(r1*y6+b4=n0",
            "my_super_secret_session_signing_value_for_dev",
            "thisIsASecretKeyThatShouldBeChangedInProduction",
            "0123456789abcdef0123456789ABCDEF",
            "abcdefghijklmnopqrstuvwxyz123456",
            "correct horse battery staple, said the comic",
        ] {
            assert!(SecretKey::new(key).is_err(), "{key}");
        }
    }

    #[test]
    fn a_short_key_written_several_times_is_refused() {
        for block in ["a", "ab", "secret", "p4ssw0rd!", "\0", "sixteen letters!"] {
            for length in [32, 33, 64, 100] {
                let key = block.repeat(length);
                assert_eq!(
                    SecretKey::new(&key[..length]).unwrap_err(),
                    KeyError::Repetitive,
                    "{block}"
                );
            }
        }
    }

    #[test]
    fn bytes_that_count_up_or_down_are_refused() {
        let up: Vec<u8> = (0..32).collect();
        let down: Vec<u8> = (0..64).rev().collect();
        assert_eq!(SecretKey::new(up).unwrap_err(), KeyError::Repetitive);
        assert_eq!(SecretKey::new(down).unwrap_err(), KeyError::Repetitive);
    }

    #[test]
    fn a_long_enough_key_written_twice_is_as_good_as_written_once() {
        assert!(SecretKey::new(GOOD.repeat(2)).is_ok());
    }

    #[test]
    fn random_keys_are_accepted_as_bytes_in_hexadecimal_and_in_base64() {
        for number in 0_u32..2_000 {
            let bytes = digest::digest(&digest::SHA256, &number.to_le_bytes());
            let hex: String = bytes
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let mut base64 = [0; 44];
            Base64::encode(bytes.as_ref(), &mut base64).unwrap();
            for key in [
                bytes.as_ref(),
                hex.as_bytes(),
                &hex.as_bytes()[..32],
                &base64,
            ] {
                assert!(SecretKey::new(key).is_ok(), "number {number}");
            }
        }
    }

    #[test]
    fn no_byte_of_a_key_is_printed() {
        let text = "Zq9-Zq8_Zq7.Zq6,Zq5;Zq4:Zq3+Zq2*Zq1";
        let key = SecretKey::new(text).unwrap();
        assert_eq!(
            format!("{key:?} {key:#?}"),
            "SecretKey(redacted) SecretKey(redacted)"
        );
        for refused in [
            "Zq9-changeme-Zq8_Zq7.Zq6,Zq5;Zq4:Zq3",
            "Zq9-Zq8",
            &"Zq9-".repeat(9),
        ] {
            let error = SecretKey::new(refused).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("Zq"));
        }
    }

    #[test]
    fn generated_keys_differ() {
        let (one, other) = (
            SecretKey::generate().unwrap(),
            SecretKey::generate().unwrap(),
        );
        assert_ne!(one.as_bytes(), other.as_bytes());
        assert_eq!(one.as_bytes().len(), KEY_LEN_MIN);
    }

    #[test]
    fn without_random_bytes_there_is_no_key() {
        struct Broken;
        impl Entropy for Broken {
            fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
                Err(EntropyError)
            }
        }
        assert_eq!(
            SecretKey::draw(&Broken).unwrap_err(),
            KeyError::Entropy(EntropyError)
        );
    }

    #[test]
    fn the_environment_variable_is_taken_as_it_is_and_must_be_set() {
        let text = "  Zq9-Zq8_Zq7.Zq6,Zq5;Zq4:Zq3+Zq2*Zq1\n";
        let key = SecretKey::from_variable("KEY", Some(text.into())).unwrap();
        assert_eq!(key.as_bytes(), text.as_bytes());
        assert_eq!(
            SecretKey::from_variable("KEY", None)
                .unwrap_err()
                .to_string(),
            "the environment variable KEY that should hold the secret key is not set"
        );
        assert_eq!(
            SecretKey::from_variable("KEY", Some(OsString::new())).unwrap_err(),
            KeyError::TooShort { length: 0 }
        );
    }

    /// Has one method for every type and a second one for types that can be serialized.
    trait NotSerializable<Marker> {
        fn check() {}
    }
    impl<T> NotSerializable<()> for T {}
    impl<T: serde::Serialize> NotSerializable<u8> for T {}

    #[test]
    fn a_key_cannot_be_serialized() {
        // Ambiguous, hence an error of the compiler, if `SecretKey` were `Serialize`.
        <SecretKey as NotSerializable<_>>::check();
    }

    #[test]
    fn a_key_is_wiped_when_it_is_dropped() {
        // An error of the compiler, if the bytes were kept in anything else.
        const fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        is_wiped(&SecretKey::generate().unwrap().0);
    }
}
