//! The text form of a token: base64url without padding (RFC 4648, section 5), for its one length.
//!
//! Written for that length because a decoder for every length takes as long as the HMAC itself
//! (170 ns against 30 here, in every request that uses a session).

/// Length of a token in bytes.
pub(super) const BYTES: usize = 65;

/// Length of a token in characters, six bits each.
pub(super) const CHARS: usize = (BYTES * 8).div_ceil(6);

/// Eight characters make six bytes. The token fills eleven such groups but for the last byte
/// and the last character.
const GROUPS: usize = BYTES.div_ceil(6);

/// The text of `bytes`.
pub(super) fn encode(bytes: &[u8; BYTES]) -> [u8; CHARS] {
    let mut groups = [[0; 6]; GROUPS];
    groups.as_flattened_mut()[..BYTES].copy_from_slice(bytes);
    let mut groups = groups.map(spread);
    for sextet in groups.as_flattened_mut() {
        *sextet = character_of(*sextet);
    }
    let mut text = [0; CHARS];
    text.copy_from_slice(&groups.as_flattened()[..CHARS]);
    text
}

/// The bytes that `text` stands for, or `None` when it holds another character or is not the
/// spelling that [`encode`] would give (RFC 4648, section 3.5).
pub(super) fn decode(text: &[u8; CHARS]) -> Option<[u8; BYTES]> {
    /// The bits of the last character that belong to no byte.
    const UNUSED_BITS: u8 = (1 << (CHARS * 6 - BYTES * 8)) - 1;

    let mut groups = [[b'A'; 8]; GROUPS];
    groups.as_flattened_mut()[..CHARS].copy_from_slice(text);
    let mut seen = 0;
    for character in groups.as_flattened_mut() {
        *character = sextet_of(*character);
        seen |= *character;
    }
    let last = groups.as_flattened()[CHARS - 1];
    if seen > SEXTET_MAX || last & UNUSED_BITS != 0 {
        return None;
    }
    let mut bytes = [0; BYTES];
    bytes.copy_from_slice(&groups.map(gather).as_flattened()[..BYTES]);
    Some(bytes)
}

const SEXTET_MAX: u8 = 63;

/// The six bits that `character` stands for; more than [`SEXTET_MAX`] outside the alphabet.
///
/// Selects instead of branches, so that the compiler treats 16 characters at once.
const fn sextet_of(character: u8) -> u8 {
    let upper = character.wrapping_sub(b'A');
    let lower = character.wrapping_sub(b'a');
    let digit = character.wrapping_sub(b'0');
    let sextet = if upper < 26 { upper } else { u8::MAX };
    let sextet = if lower < 26 { lower + 26 } else { sextet };
    let sextet = if digit < 10 { digit + 52 } else { sextet };
    let sextet = if character == b'-' { 62 } else { sextet };
    if character == b'_' { 63 } else { sextet }
}

/// The reverse of [`sextet_of`] for up to [`SEXTET_MAX`].
const fn character_of(sextet: u8) -> u8 {
    match sextet {
        0..26 => b'A' + sextet,
        26..52 => b'a' + (sextet - 26),
        52..62 => b'0' + (sextet - 52),
        62 => b'-',
        _ => b'_',
    }
}

/// Six bytes as eight sextets: 48 bits in one number are halved three times, each time with a
/// gap between the halves.
const fn spread([a, b, c, d, e, f]: [u8; 6]) -> [u8; 8] {
    let bits = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let bits = (bits & 0xffff_ff00_0000) << 8 | bits & 0x0000_00ff_ffff;
    let bits = (bits & 0x00ff_f000_00ff_f000) << 4 | bits & 0x0000_0fff_0000_0fff;
    let bits = (bits & 0x0fc0_0fc0_0fc0_0fc0) << 2 | bits & 0x003f_003f_003f_003f;
    bits.to_be_bytes()
}

/// The reverse of [`spread`]: closes the gaps.
const fn gather(sextets: [u8; 8]) -> [u8; 6] {
    let bits = u64::from_be_bytes(sextets);
    let bits = (bits & 0x3f00_3f00_3f00_3f00) >> 2 | bits & 0x003f_003f_003f_003f;
    let bits = (bits & 0x0fff_0000_0fff_0000) >> 4 | bits & 0x0000_0fff_0000_0fff;
    let bits = (bits & 0x00ff_ffff_0000_0000) >> 8 | bits & 0x0000_0000_00ff_ffff;
    let [_, _, a, b, c, d, e, f] = bits.to_be_bytes();
    [a, b, c, d, e, f]
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding as _};
    use proptest::prelude::*;

    use super::*;

    fn reference_text(bytes: &[u8; BYTES]) -> [u8; CHARS] {
        let mut text = [0; CHARS];
        Base64UrlUnpadded::encode(bytes, &mut text).unwrap();
        text
    }

    fn reference_bytes(text: &[u8; CHARS]) -> Option<[u8; BYTES]> {
        let mut bytes = [0; BYTES];
        Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        Some(bytes)
    }

    #[test]
    fn every_byte_in_every_place_is_read_as_base64ct_reads_it() {
        for byte in 0..=u8::MAX {
            for place in 0..CHARS {
                for filler in [b'A', b'_', b'k'] {
                    let mut text = [filler; CHARS];
                    text[CHARS - 1] = b'A';
                    text[place] = byte;
                    assert_eq!(decode(&text), reference_bytes(&text), "{byte} in {place}");
                }
            }
        }
    }

    #[test]
    fn every_character_of_the_alphabet_comes_back() {
        let all: [u8; BYTES] = std::array::from_fn(|index| (index * 37 % 256) as u8);
        assert_eq!(decode(&encode(&all)), Some(all));
        let sextets: Vec<u8> = (0..64).map(character_of).collect();
        assert_eq!(
            sextets,
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_bytes_are_written_as_base64ct_writes_them(bytes in any::<[u8; BYTES]>()) {
            prop_assert_eq!(encode(&bytes), reference_text(&bytes));
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
