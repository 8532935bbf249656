//! Whether a text gives a secret away, in whatever spelling.
//!
//! A secret is a token, an id, a digest or a key that tests noted. What gives it away is any piece
//! of 16 of its characters or bytes: as they are, in base64, in hexadecimal digits, as a list of
//! numbers, or escaped. What nobody noted is known by its shape.

mod index;
mod shape;
mod spelling;

use std::fmt;

pub use index::Secrets;

/// A place that gives something away. Shows nothing of it but what stands before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it is in the text, in bytes. About where, when the text spells it in another way.
    pub offset: usize,
    /// How it is spelled there.
    pub spelling: &'static str,
    /// The end of what stands before it on its line.
    pub before: String,
}

impl Finding {
    fn new(text: &[u8], offset: usize, spelling: &'static str) -> Self {
        let before = &text[offset.saturating_sub(80)..offset];
        let line = before.split(|byte| *byte == b'\n').next_back();
        Self {
            offset,
            spelling,
            before: String::from_utf8_lossy(line.unwrap_or_default()).into_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            spelling,
            before,
        } = self;
        write!(f, "at {offset}, {spelling}: {before}...")
    }
}

/// Everything in `text` that gives away a secret, or has the shape of one.
#[must_use]
pub fn find(secrets: &Secrets, text: &[u8]) -> Vec<Finding> {
    let mut found = Vec::new();
    for spelled in spelling::all(text) {
        for at in secrets.find_in(&spelled.bytes) {
            let offset = spelled.offset_of(at);
            found.push(Finding::new(text, offset, spelled.name));
        }
    }
    for offset in shape::tokens_in(text) {
        found.push(Finding::new(text, offset, "the shape of a token"));
    }
    found
}
