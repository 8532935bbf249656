//! A body's bytes as text, piece by piece.

/// Decodes UTF-8 across the borders of pieces. Broken bytes become U+FFFD.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The beginning of a character whose end has not come yet: three bytes at most.
    begun: Vec<u8>,
}

impl Decoder {
    /// The text of a piece as far as its last whole character.
    pub(super) fn decode(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.begun);
        bytes.extend_from_slice(piece);
        let mut text = String::with_capacity(bytes.len());
        let mut rest = &*bytes;
        while let Err(error) = std::str::from_utf8(rest) {
            let (valid, broken) = rest.split_at(error.valid_up_to());
            text.push_str(&String::from_utf8_lossy(valid));
            let Some(length) = error.error_len() else {
                self.begun = broken.to_vec();
                return text;
            };
            text.push(char::REPLACEMENT_CHARACTER);
            rest = &broken[length..];
        }
        text.push_str(&String::from_utf8_lossy(rest));
        text
    }

    /// What the end of the body leaves of a character that was begun.
    pub(super) fn finish(&mut self) -> String {
        let begun = std::mem::take(&mut self.begun);
        String::from_utf8_lossy(&begun).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_may_lie_across_the_border_of_two_pieces() {
        let text = "aé€𝄞z";
        for border in 0..=text.len() {
            let (front, behind) = text.as_bytes().split_at(border);
            let mut decoder = Decoder::default();
            let decoded = decoder.decode(front) + &decoder.decode(behind) + &decoder.finish();
            assert_eq!(decoded, text, "cut at {border}");
        }
        let mut decoder = Decoder::default();
        let bytes = text.bytes().map(|byte| decoder.decode(&[byte]));
        assert_eq!(bytes.collect::<String>(), text);
    }

    #[test]
    fn broken_bytes_become_the_replacement_character() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"a\xffb\xe2\x82"), "a\u{fffd}b");
        assert_eq!(decoder.decode(b"c"), "\u{fffd}c");
        assert_eq!(decoder.decode(b"\xf0\x9d"), "");
        assert_eq!(decoder.finish(), "\u{fffd}");
        assert_eq!(decoder.finish(), "");
    }
}
