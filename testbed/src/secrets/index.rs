//! Finds pieces of many secrets in a text, in one pass.

use super::spelling::{base64, from_base64, plain};

/// As long a piece is no chance.
const PIECE: usize = 16;

/// Each secret is known by what begins at every eighth byte of it: a piece of sixteen contains
/// one of those whole.
const CHUNK: usize = 8;

/// Length of a token in characters: a version byte, an id of 32 bytes and a signature.
const TOKEN: usize = 87;

/// Bits of the filter in front of the table, as a power of two.
const FILTER: u32 = 26;

/// All that must not be printed.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Every form of every secret that is not a spelling of another.
    forms: Vec<Vec<u8>>,
    /// Of each chunk, the form and where in it; sorted.
    chunks: Vec<(u64, u32, u32)>,
    filter: Vec<u64>,
}

impl Secrets {
    /// From what tests noted: lines of a kind, `text` or `bytes`, and hexadecimal digits.
    ///
    /// # Errors
    /// The line that is none.
    pub fn noted<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut forms = Vec::new();
        for line in lines {
            let bytes = match line.split_once(' ') {
                Some(("text" | "bytes", digits)) => unhex(digits),
                _ => None,
            };
            let Some(bytes) = bytes.filter(|bytes| bytes.len() >= CHUNK) else {
                return Err(line.to_owned());
            };
            if line.starts_with("text")
                && let Some(inner) = from_base64(&bytes)
            {
                if bytes.len() == TOKEN {
                    forms.push(base64(&inner[1..33]));
                }
                forms.push(inner);
            }
            forms.push(base64(&bytes));
            forms.push(bytes);
        }
        for form in &mut forms {
            *form = plain(form);
        }
        forms.sort_unstable();
        forms.dedup();
        Ok(Self::of(forms))
    }

    fn of(forms: Vec<Vec<u8>>) -> Self {
        let mut chunks = Vec::new();
        for (number, form) in (0..).zip(&forms) {
            let starts = (0..).step_by(CHUNK);
            let pieces = form.chunks_exact(CHUNK).zip(starts);
            chunks.extend(pieces.map(|(piece, start)| (word(piece), number, start)));
        }
        chunks.sort_unstable();
        let mut filter = vec![0; 1 << (FILTER - 6)];
        for (chunk, ..) in &chunks {
            let (place, bit) = place(*chunk);
            filter[place] |= bit;
        }
        Self {
            forms,
            chunks,
            filter,
        }
    }

    /// Where in `text` the pieces of secrets begin.
    pub(super) fn find_in(&self, text: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(piece) = text.get(at..at + CHUNK) {
            let end = self.piece_around(text, at, word(piece));
            if let Some((start, _)) = end {
                found.push(start);
            }
            at = end.map_or(at + 1, |(_, end)| end);
        }
        found
    }

    /// From where to where a piece of a secret goes that has this chunk in it.
    fn piece_around(&self, text: &[u8], at: usize, chunk: u64) -> Option<(usize, usize)> {
        let (place, bit) = place(chunk);
        if self.filter[place] & bit == 0 {
            return None;
        }
        let first = self.chunks.partition_point(|(other, ..)| *other < chunk);
        let alike = self.chunks[first..].iter();
        let mut alike = alike.take_while(|(other, ..)| *other == chunk);
        alike.find_map(|(_, form, start)| {
            let form = &self.forms[*form as usize];
            let (before, after) = form.split_at(*start as usize);
            let before = alike_at_the_end(before, &text[..at]);
            let after = alike_at_the_beginning(after, &text[at..]);
            let is_piece = before + after >= PIECE.min(form.len());
            is_piece.then_some((at - before, at + after))
        })
    }
}

fn alike_at_the_beginning(one: &[u8], other: &[u8]) -> usize {
    let pairs = one.iter().zip(other);
    pairs.take_while(|(one, other)| one == other).count()
}

fn alike_at_the_end(one: &[u8], other: &[u8]) -> usize {
    let pairs = one.iter().rev().zip(other.iter().rev());
    pairs.take_while(|(one, other)| one == other).count()
}

fn word(chunk: &[u8]) -> u64 {
    chunk
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// The place in the filter that is taken where the chunk is known.
fn place(chunk: u64) -> (usize, u64) {
    let bits = chunk.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER);
    ((bits >> 6) as usize, 1 << (bits & 63))
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
