//! Base64 as attackers read it: either alphabet, with or without padding.

/// The alphabet of base64url, in the order of its values.
pub(crate) const ALPHABET: &str =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The bytes behind `text`; `None` where it is no base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.trim_end_matches('=').chars() {
        let character = match character {
            '+' => '-',
            '/' => '_',
            other => other,
        };
        let value = u32::try_from(ALPHABET.find(character)?).ok()?;
        bits = (bits << 6) | value;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

#[test]
fn both_alphabets_are_read_with_and_without_padding() {
    for (text, bytes) in [
        ("Zm9vYg==", "foob"),
        ("Zm9vYg", "foob"),
        ("Zm9vYmE", "fooba"),
    ] {
        assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
    }
    assert_eq!(decode("_-8"), decode("/+8="));
    assert_eq!(decode("s:x"), None);
}
