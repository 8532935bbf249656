//! What gives a secret away is noticed, however it is spelled.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use testbed::secrets::{Secrets, find};

/// The bytes of a token: a version, an id and a signature.
fn bytes() -> Vec<u8> {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let mut bytes = vec![1];
    bytes.extend(std::iter::repeat_with(&mut next).take(64));
    bytes
}

/// In base64url, written apart from the search.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    bits.as_bytes()
        .chunks(6)
        .map(|six| {
            let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
            char::from(DIGITS[usize::from_str_radix(&six, 2).unwrap()])
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const KEY: &str = "a key/for tests+alone, of 33 byte";

fn noted() -> Secrets {
    let token = base64url(&bytes());
    let digest = [0x5a, 0xc3, 0x17].repeat(11);
    let lines = [
        format!("text {}", hex(token.as_bytes())),
        format!("text {}", hex(KEY.as_bytes())),
        format!("bytes {}", hex(&digest[..32])),
    ];
    Secrets::noted(lines.iter().map(String::as_str)).unwrap()
}

/// Every way in which a program might print it.
fn spellings() -> Vec<String> {
    let bytes = bytes();
    let token = base64url(&bytes);
    let (id, signature) = (&bytes[1..33], &bytes[33..]);
    let standard = |text: &str| text.replace('-', "+").replace('_', "/");
    let percent: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut spellings = vec![
        token.clone(),
        standard(&token),
        percent,
        base64url(id),
        standard(&base64url(id)),
        base64url(signature),
        base64url(token.as_bytes()),
        format!("{KEY:?}"),
        base64url(KEY.as_bytes()),
        hex(KEY.as_bytes()),
        hex(&[0x5a, 0xc3, 0x17].repeat(11)[..32]),
    ];
    let raw: [&[u8]; 4] = [id, signature, token.as_bytes(), KEY.as_bytes()];
    for raw in raw {
        spellings.extend([
            hex(raw),
            hex(raw).to_uppercase(),
            format!("{raw:?}"),
            format!("{raw:#?}"),
            format!("{raw:x?}"),
            format!("{raw:02X?}"),
            raw.escape_ascii().to_string(),
        ]);
    }
    // Any piece that is long enough.
    spellings.extend((0..=token.len() - 16).map(|at| token[at..at + 16].to_owned()));
    spellings.extend((0..=16).map(|at| hex(&id[at..at + 16])));
    spellings.extend((0..=16).map(|at| format!("{:?}", &id[at..at + 16])));
    spellings
}

#[test]
fn a_secret_is_noticed_in_every_spelling() {
    let secrets = noted();
    for spelling in spellings() {
        for text in [
            format!("TRACE hyper: cookie={spelling}; Path=/"),
            spelling.clone(),
            format!("3 {spelling}f"),
        ] {
            let found = find(&secrets, text.as_bytes());
            assert!(!found.is_empty(), "{text}");
        }
    }
}

#[test]
fn what_is_found_is_shown_by_what_stands_before_it_alone() {
    let token = base64url(&bytes());
    let text = format!("one line\nTRACE cookie=sid={token}; Path=/\n");
    let found = find(&noted(), text.as_bytes());
    assert_eq!(found[0].before, "TRACE cookie=sid=");
    assert!(!format!("{found:?}").contains(&token[..16]));
}

#[test]
fn a_token_that_nobody_noted_is_known_by_its_shape() {
    let unknown: Vec<u8> = bytes().iter().map(|byte| byte.wrapping_add(3)).collect();
    for text in [base64url(&unknown), base64url(&unknown[..32])] {
        let found = find(&noted(), format!("cookie: sid={text}; b=1").as_bytes());
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].spelling, "the shape of a token");
    }
}

#[test]
fn what_is_no_secret_is_none() {
    let secrets = noted();
    let token = base64url(&bytes());
    for text in [
        "test memory::axum::a_name_of_a_test_that_is_as_long_as_a_token_is_has_87_letters_and_2_digits",
        "SessionId(redacted) StoreKey(redacted)",
        "key sid:{8f1b99d44a7a5177307637658f1b99d44a7a517730763765aa} took 12 ms",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]",
        &token[..14],
    ] {
        assert_eq!(find(&secrets, text.as_bytes()), [], "{text}");
    }
}

/// A folder of a test's own.
struct Run(PathBuf);

impl Run {
    fn new(name: &str, files: &[(&str, &[u8])]) -> Self {
        let name = format!("secrets-{name}-{}", std::process::id());
        let run = Self(std::env::temp_dir().join(name));
        for (file, text) in files {
            let path = run.0.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        run
    }

    /// Whether the program is content, and what it says.
    fn look(&self) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_find-secrets"))
            .arg(&self.0)
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(told).unwrap())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_run_is_clean_when_what_it_printed_holds_none_of_what_it_noted() {
    let token = base64url(&bytes());
    let line = format!("text {}\n", hex(token.as_bytes()));
    let issued = ("issued/1.log", line.as_bytes());

    let clean = Run::new("clean", &[issued, ("programs/a.log", b"TRACE h2: nothing")]);
    let (is_clean, told) = clean.look();
    assert!(is_clean, "{told}");
    assert!(told.contains("1 secrets of 1 processes"), "{told}");

    let printed = format!("TRACE h2: {token}");
    let dirty = Run::new("dirty", &[issued, ("programs/a.log", printed.as_bytes())]);
    let (is_clean, told) = dirty.look();
    assert!(!is_clean, "{told}");
    assert!(!told.contains(&token[..16]), "{told}");
}

#[test]
fn a_secret_is_found_wherever_it_lies_in_a_large_file() {
    let token = base64url(&bytes());
    let line = format!("text {}\n", hex(token.as_bytes()));
    for at in [(4 << 20) - 40, (4 << 20) - (16 << 10) - 40, 9 << 20] {
        let mut text = vec![b'.'; 10 << 20];
        text[at..at + token.len()].copy_from_slice(token.as_bytes());
        let files = [("issued/1", line.as_bytes()), ("inside/b", &*text)];
        assert!(!Run::new("large", &files).look().0, "{at}");
    }
}

#[test]
fn a_run_that_noted_or_printed_nothing_proves_nothing() {
    let empty = Run::new("empty", &[("issued/1", b""), ("programs/a", b"x")]);
    assert!(!empty.look().0);
    let line = format!("text {}\n", hex(KEY.as_bytes()));
    let silent = Run::new("silent", &[("issued/1", line.as_bytes())]);
    assert!(!silent.look().0);
    let nothing = Run::new("nothing", &[("programs/a", b"x")]);
    assert!(!nothing.look().0);
}
