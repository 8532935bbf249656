//! Finds the values of one cookie in a `Cookie` header line, in place.
//!
//! A cookie is found by the exact bytes of its name. Quotes, backslashes, percent signs,
//! `$Version` and bytes outside ASCII are ordinary octets, as RFC 6265bis has it: parsers that
//! gave them a meaning let one cookie pass for another (PHP CVE-2022-31629, Werkzeug
//! CVE-2023-23934) or swallow its neighbours (Jetty CVE-2023-26049).

/// The most bytes of `Cookie` lines that are looked at in one request.
///
/// Common servers refuse header sections far smaller than this, so no honest request is cut;
/// it bounds the work where a server's own limit was lifted.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;

/// The most values of one name that are looked at in one request.
///
/// A browser sends several when cookies of one name exist for several domains and paths; each
/// may cost an HMAC and a store call, so a request does not decide how many.
pub(crate) const VALUES_MAX: usize = 8;

/// The values of the cookies called `name` in one header line, in the order of the line.
///
/// `name` is a token of RFC 6265bis, as [`CookiePolicy`](super::CookiePolicy) guarantees: not
/// empty, without `=`, `;` and white space. Cookies are separated by `;`, a name from its value
/// by the first `=`; only spaces and tabs are trimmed. A cookie without a name or without `=`
/// matches nothing. Takes linear time and allocates nothing.
pub(crate) fn cookie_values<'a>(line: &'a [u8], name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        loop {
            let (pair, behind) = split_at_semicolon(rest?);
            rest = behind;
            if let Some(value) = value_of(pair, name) {
                return Some(value);
            }
        }
    })
}

/// The value of `pair` when its name is `name`.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let behind_name = trim_start(pair).strip_prefix(name)?;
    let value = trim_start(behind_name).strip_prefix(b"=")?;
    Some(trim_end(trim_start(value)))
}

/// What is in front of the first semicolon, and what is behind it if there is one.
fn split_at_semicolon(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match find_semicolon(line) {
        Some(at) => (&line[..at], Some(&line[at + 1..])),
        None => (line, None),
    }
}

/// Looks at eight bytes at a time, three times as fast as byte by byte on the header of a
/// usual site.
fn find_semicolon(line: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    const SEMICOLONS: u64 = u64::from_ne_bytes([b';'; 8]);

    let (words, tail) = line.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // A semicolon becomes a zero byte, and the lowest zero byte is the lowest one whose
        // high bit survives the borrow of the subtraction.
        let zeroed = u64::from_le_bytes(*word) ^ SEMICOLONS;
        let found = zeroed.wrapping_sub(ONES) & !zeroed & HIGH_BITS;
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let in_tail = tail.iter().position(|&byte| byte == b';')?;
    Some(words.len() * 8 + in_tail)
}

fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn values<'a>(line: &'a [u8], name: &str) -> Vec<&'a [u8]> {
        cookie_values(line, name.as_bytes()).collect()
    }

    fn assert_absent(name: &str, lines: &[&[u8]]) {
        for line in lines {
            assert!(values(line, name).is_empty(), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_cookie_is_found_wherever_it_stands_in_the_line() {
        for line in [
            "sid=v",
            "sid=v; a=b",
            "a=b; sid=v",
            "a=b;sid=v;c=d",
            "; ;sid=v;",
        ] {
            assert_eq!(values(line.as_bytes(), "sid"), [b"v"], "{line}");
        }
    }

    #[test]
    fn duplicates_are_all_found_in_the_order_of_the_line() {
        assert_eq!(
            values(b"sid=1; x=0; sid=2; sid=3", "sid"),
            [b"1", b"2", b"3"]
        );
        let mut line = b"sid=bad; ".repeat(100);
        line.extend_from_slice(b"sid=good");
        let found = values(&line, "sid");
        assert_eq!(found.len(), 101);
        assert_eq!(found.last(), Some(&b"good".as_slice()));
    }

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        assert_eq!(values(b"a=b; \t sid \t=\t v w \t ; c=d", "sid"), [b"v w"]);
        assert_absent(
            "sid",
            &[
                b"\nsid=v",
                b"\rsid=v",
                b"\x0bsid=v",
                b"\x0csid=v",
                b"\0sid=v",
                b"sid\0=v",
                b"\xa0sid=v",
                "\u{2000}sid=v".as_bytes(),
                "\u{3000}sid=v".as_bytes(),
                "sid\u{85}=v".as_bytes(),
                b"\xef\xbb\xbfsid=v",
            ],
        );
        assert_eq!(values(b"sid=\xa0v\x0b", "sid"), [b"\xa0v\x0b"]);
    }

    #[test]
    fn names_are_compared_byte_for_byte() {
        assert_absent(
            "__Host-id",
            &[
                b"__host-id=v",
                b"__HOST-ID=v",
                b"%5F%5FHost-id=v",
                b"%5f%5fHost-id=v",
                b"__Host%2Did=v",
                b"__Host-id%00=v",
                b"__Host-id[]=v",
                b"..Host-id=v",
                b"  Host-id=v",
                b"__Host-id2=v",
                b"x__Host-id=v",
                b"\"__Host-id\"=v",
                b"__Host-id\\=v",
            ],
        );
    }

    #[test]
    fn a_cookie_without_a_name_or_without_an_equals_sign_matches_nothing() {
        assert_absent(
            "sid",
            &[
                b"=sid=v", b" =sid=v", b"==sid=v", b"sid", b"sid;=v", b"v", b"", b"=", b";;;",
            ],
        );
    }

    #[test]
    fn the_first_equals_sign_separates_and_the_others_belong_to_the_value() {
        assert_eq!(values(b"sid=a=b==", "sid"), [b"a=b=="]);
        assert_eq!(values(b"sid==", "sid"), [b"="]);
        assert_eq!(values(b"sid=", "sid"), [b""]);
    }

    #[test]
    fn quotes_are_ordinary_octets_and_swallow_no_other_cookie() {
        assert_eq!(values(b"sid=\"v\"", "sid"), [b"\"v\""]);
        assert_eq!(values(b"a=\"b; sid=v; c=d\"", "sid"), [b"v"]);
        assert_eq!(values(br#"a="\"; sid=v"#, "sid"), [b"v"]);
        assert_eq!(values(br#"sid="\166""#, "sid"), [br#""\166""#]);
    }

    #[test]
    fn values_are_not_decoded() {
        assert_eq!(values(b"sid=%76+v", "sid"), [b"%76+v"]);
    }

    #[test]
    fn version_and_path_attributes_of_old_standards_are_cookies_like_any_other() {
        let line = br#"$Version="1"; sid=v; $Path="/"; $Domain=a"#;
        assert_eq!(values(line, "sid"), [b"v"]);
        assert_absent("sid", &[br#"$Version=1, sid=v"#, b"a=b, sid=v"]);
    }

    #[test]
    fn the_time_grows_with_the_length_of_the_line_and_not_with_its_square() {
        for piece in [
            "\\\"",
            ";",
            "=",
            "sid",
            "sid=",
            " ",
            ";\t",
            "sid=\"\\",
            "; \u{2000}",
        ] {
            // A quadratic scan of 1 MiB would take minutes, so the bound can be generous to a
            // busy machine.
            let line = piece.repeat(1024 * 1024 / piece.len());
            let start = Instant::now();
            let found = cookie_values(line.as_bytes(), b"sid").count();
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "{piece:?}: {found}"
            );
        }
    }

    /// The same rules written down without regard to speed.
    fn naive(line: &[u8], name: &[u8]) -> Vec<Vec<u8>> {
        let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
        let trim = |bytes: &[u8]| -> Vec<u8> {
            let front: Vec<u8> = bytes.iter().copied().skip_while(blank).collect();
            let mut back: Vec<u8> = front.into_iter().rev().skip_while(blank).collect();
            back.reverse();
            back
        };
        line.split(|&byte| byte == b';')
            .filter_map(|pair| {
                let equals = pair.iter().position(|&byte| byte == b'=')?;
                (trim(&pair[..equals]) == name).then(|| trim(&pair[equals + 1..]))
            })
            .collect()
    }

    /// Lines of the bytes that matter, so that they meet often.
    fn tricky_line() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"sid".to_vec()),
            Just(b"sid=".to_vec()),
            Just(b"; ".to_vec()),
            prop::sample::select(b";;;== \t\"\\%sid\n\0\xff\x3a\x3c\xbb".to_vec())
                .prop_map(|byte| vec![byte]),
            any::<u8>().prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn any_bytes_are_read_as_the_naive_parser_reads_them(line in tricky_line()) {
            prop_assert_eq!(values(&line, "sid"), naive(&line, b"sid"));
            prop_assert_eq!(values(&line, "s"), naive(&line, b"s"));
        }

        #[test]
        fn every_semicolon_is_found_first(line in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(
                find_semicolon(&line),
                line.iter().position(|&byte| byte == b';')
            );
        }

        #[test]
        fn well_formed_headers_are_read_as_the_cookie_crate_reads_them(
            pairs in prop::collection::vec(
                (r"sid|[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", r"[!#-+\--:<-\[\]-~]{0,100}"),
                0..8,
            ),
        ) {
            let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let line = pairs.join("; ");
            let theirs: Vec<Vec<u8>> = cookie::Cookie::split_parse(line.as_str())
                .filter_map(Result::ok)
                .filter(|cookie| cookie.name() == "sid")
                .map(|cookie| cookie.value().as_bytes().to_vec())
                .collect();
            prop_assert_eq!(values(line.as_bytes(), "sid"), theirs);
        }
    }
}
