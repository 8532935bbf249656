//! The binary form is frozen, reads back as it was written, and no bytes can break its reader.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A logged-in session with two attributes.
fn sample() -> Record {
    let at = Timestamp::from_millis;
    let mut record = Record::new(
        StoreKey::from_bytes([0xaa; 32]),
        SessionHandle::from_bytes([0xbb; 16]),
        at(0x0102_0304_0506),
    );
    record.accessed_at = at(0x0102_0304_0507);
    record.issued_at = at(0x0102_0304_0508);
    record.max_inactive_interval = Duration::from_secs(1800).into();
    record.revision = Revision::new(9);
    let key = PrincipalKey::from_bytes([0xcc; 32]);
    let mut login = Authentication::new("ada", key, at(0x0102_0304_0509));
    login.label = Some("tab".into());
    login.remembered_for = Some(Duration::from_millis(0x0102_0304));
    record.authentication = Some(Arc::new(login));
    record.attributes = [
        attribute("cart", 9, &[0x93, 1, 2, 3]),
        attribute("a", 4, &[0xa1, b'x']),
    ]
    .into_iter()
    .collect();
    record
}

fn attribute(name: &str, revision: u64, value: &[u8]) -> Attribute {
    Attribute {
        name: name.into(),
        revision: Revision::new(revision),
        value: Value::new(Codec::MessagePack, value.to_vec()),
    }
}

/// An anonymous session whose attributes have these names, in this order.
fn bytes_with_names(names: &[&[u8]]) -> Vec<u8> {
    let mut record = sample();
    record.authentication = None;
    record.attributes = Attributes::default();
    let mut bytes = record.to_bytes();
    bytes.truncate(bytes.len() - 4);
    put_length(&mut bytes, names.len());
    for name in names {
        put_bytes(&mut bytes, name);
        bytes.push(Codec::MessagePack.as_byte());
        put_u64(&mut bytes, 1);
        put_bytes(&mut bytes, &[0xc3]);
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn version_1_is_frozen() {
    let parts = [
        "01",
        &"aa".repeat(32),
        &"bb".repeat(16),
        "0605040302010000", // created
        "0705040302010000", // accessed
        "0805040302010000", // issued
        "40771b0000000000", // 1,800,000 ms idle
        "ffffffffffffffff", // no absolute limit
        "0900000000000000", // revision
        "01",               // logged in since, as
        "0905040302010000",
        &"cc".repeat(32),
        "03000000616461",
        "03000000746162", // labelled, and remembered for
        "0403020100000000",
        "02000000", // two attributes
        "0100000061",
        "01",
        "0400000000000000",
        "02000000a178",
        "0400000063617274",
        "01",
        "0900000000000000",
        "0400000093010203",
    ];
    assert_eq!(hex(&sample().to_bytes()), parts.concat());
}

#[test]
fn a_session_without_a_login_a_limit_or_attributes_reads_back() {
    let mut record = sample();
    record.max_inactive_interval = MaxInactiveInterval::Never;
    record.authentication = None;
    record.attributes = Attributes::default();
    assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
}

#[test]
fn a_newer_version_is_told_apart_from_damage() {
    let mut bytes = sample().to_bytes();
    bytes[0] = 2;
    assert_eq!(
        Record::from_bytes(&bytes),
        Err(EnvelopeError::NewerVersion(2))
    );
    assert!(matches!(
        StoreError::from(EnvelopeError::NewerVersion(2)),
        StoreError::NewerFormat { version: 2 }
    ));
    bytes[0] = 0;
    assert_eq!(
        Record::from_bytes(&bytes),
        Err(EnvelopeError::UnknownVersion(0))
    );
    assert!(matches!(
        StoreError::from(EnvelopeError::UnknownVersion(0)),
        StoreError::Unreadable(_)
    ));
}

#[test]
fn a_record_that_is_cut_short_anywhere_is_truncated() {
    let bytes = sample().to_bytes();
    for length in 0..bytes.len() {
        assert_eq!(
            Record::from_bytes(&bytes[..length]),
            Err(EnvelopeError::Truncated),
            "{length} bytes"
        );
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut bytes = sample().to_bytes();
    bytes.push(0);
    assert_eq!(
        Record::from_bytes(&bytes),
        Err(EnvelopeError::TrailingBytes)
    );
}

#[test]
fn names_of_1_to_255_bytes_are_read_and_no_others() {
    let (longest, overlong) = ([b'n'; 255], [b'n'; 256]);
    assert!(Record::from_bytes(&bytes_with_names(&[&longest])).is_ok());
    for name in [&b""[..], &overlong, b"\xff"] {
        assert_eq!(
            Record::from_bytes(&bytes_with_names(&[name])),
            Err(EnvelopeError::Name)
        );
    }
    let mut record = sample();
    for principal in ["", &"p".repeat(256)] {
        if let Some(login) = &mut record.authentication {
            Arc::make_mut(login).principal = principal.into();
        }
        assert_eq!(
            Record::from_bytes(&record.to_bytes()),
            Err(EnvelopeError::Name)
        );
    }
}

#[test]
fn names_out_of_order_or_twice_are_refused() {
    assert!(Record::from_bytes(&bytes_with_names(&[b"A", b"a", b"a "])).is_ok());
    for names in [[b"b", b"a"], [b"a", b"a"]] {
        assert_eq!(
            Record::from_bytes(&bytes_with_names(&names.map(|name| &name[..]))),
            Err(EnvelopeError::Order)
        );
    }
}

#[test]
fn an_unknown_codec_and_an_unclear_login_are_refused() {
    let mut bytes = bytes_with_names(&[b"a"]);
    let codec = bytes.len() - (1 + 8 + 4 + 1);
    bytes[codec] = 77;
    assert_eq!(
        Record::from_bytes(&bytes),
        Err(EnvelopeError::UnknownCodec(77))
    );
    let mut bytes = bytes_with_names(&[]);
    bytes[FIXED_LEN - 5] = 2;
    assert_eq!(
        Record::from_bytes(&bytes),
        Err(EnvelopeError::Authentication)
    );
}

#[test]
fn a_count_that_lies_is_refused_before_anything_is_allocated_for_it() {
    for count in [u32::MAX, u32::MAX - 1] {
        let mut bytes = bytes_with_names(&[b"a"]);
        bytes[FIXED_LEN - 4..FIXED_LEN].copy_from_slice(&count.to_le_bytes());
        assert_eq!(Record::from_bytes(&bytes), Err(EnvelopeError::Truncated));
    }
}

fn any_record() -> impl Strategy<Value = Record> {
    let times = proptest::array::uniform6(any::<u64>());
    let login = proptest::option::of(("\\PC{1,60}", proptest::option::of("\\PC{1,60}")));
    let attributes = proptest::collection::vec(
        (
            "\\PC{1,60}",
            any::<u64>(),
            proptest::collection::vec(any::<u8>(), 0..40),
        ),
        0..8,
    );
    (
        any::<[u8; 32]>(),
        any::<[u8; 16]>(),
        times,
        login,
        attributes,
    )
        .prop_map(|(key, handle, times, login, attributes)| {
            let [created, accessed, issued, idle, absolute, revision] = times;
            let at = Timestamp::from_millis;
            Record {
                key: StoreKey::from_bytes(key),
                handle: SessionHandle::from_bytes(handle),
                created_at: at(created),
                accessed_at: at(accessed),
                issued_at: at(issued),
                max_inactive_interval: Duration::from_millis(idle).into(),
                absolute_deadline: at(absolute),
                authentication: login.map(|(principal, label)| {
                    let (key, since) = (PrincipalKey::from_bytes(key), at(accessed ^ issued));
                    let mut login = Authentication::new(principal, key, since);
                    login.label = label.map(Arc::from);
                    login.remembered_for =
                        NonZeroU64::new(revision).map(|millis| Duration::from_millis(millis.get()));
                    Arc::new(login)
                }),
                revision: Revision::new(revision),
                attributes: attributes
                    .iter()
                    .map(|(name, revision, value)| attribute(name, *revision, value))
                    .collect(),
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_record_reads_back_as_it_was_written(record in any_record()) {
        let bytes = record.to_bytes();
        prop_assert_eq!(bytes.capacity(), bytes.len(), "the buffer is made once");
        prop_assert_eq!(Record::from_bytes(&bytes), Ok(record));
    }

    #[test]
    fn a_record_that_is_cut_short_is_never_read(
        record in any_record(),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = record.to_bytes();
        let length = cut.index(bytes.len());
        prop_assert_eq!(Record::from_bytes(&bytes[..length]), Err(EnvelopeError::Truncated));
    }

    #[test]
    fn flipped_bits_are_read_to_the_same_bytes_or_refused(
        record in any_record(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..4),
    ) {
        let mut bytes = record.to_bytes();
        for (index, bit) in flips {
            let index = index.index(bytes.len());
            bytes[index] ^= 1 << bit;
        }
        // One record has one spelling, so whatever is read writes the same bytes again.
        if let Ok(read) = Record::from_bytes(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }

    #[test]
    fn any_bytes_get_an_answer(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Some(version) = bytes.first_mut() {
            *version = VERSION;
        }
        if let Ok(read) = Record::from_bytes(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }
}

#[test]
fn a_record_is_written_into_a_buffer_of_its_size() {
    let mut anonymous = sample();
    anonymous.authentication = None;
    for record in [sample(), anonymous] {
        let bytes = record.to_bytes();
        assert_eq!(bytes.capacity(), bytes.len());
    }
}
