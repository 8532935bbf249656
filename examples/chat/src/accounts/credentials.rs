//! What an account is known by: a name and a password, and the rules for both.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use zeroize::Zeroizing;

/// The name of an account, which is the principal of its sessions.
///
/// Names are compared in lower case, and kept in it: a phone that writes the first letter large
/// leads to the same account, and nobody can be `Ada` beside `ada`. White space around a name is
/// no part of it. Characters are compared as they come: one name typed in two Unicode
/// compositions is two names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountName(Arc<str>);

/// Why a text is no name of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but white space.
    #[error("Choose a name.")]
    Empty,
    /// Too many characters.
    #[error("The name is too long: 64 characters are the most.")]
    TooLong,
    /// A line feed, for instance.
    #[error("The name has a character that cannot be shown.")]
    ControlCharacter,
}

impl AccountName {
    const MAX_CHARS: usize = 64;

    /// What the name of a principal may have at most. Only 64 characters of four bytes each are
    /// longer than that.
    const MAX_BYTES: usize = 255;

    /// The name that somebody wrote.
    ///
    /// # Errors
    /// [`NameError`] for what is no name.
    pub fn new(written: &str) -> Result<Self, NameError> {
        let name = written.trim().to_lowercase();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > Self::MAX_BYTES || name.chars().count() > Self::MAX_CHARS {
            return Err(NameError::TooLong);
        }
        if name.contains(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        Ok(Self(name.into()))
    }

    /// The name as it is kept and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The principal of the sessions of this account.
    #[must_use]
    pub fn principal(&self) -> Arc<str> {
        self.0.clone()
    }
}

/// A password as somebody wrote it: nothing is cut off, folded or trimmed. Prints redacted, and
/// this copy of it is wiped from memory when it is dropped.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Password(Zeroizing<String>);

/// Why a password cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too easily guessed, whatever the characters.
    #[error("The password is too short: 8 characters are the least.")]
    TooShort,
    /// More than a password needs, and work for the server.
    #[error("The password is too long: 1024 bytes are the most.")]
    TooLong,
}

impl Password {
    const MIN_CHARS: usize = 8;
    const MAX_BYTES: usize = 1024;

    /// Whether the password may be chosen. Its length is all that counts: rules about the
    /// characters make passwords worse (OWASP ASVS 6.2.1, 6.2.5, 6.2.9).
    ///
    /// # Errors
    /// [`PasswordError`] when it may not.
    pub fn check(&self) -> Result<(), PasswordError> {
        if self.0.len() > Self::MAX_BYTES {
            Err(PasswordError::TooLong)
        } else if self.0.chars().count() < Self::MIN_CHARS {
            Err(PasswordError::TooShort)
        } else {
            Ok(())
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for Password {
    fn from(written: String) -> Self {
        Self(Zeroizing::new(written))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_however_its_letters_are_sized_and_whatever_is_around_it() {
        let ada = AccountName::new("ada").unwrap();
        for written in ["Ada", "ADA", " ada\t", "\u{3000}ada\n"] {
            assert_eq!(AccountName::new(written).unwrap(), ada, "{written:?}");
        }
        assert_ne!(AccountName::new("a da").unwrap(), ada);
        assert_eq!(AccountName::new("花子 Ä").unwrap().as_str(), "花子 ä");
    }

    #[test]
    fn what_is_kept_of_a_name_leads_to_the_same_name_again() {
        for written in ["ΟΔΥΣΣΕΥΣ", "İstanbul", "Straße", "ǅ"] {
            let name = AccountName::new(written).unwrap();
            assert_eq!(AccountName::new(name.as_str()).unwrap(), name, "{written}");
        }
    }

    #[test]
    fn a_name_has_one_to_sixty_four_characters_and_can_be_shown() {
        for (written, error) in [
            ("", NameError::Empty),
            (" \t\n", NameError::Empty),
            ("a\nb", NameError::ControlCharacter),
            ("a\u{0}", NameError::ControlCharacter),
            ("a\u{9b}b", NameError::ControlCharacter),
            (&"a".repeat(65), NameError::TooLong),
            (&"猫".repeat(65), NameError::TooLong),
        ] {
            assert_eq!(AccountName::new(written), Err(error), "{written:?}");
        }
        for written in ["a", &"a".repeat(64), &"猫".repeat(64), &"😀".repeat(63)] {
            assert!(AccountName::new(written).is_ok(), "{written:?}");
        }
    }

    /// The engine takes principals of 255 bytes.
    #[test]
    fn no_name_is_too_long_for_a_principal() {
        let written = "😀".repeat(64);
        assert_eq!(AccountName::new(&written), Err(NameError::TooLong));
        // In lower case it has three bytes where it was written with two.
        let name = AccountName::new(&"Ⱥ".repeat(64)).unwrap();
        assert_eq!(name.as_str().len(), 192);
    }

    #[test]
    fn only_the_length_of_a_password_counts() {
        for (written, verdict) in [
            ("", Err(PasswordError::TooShort)),
            ("1234567", Err(PasswordError::TooShort)),
            ("ééééééé", Err(PasswordError::TooShort)),
            ("aaaaaaaa", Ok(())),
            ("        ", Ok(())),
            ("お茶が好きです。", Ok(())),
            (&"a".repeat(1024), Ok(())),
            (&"a".repeat(1025), Err(PasswordError::TooLong)),
            (&"猫".repeat(342), Err(PasswordError::TooLong)),
        ] {
            assert_eq!(Password::from(written.to_owned()).check(), verdict);
        }
    }

    #[test]
    fn a_password_prints_redacted() {
        let password = Password::from("correct horse".to_owned());
        assert_eq!(format!("{password:?}"), "Password(redacted)");
    }
}
