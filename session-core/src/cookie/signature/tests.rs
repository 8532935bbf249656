//! A token is made and verified in one way only.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// A secret that is different for each `number`.
fn secret(number: u8) -> SecretKey {
    SecretKey::new(ring::digest::digest(&ring::digest::SHA256, &[number])).unwrap()
}

fn keyring(numbers: &[u8]) -> Keyring {
    let keys: Vec<SecretKey> = numbers.iter().map(|&number| secret(number)).collect();
    Keyring::new(&keys, "sid").unwrap()
}

fn id(byte: u8) -> SessionId {
    SessionId::from_bytes([byte; ID_LEN])
}

fn unhex(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn a_token_is_87_characters_and_leads_back_to_its_id() {
    let keyring = keyring(&[1]);
    let token = keyring.sign(&id(7));
    assert_eq!(TOKEN_LEN, 87);
    assert_eq!(token.as_str().len(), TOKEN_LEN);
    assert_eq!(
        keyring.verify(token.as_str().as_bytes()),
        Ok(Verified {
            id: id(7),
            by_current_key: true
        })
    );
}

#[cfg(feature = "testkit")]
#[test]
fn tests_learn_the_id_of_a_token_without_its_key_and_none_of_another_text() {
    let token = keyring(&[1]).sign(&id(7));
    let text = token.as_str();
    assert!(id_unverified(text.as_bytes()) == Some(id(7)));
    assert!(id_unverified(&text.as_bytes()[1..]).is_none());
    assert!(id_unverified(format!("!{}", &text[1..]).as_bytes()).is_none());
}

#[test]
fn the_hmac_agrees_with_rfc_4231() {
    let what = b"what do ya want for nothing?";
    let larger = b"Test Using Larger Than Block-Size Key - Hash Key First";
    let larger_data = b"This is a test using a larger than block-size key and a larger \
        than block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
    let vectors: [(&[u8], &[u8], &str); 6] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            what,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            &std::array::from_fn::<u8, 25, _>(|index| index as u8 + 1),
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            &[0xaa; 131],
            larger,
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &[0xaa; 131],
            larger_data,
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for (key, data, expected) in vectors {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
        assert_eq!(tag.as_ref(), unhex(expected));
    }
}

/// Computed apart from this crate, with the HMAC of Python's standard library.
#[test]
fn the_frozen_token_still_verifies_so_that_an_upgrade_logs_nobody_out() {
    let key =
        SecretKey::new(b"k\x00\xff:9wQz\x1b\x80Lm$e7Rt\x05nB2\xc3Yh\x90Gs\x11Pv6d\xaa").unwrap();
    let bytes = std::array::from_fn(|index| index as u8);
    let keyring = Keyring::new(&[key], "__Host-sid").unwrap();
    let token =
        "AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fuhVRPGhtmCPmacG-gR75sYbmAEp9Hb-5gEn4xnjqbrk";
    assert_eq!(keyring.sign(&SessionId::from_bytes(bytes)).as_str(), token);
    assert!(keyring.verify(token.as_bytes()).is_ok());
    assert_eq!(
        keyring
            .fingerprint(&StoreKey::from_bytes(bytes))
            .to_string(),
        "c7128d91dbb816e7"
    );
}

#[test]
fn a_token_has_one_spelling() {
    let keyring = keyring(&[1]);
    let token = keyring.sign(&id(0xa5));
    let text = token.as_str().as_bytes();
    // Every other byte in every place, which covers the four last characters that differ
    // in unused bits only.
    for place in 0..TOKEN_LEN {
        for byte in 0..=u8::MAX {
            let mut changed = text.to_vec();
            changed[place] = byte;
            assert_eq!(
                keyring.verify(&changed).is_ok(),
                byte == text[place],
                "{byte} in {place}"
            );
        }
    }
    let spelled = |text: String| keyring.verify(text.as_bytes());
    let text = token.as_str();
    for affix in [
        "=", "==", "!", "!!!!", " ", "\t", "\n", "\0", "A", ".", "%", "\"",
    ] {
        assert_eq!(spelled(format!("{text}{affix}")), Err(Rejection::Malformed));
        assert_eq!(spelled(format!("{affix}{text}")), Err(Rejection::Malformed));
    }
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(spelled(escaped), Err(Rejection::Malformed));
    assert_eq!(
        spelled(format!("%{:02x}{}", text.as_bytes()[0], &text[1..])),
        Err(Rejection::Malformed)
    );
    assert_eq!(
        spelled(text[..TOKEN_LEN - 1].to_owned()),
        Err(Rejection::Malformed)
    );
}

#[test]
fn the_four_last_characters_that_decode_alike_are_not_all_accepted() {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let keyring = keyring(&[1]);
    let mut text = keyring.sign(&id(3)).0;
    let last = ALPHABET
        .iter()
        .position(|&byte| byte == text[TOKEN_LEN - 1])
        .unwrap();
    assert_eq!(last % 4, 0, "the two unused bits are zero");
    for variant in 1..4 {
        text[TOKEN_LEN - 1] = ALPHABET[last + variant];
        assert_eq!(keyring.verify(&text), Err(Rejection::Malformed));
    }
}

#[test]
fn garbage_is_malformed_and_never_a_panic() {
    let keyring = keyring(&[1, 2]);
    let mut garbage: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        b".".to_vec(),
        vec![b'A'; 8 * 1024],
        vec![0xff; TOKEN_LEN],
        vec![0x80; TOKEN_LEN],
    ];
    for number in 0_u32..10_000 {
        let digest = ring::digest::digest(&ring::digest::SHA512, &number.to_le_bytes());
        let length = number as usize % 200;
        garbage.push(
            digest
                .as_ref()
                .iter()
                .copied()
                .cycle()
                .take(length)
                .collect(),
        );
    }
    for bytes in garbage {
        assert_eq!(keyring.verify(&bytes), Err(Rejection::Malformed));
    }
}

#[test]
fn well_formed_text_that_nobody_signed_has_a_bad_signature() {
    let mut text = [b'A'; TOKEN_LEN];
    text[..2].copy_from_slice(b"AQ");
    assert_eq!(keyring(&[1]).verify(&text), Err(Rejection::BadSignature));
}

#[test]
fn another_version_of_the_format_is_malformed() {
    let keyring = keyring(&[1]);
    let mut token = [0; base64url::BYTES];
    token[0] = VERSION + 1;
    let tag = hmac::sign(&keyring.current, &token[..SIGNED_LEN]);
    token[SIGNED_LEN..].copy_from_slice(tag.as_ref());
    let text = base64url::encode(&token);
    assert_eq!(keyring.verify(&text), Err(Rejection::Malformed));
}

#[test]
fn the_newest_key_signs_and_the_listed_ones_verify() {
    let old_token = keyring(&[1]).sign(&id(7));
    let rotated = keyring(&[2, 1]);
    assert_eq!(
        rotated.verify(old_token.as_str().as_bytes()),
        Ok(Verified {
            id: id(7),
            by_current_key: false
        })
    );
    let new_token = rotated.sign(&id(7));
    assert_eq!(new_token, keyring(&[2]).sign(&id(7)));
    assert_eq!(
        rotated.verify(new_token.as_str().as_bytes()),
        Ok(Verified {
            id: id(7),
            by_current_key: true
        })
    );
    assert_eq!(
        keyring(&[1, 2]).sign(&id(7)),
        old_token,
        "the order matters"
    );
}

#[test]
fn what_a_dropped_key_signed_is_dead_at_once() {
    let old_token = keyring(&[1]).sign(&id(7));
    assert_eq!(
        keyring(&[2]).verify(old_token.as_str().as_bytes()),
        Err(Rejection::BadSignature)
    );
}

#[test]
fn at_least_one_key_and_at_most_eight_can_be_listed() {
    let keys: Vec<SecretKey> = (0..9).map(secret).collect();
    assert_eq!(Keyring::new(&[], "sid").unwrap_err(), KeyError::Missing);
    assert!(Keyring::new(&keys[..8], "sid").is_ok());
    assert_eq!(
        Keyring::new(&keys, "sid").unwrap_err().to_string(),
        "there are 9 secret keys; at most 8 can be listed"
    );
    let oldest = Keyring::new(&keys[7..8], "sid").unwrap().sign(&id(1));
    let all = Keyring::new(&keys[..8], "sid").unwrap();
    assert!(
        all.verify(oldest.as_str().as_bytes()).is_ok(),
        "the last one counts too"
    );
}

#[test]
fn keys_of_different_purposes_differ_even_for_names_that_look_like_labels() {
    let names = [
        "",
        "sid",
        "\u{1}sid",
        "session token\0\u{1}sid",
        "session fingerprint\0",
        "a",
        "aa",
    ];
    let key = secret(1);
    let tags: HashSet<Vec<u8>> = names
        .into_iter()
        .flat_map(|name| [(Purpose::Token, name), (Purpose::Fingerprint, name)])
        .map(|(purpose, name)| {
            hmac::sign(&derive(&key, purpose, name), b"")
                .as_ref()
                .to_vec()
        })
        .collect();
    assert_eq!(tags.len(), names.len() * 2);
}

#[test]
fn a_fingerprint_follows_the_id_and_the_key() {
    let (one, other) = (StoreKey::from_bytes([1; 32]), StoreKey::from_bytes([2; 32]));
    let keyring_of_one = keyring(&[1]);
    assert_eq!(
        keyring_of_one.fingerprint(&one),
        keyring_of_one.fingerprint(&one)
    );
    assert_ne!(
        keyring_of_one.fingerprint(&one),
        keyring_of_one.fingerprint(&other)
    );
    assert_ne!(
        keyring_of_one.fingerprint(&one),
        keyring(&[2]).fingerprint(&one)
    );
}

#[test]
fn neither_a_token_nor_a_key_is_printed() {
    let keyring = keyring(&[1, 2]);
    assert_eq!(format!("{keyring:?}"), "Keyring(2 keys)");
    assert_eq!(format!("{:?}", keyring.sign(&id(1))), "TokenText(redacted)");
    let verified = keyring.verify(keyring.sign(&id(1)).as_str().as_bytes());
    assert!(format!("{verified:?}").contains("redacted"));
}

proptest! {
    #[test]
    fn every_id_comes_back_and_only_under_its_own_key_and_name(
        bytes in any::<[u8; ID_LEN]>(),
        one in "[!#-'*+\\-.0-9A-Z^-z|~]{1,20}",
        other in "[!#-'*+\\-.0-9A-Z^-z|~]{1,20}",
    ) {
        prop_assume!(one != other);
        let id = SessionId::from_bytes(bytes);
        let keys = [secret(1)];
        let of_one = Keyring::new(&keys, &one).unwrap();
        let of_other = Keyring::new(&keys, &other).unwrap();
        let token = of_one.sign(&id);
        let text = token.as_str().as_bytes();
        prop_assert_eq!(of_one.verify(text), Ok(Verified { id, by_current_key: true }));
        prop_assert_eq!(of_other.verify(text), Err(Rejection::BadSignature));
    }

    /// RFC 2104 in its own words, over the hash alone.
    #[test]
    fn the_hmac_is_that_of_rfc_2104_for_keys_and_messages_of_any_length(
        key in prop::collection::vec(any::<u8>(), 0..200),
        message in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let hash = |parts: &[&[u8]]| {
            ring::digest::digest(&ring::digest::SHA256, &parts.concat()).as_ref().to_vec()
        };
        let mut block = if key.len() > 64 { hash(&[&key]) } else { key.clone() };
        block.resize(64, 0);
        let padded = |pad: u8| -> Vec<u8> { block.iter().map(|byte| byte ^ pad).collect() };
        let expected = hash(&[&padded(0x5c), &hash(&[&padded(0x36), &message])]);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let tag = hmac::sign(&key, &message);
        prop_assert_eq!(tag.as_ref(), &expected[..]);
        // What verifies is the whole tag, and nothing that begins or ends like it.
        prop_assert!(hmac::verify(&key, &message, &expected).is_ok());
        for shorter in 0..expected.len() {
            prop_assert!(hmac::verify(&key, &message, &expected[..shorter]).is_err());
        }
        prop_assert!(hmac::verify(&key, &message, &[&expected[..], &[0]].concat()).is_err());
    }

    #[test]
    fn any_bytes_of_the_right_length_are_rejected(
        bytes in prop::collection::vec(any::<u8>(), TOKEN_LEN),
    ) {
        prop_assert!(keyring(&[1]).verify(&bytes).is_err());
    }
}
